//! The simulated city sent to librdkafka's mock cluster. What a real broker does is tested with one.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use greenwave_sources::simulate::{City, Feed, Settings, SimulateError, Topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

const PARTITIONS: i32 = 3;
const DEADLINE: Duration = Duration::from_secs(30);

fn broker_with_topics() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    for feed in Feed::ALL {
        cluster.create_topic(feed.topic(), PARTITIONS, 1).unwrap();
    }
    cluster
}

/// Sends a minute of a small city; every record by its place.
fn send(brokers: &str) -> BTreeMap<(String, i32, i64), (Vec<u8>, i64)> {
    let topics = Topics::open(brokers, 4).unwrap();
    let small =
        Settings { vehicles: 20, gateway_vehicles: 0, cameras: 10, run_for_ms: Some(60_000), ..Settings::default() };
    let mut city = City::new(topics.settings(small)).unwrap();
    city.count_from(topics.ends());
    let mut sent = BTreeMap::new();
    while let Some(record) = city.next() {
        topics.send(&record, record.arrival_ms).unwrap();
        let place = (record.feed.topic().to_owned(), i32::from(record.partition), record.offset);
        sent.insert(place, (record.payload.to_vec(), record.arrival_ms));
    }
    topics.finish().unwrap();
    assert_eq!(topics.confirmed(), sent.len() as u64);
    sent
}

fn read(brokers: &str, count: usize) -> BTreeMap<(String, i32, i64), (Vec<u8>, i64)> {
    let mut config = ClientConfig::new();
    let consumer: BaseConsumer = config.set("bootstrap.servers", brokers).set("group.id", "judge").create().unwrap();
    let mut all = TopicPartitionList::new();
    for feed in Feed::ALL {
        for partition in 0..PARTITIONS {
            all.add_partition_offset(feed.topic(), partition, Offset::Beginning).unwrap();
        }
    }
    consumer.assign(&all).unwrap();
    let (mut found, begun) = (BTreeMap::new(), Instant::now());
    while found.len() < count && begun.elapsed() < DEADLINE {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            let place = (message.topic().to_owned(), message.partition(), message.offset());
            let arrival_ms = message.timestamp().to_millis().unwrap();
            found.insert(place, (message.payload().unwrap_or_default().to_vec(), arrival_ms));
        }
    }
    found
}

#[test]
fn every_record_is_where_the_city_says_and_the_next_run_counts_on() {
    let cluster = broker_with_topics();
    let brokers = cluster.bootstrap_servers();
    let mut sent = send(&brokers);
    assert!(sent.len() > 400);
    let again = send(&brokers);
    assert!(again.keys().all(|place| !sent.contains_key(place)));
    sent.extend(again);
    assert!(read(&brokers, sent.len()) == sent, "what was sent is not what is there");
}

#[test]
fn a_second_producer_is_noticed() {
    let cluster = broker_with_topics();
    let brokers = cluster.bootstrap_servers();
    let topics = Topics::open(&brokers, 4).unwrap();
    send(&brokers);
    let mut city = City::new(topics.settings(Settings::default())).unwrap();
    city.count_from(topics.ends());
    for _ in 0..100 {
        let record = city.next().unwrap();
        if topics.send(&record, record.arrival_ms).is_err() {
            return;
        }
    }
    let told = topics.finish().unwrap_err();
    assert!(matches!(told, SimulateError::SomebodyElse { .. }), "{told}");
}

#[test]
fn a_broker_that_is_not_there_is_told() {
    let told = Topics::open("127.0.0.1:1", 4).err().unwrap().to_string();
    assert!(told.contains("cannot reach a broker at 127.0.0.1:1: no answer within 5 s"), "{told}");
}
