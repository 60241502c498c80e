//! What publishing to Redis costs. Figures, not checks: run them on an idle machine.
//!
//! `cargo test --release -p greenwave-sinks --test speed -- --ignored --nocapture figure`

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use greenwave_model::views::{RoadTotals, RoadTraffic, VehicleLocation, WindowKey};
use greenwave_model::{Change, Delta, Deltas, Name};
use greenwave_sinks::speed::{FromSpeed, RedisSettings, Speed, SpeedSettings, ToSpeed};
use greenwave_tests::{Redis, Server, need};

use crate::engine::{PATIENCE, now_ms, settings};
use crate::world::mix;

fn vehicles(tick: u64, count: u64, keys: u64) -> Arc<dyn Deltas> {
    let delta = |at: u64| {
        let place = VehicleLocation {
            latitude: 51.5 + (mix(at) % 100_000) as f64 * 1e-6,
            longitude: -0.1 - (mix(at + tick) % 100_000) as f64 * 1e-6,
            speed_kmh: 31.4,
            direction_deg: Some(90.0),
            event_ms: now_ms(),
            arrival_ms: now_ms(),
        };
        let key = Name::new(format!("vehicle-{}", (tick * count + at) % keys));
        Delta { key, change: Change::Set(place), revision: 1, is_final: false }
    };
    Arc::new((0..count).map(delta).collect::<Vec<_>>())
}

fn windows(tick: u64, count: u64) -> Arc<dyn Deltas> {
    let delta = |at: u64| {
        let mut totals = RoadTotals::NONE;
        totals.observe(20.0 + (mix(at + tick) % 50) as f64);
        let row = RoadTraffic { totals, vehicles: Some(3), free_flow_kmh: Some(50.0) };
        let key =
            WindowKey { road: Name::new(format!("road-{at}")), window_s: 300, window_start_ms: 60_000 * tick as i64 };
        Delta { key, change: Change::Set(row), revision: 2, is_final: false }
    };
    Arc::new((0..count).map(delta).collect::<Vec<_>>())
}

/// Publishes a tick and returns how long it took from complete to visible.
fn publish(speed: &Speed, events: &Receiver<FromSpeed>, tick: u64, deltas: Vec<Arc<dyn Deltas>>) -> Duration {
    let binding = r#"{"is_cut":false,"partitions":[]}"#;
    speed.send(ToSpeed::Bound { tick, before: tick - 1, binding: binding.into(), now_ms: now_ms() });
    deltas.into_iter().for_each(|deltas| speed.send(ToSpeed::Deltas { tick, deltas }));
    let complete = Instant::now();
    speed.send(ToSpeed::Complete { worker: 0, tick });
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            FromSpeed::Visible { tick: shown, at } if shown == tick => return at - complete,
            FromSpeed::Visible { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Processor time of the writer's thread and of Redis so far: what a busy machine does not distort.
fn processor(redis: &Redis) -> (Duration, Duration) {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let writer = tasks.filter(|task| std::fs::read_to_string(task.join("comm")).unwrap().trim() == "speed");
    let on = |path: std::path::PathBuf| {
        let spent = std::fs::read_to_string(path.join("schedstat")).unwrap();
        Duration::from_nanos(spent.split(' ').next().unwrap().parse().unwrap())
    };
    (writer.map(on).sum(), on(std::path::PathBuf::from(format!("/proc/{}/task/{0}", redis.pid()))))
}

fn tell(what: &str, mut times: Vec<Duration>, spent: (Duration, Duration), redis: &Redis) {
    let (writer, server) = processor(redis);
    let count = times.len() as u32;
    times.sort_unstable();
    println!(
        "{what}: p50 {:.1?}, p99 {:.1?}, worst {:.1?}; processor a tick: writer {:.1?}, redis {:.1?}",
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1],
        (writer - spent.0) / count,
        (server - spent.1) / count
    );
}

#[test]
#[ignore = "a figure, not a check: run it on an idle machine"]
fn figure_complete_to_visible() {
    if !need(Server::Redis, "the cost of publishing") {
        return;
    }
    let redis = Redis::start();
    for feed in [true, false] {
        let job = format!("figure-{feed}");
        let settings = RedisSettings { feed, job: job.clone(), key_prefix: job, ..settings(&redis) };
        let (sender, events) = unbounded();
        let (speed, _) = Speed::start(SpeedSettings::Redis(settings), 1, 1, sender).unwrap();
        let first = 1u64 << 32;
        publish(&speed, &events, first, vec![vehicles(0, 20_000, 20_000)]);
        let spent = processor(&redis);
        let small = |at: u64| {
            std::thread::sleep(Duration::from_millis(10));
            publish(&speed, &events, first + at, vec![vehicles(at, 800, 20_000), windows(at / 100, 200)])
        };
        tell(&format!("feed {feed}: 1,000 changed keys a tick"), (1..=200).map(small).collect(), spent, &redis);
        let spent = processor(&redis);
        let large = |at: u64| publish(&speed, &events, first + at, vec![vehicles(at, 20_000, 100_000)]);
        tell(&format!("feed {feed}: 20,000 changed keys a tick"), (201..=230).map(large).collect(), spent, &redis);
        redis.flush_all();
        let healed = publish(&speed, &events, first + 231, vec![]);
        println!("feed {feed}: 100,000 keys written whole after FLUSHALL: {healed:?}");
    }
}
