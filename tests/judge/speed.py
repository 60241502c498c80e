"""Redis after the job has stopped: the last value of every key, until it expires."""

import datetime
import json

from query import columns as columns_of
from query import rows, table
from views import KEYS, NEARLY

CONTRACTS = {
    "vehicle_locations": (
        "vehicle:location:",
        "select vehicle_id, latitude, longitude, speed, direction, epoch_ms(timestamp) as timestamp",
    ),
    "road_current": (
        "traffic:road:",
        "select road_id, average_speed, vehicle_count, congestion_level, epoch_ms(timestamp) as timestamp",
    ),
    "incidents": (
        "emergency:incident:",
        "select incident_id, incident_type, latitude, longitude, severity, status, description, "
        "epoch_ms(timestamp) as timestamp",
    ),
    "weather_current": (
        "weather:",
        "select name, temperature, humidity, condition, wind_speed, visibility, epoch_ms(timestamp) as timestamp",
    ),
    "city_summary": (
        "analytics:city:",
        "select name, total_vehicles, active_emergencies, average_city_speed, congested_roads, roads_reporting, "
        "epoch_ms(timestamp) as timestamp",
    ),
}
# Readers of these know the key; of these a member without a value is left out, or empty.
NAMELESS = ["weather_current", "city_summary"]
LEFT_OUT, EMPTY = ["description"], ["incident_type", "condition"]
OWN = ["weather", "cameras", "routes", "alerts"]
TIMES = ["timestamp", "opened_at", "cleared_at"]
STAMPS = ["revision", "is_final", "removed", "tick", "watermark", "date", "expires_ms"]
BATCH = 5_000


def naive(ms):
    """Milliseconds as UTC text without a zone."""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def contract(view, members):
    """A value as contract readers find it; our own surfaces have every column, and times with a Z."""
    z = "Z" if view in OWN else ""
    for name in TIMES:
        if members.get(name) is not None:
            members[name] = naive(members[name]) + z
    if view in OWN:
        return members
    if view in NAMELESS:
        del members["name"]
    members = {name: value for name, value in members.items() if value is not None or name not in LEFT_OUT}
    return {name: "" if value is None and name in EMPTY else value for name, value in members.items()}


def judge(con, first, second, settings, kind, prefix, verdict):
    """`first` and `second`: clients of db 0 and of the second db."""
    shifts = set()
    for view, (name, fields) in CONTRACTS.items():
        if view in settings.views:
            shifts |= contract_view(con, first, view, prefix + name, fields, kind, verdict)
    for view in OWN:
        if view in settings.views:
            names = [name for name in columns_of(con, f"expected_{view}") if name not in STAMPS]
            names.sort(key=lambda name: name != KEYS[view][0])
            fields = "select " + ", ".join(f"epoch_ms({name}) as {name}" if name in TIMES else name for name in names)
            shifts |= contract_view(con, second, view, f"{prefix}{view}:", fields, kind, verdict)
    if kind == "folder":
        verdict.expect(len(shifts) <= 1, f"Redis: keys expire by different clocks: shifts of {sorted(shifts)[:4]} ms")
    else:
        verdict.expect(shifts <= {0}, f"Redis: keys expire {sorted(shifts - {0})[:4]} ms beside their time")
    if "hotspots" in settings.views:
        hotspots(con, second, prefix + "hotspots:", verdict)


def now_ms(client):
    seconds, micros = client.time()
    return seconds * 1000 + micros // 1000


def read(client, keys):
    """Value and expiry of each key that is there."""
    found = {}
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        pipe = client.pipeline(transaction=False)
        pipe.mget(batch)
        for key in batch:
            pipe.execute_command("PEXPIRETIME", key)
        values, *expiries = pipe.execute()
        found.update({k: (v, e) for k, v, e in zip(batch, values, expiries) if v is not None})
    return found


def text(key):
    return key.decode() if isinstance(key, bytes) else key


def contract_view(con, client, view, prefix, fields, kind, verdict):
    """Checks one view's keys; returns by how much their expiry differs from the recomputed one."""
    key = fields.split()[1].rstrip(",")
    # What has left stands until it expires; what is removed does not.
    newest = f"from expected_{view} qualify row_number() over (partition by {key} order by tick desc) = 1"
    last = f"from ({newest}) where not removed"
    columns, found = table(con, f"{fields} {last} order by all")
    expected = {prefix + row[0]: contract(view, dict(zip(columns, row))) for row in found}
    expires = rows(con, f"select {key}, expires_ms {last}")
    expires = {prefix + name: ms for name, ms in expires}
    stored = read(client, [text(key) for key in client.scan_iter(prefix + "*", count=BATCH)])
    strangers = sorted(stored.keys() - expected.keys())
    verdict.expect(not strangers, f"Redis: {len(strangers)} keys of no value of {view}: {strangers[:4]}")
    wrong, shifts = [], set()
    for name, (value, expiry) in stored.items():
        if name in expected:
            if expires[name] is None or expiry < 0:
                stays = expires[name] is None and expiry < 0
                verdict.expect(stays, f"Redis: {name} expires at {expiry} instead of {expires[name]}")
            else:
                shifts.add(expiry - expires[name])
            if nearly(view, json.loads(value)) != nearly(view, expected[name]):
                wrong.append(f"{name} is {text(value)} instead of {json.dumps(expected[name])}")
    verdict.expect(not wrong, f"Redis: {len(wrong)} stale or wrong values: {'; '.join(sorted(wrong)[:4])}")
    shift = min(shifts, default=0) if kind == "folder" else 0
    # Asked after the keys were read: what has expired since may have been there.
    by = now_ms(client)
    missing = sorted(name for name, ms in expires.items() if name not in stored and (ms is None or ms + shift > by))
    verdict.expect(not missing, f"Redis: {len(missing)} keys of {view} are missing: {missing[:4]}")
    return shifts


def nearly(view, members):
    """Told apart as in the lake."""
    near = NEARLY.get(view, [])
    return {name: round(value, 9) if name in near and value is not None else value for name, value in members.items()}


def hotspots(con, client, prefix, verdict):
    columns, found = table(
        con,
        "select rank, road as road_id, 1.0 - speed / kmh as congestion, speed as average_speed, kmh as free_flow_speed "
        "from ranked where n = (select max(n) from cuts)",
    )
    expected = {f"{prefix}{row[0]}": dict(zip(columns, row)) for row in found}
    stored = read(client, [text(key) for key in client.scan_iter(prefix + "*", count=BATCH)])
    values = {key: json.loads(value) for key, (value, _) in stored.items()}
    for key in sorted(expected.keys() | values.keys()):
        there, should = values.get(key), expected.get(key)
        verdict.expect(there == should, f"Redis: {key} is {there} instead of {should}")
