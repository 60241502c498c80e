//! When a broker counts as up: it answers for itself and every partition it holds has a leader. A port that accepts
//! connections proves neither.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;

use crate::{Process, try_wait_for, wait_for};

const ONE_ANSWER: Duration = Duration::from_millis(500);

/// Waits until the broker answers; false when its process ended, or `limit` passed, instead.
pub(super) fn wait(process: &mut Process, brokers: &str, limit: Duration) -> bool {
    let asker = asker(brokers);
    let answered = try_wait_for(limit, || {
        if process.ended().is_some() {
            return Some(false);
        }
        let metadata = asker.fetch_metadata(None, ONE_ANSWER).ok()?;
        (!metadata.brokers().is_empty() && all_led(&metadata)).then_some(true)
    });
    answered.unwrap_or(false)
}

/// Waits until `topic` has `partitions` partitions with leaders.
pub(super) fn wait_for_topic(brokers: &str, topic: &str, partitions: usize) {
    let asker = asker(brokers);
    wait_for(&format!("leaders of {topic}"), Duration::from_secs(30), || {
        let metadata = asker.fetch_metadata(Some(topic), ONE_ANSWER).ok()?;
        let led = metadata.topics().iter().any(|found| found.partitions().len() == partitions);
        (led && all_led(&metadata)).then_some(())
    });
}

fn all_led(metadata: &Metadata) -> bool {
    let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    partitions.all(|partition| partition.leader() >= 0 && partition.error().is_none())
}

pub(super) fn asker(brokers: &str) -> BaseConsumer {
    client(brokers).create().expect("a consumer needs nothing but its settings")
}

/// Settings every client of a test broker has: it may come back at any moment, so look again soon.
pub(super) fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("log_level", "0");
    config
}
