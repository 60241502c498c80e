//! Repetition, restarts and zombies: what is offered again is not written again.

use greenwave_sinks::lake::{Commit, Lake, Table};

use crate::made::*;

#[test]
fn a_tick_offered_again_is_already_there() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let root = folder.path().join("made/on open");
    let mut lake = Lake::open(root.to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    assert_eq!(lake.committed("dropped").unwrap(), None);
    assert!(matches!(commit(&mut lake, 1..=4).unwrap(), Commit::Written { version: 1, files: 1, rows: 12, .. }));
    assert_eq!(commit(&mut lake, 1..=4).unwrap(), Commit::Already);
    assert_eq!(commit(&mut lake, 2..=3).unwrap(), Commit::Already);
    assert_eq!(lake.committed("dropped").unwrap(), Some(4));

    let mut reopened = Lake::open(root.to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    assert_eq!(reopened.committed("dropped").unwrap(), Some(4));
    assert_eq!(commit(&mut reopened, 1..=4).unwrap(), Commit::Already);
    assert_eq!(dropped_offsets(&runtime, &root), offsets_of(1..=4));
    assert_eq!(data_files(&root, "dropped"), 1);
}

#[test]
fn runs_at_or_below_the_committed_tick_or_beyond_the_wanted_one_are_left() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    commit(&mut lake, 1..=4).unwrap();
    let more = lake.commit(&Table::dropped(), 6, runs(3..=9).into_iter()).unwrap();
    assert!(matches!(more, Commit::Written { rows: 6, .. }), "{more:?}");
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=6));
}

#[test]
fn without_rows_there_is_no_commit_and_no_table() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let none = tick_rows(1, 3).slice(0, 0);
    let empty = || std::iter::once(Ok((DATE.to_owned(), 1, none.clone())));
    assert_eq!(lake.commit(&Table::dropped(), 1, empty()).unwrap(), Commit::Empty);
    assert_eq!(lake.committed("dropped").unwrap(), None);
    assert!(!folder.path().join("dropped").exists());
}

#[test]
fn a_run_that_cannot_be_read_leaves_nothing_behind() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let damaged = greenwave_sinks::lake::decode(bytes::Bytes::from_static(b"no run")).unwrap_err();
    let offered = runs(1..=2).into_iter().chain([Err(damaged)]);
    let error = lake.commit(&Table::dropped(), 3, offered).unwrap_err();
    assert!(error.to_string().starts_with("cannot read a staged run: "), "{error}");
    assert_eq!(data_files(folder.path(), "dropped"), 0);
    commit(&mut lake, 1..=3).unwrap();
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=3));
}

#[test]
fn an_old_generation_that_commits_late_neither_doubles_nor_goes_back() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let open = || Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let mut old = open();
    commit(&mut old, 1..=2).unwrap();
    let mut new = open();
    commit(&mut new, 3..=6).unwrap();
    // The old handle still stands on the snapshot in which the table has reached tick 2.
    assert_eq!(commit(&mut old, 3..=4).unwrap(), Commit::Already);
    assert_eq!(commit(&mut old, 3..=6).unwrap(), Commit::Already);
    assert_eq!(new.committed("dropped").unwrap(), Some(6));
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=6));
    assert_eq!(data_files(folder.path(), "dropped"), 2, "the late attempt's file is gone");
}

#[test]
fn runs_are_chosen_again_when_another_got_part_of_the_way() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let open = || Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let (mut behind, mut ahead) = (open(), open());
    commit(&mut behind, 1..=2).unwrap();
    commit(&mut ahead, 3..=4).unwrap();
    let written = commit(&mut behind, 3..=6).unwrap();
    assert!(matches!(written, Commit::Written { version: 3, rows: 6, .. }), "{written:?}");
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=6));
}

#[test]
fn the_log_has_a_checkpoint_after_fifty_commits_and_keeps_the_tick() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let open = || Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let mut lake = open();
    for tick in 1..=53 {
        commit(&mut lake, tick..=tick).unwrap();
    }
    let log = folder.path().join("dropped/_delta_log");
    assert!(log.join("00000000000000000050.checkpoint.parquet").exists());
    assert!(log.join("_last_checkpoint").exists());
    // A reader that has only the checkpoint and what follows it.
    for version in 0..50 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    assert_eq!(open().committed("dropped").unwrap(), Some(53));
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=53));
    commit(&mut lake, 54..=54).unwrap();
    assert_eq!(open().committed("dropped").unwrap(), Some(54));
}

#[test]
fn reference_bytes_are_put_once() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    for bytes in [&b"road,kmh\n"[..], b"never written"] {
        lake.put_reference("free_flow.csv", "0f3c", bytes::Bytes::from_static(bytes)).unwrap();
    }
    let path = folder.path().join("raw/_reference/free_flow.csv-0f3c");
    assert_eq!(std::fs::read(path).unwrap(), b"road,kmh\n");
}
