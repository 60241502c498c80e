//! How long it takes from a report being produced to Kafka until Redis shows it, under load.
//!
//! `cargo run --release -p greenwave-benches --bin latency -- --brokers B --redis redis://127.0.0.1:6379 [--rate 20000]`
//!
//! The job runs meanwhile, reading the topic and writing to that Redis. The load is the workload with event time on the
//! clock; among it probe vehicles report, each report with its own time. Their keys are asked for all the time: a probe
//! is seen when its key tells that time. The last line is one JSON object.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use greenwave_benches::pace::Pace;
use greenwave_benches::producing::{Topic, partition_of, wall_ms};
use greenwave_benches::workload::{Kind, Random, Record, Report, Settings, Workload};
use greenwave_model::iso;

/// Between two looks at Redis.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// A probe that is not seen by then is lost.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// Vehicle numbers beyond those of the load.
const PROBES: std::ops::Range<u32> = 900_000..905_000;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    brokers: String,
    #[arg(long, default_value = "gps_data")]
    topic: String,
    #[arg(long)]
    redis: String,
    #[arg(long, default_value = "")]
    key_prefix: String,
    /// Records a second, probes apart.
    #[arg(long, default_value_t = 20_000.0)]
    rate: f64,
    /// Probe reports a second.
    #[arg(long, default_value_t = 50.0)]
    probes: f64,
    /// Seconds of load before probes count.
    #[arg(long, default_value_t = 10)]
    warm_up: u64,
    /// Seconds during which they count.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    #[arg(long, default_value_t = 1)]
    linger_ms: u32,
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let topic = Topic::open(&arguments.brokers, &arguments.topic, arguments.linger_ms, Box::new(|_, _, _| ()))?;
    let over = AtomicBool::new(false);
    let (seen, lost, sent) = thread::scope(|scope| {
        let load = scope.spawn(|| load(&arguments, &topic, &over));
        let probed = Prober::new(&arguments, &topic).and_then(Prober::run);
        over.store(true, Ordering::Release);
        let sent = load.join().expect("the load does not panic")?;
        let (seen, lost) = probed?;
        anyhow::Ok((seen, lost, sent))
    })?;
    topic.finish()?;
    let at = |share: f64| seen.get(((seen.len() as f64 * share) as usize).min(seen.len().saturating_sub(1)));
    let ms = |share: f64| at(share).map(|latency| (latency.as_secs_f64() * 1e5).round() / 100.0);
    let seconds = arguments.warm_up + arguments.seconds;
    let figures = serde_json::json!({
        "probes": seen.len(), "lost": lost, "load_per_s": sent / seconds.max(1),
        "p50_ms": ms(0.5), "p90_ms": ms(0.9), "p99_ms": ms(0.99), "max_ms": ms(1.0),
    });
    println!("{figures}");
    anyhow::ensure!(
        !seen.is_empty(),
        "no probe was seen: is a job running from {} to {}?",
        arguments.topic,
        arguments.redis
    );
    Ok(())
}

/// Sends the workload until it is over; returns how many records that were.
fn load(arguments: &Arguments, topic: &Topic, over: &AtomicBool) -> anyhow::Result<u64> {
    if arguments.rate <= 0.0 {
        return Ok(0);
    }
    let settings =
        Settings { seed: arguments.seed, start_ms: wall_ms(), ..Settings::default() }.at_rate(arguments.rate);
    let mut payload = Vec::new();
    for (number, record) in Workload::new(settings).enumerate() {
        if over.load(Ordering::Acquire) {
            return Ok(number as u64);
        }
        Pace::Clock.wait(0, record.arrival_ms);
        send(topic, &record, &mut payload)?;
    }
    Ok(0)
}

fn send(topic: &Topic, record: &Record, payload: &mut Vec<u8>) -> anyhow::Result<()> {
    let key = record.id();
    payload.clear();
    record.write(payload);
    topic.send(0, partition_of(key.as_bytes(), topic.partitions()), key.as_bytes(), payload)
}

/// A probe on its way.
struct Probe {
    key: String,
    /// What its key tells once it is there.
    time: String,
    sent: Instant,
    counts: bool,
}

/// Sends probes and looks for them.
struct Prober<'a> {
    arguments: &'a Arguments,
    topic: &'a Topic,
    redis: redis::Connection,
    random: Random,
    under_way: VecDeque<Probe>,
    seen: Vec<Duration>,
    lost: usize,
}

impl<'a> Prober<'a> {
    fn new(arguments: &'a Arguments, topic: &'a Topic) -> anyhow::Result<Self> {
        let redis = redis::Client::open(arguments.redis.as_str())
            .and_then(|client| client.get_connection())
            .with_context(|| format!("cannot reach {}", arguments.redis))?;
        let (random, under_way, seen) = (Random::new(arguments.seed ^ 0x9e37), VecDeque::new(), Vec::new());
        Ok(Self { arguments, topic, redis, random, under_way, seen, lost: 0 })
    }

    /// What each probe that counts took, sorted, and how many were lost.
    fn run(mut self) -> anyhow::Result<(Vec<Duration>, usize)> {
        let start = Instant::now();
        let warm = start + Duration::from_secs(self.arguments.warm_up);
        let end = warm + Duration::from_secs(self.arguments.seconds);
        let mut number = 0u32;
        loop {
            let now = Instant::now();
            let due = start + Duration::from_secs_f64(f64::from(number) / self.arguments.probes);
            if due <= now && now < end {
                self.send(number, now >= warm)?;
                number += 1;
            }
            if now >= end && self.under_way.is_empty() {
                break;
            }
            self.look()?;
            thread::sleep(LOOK_EVERY);
        }
        self.seen.sort();
        Ok((self.seen, self.lost))
    }

    fn send(&mut self, number: u32, counts: bool) -> anyhow::Result<()> {
        let vehicle = PROBES.start + number % PROBES.len() as u32;
        let at_ms = wall_ms();
        let report = Report {
            id: [self.random.bits(), self.random.bits()],
            vehicle,
            event_ms: at_ms,
            speed_e1: 300 + self.random.below(100),
            latitude_e5: 5_130_000 + self.random.below(40_000) as i32,
            longitude_e5: self.random.below(30_000) as i32,
            heading_e1: self.random.below(3_600),
            vehicle_type: 0,
            segment: Some(self.random.below(10_000)),
        };
        let record = Record { arrival_ms: at_ms, number: 0, kind: Kind::OnTime, report };
        let key = format!("{}vehicle:location:veh-{vehicle:06}", self.arguments.key_prefix);
        self.under_way.push_back(Probe { key, time: iso::naive(at_ms), sent: Instant::now(), counts });
        send(self.topic, &record, &mut Vec::with_capacity(256))
    }

    /// Asks for the keys of all probes under way.
    fn look(&mut self) -> anyhow::Result<()> {
        if self.under_way.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = self.under_way.iter().map(|probe| probe.key.as_str()).collect();
        let values: Vec<Option<String>> = redis::cmd("MGET").arg(&keys).query(&mut self.redis)?;
        let now = Instant::now();
        let mut values = values.into_iter();
        self.under_way.retain(|probe| {
            let there = values.next().flatten().is_some_and(|value| value.contains(&probe.time));
            let took = now - probe.sent;
            if there && probe.counts {
                self.seen.push(took);
            }
            self.lost += usize::from(!there && took > LOST_AFTER);
            !there && took <= LOST_AFTER
        });
        Ok(())
    }
}
