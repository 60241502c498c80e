//! What the city's dataflow costs by itself: decoded readings in, deltas and rows dropped.
//!
//! `cargo run --release -p greenwave-benches --bin operators -- [--events N] [--workers 1,2] [--shares]`
//!
//! Readings are shaped like the congestion-replay workload: 20,000 vehicles on 10,000 roads of log-normal popularity,
//! about 1,143 reports per second of event time, 1 % up to a minute late, 0.5 % copies; ticks of 65,536, 8 a cut.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Parser;
use greenwave_benches::workload::Random;
use greenwave_dataflows::{CitySettings, FreeFlow, Inputs, States, Views, city};
use greenwave_model::{Clock, GpsReading, Name, RecordRef};
use timely::dataflow::operators::generic::operator::empty;
use timely::dataflow::operators::{Concat, Input, Inspect, Probe, probe::Handle, vec::Map};
use timely::logging::{StartStop, TimelyEvent, TimelyEventBuilder};

#[derive(Parser, Clone)]
struct Options {
    #[arg(long, default_value_t = 3_145_728)]
    events: usize,
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    workers: Vec<usize>,
    /// Print each operator's share of the time; costs some.
    #[arg(long)]
    shares: bool,
    /// Every tick publishes, as a job does that catches up with a topic.
    #[arg(long)]
    every_tick: bool,
    /// Encode state at every cut, as a job with checkpoints does.
    #[arg(long)]
    saving: bool,
    /// Only these of: off, dedup, vehicle_count, both.
    #[arg(long, value_delimiter = ',', default_values = ["off", "dedup", "vehicle_count", "both"])]
    settings: Vec<String>,
}

const ROADS: usize = 10_000;
const VEHICLES: usize = 20_000;
const TICK_ROWS: usize = 65_536;
const CUT_TICKS: usize = 8;
const BATCH_ROWS: usize = 4_096;
/// Ticks fed ahead of the last one that is through.
const IN_FLIGHT: u64 = 4;
const START_MS: i64 = 1_772_438_400_000;

/// Readings in order of arrival, in batches; a batch is of one partition.
fn readings(events: usize) -> Vec<Vec<GpsReading>> {
    let mut random = Random::new(42);
    let mut popularity: Vec<f64> = (0..ROADS).map(|_| (0.8 * random.normal()).exp()).collect();
    let total = popularity.iter_mut().fold(0.0, |sum, share| {
        *share += sum;
        *share
    });
    let mut vehicles: Vec<(usize, u32)> = (0..VEHICLES).map(|_| (0, 0)).collect();
    let names: Vec<(Name, Name)> =
        (0..VEHICLES).map(|n| (format!("veh-{n:06}").into(), n.to_string().into())).collect();
    let mut batches = Vec::with_capacity(events / BATCH_ROWS);
    for number in 0..events {
        if number % BATCH_ROWS == 0 {
            batches.push(Vec::<GpsReading>::with_capacity(BATCH_ROWS));
        }
        let vehicle = random.below(VEHICLES as u32) as usize;
        let (road, left) = &mut vehicles[vehicle];
        if *left == 0 {
            let drawn = random.unit() * total;
            *road = popularity.partition_point(|share| *share < drawn).min(ROADS - 1);
            *left = 1 + random.below(8);
        }
        *left -= 1;
        let arrival_ms = START_MS + number as i64 * 1_000 / 1_143;
        let late_ms = if random.below(100) == 0 { i64::from(random.below(60_000)) } else { 0 };
        let mut reading = GpsReading {
            record: RecordRef::new(0, number as i64),
            fingerprint: u128::from(random.bits()) << 64 | u128::from(random.bits()),
            device: names[vehicle].0.clone(),
            road: names[*road].1.clone(),
            event_ms: arrival_ms - late_ms,
            arrival_ms,
            speed_kmh: f64::from(random.below(1_300)) / 10.0,
            latitude: 51.3 + random.unit() / 2.0,
            longitude: random.unit(),
            direction_deg: f64::from(random.below(3_600)) / 10.0,
        };
        let batch = batches.last_mut().expect("a batch was just begun");
        if random.below(200) == 0
            && let Some(earlier) = batch.last()
        {
            reading = GpsReading { record: reading.record, arrival_ms, ..earlier.clone() };
        }
        batch.push(reading);
    }
    batches
}

