//! `greenwave simulate`: a made-up city into Kafka or a folder, and the truth about it.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use greenwave_model::iso;
use greenwave_sources::simulate::{
    City, Disorder, Folder, PartitionNames, Record, START_MS, Settings, SimulateError, Tally, Topics, Truth,
};

use crate::args::{Output, Simulate};
use crate::{Outcome, signals};

const FOLDER_FOR: Duration = Duration::from_secs(600);
/// Records into a folder between two looks at the clock.
const LOOK_EVERY: u64 = 4_096;
/// A signal is heard within so long.
const NAP: Duration = Duration::from_millis(100);

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
            eprintln!("greenwave: cannot listen for signals: {error}");
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
            eprintln!("greenwave: {:#}", anyhow::Error::from(error));
            outcome
        }
    }
}

/// Where records go.
enum Target {
    Folder(Folder),
    /// With what is added to the city's time to have that of the wall clock.
    Topics(Topics, i64),
}

impl Target {
    /// The city as the target has partitions for it, and the target.
    fn open(simulate: &Simulate) -> Result<(City, Self), SimulateError> {
        let settings = settings(simulate);
        let Some(brokers) = &simulate.kafka else {
            let city = City::new(settings)?;
            let folder = simulate.out.as_deref().expect("clap asks for one of the two");
            let folder = Folder::create(folder, &city)?;
            return Ok((city, Self::Folder(folder)));
        };
        City::new(settings)?;
        let topics = Topics::open(brokers, simulate.size.partitions)?;
        // Looking for topics took a while: now is now.
        let settings = topics.settings(self::settings(simulate));
        let ahead_ms = wall_ms() - settings.start_ms;
        let mut city = City::new(settings)?;
        city.count_from(topics.ends());
        Ok((city, Self::Topics(topics, ahead_ms)))
    }

    fn write(&mut self, record: &Record<'_>) -> Result<(), SimulateError> {
        match self {
            Self::Folder(folder) => folder.write(record),
            Self::Topics(topics, ahead_ms) => topics.send(record, record.arrival_ms + *ahead_ms),
        }
    }

    /// Waits for the time of a record; false if told to stop meanwhile.
    fn wait(&self, arrival_ms: i64, stop: &AtomicBool) -> bool {
        let Self::Topics(_, ahead_ms) = self else { return true };
        loop {
            let left_ms = arrival_ms + ahead_ms - wall_ms();
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            if left_ms <= 0 {
                return true;
            }
            std::thread::sleep(NAP.min(Duration::from_millis(left_ms.unsigned_abs())));
        }
    }

    fn finish(&mut self) -> Result<(), SimulateError> {
        match self {
            Self::Folder(folder) => folder.finish(),
            Self::Topics(topics, _) => topics.finish(),
        }
    }
}

fn settings(simulate: &Simulate) -> Settings {
    let Simulate { disorder, size, .. } = simulate;
    let milliseconds = |duration: Duration| duration.as_millis() as i64;
    let start = simulate.start.unwrap_or(if simulate.kafka.is_some() { Start::Now } else { Start::At(START_MS) });
    let run_for = simulate.run_for.or(simulate.out.is_some().then_some(FOLDER_FOR));
    Settings {
        seed: simulate.seed,
        start_ms: match start {
            Start::Now => wall_ms(),
            Start::At(ms) => ms,
        },
        run_for_ms: run_for.map(milliseconds),
        vehicles: simulate.vehicles,
        rate: simulate.rate,
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

/// A line on standard error: every second on a terminal, every five elsewhere.
struct Progress {
    every: Duration,
    told: Instant,
    records: u64,
    start_ms: i64,
    quiet: bool,
}

impl Progress {
    fn new(simulate: &Simulate, city: &City) -> Self {
        let every = Duration::from_secs(if std::io::stderr().is_terminal() { 1 } else { 5 });
        let (start_ms, quiet) = (city.settings().start_ms, simulate.output == Output::Json);
        Self { every, told: Instant::now(), records: 0, start_ms, quiet }
    }

    fn look(&mut self, tally: &Tally, target: &Target) {
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

fn tell(output: Output, tally: &Tally, took: Duration) {
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
        println!("{summary}");
        return;
    }
    let list = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| {
        counts.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    println!("{} records, {} MB, {seconds:.1} s ({rate:.0}/s)", tally.records, tally.bytes / 1_000_000);
    println!("  {}", list(&mut tally.topics()));
    println!("  {}", list(&mut tally.kinds()));
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// `now`, or UTC such as `2026-03-02T08:00:00`.
pub fn parse_start(text: &str) -> Result<Start, String> {
    if text == "now" {
        return Ok(Start::Now);
    }
    let wrong = || format!("{text} is neither now nor UTC such as 2026-03-02T08:00:00");
    let parts = text.trim_end_matches('Z').split(['-', 'T', ':']).map(|part| part.parse::<u32>().map(i64::from));
    let parts: Vec<i64> = parts.collect::<Result<_, _>>().map_err(|_| wrong())?;
    let [year, month, day, hour, minute, second] = parts[..] else { return Err(wrong()) };
    let day_number = iso::days(year, month as u32, day as u32);
    let ms = ((day_number * 24 + hour) * 60 + minute) * 60_000 + second * 1_000;
    // A day or an hour that there is not comes back as another one.
    let again = iso::naive(ms);
    let same = again.trim_end_matches(".000") == text.trim_end_matches('Z');
    if same && (2_000..2_099).contains(&year) { Ok(Start::At(ms)) } else { Err(wrong()) }
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
