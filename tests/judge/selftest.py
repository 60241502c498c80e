"""Shows that the judge finds nothing wrong with a correct lake, and finds each of many planted faults.

    python tests/judge/selftest.py [SEED]
"""

import copy
import datetime
import fnmatch
import json
import math
import sys
import tempfile

import h3

import judge
import model
import tables

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


def speed_layer(city, free_flow):
    """Redis as it is when the job has stopped."""
    naive = lambda ms: datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    first, second = {}, {}
    # What has left stands until it expires.
    last_values = lambda view: {key: value for _, key, value, _, _ in city.rows[view]}.items()
    for key, v in last_values("vehicle_locations"):
        names = ["latitude", "longitude", "speed", "direction"]
        value = {"vehicle_id": key} | dict(zip(names, v)) | {"timestamp": naive(v[4])}
        if v[5] + 5 * model.MINUTE > city.now:
            first["vehicle:location:" + key] = (json.dumps(value), v[5] + 5 * model.MINUTE)
    for key, v in last_values("road_current"):
        speed = model.mean(v)
        level = tables.level(speed, free_flow.get(key))
        value = {"road_id": key, "average_speed": speed, "vehicle_count": v[4], "congestion_level": level}
        if v[7] + 10 * model.MINUTE > city.now:
            value["timestamp"] = naive(v[6])
            first["traffic:road:" + key] = (json.dumps(value), v[7] + 10 * model.MINUTE)
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
]  # fmt: skip


def a_key(store, prefix):
    return next(key for key in store if key.startswith(prefix))


def stale(first, _):
    key = a_key(first, "vehicle:location:")
    first[key] = (json.dumps(json.loads(first[key][0]) | {"speed": 1.25}), first[key][1])


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
    ("a hotspot in Redis is left over", "instead of None", lambda _, second: second.update({"hotspots:20": ("{}", -1)})),
]


def truth_of(rows):
    """What was produced, as a feeder tells it: partition, offset, kind, reason, id."""
    sound = [(r["_partition"], r["_offset"], "on_time", "", r["id"] or "") for r in rows["raw/gps_data"]]
    broken = [(r["_partition"], r["_offset"], "broken", r["reason"], "") for r in rows["rejects"]]
    return sound + broken


TRUTH_FAULTS = [
    ("a produced record never arrived", "in neither raw nor rejects", lambda t: t.append(("0", 9_999, "on_time", "", ""))),
    ("a record was never produced", "that nobody produced", lambda t: t.pop(4)),
    ("a broken record was accepted", "wrong side of the decoder",
     lambda t: t.__setitem__(4, (*t[4][:2], "broken", "", ""))),
    ("a reject has another reason", "another reason", lambda t: t.__setitem__(-1, (*t[-1][:3], "empty", ""))),
    ("a raw row has another id", "another id", lambda t: t.__setitem__(4, (*t[4][:4], "id-of-another"))),
]  # fmt: skip


def judged(rows, free_flow, truth=None, **given):
    with tempfile.TemporaryDirectory() as lake:
        tables.write(lake, rows, free_flow)
        if truth:
            given["truth"] = f"{lake}/truth.csv"
            lines = ["partition,offset,kind,reason,id"] + [",".join(map(str, line)) for line in truth]
            with open(given["truth"], "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        _, verdict = judge.judge(lake, **given)
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
    outcome("a correct lake", None, judged(rows, free_flow, truth, stores=ask(*stores)))
    for name, wanted, spoil in FAULTS:
        spoilt = copy.deepcopy(rows)
        spoil(spoilt)
        outcome(name, wanted, judged(spoilt, free_flow))
    for name, wanted, spoil in STORE_FAULTS:
        spoilt = copy.deepcopy(stores)
        spoil(*spoilt)
        outcome(name, wanted, judged(rows, free_flow, stores=ask(*spoilt)))
    for name, wanted, spoil in TRUTH_FAULTS:
        spoilt = copy.deepcopy(truth)
        spoil(spoilt)
        outcome(name, wanted, judged(rows, free_flow, spoilt))
    counts = {"records": 1, "accepted": 1, "duplicates": 0, "rejected": 0, "late": 0, "too_late": 0, "views": {}}
    outcome("a summary that is wrong", "summary: records", judged(rows, free_flow, told=counts))
    print(f"{len(failures)} faults were not caught: {failures}" if failures else "every fault was caught")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
