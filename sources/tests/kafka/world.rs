//! librdkafka's mock cluster, a producer, and readers over it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use greenwave_model::{Batch, PartitionClock};
use greenwave_sources::decode::DecodeSettings;
use greenwave_sources::kafka::{self, KafkaSettings, Start};
use greenwave_sources::{Budget, FromSource, Link, Position, Standing};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

pub const TOPIC: &str = "gps_data";
pub const T0: i64 = 1_772_438_400_000;
pub const DEADLINE: Duration = Duration::from_secs(40);

pub struct World {
    pub cluster: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

pub fn report(id: &str, event_ms: i64) -> String {
    format!(r#"{{"id":"{id}","device_id":"bus","timestamp":{event_ms},"speed":31.5,"location":[51.5,-0.1]}}"#)
}

pub fn settings(brokers: &str) -> KafkaSettings {
    KafkaSettings {
        brokers: brokers.to_owned(),
        topics: vec![(TOPIC.to_owned(), TOPIC.into())],
        start: Start::Earliest,
        connect_timeout: Duration::from_secs(3),
        pass_through: BTreeMap::new(),
        decode: DecodeSettings::default(),
        clock_skew_ms: 10_000,
    }
}

impl World {
    pub fn new(partitions: i32) -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic(TOPIC, partitions, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("queue.buffering.max.messages", "1000000");
        Self { producer: config.set("linger.ms", "5").create().unwrap(), cluster }
    }

    pub fn settings(&self) -> KafkaSettings {
        settings(&self.cluster.bootstrap_servers())
    }

    pub fn send(&self, partition: i32, payload: Option<&str>, timestamp_ms: i64) {
        let mut record = BaseRecord::<str, str>::to(TOPIC).partition(partition).timestamp(timestamp_ms);
        record.payload = payload;
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    pub fn flush(&self) {
        self.producer.flush(DEADLINE).unwrap();
    }

    /// Sends reports with offsets as ids, one a second of event time.
    pub fn send_reports(&self, partition: i32, offsets: std::ops::Range<i64>) {
        for offset in offsets {
            self.send(partition, Some(&report(&offset.to_string(), T0 + offset * 1_000)), T0 + offset * 1_000);
        }
        self.flush();
    }

    pub fn positions(&self) -> Vec<Position> {
        let keys = kafka::discover(&self.settings()).unwrap();
        let position = |(number, key)| {
            let clock = PartitionClock::default();
            Position { number, key, next: Some(0), clock, finished: false }
        };
        (0..).zip(keys).map(position).collect()
    }

    pub fn read(&self, positions: Vec<Position>, budget: usize) -> Reader {
        self.read_with(self.settings(), positions, budget)
    }

    pub fn read_with(&self, settings: KafkaSettings, positions: Vec<Position>, budget: usize) -> Reader {
        let (sender, heard) = crossbeam_channel::bounded(64);
        let (budget, stop) = (Arc::new(Budget::new(budget)), Arc::new(AtomicBool::new(false)));
        let link = Link { sender, wake: Arc::new(|| {}), budget: budget.clone(), stop: stop.clone() };
        let thread = kafka::start(settings, positions, link);
        Reader { heard, budget, stop, thread: Some(thread) }
    }
}

pub struct Reader {
    pub heard: Receiver<FromSource>,
    pub budget: Arc<Budget>,
    pub stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Reader {
    pub fn next(&self, awaited: &str) -> FromSource {
        self.heard.recv_timeout(DEADLINE).unwrap_or_else(|error| panic!("awaiting {awaited}: {error}"))
    }

    /// Everything up to a standing that fits.
    pub fn until(&self, awaited: &str, fits: impl Fn(&Standing) -> bool) -> Vec<Batch> {
        let mut batches = vec![];
        loop {
            match self.next(awaited) {
                FromSource::Batch(batch) => {
                    self.budget.release(batch.bytes);
                    batches.push(batch);
                }
                FromSource::Standing(standing) if fits(&standing) => return batches,
                FromSource::Standing(_) | FromSource::Ends(_) => {}
                FromSource::Failed(error) => panic!("awaiting {awaited}: {error}"),
            }
        }
    }

    pub fn failure(&self) -> String {
        loop {
            match self.next("a failure") {
                FromSource::Batch(batch) => self.budget.release(batch.bytes),
                FromSource::Standing(_) | FromSource::Ends(_) => {}
                FromSource::Failed(error) => return error.to_string(),
            }
        }
    }

    pub fn stop(mut self) -> Duration {
        let asked = Instant::now();
        self.stop.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
        asked.elapsed()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
