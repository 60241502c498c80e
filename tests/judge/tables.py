"""Rows of the small city as tables of a lake: dictionaries first, so that a test can spoil them, then Delta."""

import datetime
import json
import pathlib

import pyarrow
from deltalake import write_deltalake

import model
import model_joins
import model_traffic
from columns import COLUMNS, KEYS, at

DAY = datetime.date(2026, 3, 2)
TIME = pyarrow.timestamp("us", "UTC")
EVENT = "id s device_id s timestamp t latitude d longitude d"
PLACE = "_topic s _partition s _offset i _timestamp_ms i"
TYPES = {
    "raw/gps_data": f"{EVENT} speed d direction d vehicle_type s road_id s {PLACE}",
    "raw/vehicle_data": f"{EVENT} speed d direction d vehicle_type s make s model s year s fuel_type s road_id s {PLACE}",
    "raw/traffic_camera_data": f"{EVENT} camera_id s speed d direction d road_id s vehicle_count d detections s {PLACE}",
    "raw/weather_data": f"{EVENT} temperature d weather_condition s humidity d wind_speed d precipitation d "
    f"visibility d air_quality_index d pm25 d pm10 d no2 d o3 d co d {PLACE}",
    "raw/emergency_incident_data": f"{EVENT} incident_id s incident_type s status s severity s description s road_id s "
    + PLACE,
    "rejects": "_topic s _partition s _offset i _timestamp_ms i reason s detail s bytes b",
    "dropped": "_topic s _partition s _offset i verdict s tick i",
    "raw/_cuts": "tick i generation i now t watermark t binding s settings s plan_hash s",
    "views/vehicle_locations": "vehicle_id s latitude d longitude d speed d direction d timestamp t",
    "views/road_traffic": "road_id s window_s i window_start t average_speed d vehicle_count i report_count i "
    "min_speed d max_speed d free_flow_speed d travel_time_index d congestion_level s speed_basis s camera_speed d "
    "camera_count i",
    "views/road_current": "road_id s average_speed d vehicle_count i report_count i free_flow_speed d "
    "travel_time_index d congestion_level s speed_basis s window_s i window_start t timestamp t camera_speed d camera_count i "
    "weather_factor d",
    "views/hotspots": "rank i road_id s congestion d average_speed d free_flow_speed d",
    "views/incidents": "incident_id s incident_type s status s severity s latitude d longitude d road_id s "
    "description s timestamp t",
    "views/weather": "station_id s latitude d longitude d temperature d humidity d wind_speed d precipitation d "
    "visibility d air_quality_index d pm25 d pm10 d no2 d o3 d co d condition s road_factor d air_quality s timestamp t",
    "views/weather_current": "name s station_id s temperature d humidity d condition s wind_speed d visibility d "
    "timestamp t",
    "views/cameras": "camera_id s road_id s latitude d longitude d speed d direction d vehicle_count d detections s "
    "timestamp t",
    "views/city_summary": "name s total_vehicles i active_emergencies i average_city_speed d congested_roads i "
    "roads_reporting i timestamp t",
    "views/routes": "route_id s travel_time_s d free_flow_s d delay_s d travel_time_index d length_m d worst_road s "
    "roads i roads_without_data i",
    "views/alerts": "episode s rule s subject s severity s state s value d threshold d opened_at t cleared_at t",
}
STAMP = " revision i is_final o removed o tick i watermark t"
ARROW = {
    "s": pyarrow.string(), "i": pyarrow.int64(), "d": pyarrow.float64(), "t": TIME, "b": pyarrow.binary(),
    "o": pyarrow.bool_(),
}  # fmt: skip


def schema(table):
    words = (TYPES[table] + (STAMP if table.startswith("views/") else "")).split()
    return pyarrow.schema([(n, ARROW[t]) for n, t in zip(words[::2], words[1::2])] + [("date", pyarrow.date32())])



def tick_of(number):
    """Cuts of two generations, with ticks between them."""
    return (1 << 32) + 7 * number if number < 30 else (2 << 32) + 5 * (number - 30)


