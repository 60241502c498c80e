"""The small slow city's views over its other views: the weather on a road, routes, alerts. Shares nothing with the judge."""

import fractions
import math

MINUTE = 60_000
ROUTES = {
    "east": [("road-0", 500.0), ("road-1", 1200.5), ("road-0", 250.25)],
    "west": [("road-3", 800.0), ("road-5", 433.0)],
    "open": [("road-2", 700.0), ("road-7", 300.0)],
    "quiet": [("road-50", 600.0), ("road-4", 90.0)],
    "ghost": [("road-99", 100.0), ("road-1", 10.0)],
}
RULES = [
    ("grave", "incident_severity", 3.0, "critical"), ("incident", "incident_severity", 2.0, "warning"),
    ("jam", "congestion_level", 1.0, "warning"), ("slow-route", "route_delay_s", 20.5, "warning"),
    ("bad-air", "air_quality_index", 180.0, "warning"), ("silence", "silent_s", 60.0, "critical"),
]  # fmt: skip


def metres(one, other):
    """The angle between two directions, times the radius of the Earth."""
    (a, b), (c, d) = ([math.radians(round(x, 7)) for x in place] for place in (one, other))
    x = math.cos(c) * math.sin(d - b)
    y = math.cos(a) * math.sin(c) - math.sin(a) * math.cos(c) * math.cos(d - b)
    z = math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(d - b)
    return round(math.atan2(math.hypot(x, y), z) * 6_371_008.8, 3)


def weather_factor(place, stations):
    """`stations`: name → place and factor."""
    near = sorted((metres(place, at), name, factor) for name, (at, factor) in stations.items())
    return near[0][2] if near and near[0][0] <= 25_000 else None


def takes(length, speed):
    """Whole milliseconds, from the very doubles."""
    return round(fractions.Fraction(length * 3600 / speed))


def route(legs, speeds, free_flow):
    """Times in milliseconds, length, worst road, how many roads, how many of them without data."""
    lengths, now, free, lost = {}, [], [], []
    for road, length in legs:
        lengths[road] = lengths.get(road, 0.0) + length
    for road, length in sorted(lengths.items()):
        at_best = takes(length, free_flow[road]) if road in free_flow else None
        at_present = takes(length, max(speeds[road], 1.0)) if road in speeds else None
        free.append(at_best)
        now.append(at_best if at_present is None else at_present)
        if at_present is not None and at_best is not None and at_present > at_best:
            lost.append((at_best - at_present, road))
    total = lambda times: None if None in times else sum(times)
    worst = min(lost)[1] if lost else None
    silent = sum(road not in speeds for road in lengths)
    return (total(now), total(free), sum(lengths.values()), worst, len(lengths), silent)


class Alerts:
    def __init__(self):
        self.episodes = []

    def cut(self, prev_now, now, watched):
        """`watched`: name of what is watched → subject → value. Returns the episodes that have not left."""
        gone = lambda e, after: prev_now is not None and e["cleared"] is not None and prev_now - e["cleared"] >= after
        for rule, watches, at_least, severity in RULES:
            for subject in {*watched[watches], *(e["subject"] for e in self.episodes if e["rule"] == rule)}:
                value = watched[watches].get(subject)
                its = [e for e in self.episodes if (e["rule"], e["subject"]) == (rule, subject)]
                newest = max(its, key=lambda e: e["opened"], default=None)
                if value is not None and value >= at_least:
                    if newest is None or gone(newest, 5 * MINUTE):
                        newest = {"rule": rule, "subject": subject, "severity": severity, "threshold": at_least}
                        newest |= {"opened": now, "name": f"{rule}/{subject}/{0 if prev_now is None else prev_now}"}
                        self.episodes.append(newest)
                    newest |= {"value": value, "cleared": None}
                elif newest is not None and newest["cleared"] is None:
                    newest |= {"value": None, "cleared": now}
        self.episodes = [e for e in self.episodes if not gone(e, 60 * MINUTE)]
        return {e["name"]: dict(e) for e in self.episodes}
