"""A city of three incidents, two roads and two stations as the simulator tells of it, and faults in what views show."""

import types

import duckdb

import simulated_joins
from query import run
from verdict import Verdict

SETTINGS = types.SimpleNamespace(
    alerts=[
        {"rule": "grave", "watches": "incident_severity", "at_least": 2, "severity": "critical"},
        {"rule": "jam", "watches": "congestion_level", "at_least": 2, "severity": "warning"},
    ]
)
# Incident a is high until minute 3, b is low, and all reports of c were too late. Cuts are a minute apart.
CITY = """
create macro metres(lat, lon, other_lat, other_lon) as 111195 * sqrt((lat - other_lat) ** 2 + (lon - other_lon) ** 2);
create macro minute(m) as timestamptz '2026-03-02 08:00:00Z' + to_minutes(m::int);
create table cuts as select n, n * 10 as tick, epoch_ms(minute(n)) as now_ms from range(1, 8) t(n);
create table true_incidents as select * from (values
    ('a', 'high', minute(0), minute(3)), ('b', 'low', minute(0), minute(9)), ('c', 'critical', minute(0), minute(1))
) t(incident, severity, active_at, resolved_at);
create table accepted as select 0 as part, off, off as cut, epoch_ms(minute(off)) as event_ms from range(1, 5) t(off)
    union all select 1, off, off, epoch_ms(minute(off)) from range(1, 5) t(off);
create table incident_reports as select part, off, ['a', 'b'][part + 1] as incident_id from accepted;
create table alerts as select * from (values
    ('grave/a/0', 'grave', 'a', 10, 'open', false), ('grave/a/0', 'grave', 'a', 30, 'cleared', false),
    ('jam/R-1/0', 'jam', 'R-1', 10, 'open', false)
) t(episode, rule, subject, tick, state, removed);
create table true_roads as select * from (values ('R-1', 500, 51.50, 0.0), ('R-2', 500, 51.60, 0.0))
    t(road, length_m, from_lat, from_lon);
create table true_weather as
    select station, lat, lon, travel_time_factor, epoch_ms(minute(m)) as event_ms from (values 
        ('s-1', 51.50, 0.01, 1.0), ('s-2', 51.60, 0.01, 1.2))
    t(station, lat, lon, travel_time_factor),
    range(7) r(m);
create table road_current as select * from (values ('R-1', 10, false, 1.0), ('R-2', 20, false, 1.2), ('R-2', 70, false, null))
    t(road_id, tick, removed, weather_factor);
create table routes as select * from (values ('one', 10, 'R-1'), ('two', 10, null)) t(route_id, tick, worst_road);
"""
FAULTS = [
    ("the city as the simulator tells of it", None, "select 1"),
    ("a grave incident opens no alert", "of which grave does not tell", "delete from alerts where subject = 'a'"),
    ("a grave incident's alert is cleared at once", "of which grave does not tell",
     "update alerts set tick = 20 where state = 'cleared'"),
    ("a light incident opens an alert", "less grave than grave says", "update alerts set subject = 'b' where subject = 'a'"),
    ("the alert of a resolved incident stays open", "still open", "delete from alerts where state = 'cleared'"),
    ("an alert tells of another city's road", "alerts: roads that the simulator's city has not",
     "update alerts set subject = 'R-9' where rule = 'jam'"),
    ("another city's road is a route's worst", "routes: roads that", "update routes set worst_road = 'R-9' where tick = 10"),
    ("a road has the weather of a far station", "not that of a station near by",
     "update road_current set weather_factor = 1.2 where road_id = 'R-1'"),
]  # fmt: skip


def outcomes():
    """Name, wanted words and violations of each."""
    for name, wanted, spoil in FAULTS:
        con = duckdb.connect()
        run(con, CITY)
        run(con, spoil)
        verdict = Verdict(con)
        simulated_joins.judge(SETTINGS, verdict)
        yield name, wanted, verdict.violations
