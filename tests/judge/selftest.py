"""Shows that the judge finds nothing wrong with a correct lake, and finds each of many planted faults.

    python tests/judge/selftest.py [SEED]
"""

import concurrent.futures
import copy
import datetime
import fnmatch
import json
import math
import multiprocessing
import sys
import tempfile

import h3

import cuts
import feed
import judge
import model
import query
import speed
import tables
import truth as produced
from verdict import Verdict

VIEW = {view: f"views/{view}" for view in tables.COLUMNS}


class Store:
    """What the judge asks of Redis, over a dictionary of value and expiry."""

    def __init__(self, values, by_ms):
        self.values, self.by_ms = values, by_ms

    def time(self):
        return self.by_ms // 1000, self.by_ms % 1000 * 1000

    def scan_iter(self, pattern, count):
        return [key for key in self.values if fnmatch.fnmatch(key, pattern)]

    def hgetall(self, key):
        return self.values[key]

    def xrange(self, key):
        return self.values[key]

    def pipeline(self, transaction):
        return Pipeline(self.values)


class Pipeline:
    def __init__(self, values):
        self.values, self.answers = values, []

    def mget(self, keys):
        self.answers.append([self.values.get(key, (None,))[0] for key in keys])

    def execute_command(self, _, key):
        self.answers.append(self.values[key][1])

    def execute(self):
        return self.answers


MINUTE = model.MINUTE
# View → prefix of its keys, the members of a value, and how long it is kept.
SPEED = {
    "vehicle_locations": ("vehicle:location:", "vehicle_id latitude longitude speed direction timestamp", 5 * MINUTE),
    "road_current": ("traffic:road:", "road_id average_speed vehicle_count congestion_level timestamp", 10 * MINUTE),
    "incidents": (
        "emergency:incident:",
        "incident_id incident_type latitude longitude severity status description timestamp", 120 * MINUTE,
    ),
    "weather_current": ("weather:", "temperature humidity condition wind_speed visibility timestamp", 30 * MINUTE),
    "city_summary": (
        "analytics:city:",
        "total_vehicles active_emergencies average_city_speed congested_roads roads_reporting timestamp", MINUTE,
    ),
    "weather": (
        "weather:",
        "station_id latitude longitude temperature humidity wind_speed precipitation visibility air_quality_index pm25 "
        "pm10 no2 o3 co condition road_factor air_quality timestamp", 30 * MINUTE,
    ),
    "cameras": (
        "cameras:", "camera_id road_id latitude longitude speed direction vehicle_count detections timestamp", 10 * MINUTE,
    ),
}  # fmt: skip
OWN = ["weather", "cameras"]


def speed_layer(city, free_flow):
    """Redis as it is when the job has stopped."""
    naive = lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    first, second = {}, {}
    # What has left stands until it expires; what is removed does not.
    for view in tables.COLUMNS:
        newest = {key: value for _, key, value, _, _ in city.rows[view]}
        for key, v in newest.items():
            if v is None or view not in SPEED:
                continue
            name, members, kept = SPEED[view]
            row = tables.COLUMNS[view](key, v, free_flow)
            row["timestamp"] = naive(row["timestamp"])
            value = {member: row.get(member) for member in members.split()}
            if value.get("description", 0) is None:
                del value["description"]
            for member in ["incident_type", "condition"]:
                if member in value and view not in OWN:
                    value[member] = value[member] or ""
            if view in OWN:
                value["timestamp"] += "Z"
            arrival = v[7] if view == "road_current" else v[5] if view == "city_summary" else v[0].sent
            if arrival + kept > city.now:
                (second if view in OWN else first)[f"{name}{key}"] = (json.dumps(value), arrival + kept)
    for key, ((v, _), _) in city.published["hotspots"].items():
        second[f"hotspots:{key}"] = (json.dumps(tables.hotspot(key, v, free_flow)), -1)
    entries = [{"reset": "1", "to": "7"}, {"from": "7", "to": "9"}, {"from": "9", "to": "12"}]
    second["greenwave:city:feed:3"] = [(f"{entry['to']}-0", entry) for entry in entries]
    second["greenwave:city:applied"] = {"3": "12"}
    return first, second


