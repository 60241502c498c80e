"""What the simulator says the city was like, against what the views show: independent of everything recomputed."""

import pathlib

import simulated_joins
from query import run


def judge(con, folder, settings, verdict):
    """`folder`: what --truth has written."""
    for name in ["incidents", "weather", "vehicles", "road_minutes", "roads"]:
        path = pathlib.Path(folder) / f"{name}.csv"
        run(con, f"create view true_{name} as from read_csv('{path}', header = true)")
    incidents(con, verdict)
    weather(con, verdict)
    vehicles(con, verdict)
    if settings.speed_from == ["gps_data"]:
        roads(con, verdict)
    simulated_joins.judge(settings, verdict)


def incidents(con, verdict):
    verdict.none(
        "views/incidents: another incident, or another state of it, than the simulator tells of",
        """
        select i.incident_id, tick, i.timestamp, incident_type, status, i.severity, road_id,
            case when i.timestamp < t.responding_at then 'active'
                when i.timestamp < t.resolved_at then 'responding' else 'resolved' end as expected
        from incidents i join true_incidents t on incident = incident_id
        where not removed and (status <> expected or i.severity <> t.severity or incident_type <> t.type
            or road_id <> t.road or abs(latitude - t.lat) > 1e-5 or abs(longitude - t.lon) > 1e-5)
        """,
    )
    # The list begins with those of the first minute; a report that is too late may tell of an older one.
    verdict.none(
        "views/incidents: incidents that the simulator does not tell of",
        "select incident_id, tick, timestamp from incidents anti join true_incidents on incident = incident_id "
        "where epoch_ms(timestamp) >= (select min(event_ms) from truth where kind = 'fine')",
    )
    verdict.none(
        "views/incidents: resolved for a minute, and still there",
        """
        select incident_id, tick, resolved_at, make_timestamptz(now_ms * 1000) as now
        from (from incidents qualify row_number() over (partition by incident_id order by tick desc) = 1)
        join true_incidents on incident = incident_id
        cross join (select max(now_ms) as now_ms from cuts)
        where not removed and resolved_at + interval 80 seconds < make_timestamptz(now_ms * 1000)
        """,
    )


def weather(con, verdict):
    verdict.none(
        "views/weather: another value than the simulator's",
        """
        select station_id, tick, w.timestamp, w.condition, t.condition as expected, road_factor, travel_time_factor
        from weather w left join true_weather t on station = station_id and t.event_ms = epoch_ms(w.timestamp)
        where (w.condition, road_factor, w.temperature, w.humidity, w.wind_speed, w.precipitation, w.air_quality_index)
            is distinct from (lower(t.condition), t.travel_time_factor::double, t.temperature::double, t.humidity::double,
                              t.wind_speed::double, t.precipitation::double, t.air_quality_index::double)
        """,
    )


def vehicles(con, verdict):
    verdict.none(
        "views/vehicle_locations: another place or speed than the simulator's",
        """
        select vehicle_id, tick, v.timestamp, latitude, lat, longitude, lon, speed, speed_kmh
        from vehicle_locations v join true_vehicles t on vehicle = vehicle_id and t.event_ms = epoch_ms(v.timestamp)
        group by all having bool_and(abs(latitude - lat) > 1e-5 or abs(longitude - lon) > 1e-5
            or abs(speed - speed_kmh) > 0.051)
        """,
    )


def roads(con, verdict):
    """Where every report of a minute counted, its window has the simulator's reports and speed."""
    verdict.none(
        "views/road_traffic: another minute than the simulator's",
        """
        with known as (from road_traffic where window_s = 60
                       qualify row_number() over (partition by road_id, window_start order by tick desc) = 1),
        lost as (select distinct road, v.event_ms // 60000 as minute
                 from true_vehicles v join places p on p.topic = 'gps_data' and p.partition = v.partition::varchar
                     and p.off = v."offset"
                 join judged using (part, off) where verdict is not null)
        select road_id, window_start, report_count, reports, average_speed, mean_speed_kmh
        from known join true_road_minutes t on road = road_id and t.minute = window_start
        anti join lost l on l.road = road_id and l.minute = epoch_ms(window_start) // 60000
        where report_count <> reports or abs(average_speed - mean_speed_kmh) > 0.051
        """,
    )