/// The clock of each tick: the newest arrival, and a watermark a minute behind it.
fn clocks(batches: &[Vec<GpsReading>], every_tick: bool) -> Vec<Clock> {
    let ticks: Vec<_> = batches.chunks(TICK_ROWS / BATCH_ROWS).collect();
    let (mut cut_watermark_ms, mut cut_now_ms) = (Clock::NEVER, Clock::NEVER);
    let mut clocks = Vec::new();
    for (number, tick) in ticks.iter().enumerate() {
        let now_ms = tick.last().and_then(|batch| batch.last()).map_or(START_MS, |row| row.arrival_ms);
        let watermark_ms = now_ms - 60_000;
        let is_cut = (number + 1) % CUT_TICKS == 0 || number + 1 == ticks.len();
        let (tick, publishes) = (number as u64 + 1, is_cut || every_tick);
        clocks.push(Clock {
            tick,
            is_cut,
            publishes,
            restored: false,
            watermark_ms,
            now_ms,
            cut_watermark_ms,
            cut_now_ms,
        });
        if is_cut {
            (cut_watermark_ms, cut_now_ms) = (watermark_ms, now_ms);
        }
    }
    clocks
}

#[derive(Default)]
struct Tally {
    deltas: usize,
    rows: usize,
    states: BTreeMap<&'static str, usize>,
    shares: BTreeMap<String, Duration>,
    longest: Duration,
    cpu: Duration,
}

/// Time this thread has been on a core.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// Adds up the time of operators that hold no others.
fn log_shares(worker: &timely::worker::Worker, tally: &Arc<Mutex<Tally>>) {
    let mut names: BTreeMap<usize, (String, usize)> = BTreeMap::new();
    let mut started: BTreeMap<usize, Duration> = BTreeMap::new();
    let tally = Arc::clone(tally);
    let record = move |_: &Duration, events: &mut Option<Vec<(Duration, TimelyEvent)>>| {
        for (at, event) in events.iter().flatten() {
            match event {
                TimelyEvent::Operates(operator) => {
                    names.insert(operator.id, (operator.name.clone(), operator.addr.len()));
                }
                TimelyEvent::Schedule(schedule) if schedule.start_stop == StartStop::Start => {
                    started.insert(schedule.id, *at);
                }
                TimelyEvent::Schedule(schedule) => {
                    let took = started.remove(&schedule.id).map_or(Duration::ZERO, |start| at.saturating_sub(start));
                    let mut tally = tally.lock().expect("no worker panicked");
                    if let Some((name, 2)) = names.get(&schedule.id) {
                        *tally.shares.entry(name.clone()).or_default() += took;
                        tally.longest = tally.longest.max(took);
                    }
                }
                _ => {}
            }
        }
    };
    if let Some(mut log) = worker.log_register() {
        log.insert::<TimelyEventBuilder, _>("timely", record);
    }
}

struct Run {
    clocks: Vec<Clock>,
    settings: CitySettings,
    options: Options,
    tally: Arc<Mutex<Tally>>,
}

fn work(worker: &mut timely::worker::Worker, run: &Run, mut mine: BTreeMap<u64, Vec<Vec<GpsReading>>>) {
    let began = on_core();
    if run.options.shares {
        log_shares(worker, &run.tally);
    }
    let states = States::new(worker.index(), worker.peers(), run.options.saving);
    let probe = Handle::new();
    let (mut gps_in, mut clock_in) = worker.dataflow::<u64, _, _>(|scope| {
        let (gps_in, gps) = scope.new_input::<Vec<GpsReading>>();
        let (clock_in, clock) = scope.new_input::<Vec<Clock>>();
        let observations = empty(gps.scope());
        let outputs = city(Inputs { gps, observations, clock }, &run.settings, &states);
        let (deltas, rows) = (Arc::clone(&run.tally), Arc::clone(&run.tally));
        let count =
            |batches: &Vec<Arc<dyn greenwave_model::Deltas>>| batches.iter().map(|batch| batch.len()).sum::<usize>();
        let deltas = outputs.deltas.inspect_batch(move |_, batches| {
            deltas.lock().expect("no worker panicked").deltas += count(batches);
        });
        let rows = outputs.rows.inspect_batch(move |_, batches| {
            rows.lock().expect("no worker panicked").rows += count(batches);
        });
        let through = deltas.flat_map(|_| None::<()>).concat(rows.flat_map(|_| None));
        through.concat(outputs.verdicts.flat_map(|_| None)).probe_with(&probe);
        (gps_in, clock_in)
    });
    for clock in &run.clocks {
        gps_in.advance_to(clock.tick);
        clock_in.advance_to(clock.tick);
        clock_in.send(*clock);
        clock_in.flush();
        for mut batch in mine.remove(&clock.tick).into_iter().flatten() {
            gps_in.send_batch(&mut batch);
            worker.step();
        }
        gps_in.advance_to(clock.tick + 1);
        clock_in.advance_to(clock.tick + 1);
        worker.step_or_park_while(Some(Duration::from_millis(1)), || {
            probe.less_than(&clock.tick.saturating_sub(IN_FLIGHT))
        });
        if clock.is_cut {
            drop(states.take_saved(clock.tick.saturating_sub(IN_FLIGHT)));
        }
    }
    let last = run.clocks.last().map_or(0, |clock| clock.tick);
    worker.step_or_park_while(Some(Duration::from_millis(1)), || probe.less_than(&(last + 1)));
    let mut tally = run.tally.lock().expect("no worker panicked");
    tally.cpu += on_core() - began;
    states.rows().into_iter().for_each(|(id, rows)| *tally.states.entry(id).or_default() += rows);
}

