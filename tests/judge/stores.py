"""Redis as it is when the job of the small city has stopped, and a client of it that needs no server."""

import fnmatch
import json

import columns
import model_traffic
import tables


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


MINUTE = model_traffic.MINUTE
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
    "routes": (
        "routes:",
        "route_id travel_time_s free_flow_s delay_s travel_time_index length_m worst_road roads roads_without_data", None,
    ),
    "alerts": (
        "alerts:", "episode rule subject severity state value threshold opened_at cleared_at", 60 * MINUTE,
    ),
}  # fmt: skip
OWN = ["weather", "cameras", "routes", "alerts"]


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
            for time in ["timestamp", "opened_at", "cleared_at"]:
                if row.get(time) is not None:
                    row[time] = naive(row[time]) + ("Z" if view in OWN else "")
            value = {member: row.get(member) for member in members.split()}
            if value.get("description", 0) is None:
                del value["description"]
            for member in ["incident_type", "condition"]:
                if member in value and view not in OWN:
                    value[member] = value[member] or ""
            begun = since(view, v)
            if begun is None or begun + kept > city.now:
                expires = -1 if begun is None else begun + kept
                (second if view in OWN else first)[f"{name}{key}"] = (json.dumps(value), expires)
    for key, ((v, _), _) in city.published["hotspots"].items():
        second[f"hotspots:{key}"] = (json.dumps(columns.hotspot(key, v, free_flow)), -1)
    entries = [{"reset": "1", "to": "7"}, {"from": "7", "to": "9"}, {"from": "9", "to": "12"}]
    second["greenwave:city:feed:3"] = [(f"{entry['to']}-0", entry) for entry in entries]
    second["greenwave:city:applied"] = {"3": "12"}
    return first, second


def since(view, value):
    """From when on a value expires; None while it does not."""
    known = {"road_current": lambda v: v[9], "city_summary": lambda v: v[5], "routes": lambda v: None}
    return known.get(view, lambda v: v["cleared"] if view == "alerts" else v[0].sent)(value)


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


def an_alert(second, state):
    return next(key for key, (value, _) in second.items() if key.startswith("alerts:") and f'"{state}"' in value)


def forgotten_alert(_, second):
    """An open episode expires."""
    key = an_alert(second, "open")
    second[key] = (second[key][0], model_traffic.START + 10**9)


def everlasting_alert(_, second):
    key = an_alert(second, "cleared")
    second[key] = (second[key][0], -1)


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
    ("a route in Redis is missing", "are missing", lambda _, second: second.pop("routes:ghost")),
    ("a route in Redis expires", "expires at",
     lambda _, second: second.update({"routes:east": (second["routes:east"][0], model_traffic.START)})),
    ("a route in Redis is a millisecond off", "stale or wrong",
     lambda _, second: spoil(second, "routes:east", delay_s=json.loads(second["routes:east"][0])["delay_s"] + 0.001)),
    ("an alert in Redis is stale", "stale or wrong", lambda _, second: spoil(second, "alerts:", threshold=0.5)),
    ("an open alert in Redis expires", "expires at", forgotten_alert),
    ("a cleared alert in Redis stays", "expires at", everlasting_alert),
    ("a withdrawn alert is in Redis", "of no value", lambda _, second: second.update({"alerts:jam/moon/0": ("{}", -1)})),
    ("a hotspot in Redis is left over", "instead of None", lambda _, second: second.update({"hotspots:20": ("{}", -1)})),
]
