//! The kill test: 200,000 records through a real broker into Redis and the lake while the process is killed ten times.
//!
//! Goal: whatever the moment of a kill, the lake and Redis end as if there had been none. Method: a seed decides the
//! moments; files of the state store and of the lake tell where each kill fell; a judge in SQL that shares no code with
//! the engine recomputes every view at every cut. `GREENWAVE_SEED=n` repeats a run.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use greenwave_tests::kafka::{Options, Pace};
use greenwave_tests::traffic::{Random, Traffic};
use greenwave_tests::{Checkpoints, Folder, Job, Judge, Kafka, Redis, Server, need, wait_for};
use serde_json::Value;

const RECORDS: usize = 200_000;
const RATE: u32 = 10_000;
const PARTITIONS: u32 = 4;
const KILLS: usize = 10;
const LIMIT: Duration = Duration::from_secs(60);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");

/// Where a kill is aimed at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Aim {
    /// Some time after a checkpoint of this life.
    Anywhere,
    /// The moment a manifest appears, before the lake has its rows.
    AfterManifest,
    /// Between taking a generation and the first checkpoint of it.
    Restore,
}

fn aims(random: &mut Random) -> Vec<Aim> {
    let mut aims = vec![Aim::Anywhere; 5];
    aims.extend([Aim::AfterManifest; 3]);
    // Never first: there must be something to restore.
    aims.extend([Aim::Restore; KILLS - 8]);
    for last in (2..aims.len()).rev() {
        aims.swap(last, 1 + random.below(last as u64) as usize);
    }
    aims
}

struct Home {
    folder: Folder,
    brokers: String,
    redis: String,
    free_flow: PathBuf,
}

impl Home {
    fn submit(&self) -> Job {
        let conf = [
            format!("input=kafka://{}", self.brokers),
            format!("speed={}", self.redis),
            format!("lake={}", self.folder.join("lake").display()),
            format!("state={}", self.folder.join("state").display()),
            format!("free_flow={}", self.free_flow.display()),
            "checkpoint=1s".to_owned(),
            "lake_every=1".to_owned(),
        ];
        let mut line = vec!["--master".to_owned(), "local[2]".to_owned(), CITY.to_owned()];
        conf.into_iter().for_each(|pair| line.extend(["--conf".to_owned(), pair]));
        line.extend(["--output".to_owned(), "json".to_owned()]);
        Job::submit(line)
    }

    fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of(&self.folder.join("state"), "city")
    }

    /// True when the newest manifest lists rows that the table's log does not have.
    fn lake_is_behind(&self) -> bool {
        let Some(manifest) = self.checkpoints().newest() else { return false };
        let staged = manifest["staged"].as_object().cloned().unwrap_or_default();
        staged.iter().any(|(table, runs)| {
            let newest = runs.as_array().unwrap().iter().filter_map(|run| run["tick"].as_u64()).max();
            newest > last_txn(&self.folder.join("lake").join(table).join("_delta_log"))
        })
    }
}

/// The highest transaction version in a Delta log.
fn last_txn(log: &Path) -> Option<u64> {
    let entries =
        fs::read_dir(log).ok()?.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "json"));
    let texts = entries.filter_map(|entry| fs::read_to_string(entry.path()).ok());
    let versions = texts.flat_map(|text| {
        let actions = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        actions.filter_map(|action| action["txn"]["version"].as_u64()).collect::<Vec<_>>()
    });
    versions.max()
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn pause(limit: Duration, until: impl Fn() -> bool) {
    let since = Instant::now();
    while since.elapsed() < limit && !until() {
        std::thread::yield_now();
    }
}

/// Lives once and is killed; returns where the kill fell.
fn live_and_die(home: &Home, aim: Aim, random: &mut Random) -> Aim {
    let store = home.checkpoints();
    let (seq, generation) = (store.checkpoint(), store.generation());
    let mut job = home.submit();
    let alive = |job: &mut Job| assert!(job.ended().is_none(), "greenwave ended by itself; it said:\n{}", job.said());
    match aim {
        Aim::Restore => {
            wait_for("the next generation", LIMIT, || (store.generation() > generation).then_some(()));
            pause(Duration::from_millis(random.below(25)), || false);
        }
        Aim::Anywhere | Aim::AfterManifest => {
            wait_for("a checkpoint", LIMIT, || {
                alive(&mut job);
                (store.checkpoint() > seq).then_some(())
            });
        }
    }
    if aim == Aim::Anywhere {
        pause(Duration::from_millis(random.below(1_100)), || false);
    }
    if aim == Aim::AfterManifest {
        let before = store.manifests().last().copied();
        pause(LIMIT, || store.manifests().last().copied() > before);
    }
    job.kill_9();
    let is_restored_only =
        |manifest: Value| manifest["kind"] == "takeover" || manifest["generation"].as_u64() == Some(generation);
    let restored_only = store.newest().is_some_and(is_restored_only);
    match aim {
        Aim::Restore if restored_only => Aim::Restore,
        _ if home.lake_is_behind() => Aim::AfterManifest,
        _ => Aim::Anywhere,
    }
}