/// Runs once; answers how long it took and what came out.
fn measure(run: Run, batches: &[Vec<GpsReading>], workers: usize) -> (Duration, Tally) {
    let mut shares: Vec<BTreeMap<u64, Vec<Vec<GpsReading>>>> = vec![BTreeMap::new(); workers];
    for (number, batch) in batches.iter().enumerate() {
        let tick = (number / (TICK_ROWS / BATCH_ROWS)) as u64 + 1;
        shares[number % workers].entry(tick).or_default().push(batch.clone());
    }
    let shares: Vec<_> = shares.into_iter().map(|share| Mutex::new(Some(share))).collect();
    let shared = Arc::new((run, shares));
    let tally = Arc::clone(&shared.0.tally);
    let started = Instant::now();
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let (run, shares) = &*shared;
        let mine = shares[worker.index()].lock().expect("taken once").take().expect("taken once");
        work(worker, run, mine);
    });
    for outcome in guards.expect("threads start").join() {
        outcome.expect("no worker panics");
    }
    let tally = std::mem::take(&mut *tally.lock().expect("no worker panicked"));
    (started.elapsed(), tally)
}

fn peak_rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}

fn main() {
    let options = Options::parse();
    let batches = readings(options.events);
    let clocks = clocks(&batches, options.every_tick);
    let mut random = Random::new(7);
    let table =
        FreeFlow::new((0..ROADS).map(|road| (road.to_string().into(), 20.0 + f64::from(random.below(5_000)) / 100.0)));
    let table = Arc::new(table);
    println!("{} events, {} ticks, readings alone {} MB", options.events, clocks.len(), peak_rss_mb());
    for name in options.settings.clone() {
        for workers in options.workers.clone() {
            let settings = CitySettings {
                dedup: name == "dedup" || name == "both",
                dedup_horizon_ms: 60_000,
                correction_horizon_ms: 600_000,
                clock_skew_ms: 10_000,
                vehicle_count: name == "vehicle_count" || name == "both",
                speed_from: vec!["gps_data"],
                free_flow: Arc::clone(&table),
                routes: Arc::default(),
                rules: Vec::new(),
                views: Views::all(),
            };
            let (clocks, options) = (clocks.clone(), options.clone());
            let run = Run { clocks, settings, options: options.clone(), tally: Arc::default() };
            let (took, tally) = measure(run, &batches, workers);
            let rate = options.events as f64 / took.as_secs_f64() / 1e6;
            let cpu = tally.cpu.as_nanos() as f64 / options.events as f64;
            let (deltas, rows, peak) = (tally.deltas, tally.rows, peak_rss_mb());
            println!(
                "{name:>13}, {workers} workers: {rate:.2} M events/s, {cpu:.0} ns of core an event, \
                 {deltas} deltas, {rows} rows, peak {peak} MB"
            );
            if options.shares {
                println!("  live rows {:?}, longest step {:?}", tally.states, tally.longest);
                let mut shares: Vec<_> = tally.shares.into_iter().collect();
                shares.sort_by_key(|(_, took)| std::cmp::Reverse(*took));
                for (operator, took) in shares.iter().take(16) {
                    let nanos = took.as_nanos() as f64 / options.events as f64;
                    println!("  {operator:>24} {nanos:7.1} ns an event");
                }
            }
        }
    }
}
