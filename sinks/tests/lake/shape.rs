//! Tables and files: every view has one, files are sorted and carry their statistics, columns can be added.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use greenwave_model::ViewRow;
use greenwave_model::views::{Hotspot, RoadCurrent, RoadTraffic, VehicleLocation};
use greenwave_sinks::lake::{Commit, Lake, LakeError, Table, parquet};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    basic::Compression,
    file::reader::{FileReader, SerializedFileReader},
};

use crate::made::*;

#[test]
fn every_view_has_a_table_sorted_by_its_key_and_tick() {
    for spec in [&VehicleLocation::SPEC, &RoadTraffic::SPEC, &RoadCurrent::SPEC, &Hotspot::SPEC] {
        let table = Table::view(spec);
        assert_eq!(table.name, format!("views/{}", spec.name));
        let names: Vec<_> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let own: Vec<_> = spec.columns.iter().map(|column| column.name).collect();
        assert_eq!(names[..own.len()], own);
        assert_eq!(names[own.len()..], ["revision", "is_final", "removed", "tick", "watermark"]);
        let keys: Vec<_> = spec.columns.iter().filter(|column| column.key).map(|column| column.name).collect();
        assert_eq!(table.sort, [keys, vec!["tick"]].concat());
        assert!(!names.contains(&"date"), "the partition column is not in the rows");
    }
    let traffic = Table::view(&RoadTraffic::SPEC).schema;
    for name in ["report_count", "min_speed", "max_speed", "average_speed", "vehicle_count"] {
        traffic.field_with_name(name).unwrap();
    }
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(traffic.field_with_name("window_start").unwrap().data_type(), &utc);
}

fn rows_of(file: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file)).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

fn records(rows: &[RecordBatch]) -> Vec<(String, i64)> {
    let (partitions, offsets) = (texts(rows, "_partition"), bigints(rows, "_offset"));
    partitions.into_iter().zip(offsets).map(|(partition, offset)| (partition.unwrap(), offset.unwrap())).collect()
}

/// Stretches in turn, stretches that overlap, and rows upside down come out in the same order.
#[test]
fn files_are_sorted_however_the_runs_lie() {
    let table = Table::raw_gps();
    let expected: Vec<_> =
        ["0", "1"].into_iter().flat_map(|p| (0..1_000).map(move |offset| (p.to_owned(), offset))).collect();
    let stretches = vec![raw("1", 0..400), raw("0", 500..1_000), raw("0", 0..500), raw("1", 400..1_000)];
    assert_eq!(records(&rows_of(parquet(&table, &stretches).unwrap())), expected);

    let every_third = |from: i64| {
        let parts: Vec<_> = (0..1_000).filter(|row| row % 3 == from).map(|row| raw("0", row..row + 1)).collect();
        arrow_select::concat::concat_batches(&table.schema, &parts).unwrap()
    };
    let overlapping = vec![every_third(2), raw("1", 0..1_000), every_third(0), every_third(1)];
    assert_eq!(records(&rows_of(parquet(&table, &overlapping).unwrap())), expected);

    let mut upside_down: Vec<_> = (0..1_000).rev().map(|row| raw("1", row..row + 1)).collect();
    upside_down.extend((0..1_000).rev().map(|row| raw("0", row..row + 1)));
    let upside_down = arrow_select::concat::concat_batches(&table.schema, &upside_down).unwrap();
    let sorted = rows_of(parquet(&table, std::slice::from_ref(&upside_down)).unwrap());
    assert_eq!(records(&sorted), expected);
    assert_eq!(nulls(&sorted, "road_id"), nulls(&[upside_down], "road_id"), "rows stay whole");
}

#[test]
fn files_say_how_they_are_sorted_and_what_they_span() {
    let file =
        SerializedFileReader::new(bytes::Bytes::from(parquet(&Table::raw_gps(), &[raw("0", 0..1_000)]).unwrap()));
    let file = file.unwrap();
    let group = file.metadata().row_group(0);
    let sorting: Vec<_> = group.sorting_columns().unwrap().iter().map(|column| column.column_idx).collect();
    assert_eq!(sorting, [9, 10, 11]);
    assert!(group.columns().iter().all(|column| matches!(column.compression(), Compression::ZSTD(_))));
    assert!(group.columns().iter().all(|column| column.statistics().is_some()));
}

#[test]
fn one_commit_spans_midnight() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    let days = [("2026-03-02", 1), ("2026-03-03", 2), ("2026-03-02", 3)];
    let runs = days.into_iter().map(|(date, tick)| Ok((date.to_owned(), tick, tick_rows(tick, 3))));
    let written = lake.commit(&Table::dropped(), 3, runs).unwrap();
    assert!(matches!(written, Commit::Written { version: 1, files: 2, rows: 9, .. }), "{written:?}");
    assert!(folder.path().join("dropped/date=2026-03-03").is_dir());
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=3));
}

fn with_column(table: &Table, name: &str, kind: DataType, values: RecordBatch) -> (Table, RecordBatch) {
    let mut fields: Vec<_> = table.schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.push(Field::new(name, kind, true));
    let table = Table { schema: Arc::new(Schema::new(fields)), ..table.clone() };
    let mut columns = values.columns().to_vec();
    columns.push(Arc::new(Int64Array::from(vec![7; values.num_rows()])));
    (table.clone(), RecordBatch::try_new(table.schema, columns).unwrap())
}

#[test]
fn a_new_column_is_added_and_null_in_older_rows() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    commit(&mut lake, 1..=1).unwrap();
    let (wider, rows) = with_column(&Table::dropped(), "late_by_ms", DataType::Int64, tick_rows(2, 3));
    lake.commit(&wider, 2, std::iter::once(Ok((DATE.to_owned(), 2, rows)))).unwrap();
    commit(&mut lake, 3..=3).unwrap();
    let rows = read(&runtime, folder.path(), "dropped");
    assert_eq!((nulls(&rows, "late_by_ms"), bigints(&rows, "late_by_ms").iter().flatten().count()), (6, 3));
}

#[test]
fn a_column_of_another_type_is_refused() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    commit(&mut lake, 1..=1).unwrap();
    let mut table = Table::rejects();
    table.name = "dropped".into();
    let mut fields: Vec<_> = Table::dropped().schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields[3] = Field::new("verdict", DataType::Int64, true);
    table.schema = Arc::new(Schema::new(fields));
    let mut columns = tick_rows(2, 3).columns().to_vec();
    columns[3] = Arc::new(Int64Array::from(vec![1; 3]));
    let rows = RecordBatch::try_new(table.schema.clone(), columns).unwrap();
    let error = lake.commit(&table, 2, std::iter::once(Ok((DATE.to_owned(), 2, rows)))).unwrap_err();
    assert!(matches!(&error, LakeError::Schema { column, .. } if column == "verdict"), "{error}");
    assert_eq!(data_files(folder.path(), "dropped"), 1, "the refused attempt leaves no file");
}
