"""Views: recomputed at every cut, compared with the lake row by row and column by column."""

import pathlib

import alerts
from query import columns, one, rows, run

SQL = pathlib.Path(__file__).parent / "sql"
KEYS = {
    "vehicle_locations": ["vehicle_id"],
    "road_traffic": ["road_id", "window_s", "window_start"],
    "road_current": ["road_id"],
    "hotspots": ["rank"],
    "incidents": ["incident_id"],
    "weather": ["station_id"],
    "weather_current": ["name"],
    "cameras": ["camera_id"],
    "city_summary": ["name"],
    "routes": ["route_id"],
    "alerts": ["episode"],
}
# Told apart to a billionth: the document does not say in which order these are computed.
NEARLY = {"routes": ["delay_s", "travel_time_index", "length_m"], "alerts": ["value"]}


def recompute(con, settings):
    """Makes a table `expected_<view>` for each view."""
    values = vars(settings)
    ask = lambda name, **more: run(con, (SQL / f"{name}.sql").read_text().format(**values, **more))
    ask("latest_reports")
    # Cut by cut: a key that has left is forgotten, so what comes later depends on when it left.
    for n, prev_now_ms in rows(con, "select n, prev_now_ms from cuts order by n"):
        ask("latest_cut", n=n, prev_now_ms="null" if prev_now_ms is None else prev_now_ms)
    for name in ["latest_stamps", "vehicle_locations", "incidents", "weather", "cameras"]:
        ask(name)
    for name in ["road_windows", "road_traffic", "currents", "weather_factors", "road_current", "hotspots"]:
        ask(name)
    for name in ["city_summary", "routes", "watched"]:
        ask(name)
    alerts.recompute(con, settings)


def judge(con, settings, verdict):
    for view, keys in KEYS.items():
        listed = ", ".join(keys)
        verdict.none(
            f"views/{view}: more than one row of a key and cut",
            f"select {listed}, tick, count(*) as rows from {view} group by all having count(*) > 1",
        )
        verdict.none(
            f"views/{view}: revisions that neither rise by one nor begin at 1 again",
            f"select {listed}, tick, before, revision from (select *, lag(revision) over w as before, "
            f"lag(removed) over w as gone from {view} window w as (partition by {listed} order by tick, revision)) "
            "where revision <> 1 and (before is null or gone or revision <> before + 1)",
        )
        if view in settings.views:
            compare(con, view, keys, verdict)
        else:
            verdict.none(f"views/{view}: rows of a view that is not kept", f"from {view}")


def compare(con, view, keys, verdict):
    match = keys + ["tick"]
    named = ", ".join(match)
    verdict.none(
        f"views/{view}: rows that are missing",
        f"select {named}, revision, removed from expected_{view} anti join {view} using ({named})",
    )
    verdict.none(
        f"views/{view}: rows that should not be there",
        f"select {named}, revision, removed from {view} anti join expected_{view} using ({named})",
    )
    for column in columns(con, view):
        if column not in match:
            said, should = f"l.{column}", f"e.{column}"
            if column in NEARLY.get(view, []):
                said, should = f"round({said}, 9)", f"round({should}, 9)"
            verdict.none(
                f"views/{view}: another {column}",
                f"select {named}, l.{column}, e.{column} as expected from {view} l join expected_{view} e "
                f"using ({named}) where {said} is distinct from {should}",
            )


def live_keys(con, settings):
    """How many keys each view has at the last cut."""
    last = "n = (select max(n) from cuts)"
    counts = {
        "road_traffic": "from window_lives where freed_cut is null",
        "road_current": f"from currents where alive and {last}",
        "hotspots": f"from ranked where {last}",
        "city_summary": "from (from cuts limit 1)",
        "routes": "from (select distinct route from route_roads)",
        "alerts": "from live_alerts",
    }
    of_latest = "from latest where stage < 3 and view = '{}'"
    return {view: one(con, f"select count(*) {counts.get(view, of_latest.format(view))}")[0] for view in settings.views}