def last(rows, **wanted):
    return next(row for row in reversed(rows) if all(row[name] == value for name, value in wanted.items()))


def after(row, **changes):
    row.update(changes)


def one_more(row, column):
    row[column] += 1


def add(rows, row, **changes):
    rows.append({**row, **changes})


def skip_cut(t):
    del t["raw/_cuts"][20]


def swap_ranks(t):
    rows = t[VIEW["hotspots"]]
    one = last(rows, rank=1, removed=False)
    two = next(row for row in rows if row["rank"] == 2 and row["tick"] == one["tick"])
    one["rank"], two["rank"] = 2, 1


def move_window(t):
    row = last(t[VIEW["road_traffic"]], is_final=True, window_s=60)
    row["window_start"] -= datetime.timedelta(minutes=1, hours=3)


def older_clock(t):
    binding = json.loads(t["raw/_cuts"][25]["binding"])
    binding["partitions"][1]["clock"]["now_ms"] -= 1
    t["raw/_cuts"][25]["binding"] = json.dumps(binding)


def lingering(t):
    """A road that has left is given another row."""
    rows, cut = t[VIEW["road_current"]], t["raw/_cuts"][53]
    row = [row for row in rows if row["tick"] < cut["tick"] and row["road_id"] == "road-5"][-1]
    add(rows, row, tick=cut["tick"], revision=row["revision"] + 1, watermark=cut["watermark"])


def returning(t):
    """A resolved incident is shown again by an older report."""
    rows = t[VIEW["incidents"]]
    gone = next(row for row in rows if row["removed"])
    before = [row for row in rows if row["incident_id"] == gone["incident_id"] and row["tick"] < gone["tick"]][-1]
    cut = next(row for row in t["raw/_cuts"] if row["tick"] > gone["tick"])
    add(rows, before, tick=cut["tick"], watermark=cut["watermark"], revision=1)


def never_resolved(t):
    rows = t[VIEW["incidents"]]
    rows.remove(next(row for row in rows if row["removed"]))


def older_weather(t):
    """A station's row says what its row before said."""
    rows = t[VIEW["weather"]]
    row = rows[-1]
    before = [it for it in rows if it["station_id"] == row["station_id"]][-2]
    row.update({name: before[name] for name in ["temperature", "timestamp", "humidity", "condition"]})


def other_camera(t):
    rows = [row for row in t[VIEW["cameras"]] if row["camera_id"] == "cam-1"]
    rows[-1]["vehicle_count"] += 1


def copy_elsewhere(t):
    """A report of vehicle_data with the id of one of gps_data is dropped as its copy."""
    ids = {row["id"] for row in t["raw/gps_data"]} - {None}
    row = next(row for row in t["raw/vehicle_data"] if row["id"] in ids)
    place = {name: row[name] for name in ["_topic", "_partition", "_offset"]}
    add(t["dropped"], t["dropped"][0], **place, verdict="duplicate")


def lost_verdict(topic):
    return lambda t: t["dropped"].remove(last(t["dropped"], _topic=topic, verdict="duplicate"))


def late_vehicle(t):
    """Of two reports of the same time that of vehicle_data stands."""
    of_gps = {(r["device_id"], r["timestamp"]) for r in t["raw/gps_data"] if r["speed"] != 88.0}
    wrong = {(r["device_id"], r["timestamp"]) for r in t["raw/vehicle_data"] if r["speed"] == 88.0}
    both = lambda r: (r["vehicle_id"], r["timestamp"]) in of_gps & wrong
    row = next(r for r in t[VIEW["vehicle_locations"]] if both(r) and r["speed"] != 88)
    row["speed"] = 88.0


def forgotten_topic(t):
    """The watermark of one topic goes back."""
    binding = json.loads(t["raw/_cuts"][25]["binding"])
    binding["watermark_ms"]["weather_data"] -= 3_600_000
    t["raw/_cuts"][25]["binding"] = json.dumps(binding)


