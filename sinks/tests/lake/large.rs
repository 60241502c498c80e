//! More rows than are held in memory: several files, and runs that only the caller can choose again.

use greenwave_model::{Batch, Reject};
use greenwave_sinks::lake::{Commit, Lake, LakeError, RejectRows, Table};

use crate::made::*;

type Run = Result<(String, u64, arrow_array::RecordBatch), LakeError>;

/// 70 MiB of rejects at each tick.
fn large(ticks: std::ops::RangeInclusive<u64>) -> impl Iterator<Item = Run> {
    ticks.map(|tick| {
        let mut rows = RejectRows::default();
        let row = |row: u64| Reject { bytes: vec![b'x'; 1 << 20], ..reject((tick * 1_000 + row) as i64) };
        rows.append(&Batch { rejects: (0..70).map(row).collect(), ..Batch::default() }, &key("0"));
        Ok((DATE.to_owned(), tick, rows.finish().unwrap()))
    })
}

fn offsets(runtime: &tokio::runtime::Runtime, root: &std::path::Path) -> Vec<i64> {
    let mut offsets: Vec<_> = bigints(&read(runtime, root, "rejects"), "_offset").into_iter().flatten().collect();
    offsets.sort_unstable();
    offsets
}

#[test]
fn rows_beyond_what_is_held_become_several_files() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let written = lake.commit(&Table::rejects(), 3, large(1..=3)).unwrap();
    assert!(matches!(written, Commit::Written { version: 1, files: 2, rows: 210, .. }), "{written:?}");
    let expected: Vec<i64> = (1..=3).flat_map(|tick| tick * 1_000..tick * 1_000 + 70).collect();
    assert_eq!(offsets(&runtime, folder.path()), expected);
}

#[test]
fn a_file_that_another_writer_overtook_halfway_is_given_back_to_the_caller() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let open = || Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let (mut behind, mut ahead) = (open(), open());
    behind.commit(&Table::rejects(), 1, large(1..=1)).unwrap();
    ahead.commit(&Table::rejects(), 2, large(2..=2)).unwrap();
    let error = behind.commit(&Table::rejects(), 3, large(2..=3)).unwrap_err();
    assert!(matches!(error, LakeError::Moved { tick: 3, reached: 2, .. }), "{error}");
    assert_eq!(data_files(folder.path(), "rejects"), 2, "the overtaken file is gone");
    assert_eq!(behind.committed("rejects").unwrap(), Some(2));
    behind.commit(&Table::rejects(), 3, large(3..=3)).unwrap();
    let expected: Vec<i64> = (1..=3).flat_map(|tick| tick * 1_000..tick * 1_000 + 70).collect();
    assert_eq!(offsets(&runtime, folder.path()), expected);
}
