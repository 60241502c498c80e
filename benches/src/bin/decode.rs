//! How many GPS events a second one core decodes, stage by stage, against serde on the same bytes.
//!
//! `cargo run --release -p greenwave-benches --bin decode [-- --events N --runs N]`
//!
//! The stages and serde take turns, so that a busy machine hurts all of them alike; each figure is a median.

use std::hint::black_box;
use std::time::Instant;

use clap::Parser;
use greenwave_benches::workload::Random;
use greenwave_model::Batch;
use greenwave_sources::decode::{DecodeSettings, GpsDecoder, Stage};
use serde::Deserialize;

/// Rows of a batch, as a source makes them.
const BATCH_ROWS: usize = 4_096;

#[derive(Parser)]
struct Arguments {
    /// Lines generated in memory.
    #[arg(long, default_value_t = 200_000)]
    events: usize,
    /// Passes over the lines; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Beside serde, only the rows whose name contains this; for a profiler.
    #[arg(long, default_value = "")]
    only: String,
}

/// One pass over the lines.
type Pass = Box<dyn Fn(&[Vec<u8>])>;

/// The least that serde must do for a reading: every field, nothing copied, the time left as text.
#[derive(Deserialize)]
struct Borrowed<'a> {
    id: &'a str,
    device_id: &'a str,
    timestamp: &'a str,
    speed: f64,
    location: [f64; 2],
    heading: f64,
    vehicle_type: &'a str,
    segment_id: u64,
}

fn main() {
    let arguments = Arguments::parse();
    let lines = lines(arguments.events.max(1));
    let bytes: usize = lines.iter().map(Vec::len).sum();
    println!("{} events, {} bytes each, one core, median of {}", lines.len(), bytes / lines.len(), arguments.runs);
    let bare = DecodeSettings { with_raw: false, fingerprint: false, ..DecodeSettings::default() };
    let full = DecodeSettings::default();
    let stages = [(Stage::Template, "template"), (Stage::Scanner, "scanner"), (Stage::Fallback, "fallback")];
    let mut contests: Vec<(String, Pass)> = vec![("serde_json, borrowed struct".into(), Box::new(serde_borrowed))];
    for (settings, what) in [(bare, ""), (full, " + raw + fingerprint")] {
        for (stage, name) in stages {
            let settings = settings.clone();
            let name = format!("{name}{what}");
            if name.contains(&arguments.only) {
                contests.push((name, Box::new(move |lines| decode(lines, stage, &settings))));
            }
        }
    }
    let mut seconds = vec![Vec::new(); contests.len()];
    for _ in 0..arguments.runs.max(1) {
        for ((_, run), seconds) in contests.iter().zip(&mut seconds) {
            let start = Instant::now();
            run(&lines);
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    println!("{:<36}{:>12}{:>8}{:>16}{:>8}", "", "M events/s", "ns", "ratio to serde", "best");
    let mut serde = None;
    for ((name, _), seconds) in contests.iter().zip(&mut seconds) {
        seconds.sort_by(f64::total_cmp);
        let rate = |seconds: f64| lines.len() as f64 / seconds / 1e6;
        let (median, best) = (rate(seconds[seconds.len() / 2]), rate(seconds[0]));
        let ratio = median / *serde.get_or_insert(median);
        println!("{name:<36}{median:>12.2}{:>8.0}{ratio:>16.2}{best:>8.2}", 1e3 / median);
    }
}

fn serde_borrowed(lines: &[Vec<u8>]) {
    for line in lines {
        let event: Borrowed<'_> = serde_json::from_slice(line).expect("the generator writes this form");
        black_box((event.id, event.device_id, event.timestamp, event.vehicle_type));
        black_box((event.speed, event.location, event.heading, event.segment_id));
    }
}

fn decode(lines: &[Vec<u8>], stage: Stage, settings: &DecodeSettings) {
    let mut decoder = GpsDecoder::starting_at(stage, settings.clone());
    let mut batch = Batch::default();
    for (offset, line) in lines.iter().enumerate() {
        decoder.decode(line, offset as i64, Some(0), &mut batch);
        if batch.readings.len() == BATCH_ROWS {
            empty(&mut batch);
        }
    }
    assert!(batch.rejects.is_empty(), "{:?}", batch.rejects.first());
    assert!(decoder.taken_by(stage) + 1 >= lines.len() as u64, "{stage:?} left records to the next stage");
    black_box(&batch);
}

/// Keeps the memory, as a pool of batches would.
fn empty(batch: &mut Batch) {
    black_box(&batch);
    batch.readings.clear();
    if let Some(raw) = &mut batch.raw {
        for column in [&mut raw.id, &mut raw.vehicle_type] {
            column.bytes.clear();
            column.ends.clear();
        }
    }
}

/// Lines of the congestion-replay form, from a fixed seed.
fn lines(events: usize) -> Vec<Vec<u8>> {
    let mut random = Random::new(42);
    let kinds = ["private", "private", "private", "taxi", "goods", "bus"];
    (0..events)
        .map(|event| {
            let (a, b) = (random.bits(), random.bits());
            let (ms, kind) = (event as u64 / 2 % 86_400_000, kinds[random.below(6) as usize]);
            let (speed, heading) = (random.below(1_300), random.below(3_600));
            format!(
                concat!(
                    r#"{{"id":"{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}","device_id":"veh-{:06}","#,
                    r#""timestamp":"2026-03-02T{:02}:{:02}:{:02}.{:03}","speed":{}.{},"location":[51.{:05},-0.{:05}],"#,
                    r#""heading":{}.{},"vehicle_type":"{}","segment_id":{}}}"#
                ),
                a >> 32,
                (a >> 16) & 0xffff,
                a & 0xfff,
                0x8000 | (b >> 50),
                b & 0xffff_ffff_ffff,
                random.below(20_000),
                ms / 3_600_000,
                ms / 60_000 % 60,
                ms / 1_000 % 60,
                ms % 1_000,
                speed / 10,
                speed % 10,
                random.below(100_000),
                random.below(100_000),
                heading / 10,
                heading % 10,
                kind,
                random.below(10_000),
            )
            .into_bytes()
        })
        .collect()
}
