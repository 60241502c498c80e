//! What a person sees of a simulation while it runs, and the summary at its end.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use greenwave_sources::simulate::{City, Tally};

use super::target::Target;
use crate::args::{Output, Simulate};

/// A line on standard error: every second on a terminal, every five elsewhere.
pub struct Progress {
    every: Duration,
    told: Instant,
    records: u64,
    start_ms: i64,
    quiet: bool,
}

impl Progress {
    pub fn new(simulate: &Simulate, city: &City) -> Self {
        let every = Duration::from_secs(if std::io::stderr().is_terminal() { 1 } else { 5 });
        let (start_ms, quiet) = (city.settings().start_ms, simulate.output == Output::Json);
        Self { every, told: Instant::now(), records: 0, start_ms, quiet }
    }

    pub fn look(&mut self, tally: &Tally, target: &Target) {
        let passed = self.told.elapsed();
        if self.quiet || passed < self.every {
            return;
        }
        let rate = (tally.records - self.records) as f64 / passed.as_secs_f64();
        let city_s = (tally.last_arrival_ms - self.start_ms) / 1_000;
        let confirmed = match target {
            Target::Folder(_) => String::new(),
            Target::Topics(topics, _) => format!(", {} confirmed", topics.confirmed()),
        };
        let records = tally.records;
        let _ = writeln!(std::io::stderr(), "{records} records ({rate:.0}/s), {city_s} s of the city{confirmed}");
        (self.told, self.records) = (Instant::now(), tally.records);
    }
}

pub fn tell(output: Output, tally: &Tally, took: Duration) {
    let seconds = took.as_secs_f64();
    let rate = tally.records as f64 / seconds;
    let counts = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| {
        counts.map(|(name, count)| (name.to_owned(), count.into())).collect::<serde_json::Map<_, _>>()
    };
    if output == Output::Json {
        let summary = serde_json::json!({
            "records": tally.records,
            "bytes": tally.bytes,
            "seconds": seconds,
            "records_per_second": rate.round(),
            "topics": counts(&mut tally.topics()),
            "kinds": counts(&mut tally.kinds()),
        });
        say!("{summary}");
        return;
    }
    let list = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| {
        counts.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    say!("{} records, {} MB, {seconds:.1} s ({rate:.0}/s)", tally.records, tally.bytes / 1_000_000);
    say!("  {}", list(&mut tally.topics()));
    say!("  {}", list(&mut tally.kinds()));
}
