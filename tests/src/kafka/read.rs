//! Reading a topic back, from its first record to where it ends now.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::answers;

const LIMIT: Duration = Duration::from_secs(60);

/// One record as the broker holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Where.
    pub partition: i32,
    /// Where in the partition.
    pub offset: i64,
    /// Kafka's key.
    pub key: Option<Vec<u8>>,
    /// Kafka's value.
    pub payload: Vec<u8>,
    /// Kafka's timestamp.
    pub timestamp_ms: i64,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
}

/// The next offset of each partition that the group has committed.
pub fn committed(brokers: &str, topic: &str, group: &str, partitions: u32) -> Vec<Option<i64>> {
    let mut config = answers::client(brokers);
    let consumer: BaseConsumer =
        config.set("group.id", group).create().expect("a consumer needs nothing but its settings");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition(topic, partition as i32);
    }
    let committed = consumer.committed_offsets(list, LIMIT);
    let committed = committed.unwrap_or_else(|e| panic!("cannot ask for the offsets of group {group}: {e}"));
    committed.elements().iter().map(|element| element.offset().to_raw().filter(|offset| *offset >= 0)).collect()
}

/// Everything `topic` holds now, by partition and offset.
pub fn read(brokers: &str, topic: &str) -> Vec<Stored> {
    let mut config = answers::client(brokers);
    config.set("group.id", "greenwave-tests").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().expect("a consumer needs nothing but its settings");
    let metadata =
        consumer.fetch_metadata(Some(topic), LIMIT).unwrap_or_else(|e| panic!("cannot look at topic {topic}: {e}"));
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("the beginning is a valid offset");
    }
    consumer.assign(&list).unwrap_or_else(|e| panic!("cannot read {topic}: {e}"));
    let mut stored = to_the_ends(&consumer, topic, list.count());
    stored.sort_by_key(|record| (record.partition, record.offset));
    stored
}

fn headers(message: &BorrowedMessage<'_>) -> Vec<(String, String)> {
    let text = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    headers.map(|header| (header.key.to_owned(), text(header.value))).collect()
}

fn to_the_ends(consumer: &BaseConsumer, topic: &str, partitions: usize) -> Vec<Stored> {
    let deadline = Instant::now() + LIMIT;
    let mut stored = Vec::new();
    let mut ended = 0;
    while ended < partitions {
        assert!(Instant::now() < deadline, "read {} records of {topic} in {LIMIT:?}, and no end", stored.len());
        match consumer.poll(Duration::from_millis(200)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("cannot read {topic}: {error}"),
            Some(Ok(message)) => stored.push(Stored {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().map(<[u8]>::to_vec),
                payload: message.payload().unwrap_or_default().to_vec(),
                timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
                headers: headers(&message),
            }),
        }
    }
    stored
}
