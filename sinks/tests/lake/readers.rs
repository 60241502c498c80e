//! The lake as DuckDB and `deltalake` read it.

use std::path::Path;
use std::process::Command;

use greenwave_model::views::{Hotspot, RoadTraffic};
use greenwave_model::{Batch, Binding, Change, CutRef, Delta, ViewRow, ViewSpec};
use greenwave_sinks::lake::{Lake, RejectRows, Table, ViewRows, cut_row};
use greenwave_tests::{Server, need, python};

use crate::made::*;

fn a_lake(root: &str, runtime: &tokio::runtime::Runtime) {
    let mut lake = Lake::open(root, JOB, runtime.handle().clone()).unwrap();
    let mut put = |table: Table, tick: u64, rows| {
        lake.commit(&table, tick, std::iter::once(Ok((DATE.to_owned(), tick, rows)))).unwrap();
    };
    for tick in 1..=3i64 {
        put(Table::raw_gps(), tick as u64, raw("0", (tick - 1) * 100..tick * 100));
    }
    let mut rejects = RejectRows::default();
    rejects.append(&Batch { rejects: vec![reject(300)], ..Batch::default() }, &key("0"));
    put(Table::rejects(), 3, rejects.finish().unwrap());
    put(Table::dropped(), 3, tick_rows(3, 2));
    let binding = Binding {
        tick: 3,
        generation: 1,
        is_cut: true,
        publishes: true,
        cut: CutRef::default(),
        partitions: Vec::new(),
        watermark_ms: Default::default(),
        now_ms: T0,
        references: Default::default(),
    };
    put(Table::cuts(), 3, cut_row("{\"tick\":3}", "{}", "hash", &binding));
    static HOTSPOTS: ViewSpec = Hotspot::SPEC;
    static TRAFFIC: ViewSpec = RoadTraffic::SPEC;
    let hotspot = Hotspot { road: "A40".into(), average_kmh: 10.0, free_flow_kmh: 40.0 };
    let deltas = vec![
        Delta { key: 2, change: Change::Remove, revision: 4, is_final: false },
        Delta { key: 1, change: Change::Set(hotspot), revision: 1, is_final: false },
    ];
    let mut rows = ViewRows::new(&HOTSPOTS);
    (0..2).for_each(|row| rows.append(&deltas, row, 3, Some(T0)));
    put(Table::view(&HOTSPOTS), 3, rows.finish().unwrap());
    assert!(ViewRows::new(&TRAFFIC).finish().is_none());
}

/// What a script prints, given the lake's folder.
fn read(script: &str, root: &Path) -> String {
    let output = Command::new(python().unwrap()).args(["-c", script]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const DELTALAKE: &str = r#"
import sys, deltalake
root = sys.argv[1]
table = lambda name: deltalake.DeltaTable(f"{root}/{name}")
raw = table("raw/gps_data").to_pyarrow_table()
print(raw.num_rows, len(set(raw["id"].to_pylist())), raw.schema.field("timestamp").type, raw.schema.field("date").type)
print(sorted(raw["_offset"].to_pylist()) == list(range(300)), set(map(str, raw["date"].to_pylist())))
print(table("rejects").to_pyarrow_table()["bytes"].to_pylist(), table("dropped").to_pyarrow_table()["tick"].to_pylist())
cut = table("raw/_cuts").to_pyarrow_table().to_pylist()[0]
print(cut["now"].isoformat(), cut["watermark"], cut["binding"])
print([(r["rank"], r["road_id"], r["removed"], r["revision"]) for r in table("views/hotspots").to_pyarrow_table().to_pylist()])
app = {t for t in [table("raw/gps_data").transaction_version("city/raw/gps_data")]}
print(app)
"#;

#[test]
fn deltalake_reads_every_table() {
    if !need(Server::Python, "the lake as others read it") {
        return;
    }
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    a_lake(folder.path().to_str().unwrap(), &runtime);
    let expected = "\
300 300 timestamp[us, tz=UTC] date32[day]
True {'2026-03-02'}
[b'\\xff\\x00{'] [3, 3]
2026-03-02T08:00:00+00:00 None {\"tick\":3}
[(1, 'A40', False, 1), (2, None, True, 4)]
{3}";
    assert_eq!(read(DELTALAKE, folder.path()), expected);
}

const DUCKDB: &str = r#"
import sys, duckdb
root = sys.argv[1]
db = duckdb.connect()
db.execute("set timezone = 'UTC'")
def rows(table, select):
    path = f"{root}/{table}/date=*/*.parquet"
    return db.execute(f"select {select} from read_parquet('{path}', hive_partitioning = true)").fetchall()
print(rows("raw/gps_data", "count(*), count(distinct id), min(_offset), max(_offset), sum(speed), typeof(any_value(date))"))
print(rows("raw/gps_data", "count(direction), count(road_id), typeof(any_value(\"timestamp\")), min(epoch_ms(\"timestamp\"))"))
print(rows("rejects", "reason, detail, bytes, _timestamp_ms"))
print(rows("views/hotspots", "rank, congestion, tick, removed"))
"#;

#[test]
fn duckdb_reads_the_files_by_their_folders() {
    if !need(Server::Python, "the lake as others read it") {
        return;
    }
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    a_lake(folder.path().to_str().unwrap(), &runtime);
    let expected = "\
[(300, 300, 0, 299, 22425.0, 'DATE')]
[(150, 200, 'TIMESTAMP WITH TIME ZONE', 1772438400000)]
[('not_json', 'expected value at line 1', b'\\xff\\x00{', 1772438400000)]
[(1, 0.75, 3, False), (2, None, 3, True)]";
    assert_eq!(read(DUCKDB, folder.path()), expected);
}
