"""Delta tables read by following their logs, checked against what `deltalake` reads of them."""

import json
import pathlib
import urllib.parse

import pyarrow
from deltalake import DeltaTable

from query import columns, run

TABLES = {
    "raw": "raw/gps_data",
    "rejects": "rejects",
    "dropped": "dropped",
    "cut_rows": "raw/_cuts",
    "vehicle_locations": "views/vehicle_locations",
    "road_traffic": "views/road_traffic",
    "road_current": "views/road_current",
    "hotspots": "views/hotspots",
}

_RECORD = "_topic varchar, _partition varchar, _offset bigint"
_STAMP = "revision bigint, is_final boolean, removed boolean, tick bigint, watermark timestamptz, date date"
_ROAD = (
    "average_speed double, vehicle_count bigint, report_count bigint, {} free_flow_speed double, "
    "travel_time_index double, congestion_level varchar, speed_basis varchar"
)

# What a table is when nothing was ever written to it, and the columns it must have.
SCHEMAS = {
    "raw": "id varchar, device_id varchar, timestamp timestamptz, speed double, latitude double, longitude double, "
    f"direction double, vehicle_type varchar, road_id varchar, {_RECORD}, _timestamp_ms bigint, date date",
    "rejects": f"{_RECORD}, _timestamp_ms bigint, reason varchar, detail varchar, bytes blob, date date",
    "dropped": f"{_RECORD}, verdict varchar, tick bigint, date date",
    "cut_rows": "tick bigint, generation bigint, now timestamptz, watermark timestamptz, binding varchar, "
    "settings varchar, plan_hash varchar, date date",
    "vehicle_locations": "vehicle_id varchar, latitude double, longitude double, speed double, direction double, "
    f"timestamp timestamptz, {_STAMP}",
    "road_traffic": "road_id varchar, window_s bigint, window_start timestamptz, "
    f"{_ROAD.format('min_speed double, max_speed double,')}, {_STAMP}",
    "road_current": f"road_id varchar, {_ROAD.format('')}, window_s bigint, window_start timestamptz, "
    f"timestamp timestamptz, {_STAMP}",
    "hotspots": "rank bigint, road_id varchar, congestion double, average_speed double, free_flow_speed double, "
    + _STAMP,
}


def live_files(folder, verdict):
    """The files a table consists of: what was added and not removed, in the order of the log."""
    log = folder / "_delta_log"
    commits = sorted(path for path in log.glob("*.json") if path.stem.isdigit())
    versions = [int(path.stem) for path in commits]
    verdict.expect(versions == list(range(len(versions))), f"{folder}: the log's versions are {versions}")
    files, transactions = {}, {}
    for path in commits:
        for line in path.read_text().splitlines():
            action = json.loads(line)
            if add := action.get("add"):
                verdict.expect(add["path"] not in files, f"{path}: {add['path']} is added twice")
                files[add["path"]] = add
            elif remove := action.get("remove"):
                verdict.expect(files.pop(remove["path"], None), f"{path}: {remove['path']} is removed and not there")
            elif txn := action.get("txn"):
                before = transactions.get(txn["appId"], -1)
                verdict.expect(txn["version"] > before, f"{path}: {txn['appId']} goes from {before} to {txn['version']}")
                transactions[txn["appId"]] = txn["version"]
    return files.values(), transactions


def load(con, lake, name, verdict):
    """Makes the lake's table a table of the connection; an absent one is empty. Returns its transactions."""
    folder = pathlib.Path(lake).resolve() / TABLES[name]
    run(con, f"create table {name} ({SCHEMAS[name]})")
    if not (folder / "_delta_log").is_dir():
        return {}
    adds, transactions = live_files(folder, verdict)
    adds = list(adds)
    paths = [str(folder / urllib.parse.unquote(add["path"])) for add in adds]
    files = pyarrow.table(
        {
            "path": pyarrow.array(paths, pyarrow.string()),
            "date": pyarrow.array([add["partitionValues"]["date"] for add in adds], pyarrow.string()),
            "records": pyarrow.array([json.loads(add["stats"])["numRecords"] for add in adds], pyarrow.int64()),
        }
    )
    con.register("files", files)
    if paths:
        source = f"read_parquet({paths!r}, filename = true, hive_partitioning = false, union_by_name = true)"
        run(con, 
            f"insert into {name} by name select s.* exclude (filename), f.date::date as date "
            f"from {source} s join files f on s.filename = f.path"
        )
        verdict.none(
            f"{TABLES[name]}: files with another number of rows than the log says",
            f"select path, records, count(s.filename) as rows from files left join {source} s on filename = path "
            "group by all having count(s.filename) <> records",
        )
    agree(con, folder, name, verdict)
    con.unregister("files")
    return transactions


def agree(con, folder, name, verdict):
    """`deltalake` and DuckDB read the same rows."""
    con.register("theirs", DeltaTable(str(folder)).to_pyarrow_table())
    listed = ", ".join(columns(con, name))
    for sentence, one, other in [("only DuckDB reads", name, "theirs"), ("only deltalake reads", "theirs", name)]:
        verdict.none(
            f"{TABLES[name]}: rows that {sentence}",
            f"select {listed} from {one} except all select {listed} from {other}",
        )
    con.unregister("theirs")
