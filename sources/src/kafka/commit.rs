//! Offsets committed to a consumer group, so that lag tools see how far a job is. The job itself never asks for them.

use std::time::Duration;

use greenwave_model::PartitionKey;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::names;
use super::settings::{KafkaSettings, client_config, client_failed};
use crate::SourceError;

/// A group that nobody joins. Its calls may wait for seconds: make them from a thread that has the time.
pub struct Group {
    settings: KafkaSettings,
    name: String,
    /// Made anew after an error.
    consumer: Option<BaseConsumer>,
}

impl Group {
    pub fn new(settings: KafkaSettings, name: String) -> Self {
        Self { settings, name, consumer: None }
    }

    /// Commits the next offset of partitions.
    pub fn commit(&mut self, next: &[(PartitionKey, i64)]) -> Result<(), SourceError> {
        let consumer = match self.consumer.take() {
            Some(consumer) => consumer,
            None => self.connect()?,
        };
        // Its log and errors; there are no records.
        let _ = consumer.poll(Duration::ZERO);
        let committed = self.list(next).and_then(|list| consumer.commit(&list, CommitMode::Sync));
        committed.map_err(|error| client_failed(&self.settings, "committing offsets", error))?;
        self.consumer = Some(consumer);
        Ok(())
    }

    fn list(&self, next: &[(PartitionKey, i64)]) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(next.len());
        for (key, offset) in next {
            if let Some((topic, partition)) = names::place(&self.settings, key) {
                list.add_partition_offset(&topic, partition, Offset::Offset(*offset))?;
            }
        }
        Ok(list)
    }

    fn connect(&self) -> Result<BaseConsumer, SourceError> {
        let mut config = client_config(&self.settings)?;
        config.set("group.id", &self.name).set("session.timeout.ms", "6000").set("statistics.interval.ms", "0");
        config.create().map_err(|error| client_failed(&self.settings, "starting", error))
    }
}
