//! Sending records to a topic, and what the broker has confirmed of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, consumer::BaseConsumer, consumer::Consumer};

const LIMIT: Duration = Duration::from_secs(180);
const ANSWER: Duration = Duration::from_secs(15);

/// Told of every confirmed record: its token, partition and offset.
pub type OnConfirmed = Box<dyn Fn(usize, i32, i64) + Send + Sync>;

/// A topic to send to. A record's token is its number in the order of sending.
pub struct Topic {
    producer: ThreadedProducer<Confirmations>,
    name: String,
    partitions: i32,
}

pub struct Confirmations {
    confirmed: AtomicU64,
    failure: Mutex<Option<String>>,
    told: OnConfirmed,
}

impl ClientContext for Confirmations {}

impl ProducerContext for Confirmations {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        match result {
            Ok(message) => {
                (self.told)(token, message.partition(), message.offset());
                self.confirmed.fetch_add(1, Ordering::Release);
            }
            Err((error, _)) => {
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert_with(|| error.to_string());
            }
        }
    }
}

impl Topic {
    /// `linger_ms`: how long a record may wait for others. The topic must be there.
    pub fn open(brokers: &str, name: &str, linger_ms: u32, told: OnConfirmed) -> anyhow::Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers);
        let asker: BaseConsumer = config.create()?;
        let metadata = asker.fetch_metadata(Some(name), ANSWER).with_context(|| format!("no answer from {brokers}"))?;
        let partitions = metadata.topics().iter().map(|topic| topic.partitions().len()).sum::<usize>() as i32;
        if partitions == 0 {
            bail!("cannot feed {name}: {brokers} has no such topic; create it first");
        }
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", linger_ms.to_string())
            .set("batch.num.messages", "10000")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "131072")
            .set("message.timeout.ms", LIMIT.as_millis().to_string());
        let context = Confirmations { confirmed: AtomicU64::new(0), failure: Mutex::default(), told };
        let producer = config.create_with_context(context).context("cannot start a producer")?;
        Ok(Self { producer, name: name.to_owned(), partitions })
    }

    pub fn partitions(&self) -> i32 {
        self.partitions
    }

    /// Queues a record under the wall clock's time. Waits while the queue is full.
    pub fn send(&self, token: usize, partition: i32, key: &[u8], payload: &[u8]) -> anyhow::Result<()> {
        let mut record = BaseRecord::with_opaque_to(&self.name, token)
            .partition(partition)
            .key(key)
            .payload(payload)
            .timestamp(wall_ms());
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.check()?;
                    record = back;
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err((error, _)) => bail!("cannot send to {}: {error}", self.name),
            }
        }
    }

    pub fn confirmed(&self) -> u64 {
        self.producer.context().confirmed.load(Ordering::Acquire)
    }

    fn check(&self) -> anyhow::Result<()> {
        match self.producer.context().failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => bail!("cannot send to {}: {failure}", self.name),
            None => Ok(()),
        }
    }

    /// Waits until everything is confirmed.
    pub fn finish(&self) -> anyhow::Result<()> {
        self.producer.flush(LIMIT).with_context(|| format!("cannot flush {}", self.name))?;
        self.check()
    }
}

pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// The partition of a key: the same in every run.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    let hash =
        key.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    ((hash ^ hash >> 32) % partitions as u64) as i32
}
