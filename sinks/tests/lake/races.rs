//! Several writers of one table: the store lets one through at a time, and nobody's rows come twice.

use std::thread;

use greenwave_sinks::lake::{Commit, Lake, LakeError};

use crate::made::*;

const WRITERS: u64 = 4;
const TICKS: u64 = 50;

/// All four bring the table tick by tick to the same end, each from its own snapshot.
#[test]
fn four_writers_of_the_same_ticks_write_each_once() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let written: u64 = thread::scope(|scope| {
        let race = || {
            let mut lake = Lake::open(root, JOB, runtime.handle().clone()).unwrap();
            let mut written = 0;
            for tick in 1..=TICKS {
                let reached = lake.committed("dropped").unwrap().unwrap_or(0);
                match commit(&mut lake, reached.min(tick - 1) + 1..=tick) {
                    Ok(Commit::Written { rows, .. }) => written += rows,
                    Ok(Commit::Already | Commit::Empty) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            written
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(race)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!(written, TICKS * 3);
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=TICKS));
    assert!(data_files(folder.path(), "dropped") as u64 <= TICKS, "no losing attempt leaves its file");
}

/// Each writer has ticks of its own and offers again what was overtaken: nothing is lost but by the rule that a table
/// never goes back.
#[test]
fn the_tick_of_a_table_never_goes_back() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    let accepted: Vec<u64> = thread::scope(|scope| {
        let race = |writer: u64| {
            let mut lake = Lake::open(root, JOB, runtime.handle().clone()).unwrap();
            let mut accepted = Vec::new();
            for tick in (1..=TICKS).map(|turn| turn * WRITERS + writer) {
                match commit(&mut lake, tick..=tick) {
                    Ok(Commit::Written { .. }) => accepted.push(tick),
                    Ok(Commit::Already) | Err(LakeError::Moved { .. }) => {}
                    other => panic!("{other:?}"),
                }
            }
            accepted
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || race(writer))).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let mut expected: Vec<i64> = accepted.iter().flat_map(|&tick| offsets_of(tick..=tick)).collect();
    expected.sort_unstable();
    assert_eq!(dropped_offsets(&runtime, folder.path()), expected);
    let mut last = 0;
    for tick in committed_ticks(folder.path()) {
        assert!(tick > last, "tick {tick} was committed after {last}");
        last = tick;
    }
}

/// The `txn` of each commit, in the order of versions.
fn committed_ticks(root: &std::path::Path) -> Vec<u64> {
    let mut commits: Vec<_> = std::fs::read_dir(root.join("dropped/_delta_log"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    commits.sort();
    let mut ticks = Vec::new();
    for commit in commits {
        for line in std::fs::read_to_string(commit).unwrap().lines() {
            let action: serde_json::Value = serde_json::from_str(line).unwrap();
            ticks.extend(action.pointer("/txn/version").and_then(serde_json::Value::as_u64));
        }
    }
    ticks
}
