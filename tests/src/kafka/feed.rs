//! Filling a topic: in order within a partition, each record once, through broker restarts, at a given rate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::answers;

/// How long the broker may stay away before feeding fails.
const LIMIT: Duration = Duration::from_secs(180);

/// One record to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The partition it goes to: tests decide it themselves, so that a run can be repeated.
    pub partition: i32,
    /// Kafka's key.
    pub key: Option<Vec<u8>>,
    /// Kafka's value.
    pub payload: Vec<u8>,
    /// Kafka's timestamp, which the engine takes as arrival.
    pub timestamp_ms: i64,
}

/// How fast records are sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// As fast as the broker takes them, in large batches.
    Unlimited,
    /// So many records a second, spread evenly, each sent within about a millisecond.
    PerSecond(u32),
}

/// Sends every record and waits until the broker has confirmed it; returns how many.
///
/// The iterator is drawn from at the pace, so it may read the clock, or end when a test asks it to.
///
/// A broker that is killed rebuilds what it knows of producers from the records' timestamps and forgets those older
/// than a day: where a test kills the broker while feeding, the records must be of today, or some land twice.
pub fn feed(brokers: &str, topic: &str, records: impl IntoIterator<Item = Record>, pace: Pace) -> u64 {
    let producer = producer(brokers, pace);
    let start = Instant::now();
    let mut sent = 0u64;
    for record in records {
        if let Pace::PerSecond(rate) = pace {
            wait_until(start + Duration::from_secs_f64(sent as f64 / f64::from(rate)));
        }
        send(&producer, topic, &record);
        sent += 1;
    }
    let flushed = producer.flush(LIMIT);
    producer.context().check(topic);
    flushed.unwrap_or_else(|e| panic!("cannot flush {topic}: {e} after {LIMIT:?}"));
    let confirmed = producer.context().confirmed.load(Ordering::SeqCst);
    assert_eq!(confirmed, sent, "the broker confirmed {confirmed} of {sent} records of {topic}");
    sent
}

fn producer(brokers: &str, pace: Pace) -> ThreadedProducer<Deliveries> {
    let mut config = answers::client(brokers);
    config
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", LIMIT.as_millis().to_string())
        .set("queue.buffering.max.messages", "200000")
        .set("queue.buffering.max.kbytes", "131072");
    match pace {
        Pace::Unlimited => {
            config.set("linger.ms", "20").set("batch.num.messages", "10000").set("batch.size", "1000000")
        }
        Pace::PerSecond(_) => config.set("linger.ms", "1"),
    };
    config.create_with_context(Deliveries::default()).expect("a producer needs nothing but its settings")
}

fn send(producer: &ThreadedProducer<Deliveries>, topic: &str, record: &Record) {
    let mut message: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic)
        .partition(record.partition)
        .payload(record.payload.as_slice())
        .timestamp(record.timestamp_ms);
    message.key = record.key.as_deref();
    loop {
        match producer.send(message) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.context().check(topic);
                message = back;
                std::thread::sleep(Duration::from_millis(1));
            }
            Err((error, _)) => {
                producer.context().check(topic);
                panic!("cannot send to {topic}[{}]: {error}", record.partition);
            }
        }
    }
}

fn wait_until(due: Instant) {
    let ahead = due.saturating_duration_since(Instant::now());
    // Half a millisecond is what a sleep costs: a record is sent early by less than that.
    if ahead > Duration::from_micros(500) {
        std::thread::sleep(ahead);
    }
}

/// Counts what the broker confirmed and keeps the first failure.
#[derive(Default)]
struct Deliveries {
    confirmed: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Deliveries {
    fn check(&self, topic: &str) {
        let failure = self.failure.lock().expect("nobody panics while holding it").take();
        if let Some(failure) = failure {
            panic!("cannot send to {topic}: {failure}");
        }
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.confirmed.fetch_add(1, Ordering::SeqCst);
            }
            Err((error, _)) => {
                let mut failure = self.failure.lock().expect("nobody panics while holding it");
                failure.get_or_insert_with(|| error.to_string());
            }
        }
    }
}
