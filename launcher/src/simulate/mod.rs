//! `greenwave simulate`: a made-up city into Kafka or a folder, and the truth about it.

mod report;
mod target;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use greenwave_model::iso;
use greenwave_sources::simulate::{Disorder, PartitionNames, START_MS, Settings, SimulateError, Tally, Truth};

use crate::args::{City, Simulate};
use crate::{Outcome, signals};
use report::{Progress, tell};
use target::Target;

const FOLDER_FOR: Duration = Duration::from_secs(600);
/// Records into a folder between two looks at the clock.
const LOOK_EVERY: u64 = 4_096;

/// Where event time begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Now,
    At(i64),
}

pub fn run(simulate: &Simulate) -> Outcome {
    let stop = match signals::flag_on_signal() {
        Ok(stop) => stop,
        Err(error) => {
            complain!("greenwave: cannot listen for signals: {error}");
            return Outcome::Failed;
        }
    };
    let begun = Instant::now();
    match produce(simulate, &stop) {
        Ok(tally) => {
            tell(simulate.output, &tally, begun.elapsed());
            if stop.load(Ordering::Relaxed) { Outcome::Drained } else { Outcome::Done }
        }
        Err(error) => {
            let outcome = if error.is_wrong_use() { Outcome::WrongUse } else { Outcome::Failed };
            complain!("greenwave: {:#}", anyhow::Error::from(error));
            outcome
        }
    }
}

fn settings(simulate: &Simulate, now_ms: i64) -> Settings {
    let city = &simulate.city;
    let start = city.start.unwrap_or(if simulate.kafka.is_some() { Start::Now } else { Start::At(START_MS) });
    let start_ms = match start {
        Start::Now => now_ms,
        Start::At(ms) => ms,
    };
    let run_for = city.run_for.or(simulate.out.is_some().then_some(FOLDER_FOR));
    city.settings(start_ms, run_for)
}

impl City {
    pub fn settings(&self, start_ms: i64, run_for: Option<Duration>) -> Settings {
        let Self { disorder, size, .. } = self;
        let milliseconds = |duration: Duration| duration.as_millis() as i64;
        Settings {
            seed: self.seed,
            start_ms,
            run_for_ms: run_for.map(milliseconds),
            vehicles: self.vehicles,
            rate: self.rate,
            side: size.side,
            cameras: size.cameras,
            stations: size.stations,
            incidents: size.incidents,
            gateway_vehicles: disorder.gateway,
            clock_ahead_ms: milliseconds(disorder.clock_ahead),
            disorder: Disorder {
                out_of_order: disorder.out_of_order,
                late: disorder.late,
                too_late: disorder.too_late,
                copies: disorder.copies,
                broken: disorder.broken,
                variants: disorder.variants,
            },
            partitions: [size.partitions; 5],
        }
    }
}

/// Until its time is over or a signal comes. Either way, what is counted has been written.
fn produce(simulate: &Simulate, stop: &AtomicBool) -> Result<Tally, SimulateError> {
    let (mut city, mut target) = Target::open(simulate)?;
    let names = if simulate.kafka.is_some() { PartitionNames::Numbers } else { PartitionNames::Files };
    let truth = simulate.truth.as_deref().map(|folder| Truth::create(folder, &city, names));
    let (mut truth, mut tally) = (truth.transpose()?, Tally::default());
    let mut progress = Progress::new(simulate, &city);
    let look_every = if simulate.kafka.is_some() { 1 } else { LOOK_EVERY };
    while let Some(record) = city.next() {
        if !target.wait(record.arrival_ms, stop) {
            break;
        }
        target.write(&record)?;
        if let Some(truth) = &mut truth {
            truth.write(&record)?;
        }
        tally.count(&record);
        if tally.records.is_multiple_of(look_every) {
            progress.look(&tally, &target);
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    target.finish()?;
    if let Some(truth) = &mut truth {
        truth.finish(&city, tally.last_arrival_ms)?;
    }
    Ok(tally)
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// The years 2000 to 2098.
const SANE_MS: (i64, i64) = (946_684_800_000, 4_070_908_800_000);

/// `now`, or UTC such as `2026-03-02T08:00:00`.
pub fn parse_start(text: &str) -> Result<Start, String> {
    if text == "now" {
        return Ok(Start::Now);
    }
    let sane = |ms: &i64| (SANE_MS.0..SANE_MS.1).contains(ms);
    let ms = iso::parse(text).filter(sane);
    ms.map(Start::At).ok_or_else(|| format!("{text} is neither now nor UTC such as 2026-03-02T08:00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_now_or_a_time() {
        assert_eq!(parse_start("2026-03-02T08:00:00"), Ok(Start::At(START_MS)));
        assert_eq!(parse_start("2026-03-02T08:00:00Z"), Ok(Start::At(START_MS)));
        assert_eq!(parse_start("now"), Ok(Start::Now));
        for text in [
            "",
            "2026-03-02",
            "2026-03-02 08:00:00",
            "2026-02-30T08:00:00",
            "2026-03-02T24:00:00",
            "1970-01-01T00:00:00",
        ] {
            assert!(parse_start(text).is_err(), "{text}");
        }
    }
}
