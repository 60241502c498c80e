//! A city's records as Kafka topics: made if they are missing, and sent to in order, each record once.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, sleep};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::record::Record;
use super::report::Feed;
use super::{Settings, SimulateError};

/// A broker that is there answers sooner.
const ANSWER: Duration = Duration::from_secs(5);
/// A new topic is known to every broker sooner.
const MADE: Duration = Duration::from_secs(15);
/// A record that is not confirmed by then is an error.
const CONFIRMED: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub struct Topics {
    producer: ThreadedProducer<Confirmations>,
    brokers: String,
    /// The end of every partition, by topic.
    ends: [Vec<i64>; 5],
}

/// What the broker has said of the records sent. The token of a record is the offset it should have.
#[derive(Default)]
struct Confirmations {
    confirmed: AtomicU64,
    failure: Mutex<Option<Failure>>,
}

enum Failure {
    NotSent(String),
    Elsewhere { feed: Feed, partition: i32, expected: i64, found: i64 },
}

impl ClientContext for Confirmations {}

impl ProducerContext for Confirmations {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, expected: usize) {
        let expected = expected as i64;
        let failure = match result {
            Ok(message) if message.offset() == expected => {
                self.confirmed.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok(message) => {
                let feed = Feed::ALL.into_iter().find(|feed| feed.topic() == message.topic()).unwrap_or(Feed::Gps);
                Failure::Elsewhere { feed, partition: message.partition(), expected, found: message.offset() }
            }
            Err((error, _)) => Failure::NotSent(error.to_string()),
        };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }
}

impl Topics {
    /// Finds the broker and the five topics; those that are missing are made with `partitions` each.
    pub fn open(brokers: &str, partitions: u16) -> Result<Self, SimulateError> {
        let failed = |error: KafkaError| send_failed(brokers, &error);
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("client.id", "greenwave-simulate");
        let asker: BaseConsumer = config.create().map_err(failed)?;
        let known = asker.fetch_metadata(None, ANSWER).map_err(|error| SimulateError::BrokerUnreachable {
            brokers: brokers.to_owned(),
            waited: ANSWER,
            detail: error.to_string(),
        })?;
        let missing = |feed: &Feed| known.topics().iter().all(|topic| topic.name() != feed.topic());
        let missing: Vec<Feed> = Feed::ALL.into_iter().filter(missing).collect();
        make(&config, brokers, &missing, partitions)?;
        let mut ends = [const { Vec::new() }; 5];
        for (feed, ends) in Feed::ALL.into_iter().zip(&mut ends) {
            for partition in 0..partitions_of(&asker, brokers, feed)? {
                ends.push(end_of(&asker, brokers, feed, partition)?);
            }
        }
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("batch.num.messages", "10000")
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "131072")
            .set("message.timeout.ms", CONFIRMED.as_millis().to_string());
        let producer = config.create_with_context(Confirmations::default()).map_err(failed)?;
        Ok(Self { producer, brokers: brokers.to_owned(), ends })
    }

    /// The same city, with the partitions that these topics have.
    pub fn settings(&self, settings: Settings) -> Settings {
        Settings { partitions: self.ends.each_ref().map(|ends| ends.len() as u16), ..settings }
    }

    /// Where each partition ended when it was opened.
    pub fn ends(&self) -> [Vec<i64>; 5] {
        self.ends.clone()
    }

    /// Queues a record. Waits while the queue is full.
    pub fn send(&self, record: &Record<'_>, timestamp_ms: i64) -> Result<(), SimulateError> {
        self.check()?;
        let mut message = BaseRecord::with_opaque_to(record.feed.topic(), record.offset as usize)
            .partition(i32::from(record.partition))
            .key(record.key)
            .payload(record.payload)
            .timestamp(timestamp_ms);
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.check()?;
                    message = back;
                    sleep(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(send_failed(&self.brokers, &error)),
            }
        }
    }

    pub fn confirmed(&self) -> u64 {
        self.producer.context().confirmed.load(Ordering::Relaxed)
    }

    /// Waits until everything is confirmed.
    pub fn finish(&self) -> Result<(), SimulateError> {
        let flushed = self.producer.flush(CONFIRMED);
        self.check()?;
        flushed.map_err(|error| send_failed(&self.brokers, &error))
    }

    fn check(&self) -> Result<(), SimulateError> {
        match self.producer.context().failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => Ok(()),
            Some(Failure::NotSent(detail)) => Err(SimulateError::Send { brokers: self.brokers.clone(), detail }),
            Some(Failure::Elsewhere { feed, partition, expected, found }) => {
                Err(SimulateError::SomebodyElse { topic: feed.topic(), partition, expected, found })
            }
        }
    }
}

fn send_failed(brokers: &str, error: &KafkaError) -> SimulateError {
    SimulateError::Send { brokers: brokers.to_owned(), detail: error.to_string() }
}

fn make(config: &ClientConfig, brokers: &str, missing: &[Feed], partitions: u16) -> Result<(), SimulateError> {
    if missing.is_empty() {
        return Ok(());
    }
    let not_made = |feed: Feed, detail: String| SimulateError::TopicNotMade {
        topic: feed.topic(),
        brokers: brokers.to_owned(),
        detail,
    };
    let admin: AdminClient<DefaultClientContext> =
        config.create().map_err(|error| not_made(missing[0], error.to_string()))?;
    let new = |feed: &Feed| NewTopic::new(feed.topic(), i32::from(partitions), TopicReplication::Fixed(-1));
    let topics: Vec<NewTopic<'_>> = missing.iter().map(new).collect();
    let options = AdminOptions::new().request_timeout(Some(MADE)).operation_timeout(Some(MADE));
    let results =
        wait(admin.create_topics(&topics, &options)).map_err(|error| not_made(missing[0], error.to_string()))?;
    for (&feed, result) in missing.iter().zip(results) {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(not_made(feed, code.to_string())),
        }
    }
    Ok(())
}

/// How many partitions a topic has, once each has a leader.
fn partitions_of(asker: &BaseConsumer, brokers: &str, feed: Feed) -> Result<i32, SimulateError> {
    patiently(brokers, feed, || {
        let answer = asker.fetch_metadata(Some(feed.topic()), ANSWER).map_err(|error| error.to_string())?;
        let topic = answer.topics().iter().find(|topic| topic.name() == feed.topic());
        let partitions = topic.map(|topic| topic.partitions()).unwrap_or_default();
        let all_led = !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0);
        if all_led { Ok(partitions.len() as i32) } else { Err("its partitions have no leaders".to_owned()) }
    })
}

/// The offset that the next record of a partition will have.
fn end_of(asker: &BaseConsumer, brokers: &str, feed: Feed, partition: i32) -> Result<i64, SimulateError> {
    patiently(brokers, feed, || {
        let ends = asker.fetch_watermarks(feed.topic(), partition, ANSWER);
        ends.map(|(_, end)| end).map_err(|error| error.to_string())
    })
}

/// Asks again while the brokers are still making the topic.
fn patiently<T>(brokers: &str, feed: Feed, ask: impl Fn() -> Result<T, String>) -> Result<T, SimulateError> {
    let begun = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(_) if begun.elapsed() < MADE => sleep(LOOK_AGAIN),
            Err(detail) => {
                return Err(SimulateError::TopicNotReady {
                    topic: feed.topic(),
                    brokers: brokers.to_owned(),
                    waited: MADE,
                    detail,
                });
            }
        }
    }
}

/// Parks this thread until the future is ready: making topics is the only one here.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
