//! Writes the congestion-replay workload as an input folder.
//!
//! `cargo run --release -p greenwave-benches --bin generate -- --events 5000000 --files 20 --output DIR [--seed 42]`
//!
//! DIR/gps/part-NNNNN.jsonl holds the records in order of arrival, cut into slices of time, or, with `--files-parallel`,
//! the vehicles spread over files that all cover the whole time. DIR/segments.csv is the free-flow table and
//! DIR/manifest.json the counts.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use greenwave_benches::truth::Truth;
use greenwave_benches::workload::{Kind, Record, Workload, WorkloadArguments};
use serde::Serialize;

#[derive(Parser)]
struct Arguments {
    /// Records to write.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    files: u64,
    /// The folder; made if it is not there.
    #[arg(long)]
    output: PathBuf,
    /// Spread the vehicles over the files instead of the time.
    #[arg(long)]
    files_parallel: bool,
    /// Also write what each record is, as CSV.
    #[arg(long)]
    truth: Option<PathBuf>,
    #[command(flatten)]
    workload: WorkloadArguments,
}

/// Counts of what was written; `manifest.json`.
#[derive(Default, Serialize)]
struct Manifest {
    events: u64,
    files: u64,
    seed: u64,
    on_time: u64,
    late: u64,
    too_late: u64,
    copies: u64,
    broken: u64,
    /// Event time covered.
    minutes: f64,
}

impl Manifest {
    fn count(&mut self, record: &Record) {
        self.events += 1;
        *match record.kind {
            Kind::OnTime => &mut self.on_time,
            Kind::Late => &mut self.late,
            Kind::TooLate => &mut self.too_late,
            Kind::Copy => &mut self.copies,
            Kind::Broken(_) => &mut self.broken,
        } += 1;
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = arguments.workload.settings();
    let mut workload = Workload::new(settings.clone());
    let folder = &arguments.output;
    let gps = folder.join("gps");
    fs::create_dir_all(&gps).with_context(|| format!("cannot make {}", gps.display()))?;
    let csv = folder.join("segments.csv");
    write_to(&csv, |out| workload.segments().write_csv(out))?;

    let mut manifest = Manifest { files: arguments.files, seed: settings.seed, ..Manifest::default() };
    let mut last_ms = settings.start_ms;
    let mut files = Files::new(&gps, &arguments)?;
    for record in workload.by_ref().take(arguments.events as usize) {
        files.write(manifest.events, &record)?;
        manifest.count(&record);
        last_ms = record.arrival_ms;
    }
    files.finish()?;
    manifest.minutes = (last_ms - settings.start_ms) as f64 / 60_000.0;
    let manifest = serde_json::to_string(&manifest)?;
    write_to(&folder.join("manifest.json"), |out| writeln!(out, "{manifest}"))?;
    println!("{manifest}");
    Ok(())
}

fn write_to(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> anyhow::Result<()> {
    let create = || {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        out.flush()
    };
    create().with_context(|| format!("cannot write {}", path.display()))
}

/// The files being written: one at a time, or all at once.
struct Files<'a> {
    gps: &'a Path,
    arguments: &'a Arguments,
    open: Vec<Part>,
    truth: Option<Truth>,
    line: Vec<u8>,
}

struct Part {
    out: BufWriter<File>,
    /// The file's path in the input folder, which is its partition.
    name: String,
    lines: i64,
}

impl<'a> Files<'a> {
    fn new(gps: &'a Path, arguments: &'a Arguments) -> anyhow::Result<Self> {
        let at_once = if arguments.files_parallel { arguments.files } else { 1 };
        let open = (0..at_once).map(|number| part(gps, number, at_once)).collect::<Result<_, _>>()?;
        let truth = arguments.truth.as_deref().map(Truth::create).transpose().context("cannot write the truth")?;
        Ok(Self { gps, arguments, open, truth, line: Vec::new() })
    }

    /// `number` records have been written before.
    fn write(&mut self, number: u64, record: &Record) -> anyhow::Result<()> {
        let Arguments { events, files, files_parallel, .. } = self.arguments;
        let place = if *files_parallel { u64::from(record.report.vehicle) % files } else { 0 };
        let slice = u128::from(number) * u128::from(*files) / u128::from(*events);
        if !files_parallel && number > 0 && slice > u128::from(number - 1) * u128::from(*files) / u128::from(*events) {
            self.open[0].out.flush()?;
            self.open[0] = part(self.gps, slice as u64, 1)?;
        }
        let part = &mut self.open[place as usize];
        self.line.clear();
        record.write(&mut self.line);
        self.line.push(b'\n');
        part.out.write_all(&self.line).with_context(|| format!("cannot write {}", part.name))?;
        if let Some(truth) = &mut self.truth {
            truth.write(&part.name, part.lines, record)?;
        }
        part.lines += 1;
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        for mut part in self.open {
            part.out.flush().with_context(|| format!("cannot write {}", part.name))?;
        }
        self.truth.map_or(Ok(()), Truth::finish).context("cannot write the truth")
    }
}

fn part(gps: &Path, number: u64, at_once: u64) -> anyhow::Result<Part> {
    let name = format!("gps/part-{number:05}.jsonl");
    let path = gps.join(format!("part-{number:05}.jsonl"));
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let buffer = ((4 << 20) / at_once as usize).clamp(16 << 10, 1 << 20);
    Ok(Part { out: BufWriter::with_capacity(buffer, file), name, lines: 0 })
}
