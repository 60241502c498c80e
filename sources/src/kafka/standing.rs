//! What is wrong with a partition, and whether that ends the job.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::consumer::Consumer;
use super::lane::Lane;
use super::settings::{KafkaSettings, client_failed};
use crate::{Link, SourceError};

/// One question to a broker, from a reader that has other things to do.
const ASK: Duration = Duration::from_secs(1);

/// What an error of a partition means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    AtEnd,
    /// The topic does not have our offset.
    OffsetLost,
    Refused,
    Fatal,
    /// librdkafka tries again.
    Passing,
}

pub fn meaning(code: Code) -> Meaning {
    match code {
        Code::PartitionEOF => Meaning::AtEnd,
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => Meaning::OffsetLost,
        Code::TopicAuthorizationFailed => Meaning::Refused,
        Code::Fatal => Meaning::Fatal,
        _ => Meaning::Passing,
    }
}

/// Finds out what was lost. It waits for a broker's answer for as long as a start would.
pub fn offset_lost(
    settings: &KafkaSettings,
    consumer: &Consumer,
    lane: &Lane,
    detail: &str,
    link: &Link,
) -> SourceError {
    let begun = Instant::now();
    let mut range = None;
    while range.is_none() && begun.elapsed() < settings.connect_timeout && !link.is_stopped() {
        range = consumer.client().fetch_watermarks(&lane.topic, lane.partition, ASK).ok();
    }
    let (partition, ours) = (lane.key.clone(), lane.next());
    match range {
        Some((oldest, _)) if ours < oldest => SourceError::Expired { partition, ours, oldest },
        Some((_, end)) if ours > end => SourceError::Shortened { partition, ours, end },
        _ => SourceError::OffsetLost { partition, ours, detail: detail.to_owned() },
    }
}

/// Asks the brokers about a partition that none has known for as long as a start waits for a broker: until then one may
/// still be starting. An error if it is gone.
pub fn check_gone(settings: &KafkaSettings, consumer: &Consumer, lane: &mut Lane) -> Result<(), SourceError> {
    if lane.gone_since.is_none_or(|since| since.elapsed() < settings.connect_timeout) {
        return Ok(());
    }
    lane.gone_since = Some(Instant::now());
    let Ok(metadata) = consumer.client().fetch_metadata(None, ASK) else { return Ok(()) };
    let topic = metadata.topics().iter().find(|topic| topic.name() == lane.topic);
    let known = topic.is_some_and(|topic| topic.partitions().iter().any(|partition| partition.id() == lane.partition));
    if known {
        return Ok(());
    }
    Err(SourceError::PartitionGone { partition: lane.key.clone(), brokers: settings.brokers.clone() })
}

pub fn refused(settings: &KafkaSettings, lane: &Lane, detail: &str) -> SourceError {
    let (partition, brokers) = (lane.key.clone(), settings.brokers.clone());
    SourceError::Refused { partition, brokers, detail: detail.to_owned() }
}

pub fn fatal(settings: &KafkaSettings, code: Code) -> SourceError {
    client_failed(settings, "reading", KafkaError::MessageConsumptionFatal(code))
}
