"""What the simulator says of the city against what views take from each other: alerts, and the weather on roads."""

RANKS = "['low', 'medium', 'high', 'critical']"


def judge(settings, verdict):
    for rule in settings.alerts:
        if rule["watches"] == "incident_severity":
            incidents(rule, verdict)
    roads(settings, verdict)
    weather(verdict)


def incidents(rule, verdict):
    """`told`: the cuts in which a report of an incident counted, while none had said that it is resolved."""
    name = rule["rule"].replace("'", "''")
    grave = f"list_position({RANKS}, t.severity) - 1 >= {float(rule['at_least'])}"
    verdict.none(
        f"views/alerts: incidents of the simulator of which {rule['rule']} does not tell",
        f"""
        with reports as (select incident_id, cut, t.severity, make_timestamptz(event_ms * 1000) >= resolved_at as resolved
                         from incident_reports join (select part, off, cut, event_ms from accepted) using (part, off)
                         join (select * rename (incident as incident_id) from true_incidents) t using (incident_id)
                         where {grave}),
        told as (select incident_id, cut, severity from reports
                 group by all having not bool_or(resolved)),
        ended as (select incident_id, min(cut) as ended from reports where resolved group by all),
        shown as (select incident_id, n, severity, tick,
                      (select arg_max(state, a.tick) from alerts a
                       where a.rule = '{name}' and a.subject = incident_id and a.tick <= cuts.tick) as state
                  from told join cuts on n = cut left join ended using (incident_id) where ended is null or n < ended)
        select incident_id, severity, tick, state from shown where state is distinct from 'open'
        """,
    )
    verdict.none(
        f"views/alerts: incidents that are less grave than {rule['rule']} says",
        f"select episode, tick, t.severity from alerts join true_incidents t on incident = subject "
        f"where rule = '{name}' and not ({grave})",
    )
    verdict.none(
        f"views/alerts: incidents resolved for a minute, and {rule['rule']} still open",
        f"""
        select episode, tick, resolved_at, make_timestamptz(now_ms * 1000) as now
        from (from alerts where rule = '{name}' qualify row_number() over (partition by episode order by tick desc) = 1)
        join true_incidents on incident = subject
        cross join (select max(now_ms) as now_ms from cuts)
        where state = 'open' and resolved_at + interval 80 seconds < make_timestamptz(now_ms * 1000)
        """,
    )


def roads(settings, verdict):
    jams = [rule["rule"].replace("'", "''") for rule in settings.alerts if rule["watches"] == "congestion_level"]
    for view, road, which in [
        ("road_current", "road_id", "true"),
        ("routes", "worst_road", "worst_road is not null"),
        *[("alerts", "subject", f"rule = '{rule}'") for rule in jams],
    ]:
        verdict.none(
            f"views/{view}: roads that the simulator's city has not",
            f"select {road}, tick from {view} anti join true_roads on road = {road} where {which}",
        )


def weather(verdict):
    """The factor is one of the last half hour, at a station that is about as near as the nearest."""
    verdict.none(
        "views/road_current: the weather is not that of a station near by",
        """
        with stations as (select station, any_value(lat) as lat, any_value(lon) as lon from true_weather group by station),
        far as (select road, station, length_m, metres(from_lat, from_lon, lat, lon) as far
                from true_roads cross join stations),
        near as (select road as road_id, station from far
                 qualify far <= min(far) over (partition by road) + 2 * length_m + 1),
        factors as (select distinct tick, station, travel_time_factor::double as weather_factor
                    from cuts join true_weather on event_ms between now_ms - 2400000 and now_ms + 60000)
        select road_id, tick, weather_factor from road_current
        anti join (from near join factors using (station)) using (road_id, tick, weather_factor)
        where not removed and weather_factor is not null
        """,
    )
