//! What it costs to show a tick: from complete to visible, in memory and through a Redis.
//!
//! `cargo run --release -p greenwave-benches --bin speed [-- --redis redis://127.0.0.1:6379]`
//!
//! That Redis is emptied. `cargo run --release -p greenwave-tests --bin servers` starts one that may be.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use crossbeam_channel::{Receiver, unbounded};
use greenwave_benches::producing::wall_ms;
use greenwave_benches::workload::Random;
use greenwave_model::views::{CameraTotals, RoadTotals, RoadTraffic, VehicleLocation, WindowKey};
use greenwave_model::{Change, Delta, Deltas, Name};
use greenwave_sinks::speed::{FromSpeed, RedisSettings, Speed, SpeedSettings, ToSpeed};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Arguments {
    /// Measure a Redis too. All it holds is deleted.
    #[arg(long)]
    redis: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    for keys in [5_000, 100_000] {
        in_memory(keys)?;
    }
    if let Some(url) = &arguments.redis {
        for feed in [true, false] {
            through_redis(url, feed)?;
        }
    }
    Ok(())
}

fn vehicles(random: &mut Random, count: usize, keys: u32) -> Arc<dyn Deltas> {
    let now_ms = wall_ms();
    let delta = |_| {
        let place = VehicleLocation {
            latitude: 51.5 + random.unit() / 10.0,
            longitude: -0.1 - random.unit() / 10.0,
            speed_kmh: 31.4,
            direction_deg: Some(90.0),
            event_ms: now_ms,
            arrival_ms: now_ms,
        };
        let key = Name::new(format!("vehicle-{}", random.below(keys)));
        Delta { key, change: Change::Set(place), revision: 1, is_final: false }
    };
    Arc::new((0..count).map(delta).collect::<Vec<_>>())
}

fn windows(random: &mut Random, count: usize) -> Arc<dyn Deltas> {
    let delta = |at| {
        let mut totals = RoadTotals::NONE;
        totals.observe(20.0 + f64::from(random.below(50)));
        let row =
            RoadTraffic { totals, cameras: CameraTotals::default(), vehicles: Some(3), free_flow_kmh: Some(50.0) };
        let key = WindowKey { road: Name::new(format!("road-{at}")), window_s: 300, window_start_ms: 60_000 };
        Delta { key, change: Change::Set(row), revision: 2, is_final: true }
    };
    Arc::new((0..count).map(delta).collect::<Vec<_>>())
}

fn visible(events: &Receiver<FromSpeed>, tick: u64) -> anyhow::Result<Instant> {
    loop {
        match events.recv_timeout(PATIENCE).context("the tick is not visible")? {
            FromSpeed::Visible { tick: shown, at } if shown == tick => return Ok(at),
            FromSpeed::Visible { .. } => {}
            other => anyhow::bail!("{other:?}"),
        }
    }
}

fn hand_over(speed: &Speed, tick: u64, deltas: Vec<Arc<dyn Deltas>>) -> Instant {
    let binding = r#"{"is_cut":false,"partitions":[]}"#;
    speed.send(ToSpeed::Bound { tick, before: tick - 1, binding: binding.into(), now_ms: wall_ms() });
    deltas.into_iter().for_each(|deltas| speed.send(ToSpeed::Deltas { tick, deltas }));
    let complete = Instant::now();
    speed.send(ToSpeed::Complete { worker: 0, tick });
    complete
}

fn in_memory(keys: u32) -> anyhow::Result<()> {
    const TICKS: u64 = 200;
    const CHANGES: usize = 5_000;
    let mut random = Random::new(42);
    let batches: Vec<_> = (0..TICKS).map(|_| vehicles(&mut random, CHANGES, keys)).collect();
    let (sender, events) = unbounded();
    let (speed, _) = Speed::start(SpeedSettings::Memory, 1, 1, sender)?;
    let begun = Instant::now();
    for (tick, deltas) in (1..).zip(batches) {
        hand_over(&speed, tick, vec![deltas]);
    }
    visible(&events, TICKS)?;
    let nanos = begun.elapsed().as_nanos() as f64 / (TICKS as f64 * CHANGES as f64);
    println!("memory, {keys} keys: {nanos:.0} ns a change");
    Ok(())
}

fn through_redis(url: &str, feed: bool) -> anyhow::Result<()> {
    let mut redis = redis::Client::open(url)?.get_connection()?;
    redis::cmd("FLUSHALL").exec(&mut redis)?;
    let server = Server::of(&mut redis)?;
    let settings = RedisSettings { url: url.into(), job: "figures".into(), feed, ..RedisSettings::default() };
    let (sender, events) = unbounded();
    let (speed, _) = Speed::start(SpeedSettings::Redis(settings), 1, 1, sender)?;
    let mut random = Random::new(42);
    let mut ticks = 1u64 << 32..;
    let mut publish = |deltas| {
        let tick = ticks.next().context("ticks do not end")?;
        let complete = hand_over(&speed, tick, deltas);
        visible(&events, tick).map(|shown| shown - complete)
    };
    publish(vec![vehicles(&mut random, 20_000, 20_000)])?;
    for (changes, rounds, of) in [(1_000, 200, 20_000), (20_000, 30, 100_000)] {
        let spent = server.spent()?;
        let mut times = Vec::new();
        for _ in 0..rounds {
            std::thread::sleep(Duration::from_millis(10));
            times.push(publish(vec![vehicles(&mut random, changes * 4 / 5, of), windows(&mut random, changes / 5)])?);
        }
        tell(&format!("feed {feed}, {changes} changes a tick"), times, (spent, server.spent()?));
    }
    redis::cmd("FLUSHALL").exec(&mut redis)?;
    println!("feed {feed}: everything written again after FLUSHALL in {:.1?}", publish(vec![])?);
    Ok(())
}

/// Processor time of the writer's thread and of Redis: what a busy machine does not distort.
type Spent = (Duration, Duration);

struct Server(u32);

impl Server {
    fn of(redis: &mut redis::Connection) -> anyhow::Result<Self> {
        let info: redis::InfoDict = redis::cmd("INFO").arg("server").query(redis)?;
        Ok(Self(info.get("process_id").context("Redis does not tell its process")?))
    }

    fn spent(&self) -> anyhow::Result<Spent> {
        let mut writer = Duration::ZERO;
        for task in std::fs::read_dir("/proc/self/task")? {
            let task = task?.path();
            if std::fs::read_to_string(task.join("comm"))?.trim() == "speed" {
                writer += on_core(&task)?;
            }
        }
        Ok((writer, on_core(Path::new(&format!("/proc/{0}/task/{0}", self.0)))?))
    }
}

fn on_core(task: &Path) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(task.join("schedstat")).context("Redis is to run on this machine")?;
    Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?))
}

fn tell(what: &str, mut times: Vec<Duration>, (before, after): (Spent, Spent)) {
    times.sort_unstable();
    let count = times.len() as u32;
    println!(
        "{what}: p50 {:.1?}, p99 {:.1?}; processor a tick: writer {:.1?}, redis {:.1?}",
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        (after.0 - before.0) / count,
        (after.1 - before.1) / count
    );
}
