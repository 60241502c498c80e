"""Rows of the small city as tables of a lake: dictionaries first, so that a test can spoil them, then Delta."""

import datetime
import json
import pathlib

import pyarrow
from deltalake import write_deltalake

import model

TOPIC = "gps_data"
DAY = datetime.date(2026, 3, 2)
TIME = pyarrow.timestamp("us", "UTC")
TYPES = {
    "raw/gps_data": "id s device_id s timestamp t speed d latitude d longitude d direction d vehicle_type s road_id s "
    "_topic s _partition s _offset i _timestamp_ms i",
    "rejects": "_topic s _partition s _offset i _timestamp_ms i reason s detail s bytes b",
    "dropped": "_topic s _partition s _offset i verdict s tick i",
    "raw/_cuts": "tick i generation i now t watermark t binding s settings s plan_hash s",
    "views/vehicle_locations": "vehicle_id s latitude d longitude d speed d direction d timestamp t",
    "views/road_traffic": "road_id s window_s i window_start t average_speed d vehicle_count i report_count i "
    "min_speed d max_speed d free_flow_speed d travel_time_index d congestion_level s speed_basis s",
    "views/road_current": "road_id s average_speed d vehicle_count i report_count i free_flow_speed d "
    "travel_time_index d congestion_level s speed_basis s window_s i window_start t timestamp t",
    "views/hotspots": "rank i road_id s congestion d average_speed d free_flow_speed d",
}
STAMP = " revision i is_final o removed o tick i watermark t"
ARROW = {
    "s": pyarrow.string(), "i": pyarrow.int64(), "d": pyarrow.float64(), "t": TIME, "b": pyarrow.binary(),
    "o": pyarrow.bool_(),
}  # fmt: skip


def schema(table):
    words = (TYPES[table] + (STAMP if table.startswith("views/") else "")).split()
    return pyarrow.schema([(n, ARROW[t]) for n, t in zip(words[::2], words[1::2])] + [("date", pyarrow.date32())])


def at(ms):
    return None if ms is None else datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)


def tick_of(number):
    """Cuts of two generations, with ticks between them."""
    return (1 << 32) + 7 * number if number < 30 else (2 << 32) + 5 * (number - 30)


def build(seed, cell):
    """All tables of a correct lake, the free-flow table, and the city as it ends."""
    free_flow = {f"road-{n}": 40.0 + 7 * n for n in range(7)}
    city = model.City(free_flow, cell)
    rows = {table: [] for table in TYPES}
    ends, before, stamps = [3, 0], {"tick": 0, "watermark_ms": None, "now_ms": None}, {}
    for number, (now, batch) in enumerate(model.traffic(seed)):
        tick = tick_of(number)
        records = [it for it in batch if isinstance(it, model.Record)]
        watermark, clocks = city.cut(number, now, records)
        for it in batch:
            part, offset = it[0], it[1]
            place = {"_topic": TOPIC, "_partition": str(part), "_offset": offset, "_timestamp_ms": it[2], "date": DAY}
            ends[part] = max(ends[part], offset + 1)
            if isinstance(it, model.Record):
                rows["raw/gps_data"].append(place | raw(it))
            else:
                rows["rejects"].append(place | {"reason": "not_json", "detail": "", "bytes": b"{"})
        binding = bound(tick, before, ends, clocks, watermark, now)
        rows["raw/_cuts"].append(cut_row(binding, watermark))
        before = {"tick": tick, "watermark_ms": watermark, "now_ms": now}
        stamps[number] = {"tick": tick, "watermark": at(watermark), "date": DAY}
    for record, verdict, number in city.rows["dropped"]:
        place = {"_topic": TOPIC, "_partition": str(record.part), "_offset": record.offset}
        rows["dropped"].append(place | {"verdict": verdict, "tick": stamps[number]["tick"], "date": DAY})
    for view, columns in COLUMNS.items():
        for number, key, value, revision, is_final in city.rows[view]:
            stamp = stamps[number] | {"revision": revision, "is_final": is_final, "removed": value is None}
            rows[f"views/{view}"].append(columns(key, value, free_flow) | stamp)
    return rows, free_flow, city


def raw(r):
    return {
        "id": r.id, "device_id": r.device, "timestamp": at(r.event), "speed": r.speed, "latitude": r.lat,
        "longitude": r.lon, "direction": r.direction, "vehicle_type": r.kind, "road_id": r.road,
    }  # fmt: skip


def bound(tick, before, ends, clocks, watermark, now):
    parts = [
        {
            "topic": TOPIC, "partition": str(part), "start": [3, 0][part], "end": ends[part],
            "clock": {"now_ms": clocks[part], "last_five": []}, "last_arrival_ms": None, "idle_since_ms": None,
        }
        for part in range(2)
    ]  # fmt: skip
    return {
        "tick": tick, "generation": tick >> 32, "is_cut": True, "cut": before, "partitions": parts,
        "watermark_ms": {} if watermark is None else {TOPIC: watermark}, "now_ms": now,
        "references": {"free_flow": "cafe"},
    }  # fmt: skip


def cut_row(binding, watermark):
    settings = {
        "dedup": True, "vehicle_count": True, "dedup_horizon_ms": model.DEDUP, "clock_skew_ms": model.SKEW,
        "correction_horizon_ms": model.HORIZON, "out_of_orderness_ms": model.DISORDER,
    }  # fmt: skip
    return {
        "tick": binding["tick"], "generation": binding["generation"], "now": at(binding["now_ms"]),
        "watermark": at(watermark), "binding": json.dumps(binding), "settings": json.dumps(settings),
        "plan_hash": "cafe", "date": DAY,
    }  # fmt: skip


def level(speed, free):
    bounds, measure = ([0.7, 0.4, 0.2], speed / free) if free else ([45, 25, 10], speed)
    return next((n for n, b in zip(["light", "moderate", "heavy"], bounds) if measure > b), "severe")


def measured(road, value, free_flow):
    speed, free = model.mean(value), free_flow.get(road)
    return {
        "road_id": road, "average_speed": speed, "vehicle_count": value[4], "report_count": value[1],
        "free_flow_speed": free, "travel_time_index": free / speed if free and speed > 0 else None,
        "congestion_level": level(speed, free), "speed_basis": "report_mean",
    }  # fmt: skip


def vehicle(key, value, _):
    names = ["latitude", "longitude", "speed", "direction"]
    return dict(zip(names, value)) | {"vehicle_id": key, "timestamp": at(value[4])}


def traffic(key, value, free_flow):
    window = {"window_s": key[1], "window_start": at(key[2]), "min_speed": value[2], "max_speed": value[3]}
    return measured(key[0], value, free_flow) | window


def current(key, value, free_flow):
    window = {"window_s": 300, "window_start": at(value[5] * model.MINUTE), "timestamp": at(value[6])}
    return measured(key, value, free_flow) | window


def hotspot(key, value, _):
    road, speed, free = value or (None, None, None)
    congestion = 1.0 - speed / free if value else None
    named = {"road_id": road, "congestion": congestion, "average_speed": speed, "free_flow_speed": free}
    return {"rank": key} | named


COLUMNS = {"vehicle_locations": vehicle, "road_traffic": traffic, "road_current": current, "hotspots": hotspot}


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