# Name, the words a violation must contain, and what spoils the tables.
FAULTS = [
    ("a raw row is lost", "gaps", lambda t: t["raw/gps_data"].pop(700)),
    ("a raw row is doubled", "more than once", lambda t: t["raw/gps_data"].append(t["raw/gps_data"][700])),
    ("a reject is lost", "gaps", lambda t: t["rejects"].pop(3)),
    ("a record stands in raw and in rejects", "more than once", lambda t: add(t["rejects"], t["raw/gps_data"][9])),
    ("a duplicate has no verdict", "should be dropped and are not",
     lambda t: t["dropped"].remove(last(t["dropped"], verdict="duplicate"))),
    ("a record that is too late has no verdict", "should be dropped and are not",
     lambda t: t["dropped"].remove(last(t["dropped"], verdict="too_late"))),
    ("a counted record has a verdict", "dropped and should not be",
     lambda t: add(t["dropped"], t["dropped"][0], _offset=t["raw/gps_data"][0]["_offset"])),
    ("a verdict is given a cut too late", "should be dropped and are not",
     lambda t: after(t["dropped"][5], tick=t["dropped"][-1]["tick"])),
    ("a cut is missing", "follows", skip_cut),
    ("a clock is a millisecond slow", "running median", older_clock),
    ("a speed differs by one bit", "another average_speed",
     lambda t: after(t[VIEW["road_traffic"]][50],
                     average_speed=math.nextafter(t[VIEW["road_traffic"]][50]["average_speed"], math.inf))),
    ("a raw speed differs", "another", lambda t: after(t["raw/gps_data"][900], speed=17.25)),
    ("a window is shifted", "should not be there", move_window),
    ("a revision is skipped", "neither rise by one",
     lambda t: after(last(t[VIEW["vehicle_locations"]], vehicle_id="veh-3"), revision=99)),
    ("a device is counted twice", "another vehicle_count", lambda t: after(t[VIEW["road_traffic"]][70], vehicle_count=9)),
    ("a window never becomes final", "missing",
     lambda t: t[VIEW["road_traffic"]].remove(last(t[VIEW["road_traffic"]], is_final=True))),
    ("a window is final too early", "another is_final", lambda t: after(last(t[VIEW["road_traffic"]], is_final=False), is_final=True)),
    ("a road that has left is still there", "should not be there", lingering),
    ("two hotspots are swapped", "another road_id", swap_ranks),
    ("a rank is not removed", "missing",
     lambda t: t[VIEW["hotspots"]].remove(last(t[VIEW["hotspots"]], removed=True))),
    ("a vehicle has two rows in a cut", "more than one row",
     lambda t: add(t[VIEW["vehicle_locations"]], t[VIEW["vehicle_locations"]][40])),
    ("a vehicle's older report wins", "another latitude",
     lambda t: after(t[VIEW["vehicle_locations"]][60], latitude=t[VIEW["vehicle_locations"]][60]["latitude"] + 1)),
    ("a watermark is not the cut's", "another watermark",
     lambda t: after(t[VIEW["road_current"]][30], watermark=tables.at(model.START))),
    ("a camera's raw row is lost", "gaps", lambda t: t["raw/traffic_camera_data"].pop(30)),
    ("a raw row stands in another topic's table", "of another topic",
     lambda t: add(t["raw/weather_data"], t["raw/vehicle_data"][9])),
    ("an incident comes back", "incidents: rows that should not be there", returning),
    ("a resolved incident is still there", "incidents: rows that are missing", never_resolved),
    ("an incident's status goes back", "incidents: another status",
     lambda t: after(last(t[VIEW["incidents"]], status="responding"), status="active")),
    ("an incident is less severe than it is", "incidents: another severity",
     lambda t: after(last(t[VIEW["incidents"]], severity="critical"), severity="low")),
    ("an older report of a station wins", "weather: another timestamp", older_weather),
    ("another station is the newest", "weather_current: another station_id",
     lambda t: after(t[VIEW["weather_current"]][20], station_id="station-9")),
    ("the air is better than it is", "weather: another air_quality",
     lambda t: after(last(t[VIEW["weather"]], air_quality="moderate"), air_quality="good")),
    ("rain takes no time", "weather: another road_factor",
     lambda t: after(last(t[VIEW["weather"]], condition="rain"), road_factor=1.0)),
    ("a camera shows another report", "cameras: another vehicle_count", other_camera),
    ("a camera that has left is missing at the end of its pause", "cameras: rows that are missing",
     lambda t: t[VIEW["cameras"]].remove([r for r in t[VIEW["cameras"]] if r["revision"] == 1][-1])),
    ("the summary counts a vehicle too many", "city_summary: another total_vehicles",
     lambda t: one_more(t[VIEW["city_summary"]][33], "total_vehicles")),
    ("the summary counts a resolved incident", "city_summary: another active_emergencies",
     lambda t: one_more(t[VIEW["city_summary"]][40], "active_emergencies")),
    ("the summary leaves out a cut", "city_summary: rows that are missing", lambda t: t[VIEW["city_summary"]].pop(12)),
    ("an event is dropped as a copy of another topic's", "dropped and should not be", copy_elsewhere),
    ("a copy of a vehicle's report has no verdict", "should be dropped and are not", lost_verdict("vehicle_data")),
    ("a copy of a station's report has no verdict", "should be dropped and are not", lost_verdict("weather_data")),
    ("vehicle_data wins over gps_data", "vehicle_locations: another speed", late_vehicle),
    ("the watermark of a topic goes back", "the watermark of weather_data goes back", forgotten_topic),
]  # fmt: skip


