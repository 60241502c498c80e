"""Delta tables read by following their logs, checked against what `deltalake` reads of them."""

import json
import pathlib
import urllib.parse

import pyarrow
from deltalake import DeltaTable

from query import columns, run

TOPICS = ["gps_data", "vehicle_data", "traffic_camera_data", "weather_data", "emergency_incident_data"]
VIEWS = [
    "vehicle_locations", "road_traffic", "road_current", "hotspots", "incidents", "weather", "weather_current",
    "cameras", "city_summary", "routes", "alerts",
]  # fmt: skip
TABLES = {
    **{topic: f"raw/{topic}" for topic in TOPICS},
    "rejects": "rejects",
    "dropped": "dropped",
    "cut_rows": "raw/_cuts",
    **{view: f"views/{view}" for view in VIEWS},
}

_RECORD = "_topic varchar, _partition varchar, _offset bigint"
_EVENT = "id varchar, device_id varchar, timestamp timestamptz, latitude double, longitude double"
_PLACE = f"{_RECORD}, _timestamp_ms bigint, date date"
_STAMP = "revision bigint, is_final boolean, removed boolean, tick bigint, watermark timestamptz, date date"
_ROAD = (
    "average_speed double, vehicle_count bigint, report_count bigint, {} free_flow_speed double, "
    "travel_time_index double, congestion_level varchar, speed_basis varchar"
)

# What a table is when nothing was ever written to it, and the columns it must have.
SCHEMAS = {
    "gps_data": f"{_EVENT}, speed double, direction double, vehicle_type varchar, road_id varchar, {_PLACE}",
    "vehicle_data": f"{_EVENT}, speed double, direction double, vehicle_type varchar, make varchar, model varchar, "
    f"year varchar, fuel_type varchar, road_id varchar, {_PLACE}",
    "traffic_camera_data": f"{_EVENT}, camera_id varchar, speed double, direction double, road_id varchar, "
    f"vehicle_count double, detections varchar, {_PLACE}",
    "weather_data": f"{_EVENT}, temperature double, weather_condition varchar, humidity double, wind_speed double, "
    "precipitation double, visibility double, air_quality_index double, pm25 double, pm10 double, no2 double, "
    f"o3 double, co double, {_PLACE}",
    "emergency_incident_data": f"{_EVENT}, incident_id varchar, incident_type varchar, status varchar, "
    f"severity varchar, description varchar, road_id varchar, {_PLACE}",
    "rejects": f"reason varchar, detail varchar, bytes blob, {_PLACE}",
    "dropped": f"{_RECORD}, verdict varchar, tick bigint, date date",
    "cut_rows": "tick bigint, generation bigint, now timestamptz, watermark timestamptz, binding varchar, "
    "settings varchar, plan_hash varchar, date date",
    "vehicle_locations": "vehicle_id varchar, latitude double, longitude double, speed double, direction double, "
    f"timestamp timestamptz, {_STAMP}",
    "road_traffic": "road_id varchar, window_s bigint, window_start timestamptz, "
    f"{_ROAD.format('min_speed double, max_speed double,')}, camera_speed double, camera_count bigint, {_STAMP}",
    "road_current": f"road_id varchar, {_ROAD.format('')}, window_s bigint, window_start timestamptz, "
    f"timestamp timestamptz, camera_speed double, camera_count bigint, weather_factor double, {_STAMP}",
    "hotspots": "rank bigint, road_id varchar, congestion double, average_speed double, free_flow_speed double, "
    + _STAMP,
    "incidents": "incident_id varchar, incident_type varchar, status varchar, severity varchar, latitude double, "
    f"longitude double, road_id varchar, description varchar, timestamp timestamptz, {_STAMP}",
    "weather": "station_id varchar, latitude double, longitude double, temperature double, humidity double, "
    "wind_speed double, precipitation double, visibility double, air_quality_index double, pm25 double, pm10 double, "
    "no2 double, o3 double, co double, condition varchar, road_factor double, air_quality varchar, "
    f"timestamp timestamptz, {_STAMP}",
    "weather_current": "name varchar, station_id varchar, temperature double, humidity double, condition varchar, "
    f"wind_speed double, visibility double, timestamp timestamptz, {_STAMP}",
    "cameras": "camera_id varchar, road_id varchar, latitude double, longitude double, speed double, "
    f"direction double, vehicle_count double, detections varchar, timestamp timestamptz, {_STAMP}",
    "city_summary": "name varchar, total_vehicles bigint, active_emergencies bigint, average_city_speed double, "
    f"congested_roads bigint, roads_reporting bigint, timestamp timestamptz, {_STAMP}",
    "routes": "route_id varchar, travel_time_s double, free_flow_s double, delay_s double, travel_time_index double, "
    f"length_m double, worst_road varchar, roads bigint, roads_without_data bigint, {_STAMP}",
    "alerts": "episode varchar, rule varchar, subject varchar, severity varchar, state varchar, value double, "
    f"threshold double, opened_at timestamptz, cleared_at timestamptz, {_STAMP}",
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
    theirs = DeltaTable(str(folder)).schema().fields
    for one, other, fact in [(columns(con, name), theirs, "missing"), (theirs, columns(con, name), "not in views.md")]:
        names = {getattr(field, "name", field) for field in other}
        for column in one:
            column = getattr(column, "name", column)
            if column not in names:
                raise SystemExit(f"cannot judge: {TABLES[name]}: column {column} {fact}")
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
