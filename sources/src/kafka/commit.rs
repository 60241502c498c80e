//! Offsets told to the brokers, so that tools that show a group's lag work. Nothing is ever read back.

use greenwave_model::PartitionKey;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::names;
use super::settings::{KafkaSettings, client_config, client_failed};
use crate::SourceError;

/// Commits the next offset of partitions for a group that nobody joins. It may wait for seconds: call it from a thread
/// that has the time, and go on if it fails.
pub fn commit(settings: &KafkaSettings, next: &[(PartitionKey, i64)], group: &str) -> Result<(), SourceError> {
    let failed = |action| move |error| client_failed(settings, action, error);
    let mut config = client_config(settings)?;
    config.set("group.id", group).set("session.timeout.ms", "6000").set("statistics.interval.ms", "0");
    let consumer: BaseConsumer = config.create().map_err(failed("starting"))?;
    let mut list = TopicPartitionList::with_capacity(next.len());
    for (key, offset) in next {
        if let Some((topic, partition)) = names::place(settings, key) {
            list.add_partition_offset(&topic, partition, Offset::Offset(*offset)).map_err(failed("listing offsets"))?;
        }
    }
    consumer.commit(&list, CommitMode::Sync).map_err(failed("committing offsets"))
}