def a_key(store, prefix):
    return next(key for key in store if key.startswith(prefix))


def spoil(store, prefix, **members):
    key = a_key(store, prefix)
    store[key] = (json.dumps(json.loads(store[key][0]) | members), store[key][1])


def stale(first, _):
    spoil(first, "vehicle:location:", speed=1.25)


def expiring(first, _):
    key = a_key(first, "traffic:road:")
    first[key] = (first[key][0], first[key][1] + 60_000)


def leaping(_, second):
    del second["greenwave:city:feed:3"][1]


def short(_, second):
    del second["greenwave:city:feed:3"][2]


STORE_FAULTS = [
    ("the feed leaves out an entry", "a reader is at", leaping),
    ("the feed ends too early", "its group is at", short),
    ("a value in Redis is stale", "stale or wrong", stale),
    ("a value is missing in Redis", "are missing", lambda first, _: first.pop(a_key(first, "traffic:road:"))),
    ("a key in Redis expires a minute late", "beside their time", expiring),
    ("a stranger is in Redis", "of no value", lambda first, _: first.update({"traffic:road:moon": ("{}", 0)})),
    ("an incident in Redis is stale", "stale or wrong",
     lambda first, _: spoil(first, "emergency:incident:", status="resolved")),
    ("the summary in Redis is wrong", "stale or wrong",
     lambda first, _: spoil(first, "analytics:city:summary", total_vehicles=-1)),
    ("the weather in Redis is another", "stale or wrong",
     lambda first, _: spoil(first, "weather:current", temperature=-9.5)),
    ("a resolved incident is in Redis", "of no value",
     lambda first, _: first.update({"emergency:incident:inc-0-9": ("{}", 0)})),
    ("a station in Redis is missing", "are missing", lambda _, second: second.pop(a_key(second, "weather:"))),
    ("a camera in Redis is stale", "stale or wrong", lambda _, second: spoil(second, "cameras:", vehicle_count=77.0)),
    ("a hotspot in Redis is left over", "instead of None", lambda _, second: second.update({"hotspots:20": ("{}", -1)})),
]


def truth_of(rows):
    """What was produced, as a feeder tells it: topic, partition, offset, kind, reason, id."""
    place = lambda r: (r["_topic"], r["_partition"], r["_offset"])
    copies = {place(r) for r in rows["dropped"] if r["verdict"] == "duplicate"}
    sound = [
        (*place(r), "copy" if place(r) in copies else "on_time", "", r["id"] or "")
        for table, listed in rows.items() if table.endswith("_data") for r in listed
    ]  # fmt: skip
    broken = [(*place(r), "broken", r["reason"], "") for r in rows["rejects"]]
    return sound + broken


