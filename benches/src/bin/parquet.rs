//! What a raw row costs on its way to the lake, step by step, and how many bytes it takes in memory, staged and in Parquet.
//!
//! `cargo run --release -p greenwave-benches --bin parquet [-- --rows N --runs N]`
//!
//! Rows are those of the congestion-replay workload: 20,000 vehicles, 10,000 segments, random UUIDs. One thread.

use std::{fmt::Write, hint::black_box, time::Instant};

use clap::Parser;
use greenwave_benches::workload::Random;
use greenwave_model::{Batch, GpsRaw, GpsReading, PartitionKey, RecordRef};
use greenwave_sinks::lake::{RawGpsRows, Table, decode, encode, parquet};

/// Rows of a batch, as a source makes them.
const BATCH_ROWS: usize = 4_096;
const PARTITIONS: u16 = 4;
/// 2026-03-02T08:00:00Z.
const BASE_MS: i64 = 1_772_438_400_000;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Repetitions of each step; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let batches = batches(arguments.rows);
    let rows: usize = batches.iter().map(|batch| batch.readings.len()).sum();
    let table = Table::raw_gps();
    println!("{rows} rows, one thread, median of {}", arguments.runs);

    let mut collected = RawGpsRows::default();
    let mut memory = 0;
    let run = timed("append", rows, arguments.runs, || {
        for batch in &batches {
            let partition = batch.partition.to_string().into();
            collected.append(batch, &PartitionKey { topic: "gps_data".into(), partition });
        }
        memory = collected.bytes();
        collected.finish()
    });
    let Some(run) = run else { anyhow::bail!("no rows: give --rows") };
    let staged = timed("encode", rows, arguments.runs, || encode(&run))?;
    timed("decode", rows, arguments.runs, || decode(staged.clone()))?;
    let file = timed("parquet", rows, arguments.runs, || parquet(&table, std::slice::from_ref(&run)))?;
    for (what, bytes) in [("in memory", memory), ("staged", staged.len()), ("parquet", file.len())] {
        println!("{what:10} {:6.1} bytes/row", bytes as f64 / rows as f64);
    }
    Ok(())
}

fn timed<T>(name: &str, rows: usize, runs: usize, mut step: impl FnMut() -> T) -> T {
    let mut result = step();
    let mut seconds: Vec<f64> = (0..runs.max(1))
        .map(|_| {
            let start = Instant::now();
            result = black_box(step());
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    println!("{name:10} {:6.2} M rows/s {:6.0} ns/row", rows as f64 / median / 1e6, median * 1e9 / rows as f64);
    result
}

fn batches(rows: usize) -> Vec<Batch> {
    let mut random = Random::new(42);
    let mut ends = [0i64; PARTITIONS as usize];
    let mut event_ms = BASE_MS;
    let starts = (0..rows).step_by(BATCH_ROWS);
    starts
        .enumerate()
        .map(|(index, start)| {
            let partition = index as u16 % PARTITIONS;
            let first = ends[usize::from(partition)];
            let last = first + BATCH_ROWS.min(rows - start) as i64;
            ends[usize::from(partition)] = last;
            batch(&mut random, partition, first..last, &mut event_ms)
        })
        .collect()
}

fn batch(random: &mut Random, partition: u16, offsets: std::ops::Range<i64>, event_ms: &mut i64) -> Batch {
    let mut raw = GpsRaw::default();
    let mut id = String::new();
    let readings = offsets
        .map(|offset| {
            let (high, low) = (random.bits(), random.bits());
            id.clear();
            let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
            write!(id, "{a:08x}-{b:04x}-4{c:03x}-{:04x}-{:012x}", 0x8000 | low >> 50, low & 0xffff_ffff_ffff)
                .expect("writing to a string");
            raw.id.push(&id);
            let kinds = ["private", "private", "private", "private", "private", "private", "taxi", "goods", "bus"];
            raw.vehicle_type.push(kinds[random.below(9) as usize]);
            // The smaller of two draws: some segments are busier than others.
            let segment = random.below(10_000).min(random.below(10_000));
            *event_ms += i64::from(random.below(8) < 7);
            GpsReading {
                record: RecordRef::new(partition, offset),
                fingerprint: 0,
                device: format!("veh-{:06}", random.below(20_000)).into(),
                road: segment.to_string().into(),
                event_ms: *event_ms,
                arrival_ms: *event_ms + 20 + i64::from(random.below(30)),
                speed_kmh: f64::from(random.below(800)) / 10.0,
                latitude: f64::from(5_130_000 + segment * 4 % 40_000 + random.below(400)) / 1e5,
                longitude: f64::from(segment * 7 % 80_000 + random.below(400)) / 1e5 - 0.5,
                direction_deg: f64::from(random.below(3_600)) / 10.0,
            }
        })
        .collect();
    Batch { partition, timestamped: true, readings, raw: Some(raw), ..Batch::default() }
}
