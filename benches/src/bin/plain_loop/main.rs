//! The yardstick: a loop of threads, serde and a hash map that answers only two questions, with no engine around it.
//!
//! `cargo run --release -p greenwave-benches --bin plain_loop -- --input DIR [--output DIR] [--threads 2] [--runs 3]`
//! `cargo run --release -p greenwave-benches --bin plain_loop -- --brokers B --topic T [--threads 2] [--runs 3]`
//!
//! Q1: count, mean, minimum and maximum of speed per segment and minute. Q3 (folder only): the same without second
//! copies. From a topic the time runs from the first record to the merged answer; a folder's from open to written.

mod batches;
mod events;
mod folder;
mod topic;

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// A folder made by `generate`.
    #[arg(long, conflicts_with = "brokers")]
    input: Option<PathBuf>,
    /// Where the answers are written; the input folder unless given. From a topic: nowhere unless given.
    #[arg(long)]
    output: Option<PathBuf>,
    #[arg(long, requires = "topic")]
    brokers: Option<String>,
    #[arg(long)]
    topic: Option<String>,
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Each question is answered so often; the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
}

/// What one pass came to.
struct Pass {
    events: u64,
    groups: usize,
    seconds: f64,
    /// Of all threads, those of librdkafka among them.
    cpu_seconds: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let threads = usize::from(arguments.threads);
    let output = arguments.output.as_deref();
    if let Some(input) = &arguments.input {
        let output = output.unwrap_or(input);
        report("Q1", &arguments, || folder::pass(input, output, threads, false))?;
        report("Q3", &arguments, || folder::pass(input, output, threads, true))
    } else if let (Some(brokers), Some(topic)) = (&arguments.brokers, &arguments.topic) {
        report("Q1 from Kafka", &arguments, || topic::pass(brokers, topic, threads, output))
    } else {
        bail!("nothing to read: give --input DIR, or --brokers and --topic");
    }
}

fn report(query: &str, arguments: &Arguments, pass: impl Fn() -> anyhow::Result<Pass>) -> anyhow::Result<()> {
    let timed = || {
        let before = cpu_seconds();
        pass().map(|pass| Pass { cpu_seconds: cpu_seconds() - before, ..pass })
    };
    let mut passes = (0..arguments.runs).map(|_| timed()).collect::<anyhow::Result<Vec<_>>>()?;
    passes.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let Pass { events, groups, seconds, cpu_seconds } = passes.get(passes.len() / 2).context("no run")?;
    let figures = serde_json::json!({
        "query": query, "threads": arguments.threads, "runs": arguments.runs, "events": events, "groups": groups,
        "seconds": seconds, "events_per_s": (*events as f64 / seconds).round(),
        "cpu_us_per_event": cpu_seconds * 1e6 / *events as f64,
    });
    println!("{figures}");
    Ok(())
}

/// What this process has used of all processors.
fn cpu_seconds() -> f64 {
    // SAFETY: the call fills the structure, whose fields are all numbers, so zeros are a value of it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
