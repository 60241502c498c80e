//! What the builders put into the tables' columns.

use arrow_array::{Array, cast::AsArray, types::TimestampMicrosecondType};
use greenwave_model::views::{CameraTotals, RoadTotals, RoadTraffic, VehicleLocation, WindowKey};
use greenwave_model::{Batch, Binding, Change, CutRef, Delta, Name, ViewRow, ViewSpec};
use greenwave_sinks::lake::{DroppedRows, RawGpsRows, RejectRows, Table, ViewRows, cut_row, decode, encode};

use crate::made::*;

#[test]
fn raw_rows_hold_every_reading_and_start_anew_after_finish() {
    let mut rows = RawGpsRows::default();
    assert!(rows.finish().is_none());
    rows.append(&batch(0..30), &key("3"));
    rows.append(&Batch { timestamped: false, ..batch(30..40) }, &key("day one/gps.json"));
    assert_eq!(rows.rows(), 40);
    let first = rows.finish().unwrap();
    assert_eq!((rows.rows(), rows.bytes()), (0, 0));
    assert_eq!(first.schema(), Table::raw_gps().schema);
    let all = std::slice::from_ref(&first);
    assert_eq!(bigints(all, "_offset"), (0..40).map(Some).collect::<Vec<_>>());
    assert_eq!(bigints(all, "_timestamp_ms")[..2], [Some(T0 + 500), Some(T0 + 510)]);
    assert_eq!(nulls(all, "_timestamp_ms"), 10, "a folder's rows have none");
    assert_eq!(texts(all, "id")[7].as_deref(), Some("00000000-0000-4000-8000-000000000007"));
    assert_eq!(texts(all, "device_id")[9].as_deref(), Some("v2"));
    assert_eq!(texts(all, "road_id")[..4], [None, Some("A40".into()), Some("A40".into()), None]);
    assert_eq!((nulls(all, "road_id"), nulls(all, "vehicle_type"), nulls(all, "direction")), (14, 8, 20));
    assert_eq!(texts(all, "_partition")[29..31], [Some("3".into()), Some("day one/gps.json".into())]);
    let event = first.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
    assert_eq!(event.value(2), (T0 + 20) * 1_000);

    rows.append(&batch(40..41), &key("3"));
    assert_eq!(bigints(&[rows.finish().unwrap()], "_offset"), [Some(40)]);
}

#[test]
fn a_batch_without_raw_texts_has_null_ids() {
    let mut rows = RawGpsRows::default();
    rows.append(&Batch { raw: None, ..batch(0..3) }, &key("0"));
    let rows = [rows.finish().unwrap()];
    assert_eq!((nulls(&rows, "id"), nulls(&rows, "vehicle_type")), (3, 3));
}

#[test]
fn rejects_keep_their_bytes_and_dropped_their_verdict() {
    let mut rejects = RejectRows::default();
    let folder = greenwave_model::Reject { timestamp_ms: None, ..reject(9) };
    rejects.append(&Batch { rejects: vec![reject(5), folder], ..Batch::default() }, &key("1"));
    let rows = rejects.finish().unwrap();
    assert_eq!(rows.column_by_name("bytes").unwrap().as_binary::<i32>().value(0), [0xff, 0x00, b'{']);
    let rows = [rows];
    assert_eq!(texts(&rows, "reason"), [Some("not_json".into()), Some("not_json".into())]);
    assert_eq!(bigints(&rows, "_timestamp_ms"), [Some(T0), None]);
    assert_eq!(rejects.rows(), 0);

    let mut dropped = DroppedRows::default();
    dropped.append(&key("1"), 7, "too_late", 1 << 33);
    let rows = [dropped.finish().unwrap()];
    assert_eq!((bigints(&rows, "tick"), bigints(&rows, "_offset")), (vec![Some(1 << 33)], vec![Some(7)]));
}

fn window(start: i64, change: Change<RoadTraffic>, is_final: bool) -> Delta<RoadTraffic> {
    let key = WindowKey { road: Name::new("A40"), window_s: 60, window_start_ms: start };
    Delta { key, change, revision: 3, is_final }
}

#[test]
fn view_rows_have_nulls_for_removed_values_and_nothing_for_retired_keys() {
    static SPEC: ViewSpec = RoadTraffic::SPEC;
    let mut totals = RoadTotals::NONE;
    totals.observe(30.0);
    let value = RoadTraffic { totals, cameras: CameraTotals::default(), vehicles: Some(1), free_flow_kmh: None };
    let deltas = vec![
        window(T0, Change::Set(value), true),
        window(T0 + 60_000, Change::Remove, false),
        window(T0 + 120_000, Change::Retire, false),
    ];
    let mut rows = ViewRows::new(&SPEC);
    (0..3).for_each(|row| rows.append(&deltas, row, 81, (row == 0).then_some(T0 + 5)));
    assert_eq!(rows.rows(), 2);
    let all = rows.finish().unwrap();
    assert!(rows.finish().is_none());
    let flag = |name| all.column_by_name(name).unwrap().as_boolean().iter().flatten().collect::<Vec<_>>();
    assert_eq!((flag("is_final"), flag("removed")), (vec![true, false], vec![false, true]));
    let all = [all];
    assert_eq!(bigints(&all, "report_count"), [Some(1), None]);
    assert_eq!((bigints(&all, "revision"), bigints(&all, "tick")), (vec![Some(3); 2], vec![Some(81); 2]));
    assert_eq!((nulls(&all, "watermark"), nulls(&all, "travel_time_index"), nulls(&all, "road_id")), (1, 2, 0));
}

#[test]
fn a_cut_is_one_row() {
    let binding = Binding {
        tick: 9,
        generation: 2,
        is_cut: true,
        publishes: true,
        cut: CutRef::default(),
        partitions: Vec::new(),
        watermark_ms: [("gps_data".to_owned(), T0)].into(),
        now_ms: T0 + 1,
        references: Default::default(),
    };
    let row = cut_row("{\"tick\":9}", "{}", "abc", &binding);
    assert_eq!((row.num_rows(), row.schema()), (1, Table::cuts().schema));
    let unknown = cut_row("{}", "{}", "abc", &Binding { watermark_ms: Default::default(), ..binding });
    assert!(unknown.column_by_name("watermark").unwrap().is_null(0));
}

#[test]
fn a_staged_run_comes_back_as_it_was_or_not_at_all() {
    let rows = raw("0", 0..5_000);
    let bytes = encode(&rows).unwrap();
    assert_eq!(decode(bytes.clone()).unwrap(), rows);
    for length in [0, 1, 100, bytes.len() / 2, bytes.len() - 9] {
        assert!(decode(bytes.slice(..length)).is_err(), "{length} of {} bytes were taken", bytes.len());
    }
    let _ = VehicleLocation::SPEC;
}
