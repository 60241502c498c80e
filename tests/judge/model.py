"""A small slow city: the rules once more, as plainly as they can be said, to test the judge with.

Every cut looks at every record there ever was. Nothing here is SQL and nothing is shared with the judge.
"""

import collections
import math

import model_joins
from model_traffic import DEDUP, DISORDER, HORIZON, KINDS, MINUTE, PARTS, SEVERITIES, SKEW, STAGES, of, topic

KEPT = {
    "vehicle_locations": 5 * MINUTE, "cameras": 10 * MINUTE, "weather": 30 * MINUTE, "weather_current": 30 * MINUTE,
    "incidents": 120 * MINUTE,
}  # fmt: skip
GRAVITY = {"low": 0, "medium": 1, "high": 2, "critical": 3}
ROAD_FACTORS = {None: 1.0, "Rain": 1.2, "snow": 1.5, "Clear": 1.0}


def clock_after(values, clock):
    five = sorted(values[-5:])
    median = five[(len(five) - 1) // 2] if five else None
    return clock if median is None else max(clock if clock is not None else median, median)


class City:
    def __init__(self, free_flow, cell, speed_from):
        self.free_flow, self.cell, self.speed_from = free_flow, cell, speed_from
        self.now = self.wm = None
        self.values, self.clocks = [[] for _ in PARTS], [None for _ in PARTS]
        self.watermarks = {}
        self.buckets, self.counted, self.seen, self.heard = [], [], [], {}
        self.alerts = model_joins.Alerts()
        self.known = {view: {} for view in KEPT}
        self.rows = collections.defaultdict(list)
        self.published = collections.defaultdict(dict)
        self.live = {}
        self.expires = {}

    def cut(self, number, now, records):
        """Takes a cut; returns what its binding says of time: watermarks and clocks."""
        self.prev_now, self.prev_wm, self.now = self.now, self.wm, now
        for r in sorted(records, key=lambda r: r[:2]):
            self.values[r.part].append(min(r.event, r.sent + SKEW))
            self.clocks[r.part] = clock_after(self.values[r.part], self.clocks[r.part])
            self.heard[topic(r)] = max(min(r.sent, now), self.heard.get(topic(r), 0))
        for name in {name for name, _, _ in PARTS}:
            clocks = [clock for clock, part in zip(self.clocks, PARTS) if part[0] == name]
            if None not in clocks:
                self.watermarks[name] = max(self.watermarks.get(name, 0), min(clocks) - DISORDER)
        self.wm = min(self.watermarks.values(), default=None)
        self.number = number
        for r in self.judged(records):
            r = r._replace(sent=min(r.sent, now))
            self.remember(r)
            r = r._replace(road=r.road or self.cell(r.lat, r.lon))
            if topic(r) in self.speed_from:
                self.counted.append(r)
            if topic(r) == "traffic_camera_data" and r.speed is not None:
                self.seen.append(r)
        self.newest(), self.windows(), self.currents(), self.sum_up(), self.joins()
        return self.wm, dict(self.watermarks), list(self.clocks)

    def judged(self, records):
        seen, kept = set(), []
        for r in sorted(records, key=lambda r: r[:2]):
            content = (topic(r), r._replace(part=0, offset=0, sent=0))
            known = content in seen or any(content in bucket for _, bucket in self.buckets)
            if r.id is not None:
                seen.add(content)
            if r.id is not None and known:
                self.rows["dropped"].append((r, "duplicate", self.number))
            elif self.prev_wm is not None and (r.event // MINUTE + 1) * MINUTE + HORIZON <= self.prev_wm:
                self.rows["dropped"].append((r, "too_late", self.number))
            else:
                kept.append(r)
        self.buckets.append((self.now, seen))
        self.buckets = [b for b in self.buckets if self.prev_now is None or b[0] + DEDUP > self.prev_now]
        return kept

    def remember(self, r):
        keys = {
            "gps_data": [("vehicle_locations", r.device)], "vehicle_data": [("vehicle_locations", r.device)],
            "traffic_camera_data": [("cameras", of(r, "camera_id"))],
            "weather_data": [("weather", r.device), ("weather_current", "current")],
            "emergency_incident_data": [("incidents", of(r, "incident_id"))],
        }  # fmt: skip
        for view, key in keys[topic(r)]:
            self.known[view].setdefault(key, []).append(r)

    def publish(self, view, values, final=lambda key: False, gone=lambda key: False):
        """`values`: every live key. A key that is not among them has left, with a row if it is `gone`."""
        before = self.published[view]
        for key in [key for key in before if key not in values]:
            if gone(key):
                self.rows[view].append((self.number, key, None, before[key][1] + 1, False))
            del before[key]
        for key, value in values.items():
            new = (value, final(key))
            if key not in before or before[key][0] != new:
                before[key] = (new, before[key][1] + 1 if key in before else 1)
                self.rows[view].append((self.number, key, value, before[key][1], new[1]))

    def newest(self):
        for view, keys in self.known.items():
            live = {}
            for key, seen in list(keys.items()):
                newest = min(seen, key=lambda r: (-r.event, topic(r) == "vehicle_data", r.part, r.offset))
                if self.prev_now is not None and newest.sent + KEPT[view] <= self.prev_now:
                    del keys[key]
                    continue
                stage = max(STAGES.get(of(r, "status"), 1) for r in seen)
                if stage < 3:
                    live[key] = (newest._replace(part=0, offset=0, id=None, kind=None), stage)
            if view == "vehicle_locations":
                strip = lambda r: r._replace(road=None, more=())
                live = {key: (strip(r), stage) for key, (r, stage) in live.items()}
            self.live[view] = live
            self.publish(view, live, gone=lambda key: key in keys)

    def freed(self, minute):
        return self.prev_wm is not None and (minute + 5) * MINUTE + HORIZON <= self.prev_wm

    def window(self, road, first, minutes):
        inside = [r for r in self.counted if r.road == road and first <= r.event // MINUTE < first + minutes]
        total = sum(round_even(r.speed * 1e6) for r in inside)
        speeds = [r.speed for r in inside]
        seen = [r.speed for r in self.seen if r.road == road and first <= r.event // MINUTE < first + minutes]
        camera = sum(round_even(speed * 1e6) for speed in seen) / 1e6 / len(seen) if seen else None
        return (total, len(inside), min(speeds), max(speeds), len({r.device for r in inside}), camera, len(seen))

    def windows(self):
        live = {}
        for road, minute in {(r.road, r.event // MINUTE) for r in self.counted}:
            for width, first in [(1, minute)] + [(5, minute - back) for back in range(5)]:
                key = (road, width * 60, first * MINUTE)
                if not self.freed(first) and key not in live:
                    live[key] = self.window(road, first, width)
        self.publish("road_traffic", live, lambda key: self.wm is not None and key[2] + key[1] * 1000 <= self.wm)

    def currents(self):
        live = {}
        for road in {r.road for r in self.counted}:
            here = [r for r in self.counted if r.road == road]
            minutes = {r.event // MINUTE for r in here if r.event <= self.now + SKEW}
            if not minutes or self.freed(max(minutes)):
                continue
            minute = max(minutes)
            newest = min((r for r in here if r.event // MINUTE == minute), key=lambda r: (-r.event, r.part, r.offset))
            if self.prev_now is None or newest.sent + 10 * MINUTE > self.prev_now:
                factor = model_joins.weather_factor((newest.lat, newest.lon), self.stations())
                live[road] = self.window(road, minute - 4, 5) + (minute - 4, newest.event, newest.sent, factor)
        self.publish("road_current", live)
        measured = [(1.0 - mean(v) / self.free_flow[k], k, mean(v)) for k, v in live.items() if k in self.free_flow]
        self.roads = live
        worst = sorted(measured, key=lambda it: (-it[0], it[1]))[:20]
        ranks = {rank: (road, speed, self.free_flow[road]) for rank, (_, road, speed) in enumerate(worst, 1)}
        self.publish("hotspots", ranks, gone=lambda key: True)

    def stations(self):
        weather = self.live["weather"]
        return {name: ((r.lat, r.lon), ROAD_FACTORS[of(r, "weather_condition")]) for name, (r, _) in weather.items()}

    def sum_up(self):
        reports = sum(value[1] for value in self.roads.values())
        speed = sum(value[0] for value in self.roads.values()) / 1e6 / reports if reports else 0.0
        slow = [road for road, value in self.roads.items() if self.is_slow(mean(value), self.free_flow.get(road))]
        count = lambda view: len(self.published[view])
        totals = (count("vehicle_locations"), count("incidents"), speed, len(slow), len(self.roads), self.now)
        self.publish("city_summary", {"summary": totals})

    def joins(self):
        speeds = {road: mean(window) for road, window in self.roads.items()}
        route = lambda legs: model_joins.route(legs, speeds, self.free_flow)
        routes = {name: route(legs) for name, legs in model_joins.ROUTES.items()}
        self.publish("routes", routes)
        air = {name: of(r, "air_quality_index") for name, (r, _) in self.live["weather"].items()}
        watched = {
            "incident_severity": {name: GRAVITY[severity_of(r)] for name, (r, _) in self.live["incidents"].items()},
            "congestion_level": {road: self.level(road, speed) for road, speed in speeds.items()},
            "route_delay_s": {n: (now - free) / 1000 for n, (now, free, *_) in routes.items() if now and free},
            "air_quality_index": {name: value for name, value in air.items() if value is not None},
            "silent_s": {name: (self.now - heard) // 1000 for name, heard in self.heard.items()},
        }
        self.publish("alerts", self.alerts.cut(self.prev_now, self.now, watched))

    def level(self, road, speed):
        free = self.free_flow.get(road)
        bounds, measure = ([0.7, 0.4, 0.2], speed / free) if free else ([45, 25, 10], speed)
        return sum(measure <= bound for bound in bounds)

    def is_slow(self, speed, free):
        return speed / free <= 0.4 if free else speed <= 25


def severity_of(r):
    return SEVERITIES.get(of(r, "severity")) or KINDS[of(r, "incident_type")]


def mean(window):
    return window[0] / 1e6 / window[1]


def round_even(x):
    below = math.floor(x)
    if x - below == 0.5:
        return below + (below % 2)
    return math.floor(x + 0.5) if x - below != 0.49999999999999994 else below