TRUTH_FAULTS = [
    ("a produced record never arrived", "in neither raw nor rejects",
     lambda t: t.append(("weather_data", "0", 9_999, "on_time", "", ""))),
    ("a record was never produced", "that nobody produced", lambda t: t.pop(4)),
    ("a broken record was accepted", "wrong side of the decoder",
     lambda t: t.__setitem__(4, (*t[4][:3], "broken", "", ""))),
    ("a reject has another reason", "another reason", lambda t: t.__setitem__(-1, (*t[-1][:4], "empty", ""))),
    ("a raw row has another id", "another id", lambda t: t.__setitem__(4, (*t[4][:5], "id-of-another"))),
    ("a fine record is dropped", "fine records that no view counts", lambda t: fine_copy(t)),
    ("a record that is no copy is dropped as one", "copies and are none", lambda t: fine_copy(t)),
]  # fmt: skip


def fine_copy(t):
    at = next(at for at, line in enumerate(t) if line[3] == "copy")
    t[at] = (*t[at][:3], "fine", *t[at][4:])


def told(lake, truth):
    path = f"{lake}/truth.csv"
    lines = ["topic,partition,offset,kind,reason,id,copy_of"]
    lines += [",".join(map(str, [*line, 0 if line[3] == "copy" else ""])) for line in truth]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def judged(rows, free_flow, truth=None, **given):
    """The connection of a judge of these tables, and what it complains of."""
    with tempfile.TemporaryDirectory() as lake:
        tables.write(lake, rows, free_flow)
        if truth:
            given["truth"] = told(lake, truth)
        con, verdict = judge.judge(lake, **given)
        return con, verdict.violations


def violations_of(number, rows, free_flow):
    """Those of the fault with this number."""
    FAULTS[number][2](rows)
    return judged(rows, free_flow)[1]


def judged_again(con, truth=None, stores=None):
    """What is compared with the lake, without judging the lake again."""
    verdict = Verdict(con)
    settings = cuts.Settings(query.one(con, "select any_value(settings) from cut_rows")[0])
    if truth:
        with tempfile.TemporaryDirectory() as folder:
            produced.judge(con, told(folder, truth), "kafka", verdict)
            produced.verdicts(con, settings, verdict)
    if stores:
        speed.judge(con, *stores, settings, "kafka", "", verdict)
        feed.judge(stores[1], verdict)
    return verdict.violations


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    rows, free_flow, city = tables.build(seed, lambda lat, lon: h3.latlng_to_cell(lat, lon, 9))
    stores = speed_layer(city, free_flow)
    ask = lambda first, second: (Store(first, city.now), Store(second, city.now))
    print(", ".join(f"{len(listed)} rows of {table}" for table, listed in rows.items()))
    failures = []

    def outcome(name, wanted, violations):
        caught = any(wanted in violation for violation in violations) if wanted else not violations
        print(f"{'ok  ' if caught else 'FAIL'} {name}: {violations[0][:150] if violations else 'nothing is wrong'}")
        if not caught:
            failures.append(name)

    truth = truth_of(rows)
    con, violations = judged(rows, free_flow, truth, stores=ask(*stores))
    outcome("a correct lake", None, violations)
    for name, wanted, spoil in STORE_FAULTS:
        spoilt = copy.deepcopy(stores)
        spoil(*spoilt)
        outcome(name, wanted, judged_again(con, stores=ask(*spoilt)))
    for name, wanted, spoil in TRUTH_FAULTS:
        spoilt = copy.deepcopy(truth)
        spoil(spoilt)
        outcome(name, wanted, judged_again(con, truth=spoilt))
    with concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        found = [pool.submit(violations_of, number, rows, free_flow) for number in range(len(FAULTS))]
        for (name, wanted, _), violations in zip(FAULTS, found):
            outcome(name, wanted, violations.result())
    counts = {"records": 1, "accepted": 1, "duplicates": 0, "rejected": 0, "late": 0, "too_late": 0, "views": {}}
    outcome("a summary that is wrong", "summary: records", judged(rows, free_flow, told=counts)[1])
    print(f"{len(failures)} faults were not caught: {failures}" if failures else "every fault was caught")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
