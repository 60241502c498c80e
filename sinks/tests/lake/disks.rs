//! A full and a read-only disk, on small mounts of memory. Only the superuser can mount: skipped by name for others.

use std::io::Write;
use std::path::Path;

use greenwave_sinks::lake::{Commit, Condition, Lake, LakeError, Table};
use greenwave_tests::SmallDisk;

use crate::made::*;

fn small_disk(folder: &Path) -> Option<SmallDisk> {
    SmallDisk::mount(&folder.join("small"), "2m", "a full and a read-only disk")
}

fn condition(error: &LakeError) -> Option<Condition> {
    match error {
        LakeError::Failed { condition, .. } => Some(*condition),
        _ => None,
    }
}

#[test]
fn a_full_disk_is_named_and_nothing_is_doubled_when_space_returns() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let Some(disk) = small_disk(folder.path()) else { return };
    let mut lake = Lake::open(disk.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    commit(&mut lake, 1..=2).unwrap();
    let filler = disk.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);
    let error = commit(&mut lake, 3..=4).unwrap_err();
    assert_eq!(condition(&error), Some(Condition::Full), "{error:?}");
    assert!(error.to_string().contains(disk.path().to_str().unwrap()), "{error}");
    assert!(error.to_string().contains("free space there"), "{error}");
    commit(&mut lake, 3..=4).unwrap_err();
    std::fs::remove_file(filler).unwrap();
    assert!(matches!(commit(&mut lake, 3..=4).unwrap(), Commit::Written { .. }));
    assert_eq!(commit(&mut lake, 3..=4).unwrap(), Commit::Already);
    assert_eq!(dropped_offsets(&runtime, disk.path()), offsets_of(1..=4));
    assert_eq!(data_files(disk.path(), "dropped"), 2, "failed attempts leave no files");
}

/// Space for the rows but not for the commit that names them: page by page until the commit itself is what fails.
#[test]
fn a_disk_that_fills_up_between_upload_and_commit_doubles_nothing() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let Some(disk) = small_disk(folder.path()) else { return };
    let mut lake = Lake::open(disk.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    commit(&mut lake, 1..=1).unwrap();
    let filler = disk.path().join("filler");
    let (mut tick, mut failed) = (1, 0);
    for pages in 1..8 {
        let mut file = std::fs::File::create(&filler).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        let full = file.metadata().unwrap().len();
        file.set_len(full.saturating_sub(pages * 4096)).unwrap();
        drop(file);
        tick += 1;
        let rows = std::iter::once(Ok((DATE.to_owned(), tick, tick_rows(tick, 3))));
        let first = lake.commit(&Table::dropped(), tick, rows);
        failed += usize::from(first.is_err());
        std::fs::remove_file(&filler).unwrap();
        let again = commit(&mut lake, tick..=tick).unwrap();
        assert_eq!(first.is_ok(), again == Commit::Already, "{pages} pages: {first:?} then {again:?}");
    }
    assert!(failed > 0, "the disk was never full enough");
    assert_eq!(dropped_offsets(&runtime, disk.path()), offsets_of(1..=tick));
}

#[test]
fn a_read_only_folder_is_refused_at_the_start_and_named_later() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let Some(disk) = small_disk(folder.path()) else { return };
    let root = disk.path().to_str().unwrap();
    let mut lake = Lake::open(root, JOB, runtime.handle().clone()).unwrap();
    commit(&mut lake, 1..=1).unwrap();
    disk.remount("ro");
    let error = commit(&mut lake, 2..=2).unwrap_err();
    assert_eq!(condition(&error), Some(Condition::ReadOnly), "{error:?}");
    for root in [root.to_owned(), format!("{root}/deeper")] {
        let Err(error) = Lake::open(&root, JOB, runtime.handle().clone()) else { panic!("{root} was accepted") };
        assert_eq!(condition(&error), Some(Condition::ReadOnly), "{error:?}");
        assert!(error.to_string().contains(&root), "{error}");
    }
    disk.remount("rw");
    commit(&mut lake, 2..=2).unwrap();
    assert_eq!(dropped_offsets(&runtime, disk.path()), offsets_of(1..=2));
}