fn free_flow(path: &Path) {
    let mut table = String::from("road_id,free_flow\n");
    (0..140).for_each(|road| table.push_str(&format!("{road},{}.25\n", 30 + road % 60)));
    fs::write(path, table).unwrap();
}

#[test]
fn ten_kills_lose_nothing_and_double_nothing() {
    let needed =
        [Server::Kafka, Server::Redis, Server::Python].map(|server| need(server, "exactly once under kill -9"));
    if needed.contains(&false) {
        return;
    }
    let seed = std::env::var("GREENWAVE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("repeat with GREENWAVE_SEED={seed}");
    let mut random = Random::new(seed);
    let (kafka, redis) = (Kafka::start(Options::test()), Redis::start());
    kafka.create_topic("gps_data", PARTITIONS, &[]);
    let folder = Folder::new("kill");
    let flow = folder.join("free_flow.csv");
    free_flow(&flow);
    let home = Home { brokers: kafka.brokers(), redis: redis.url(), free_flow: flow, folder };

    let fed = Arc::new(AtomicBool::new(false));
    let (brokers, done) = (kafka.brokers(), fed.clone());
    let feeder = std::thread::spawn(move || {
        let traffic = Traffic::new(seed, u64::from(PARTITIONS), wall_ms).take(RECORDS);
        let sent = greenwave_tests::kafka::feed(&brokers, "gps_data", traffic, Pace::PerSecond(RATE));
        done.store(true, Ordering::Release);
        sent
    });

    let (mut fell, mut newer) = (vec![], 0);
    for aim in aims(&mut random) {
        let before = home.checkpoints().checkpoint();
        fell.push(live_and_die(&home, aim, &mut random));
        newer += usize::from(home.checkpoints().checkpoint() > before);
    }
    let count = |aim: Aim| fell.iter().filter(|at| **at == aim).count();
    println!("kills fell: {fell:?}; {newer} restarts found a newer manifest");
    assert!(newer >= 7, "only {newer} of {KILLS} restarts find a newer manifest than the one before");
    assert!(count(Aim::AfterManifest) >= 2, "too few kills between a manifest and its lake commit: {fell:?}");
    assert!(count(Aim::Restore) >= 1, "no kill during a restore: {fell:?}");

    let seq = home.checkpoints().checkpoint();
    let mut last = home.submit();
    assert_eq!(feeder.join().unwrap(), RECORDS as u64);
    assert!(fed.load(Ordering::Acquire));
    wait_for("the last record in a checkpoint of the last life", LIMIT, || {
        let store = home.checkpoints();
        (store.records() == RECORDS as u64 && store.checkpoint() > seq).then_some(())
    });
    last.interrupt();
    let status = last.wait(LIMIT);
    assert_eq!(status.code(), Some(3), "{}", last.said());
    let summary = last.summary();
    assert_eq!(summary["restore_differences"], 0, "{summary}");
    let offsets = kafka.committed("gps_data", "greenwave-city", PARTITIONS);
    assert_eq!(
        offsets.iter().flatten().sum::<i64>(),
        RECORDS as i64,
        "the group's offsets, for lag tools: {offsets:?}"
    );
    judge(&home, &kafka, &summary);
}

/// Recomputes everything in SQL; fails with its list of violations.
fn judge(home: &Home, kafka: &Kafka, summary: &Value) {
    let truth = home.folder.join("truth.jsonl");
    let lines: Vec<String> = kafka
        .read("gps_data")
        .iter()
        .map(|stored| {
            serde_json::json!({"partition": stored.partition, "offset": stored.offset, "timestamp_ms": stored.timestamp_ms})
                .to_string()
        })
        .collect();
    fs::write(&truth, lines.join("\n")).unwrap();
    println!("{}", Judge::of(&home.folder.join("lake")).redis(&home.redis).truth(&truth).summary(summary).acquit());
}
