//! Rows, lakes and readers for the tests of this folder.

use std::{path::Path, sync::Arc};

use arrow_array::{Array, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type};
use delta_kernel::{Engine, Snapshot, engine::arrow_data::ArrowEngineData};
use delta_kernel_default_engine::{DefaultEngineBuilder, executor::tokio::TokioMultiThreadExecutor};
use greenwave_model::{Batch, GpsRaw, GpsReading, PartitionKey, RecordRef, Reject, RejectReason};
use greenwave_sinks::lake::{Commit, DroppedRows, Lake, LakeError, RawGpsRows, Table};
use object_store::local::LocalFileSystem;
use tokio::runtime::{Builder, Runtime};
use url::Url;

pub const DATE: &str = "2026-03-02";
pub const T0: i64 = 1_772_438_400_000;
pub const JOB: &str = "city";

pub fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

pub fn key(partition: &str) -> PartitionKey {
    PartitionKey { topic: "gps_data".into(), partition: partition.into() }
}

/// Events of one partition at `offsets`; every third without a road, every second without a direction.
pub fn batch(offsets: std::ops::Range<i64>) -> Batch {
    let mut raw = GpsRaw::default();
    let readings = offsets
        .clone()
        .map(|offset| {
            raw.id.push(&format!("00000000-0000-4000-8000-{offset:012}"));
            raw.vehicle_type.push(if offset % 5 == 0 { "" } else { "bus" });
            GpsReading {
                record: RecordRef::new(0, offset),
                fingerprint: offset as u128,
                device: format!("v{}", offset % 7).into(),
                road: if offset % 3 == 0 { "" } else { "A40" }.into(),
                event_ms: T0 + offset * 10,
                arrival_ms: T0 + offset * 10 + 500,
                speed_kmh: offset as f64 / 2.0,
                latitude: 51.5,
                longitude: -0.1,
                direction_deg: if offset % 2 == 0 { f64::NAN } else { 90.0 },
            }
        })
        .collect();
    let (start, end) = (offsets.start, offsets.end);
    Batch { start, end, timestamped: true, readings, raw: Some(raw), ..Batch::default() }
}

pub fn reject(offset: i64) -> Reject {
    let detail = "expected value at line 1".to_owned();
    Reject { offset, timestamp_ms: Some(T0), reason: RejectReason::NotJson, detail, bytes: vec![0xff, 0x00, b'{'] }
}

pub fn raw(partition: &str, offsets: std::ops::Range<i64>) -> RecordBatch {
    let mut rows = RawGpsRows::default();
    rows.append(&batch(offsets), &key(partition));
    rows.finish().unwrap()
}

/// A row of `dropped` for each tick: the smallest table that carries its tick.
pub fn tick_rows(tick: u64, rows: usize) -> RecordBatch {
    let mut dropped = DroppedRows::default();
    for row in 0..rows {
        dropped.append(&key("0"), tick as i64 * 1_000 + row as i64, "duplicate", tick);
    }
    dropped.finish().unwrap()
}

type Run = Result<(String, u64, RecordBatch), LakeError>;

/// One run a tick, three rows each.
pub fn runs(ticks: impl IntoIterator<Item = u64>) -> Vec<Run> {
    ticks.into_iter().map(|tick| Ok((DATE.to_owned(), tick, tick_rows(tick, 3)))).collect()
}

pub fn commit(lake: &mut Lake, ticks: std::ops::RangeInclusive<u64>) -> Result<Commit, LakeError> {
    lake.commit(&Table::dropped(), *ticks.end(), runs(ticks).into_iter())
}

pub fn engine(runtime: &Runtime) -> Arc<dyn Engine> {
    let executor = Arc::new(TokioMultiThreadExecutor::new(runtime.handle().clone()));
    Arc::new(DefaultEngineBuilder::new(Arc::new(LocalFileSystem::new())).with_task_executor(executor).build())
}

pub fn url(root: &Path, table: &str) -> Url {
    Url::from_directory_path(root.canonicalize().unwrap().join(table)).unwrap()
}

/// What a Delta reader finds in the table.
pub fn read(runtime: &Runtime, root: &Path, table: &str) -> Vec<RecordBatch> {
    let engine = engine(runtime);
    let snapshot = Snapshot::builder_for(url(root, table)).build(engine.as_ref()).unwrap();
    let scan = snapshot.scan_builder().build().unwrap();
    let rows = scan.execute(engine).unwrap();
    rows.map(|rows| (*ArrowEngineData::try_from_engine_data(rows.unwrap()).unwrap()).into()).collect()
}

pub fn bigints(batches: &[RecordBatch], column: &str) -> Vec<Option<i64>> {
    let columns = batches.iter().map(|batch| batch.column_by_name(column).unwrap().as_primitive::<Int64Type>());
    columns.flat_map(Int64Array::iter).collect()
}

pub fn texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let columns = batches.iter().map(|batch| batch.column_by_name(column).unwrap().as_string::<i32>());
    columns.flat_map(StringArray::iter).map(|text| text.map(str::to_owned)).collect()
}

pub fn nulls(batches: &[RecordBatch], column: &str) -> usize {
    batches.iter().map(|batch| batch.column_by_name(column).unwrap().logical_null_count()).sum()
}

/// The offsets in `dropped`, sorted: each tick's rows as many times as they are there.
pub fn dropped_offsets(runtime: &Runtime, root: &Path) -> Vec<i64> {
    let mut offsets: Vec<_> =
        bigints(&read(runtime, root, "dropped"), "_offset").into_iter().map(Option::unwrap).collect();
    offsets.sort_unstable();
    offsets
}

pub fn offsets_of(ticks: std::ops::RangeInclusive<u64>) -> Vec<i64> {
    ticks.flat_map(|tick| (0..3).map(move |row| tick as i64 * 1_000 + row)).collect()
}

/// Data files of a table on disk, named by a commit or not.
pub fn data_files(root: &Path, table: &str) -> usize {
    let folder = root.join(table).join(format!("date={DATE}"));
    std::fs::read_dir(folder).map_or(0, |files| files.filter(|file| file.is_ok()).count())
}