def build(seed, cell, speed_from=None):
    """All tables of a correct lake, the free-flow table, and the city as it ends."""
    free_flow = {f"road-{n}": 40.0 + 7 * n for n in [*range(7), 50]}
    city = model.City(free_flow, cell, speed_from or ["gps_data"])
    rows = {table: [] for table in TYPES}
    ends, before, stamps = [first for *_, first in model_traffic.PARTS], {"tick": 0, "watermark_ms": None, "now_ms": None}, {}
    for number, (now, batch) in enumerate(model_traffic.traffic(seed)):
        tick = tick_of(number)
        records = [it for it in batch if isinstance(it, model_traffic.Record)]
        watermark, watermarks, clocks = city.cut(number, now, records)
        for it in batch:
            part, offset = it[0], it[1]
            topic, name, _ = model_traffic.PARTS[part]
            place = {"_topic": topic, "_partition": name, "_offset": offset, "_timestamp_ms": it[2], "date": DAY}
            ends[part] = max(ends[part], offset + 1)
            if isinstance(it, model_traffic.Record):
                rows[f"raw/{topic}"].append(place | raw(it))
            else:
                rows["rejects"].append(place | {"reason": "not_json", "detail": "", "bytes": b"{"})
        binding = bound(tick, before, ends, clocks, watermarks, now)
        rows["raw/_cuts"].append(cut_row(binding, watermark, speed_from))
        before = {"tick": tick, "watermark_ms": watermark, "now_ms": now}
        stamps[number] = {"tick": tick, "watermark": at(watermark), "date": DAY}
    for record, verdict, number in city.rows["dropped"]:
        topic, name, _ = model_traffic.PARTS[record.part]
        place = {"_topic": topic, "_partition": name, "_offset": record.offset}
        rows["dropped"].append(place | {"verdict": verdict, "tick": stamps[number]["tick"], "date": DAY})
    for view, columns in COLUMNS.items():
        for number, key, value, revision, is_final in city.rows[view]:
            stamp = stamps[number] | {"revision": revision, "is_final": is_final, "removed": value is None}
            named = columns(key, value, free_flow) if value or view == "hotspots" else {KEYS[view]: key}
            rows[f"views/{view}"].append(named | stamp)
    return rows, free_flow, city


def raw(r):
    return {
        "id": r.id, "device_id": r.device, "timestamp": at(r.event), "speed": r.speed, "latitude": r.lat,
        "longitude": r.lon, "direction": r.direction, "vehicle_type": r.kind, "road_id": r.road, **dict(r.more),
    }  # fmt: skip


def bound(tick, before, ends, clocks, watermarks, now):
    parts = [
        {
            "topic": topic, "partition": name, "start": start, "end": end, "clock": {"now_ms": clock, "last_five": []},
            "last_arrival_ms": None, "idle_since_ms": None,
        }
        for (topic, name, start), end, clock in zip(model_traffic.PARTS, ends, clocks)
    ]  # fmt: skip
    return {
        "tick": tick, "generation": tick >> 32, "is_cut": True, "cut": before, "partitions": parts,
        "watermark_ms": watermarks, "now_ms": now, "references": {name: "cafe" for name in ["free_flow", "routes", "alerts"]},
    }  # fmt: skip


def cut_row(binding, watermark, speed_from):
    names = ["rule", "watches", "at_least", "severity"]
    settings = {
        "alerts": [dict(zip(names, rule)) for rule in model_joins.RULES],
        **({"speed_from": speed_from} if speed_from else {}),
        "dedup": True, "vehicle_count": True, "dedup_horizon_ms": model_traffic.DEDUP, "clock_skew_ms": model_traffic.SKEW,
        "correction_horizon_ms": model_traffic.HORIZON, "out_of_orderness_ms": model_traffic.DISORDER,
    }  # fmt: skip
    return {
        "tick": binding["tick"], "generation": binding["generation"], "now": at(binding["now_ms"]),
        "watermark": at(watermark), "binding": json.dumps(binding), "settings": json.dumps(settings),
        "plan_hash": "cafe", "date": DAY,
    }  # fmt: skip


def write(lake, rows, free_flow):
    for table, listed in rows.items():
        shape = schema(table)
        half = len(listed) // 2
        for part in [listed[:half], listed[half:]]:
            full = [{name: row.get(name) for name in shape.names} for row in part]
            data = pyarrow.Table.from_pylist(full, shape)
            write_deltalake(str(pathlib.Path(lake) / table), data, mode="append", partition_by=["date"])
    reference = pathlib.Path(lake) / "raw/_reference"
    reference.mkdir(parents=True)
    lines = ["road_id,free_flow"] + [f"{road},{speed}" for road, speed in free_flow.items()]
    (reference / "free_flow-cafe").write_text("\n".join(lines) + "\n")
    legs = [f"{name},{road},{length}" for name, legs in model_joins.ROUTES.items() for road, length in legs]
    (reference / "routes-cafe").write_text("\n".join(["route_id,road_id,length_m", *legs]) + "\n")
    word = lambda rule: {"grave": "critical", "jam": "moderate"}.get(rule[0], rule[2])
    rules = [",".join(map(str, [*rule[:2], word(rule), rule[3]])) for rule in model_joins.RULES]
    (reference / "alerts-cafe").write_text("\n".join(["rule,watches,at_least,severity", *rules]) + "\n")
