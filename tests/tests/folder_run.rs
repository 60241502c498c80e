//! A folder gives the same lake at any number of workers, and two public readers agree on it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use greenwave_tests::traffic::Traffic;
use greenwave_tests::{Folder, Job, Server, need, python};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);
/// Enough for many cuts: only a cut before makes anything too late.
const RECORDS: u64 = 1_100_000;
/// 2026-03-02T08:00:00Z.
const START_MS: i64 = 1_772_438_400_000;
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/congestion-replay.toml");

/// Three files side by side, one of them far behind the others at first; 30 reports a second for two hours.
fn write_traffic(folder: &Path, records: u64) {
    fs::create_dir_all(folder.join("gps")).unwrap();
    let mut files: Vec<_> = (0..3)
        .map(|number| {
            std::io::BufWriter::new(fs::File::create(folder.join(format!("gps/part-{number}.jsonl"))).unwrap())
        })
        .collect();
    let mut now_ms = START_MS;
    let clock = move || {
        now_ms += 33;
        now_ms
    };
    for record in Traffic::new(7, 3, clock).take(records as usize) {
        let file = &mut files[record.partition as usize];
        // A line cannot hold its own end; everything else may stand in one.
        let line: Vec<u8> = record.payload.into_iter().filter(|byte| *byte != b'\n').collect();
        file.write_all(&line).unwrap();
        file.write_all(b"\n").unwrap();
    }
    let mut table = String::from("segment_id,free_flow\n");
    (0..140).for_each(|road| table.push_str(&format!("{road},{}.5\n", 30 + road % 60)));
    fs::write(folder.join("segments.csv"), table).unwrap();
}

fn run(input: &Path, home: &Path, workers: usize) -> Value {
    let conf = |key: &str, value: &Path| format!("{key}={}", value.display());
    let mut job = Job::submit([
        "--master".to_owned(),
        format!("local[{workers}]"),
        CITY.to_owned(),
        "--conf".to_owned(),
        conf("input", input),
        "--conf".to_owned(),
        conf("lake", &home.join("lake")),
        "--conf".to_owned(),
        conf("state", &home.join("state")),
        "--output".to_owned(),
        "json".to_owned(),
    ]);
    job.success(LIMIT);
    job.summary()
}

#[test]
fn the_lake_is_the_same_at_one_two_and_four_workers() {
    if !need(Server::Python, "the lake of a folder run at 1, 2 and 4 workers") {
        return;
    }
    let folder = Folder::new("folder-run");
    write_traffic(&folder.join("input"), RECORDS);
    let homes: Vec<_> = [1, 2, 4].map(|workers| folder.join(format!("workers-{workers}"))).into();
    for (home, workers) in homes.iter().zip([1, 2, 4]) {
        let summary = run(&folder.join("input"), home, workers);
        let count = |name: &str| summary[name].as_u64().unwrap();
        assert_eq!(count("records"), RECORDS);
        assert_eq!(count("records"), count("accepted") + count("duplicates") + count("rejected") + count("too_late"));
        assert!(count("duplicates") > 1_000 && count("rejected") > 1_000 && count("too_late") > 1_000, "{summary}");
    }
    assert_same_lake(&homes);
    let before = fall_back(&folder.join("input"), &homes[1]);
    assert_eq!((before["restore_differences"].as_u64(), before["records"].as_u64()), (Some(0), Some(RECORDS)));
    assert_same_lake(&homes);
}

fn assert_same_lake(homes: &[PathBuf]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("same_lake.py");
    let compared = Command::new(python().unwrap()).arg(script).args(homes).output().unwrap();
    assert!(
        compared.status.success(),
        "{}{}",
        String::from_utf8_lossy(&compared.stdout),
        String::from_utf8_lossy(&compared.stderr)
    );
}

/// Spoils what the last two cuts have written and runs again: from the cut before, through those two once more.
fn fall_back(input: &Path, home: &Path) -> Value {
    let state = home.join("state/jobs/congestion-replay/state");
    let mut ticks: Vec<u64> = fs::read_dir(&state)
        .unwrap()
        .map(|tick| tick.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    ticks.sort_unstable();
    for tick in ticks.iter().rev().take(2) {
        for object in fs::read_dir(state.join(tick.to_string())).unwrap() {
            fs::write(object.unwrap().path(), "spoilt").unwrap();
        }
    }
    let summary = run(input, home, 4);
    assert!(summary["ticks"].as_u64() >= Some(2) && summary["restored_tick"].as_u64() < ticks.last().copied());
    summary
}

#[test]
fn a_run_that_is_done_has_nothing_to_do() {
    let folder = Folder::new("folder-again");
    write_traffic(&folder.join("input"), 20_000);
    let first = run(&folder.join("input"), folder.path(), 2);
    let again = run(&folder.join("input"), folder.path(), 2);
    for name in ["records", "accepted", "duplicates", "rejected", "too_late", "late", "views"] {
        assert_eq!(first[name], again[name], "{name}");
    }
    assert_eq!((again["ticks"].as_u64(), again["restore_differences"].as_u64()), (Some(0), Some(0)));
}
