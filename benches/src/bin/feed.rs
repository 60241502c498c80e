//! Feeds the congestion-replay workload to a topic of a Kafka broker.
//!
//! `cargo run --release -p greenwave-benches --bin feed -- --brokers B --topic gps_data --events 200000 --rate 10000`
//!
//! Kafka's timestamps are the wall clock's. With `--start now` event time follows it too: vehicles report as often as
//! the rate asks for, and a report takes up to two seconds to arrive. The last line is one JSON object.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use greenwave_benches::pace::Pace;
use greenwave_benches::producing::{Topic, partition_of};
use greenwave_benches::truth::Truth;
use greenwave_benches::workload::{Record, Workload, WorkloadArguments};

/// Delay of a report whose event time follows the clock.
const JITTER_MS: u32 = 2_000;
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    brokers: String,
    #[arg(long, default_value = "gps_data")]
    topic: String,
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Records a second; 0: as fast as the broker takes them.
    #[arg(long, default_value_t = 10_000.0)]
    rate: f64,
    /// What Kafka's keys are; a key's records are in one partition.
    #[arg(long, value_enum, default_value_t = Key::Id)]
    keyed_by: Key,
    /// Where to write what each record is, as CSV.
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Milliseconds a record may wait for others to be sent with.
    #[arg(long)]
    linger_ms: Option<u32>,
    #[command(flatten)]
    workload: WorkloadArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Key {
    Id,
    Device,
}

/// Where the records landed, by token: partition and offset.
type Landed = Arc<Mutex<Vec<(i32, i64)>>>;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let live = arguments.workload.follows_the_clock();
    anyhow::ensure!(!live || arguments.rate > 0.0, "--start now needs a --rate: it says how often vehicles report");
    let mut settings = arguments.workload.settings();
    if live {
        settings.jitter_ms = JITTER_MS;
        settings = settings.at_rate(arguments.rate);
    }
    let landed = Landed::default();
    let topic = open(&arguments, &landed)?;
    let pace = if live { Pace::Clock } else { Pace::at(arguments.rate) };

    let start = Instant::now();
    let mut told = start;
    let mut sent = Vec::new();
    for (number, record) in Workload::new(settings).take(arguments.events as usize).enumerate() {
        pace.wait(number as u64, record.arrival_ms);
        send(&topic, &arguments, number, &record)?;
        if arguments.truth.is_some() {
            sent.push(record);
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            eprintln!("{} of {} records sent, {} confirmed", number + 1, arguments.events, topic.confirmed());
        }
    }
    topic.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(path) = &arguments.truth {
        write_truth(path, &sent, &landed.lock().unwrap_or_else(PoisonError::into_inner))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let figures = serde_json::json!({
        "topic": arguments.topic, "partitions": topic.partitions(), "events": topic.confirmed(), "seconds": seconds,
        "events_per_s": (topic.confirmed() as f64 / seconds).round(), "seed": arguments.workload.seed,
    });
    println!("{figures}");
    Ok(())
}

fn open(arguments: &Arguments, landed: &Landed) -> anyhow::Result<Topic> {
    let linger_ms = arguments.linger_ms.unwrap_or(if arguments.rate > 0.0 { 1 } else { 20 });
    let note = arguments.truth.as_ref().map(|_| landed.clone());
    let told = move |token: usize, partition, offset| {
        let Some(landed) = &note else { return };
        let mut landed = landed.lock().unwrap_or_else(PoisonError::into_inner);
        if landed.len() <= token {
            landed.resize(token + 1, (-1, -1));
        }
        landed[token] = (partition, offset);
    };
    Topic::open(&arguments.brokers, &arguments.topic, linger_ms, Box::new(told))
}

fn send(topic: &Topic, arguments: &Arguments, number: usize, record: &Record) -> anyhow::Result<()> {
    let key = match arguments.keyed_by {
        Key::Id => record.id(),
        Key::Device => format!("veh-{:06}", record.report.vehicle),
    };
    let mut payload = Vec::with_capacity(256);
    record.write(&mut payload);
    topic.send(number, partition_of(key.as_bytes(), topic.partitions()), key.as_bytes(), &payload)
}

fn write_truth(path: &std::path::Path, sent: &[Record], landed: &[(i32, i64)]) -> anyhow::Result<()> {
    anyhow::ensure!(sent.len() == landed.len(), "{} of {} records were confirmed", landed.len(), sent.len());
    let mut truth = Truth::create(path)?;
    for (record, (partition, offset)) in sent.iter().zip(landed) {
        truth.write(&partition.to_string(), *offset, record)?;
    }
    Ok(truth.finish()?)
}
