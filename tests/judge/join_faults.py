"""Faults in what views take from each other: cameras and weather of roads, routes, alerts."""

import json
import math

import tables
from spoil import VIEW, add, after, last, one_more, pairs, remove

TRAFFIC, CURRENT, ROUTES, ALERTS = (VIEW[view] for view in ["road_traffic", "road_current", "routes", "alerts"])


def seen(rows):
    return next(row for row in rows if row["camera_count"] > 2)


def silent_camera(t):
    """A window's row that only a camera changed is lost."""
    same = lambda one, two: (one["report_count"], one["is_final"]) == (two["report_count"], two["is_final"])
    windows = pairs(t[TRAFFIC], "road_id", "window_s", "window_start")
    remove(t[TRAFFIC], next(two for one, two in windows if same(one, two)))


def unseen_weather(t):
    """A road's row that only the weather changed is lost."""
    rest = lambda row: {**row, "weather_factor": 0, "tick": 0, "revision": 0, "watermark": 0}
    changed = lambda one, two: rest(one) == rest(two) and one["weather_factor"] != two["weather_factor"]
    remove(t[CURRENT], next(two for one, two in pairs(t[CURRENT], "road_id") if changed(one, two)))


def second_station(t):
    """Of two stations at one place the second counts."""
    factors = {}
    for row in sorted(t[VIEW["weather"]] + t[CURRENT], key=lambda row: (row["tick"], "road_id" in row)):
        if "station_id" in row and "road_factor" in row:
            factors[row["station_id"]] = row["road_factor"]
        elif len(factors) == 3 and row["weather_factor"] == factors["station-1"] != factors["station-2"]:
            return after(row, weather_factor=factors["station-2"])
    raise LookupError("no road whose nearest station has a twin with other weather")


def fewer_topics(t):
    """The settings say that gps_data alone counts."""
    for row in t["raw/_cuts"]:
        row["settings"] = json.dumps({**json.loads(row["settings"]), "speed_from": ["gps_data"]})


def milder_rule(t):
    for row in t["raw/_cuts"]:
        settings = json.loads(row["settings"])
        settings["alerts"][0]["at_least"] -= 1
        row["settings"] = json.dumps(settings)


def delayed(t):
    return next(row for row in reversed(t[ROUTES]) if row["delay_s"])


def rename(t, episode, name, since=0, **changes):
    for row in t[ALERTS]:
        if row["episode"] == episode and row["tick"] >= since:
            after(row, episode=name, **changes)


def off_by_a_cut(t):
    """An episode is named after the cut that opened it."""
    row = next(row for row in t[ALERTS] if row["opened_at"] > tables.at(0) and not row["episode"].endswith("/0"))
    rename(t, row["episode"], f"{row['rule']}/{row['subject']}/{round(row['opened_at'].timestamp() * 1000)}")


def reopened(t):
    again = lambda one, two: (one["state"], two["state"]) == ("cleared", "open")
    return next((one, two) for one, two in pairs(t[ALERTS], "episode") if again(one, two))


def opened_anew(t):
    """An episode that should have been opened again is another."""
    cleared, row = reopened(t)
    rename(t, row["episode"], row["episode"] + "1", row["tick"])


def opened_late(t):
    """An episode that is opened again is said to have begun there."""
    _, row = reopened(t)
    after(row, opened_at=row["opened_at"].replace(year=2027))


def held_open(t):
    """An episode cleared long ago is opened again instead of another."""
    newest = {}
    for row in sorted(t[ALERTS], key=lambda row: row["tick"]):
        known = newest.setdefault((row["rule"], row["subject"]), row["episode"])
        if row["episode"] != known:
            return rename(t, row["episode"], known)
    raise LookupError("no subject with two episodes")


def missing_episode(t):
    """A grave incident is told to nobody."""
    name = last(t[ALERTS], rule="grave")["episode"]
    t[ALERTS][:] = [row for row in t[ALERTS] if row["episode"] != name]


def never_cleared(t):
    remove(t[ALERTS], last(t[ALERTS], state="cleared"))


def withdrawn(t):
    """An episode that the cut does not confirm leaves a row."""
    row = last(t[ALERTS], state="open")
    add(t[ALERTS], row, episode=row["episode"] + "7", removed=True)


