"""Faults to plant in tables and in what was produced: the name, words a violation must contain, and what spoils them."""

import datetime
import json
import math

import join_faults
import model_traffic
import tables
from spoil import VIEW, add, after, last, one_more


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
     lambda t: after(t[VIEW["road_current"]][30], watermark=tables.at(model_traffic.START))),
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
FAULTS += join_faults.FAULTS


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