# Name, the words a violation must contain, and what spoils the tables.
FAULTS = [
    ("a camera's mean is wrong", "road_traffic: another camera_speed",
     lambda t: after(seen(t[TRAFFIC]), camera_speed=29.75)),
    ("a camera's mean is a bit off", "road_current: another camera_speed",
     lambda t: after(seen(t[CURRENT]), camera_speed=math.nextafter(seen(t[CURRENT])["camera_speed"], 0))),
    ("a camera is counted twice", "road_current: another camera_count",
     lambda t: one_more(seen(t[CURRENT]), "camera_count")),
    ("a camera without a speed is counted", "road_traffic: another camera_count",
     lambda t: one_more(last(t[TRAFFIC], camera_count=0), "camera_count")),
    ("a camera changes nothing", "road_traffic: rows that are missing", silent_camera),
    ("a window that only cameras saw has a row", "road_traffic: rows that should not be there",
     lambda t: add(t[TRAFFIC], seen(t[TRAFFIC]), road_id="road-9")),
    ("the weather of the second station counts", "road_current: another weather_factor", second_station),
    ("the weather of a station far away counts", "road_current: another weather_factor",
     lambda t: after(last(t[CURRENT], weather_factor=None), weather_factor=1.2)),
    ("a road knows of no weather", "road_current: another weather_factor",
     lambda t: after(last(t[CURRENT], weather_factor=1.5), weather_factor=None)),
    ("new weather changes nothing", "road_current: rows that are missing", unseen_weather),
    ("vehicle_data counts and should not", "road_traffic: another report_count", fewer_topics),
    ("a route takes a millisecond more", "routes: another travel_time_s",
     lambda t: after(delayed(t), travel_time_s=delayed(t)["travel_time_s"] + 0.001)),
    ("a route at free flow takes a millisecond less", "routes: another free_flow_s",
     lambda t: after(delayed(t), free_flow_s=delayed(t)["free_flow_s"] - 0.001)),
    ("a delay is a millisecond off", "routes: another delay_s",
     lambda t: after(delayed(t), delay_s=delayed(t)["delay_s"] + 0.001)),
    ("an index of a route is off", "routes: another travel_time_index",
     lambda t: after(delayed(t), travel_time_index=delayed(t)["travel_time_index"] + 1e-6)),
    ("a road that is twice in a route counts once", "routes: another length_m",
     lambda t: after(last(t[ROUTES], route_id="east"), length_m=1700.5)),
    ("a road that is twice in a route is two", "routes: another roads",
     lambda t: after(last(t[ROUTES], route_id="east"), roads=3)),
    ("another road is the worst", "routes: another worst_road",
     lambda t: after(last(t[ROUTES], route_id="west", worst_road="road-5"), worst_road="road-3")),
    ("a road without data is said to have some", "routes: another roads_without_data",
     lambda t: after(last(t[ROUTES], roads_without_data=1), roads_without_data=0)),
    ("a road without free flow has some", "routes: another free_flow_s",
     lambda t: after(last(t[ROUTES], route_id="ghost"), free_flow_s=7.2)),
    ("a route without data has no row", "routes: rows that are missing",
     lambda t: remove(t[ROUTES], next(row for row in t[ROUTES] if row["route_id"] == "ghost"))),
    ("an episode has another name", "alerts: rows that are missing", off_by_a_cut),
    ("an episode is not cleared", "alerts: rows that are missing", never_cleared),
    ("an episode is missing", "alerts: rows that are missing", missing_episode),
    ("an episode that should be opened again is another", "alerts: rows that should not be there", opened_anew),
    ("an episode that is opened again begins there", "alerts: another opened_at", opened_late),
    ("an old episode is opened again", "alerts: rows that are missing", held_open),
    ("a withdrawn episode leaves a row", "alerts: rows that should not be there", withdrawn),
    ("an episode shows the value before", "alerts: another value",
     lambda t: after(last(t[ALERTS], rule="slow-route", state="open"), value=21.0)),
    ("a cleared episode has a value", "alerts: another value",
     lambda t: after(last(t[ALERTS], state="cleared"), value=3.0)),
    ("a cleared episode is open", "alerts: another state",
     lambda t: after(last(t[ALERTS], state="cleared"), state="open")),
    ("an episode is cleared a cut early", "alerts: another cleared_at",
     lambda t: after(last(t[ALERTS], state="cleared"), cleared_at=tables.at(0))),
    ("an episode has the severity of another rule", "alerts: another severity",
     lambda t: after(last(t[ALERTS], rule="jam"), severity="critical")),
    ("an episode has another threshold", "alerts: another threshold",
     lambda t: after(last(t[ALERTS], rule="silence"), threshold=30.0)),
    ("another rule is applied than the table has", "the rules of alerts are", milder_rule),
]  # fmt: skip
