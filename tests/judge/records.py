"""Records: every offset once, what was produced, arrival and clocks, and which records no view counts."""

import pathlib

import pyarrow

from query import columns, rows, run

SQL = pathlib.Path(__file__).parent / "sql"


def load(con, verdict):
    """Makes `reports`: raw rows with the number of their partition, their cut and their event time."""
    run(con, 
        """
        create table bounds as select part, topic, partition, upto, min(n) as cut from ends group by all;
        create table offsets as
            select b.part, r._topic as topic, r._partition as partition, r._offset as off, r.date, r._timestamp_ms,
                b.cut, r.rejected
            from (select _topic, _partition, _offset, _timestamp_ms, date, false as rejected from raw
                  union all select _topic, _partition, _offset, _timestamp_ms, date, true from rejects) r
            asof left join bounds b
                on r._topic = b.topic and r._partition = b.partition and r._offset < b.upto;
        """
    )
    verdict.none(
        "raw and rejects: records beyond the last cut, or of no partition of it",
        "select topic, partition, off, rejected from offsets where part is null",
    )
    verdict.none(
        "raw and rejects: offsets that stand there more than once",
        "select topic, partition, off, count(*) as times from offsets group by all having count(*) > 1",
    )
    verdict.none(
        "raw and rejects: offsets before the partition's first",
        "select topic, o.partition, off from offsets o join (select distinct part, first from ends) e using (part) "
        "where off < first",
    )
    verdict.none(
        "raw and rejects: partitions with gaps; every offset from the first to the last cut's end must be there",
        """
        select e.topic, e.partition, e.first, e.upto, count(distinct o.off) as present,
            min(o.off + 1) filter (o.next_off > o.off + 1) as first_gap
        from (from ends where n = (select max(n) from cuts)) e
        left join (select *, lead(off) over (partition by part order by off) as next_off from offsets) o using (part)
        group by all having count(distinct o.off) <> e.upto - e.first
        """,
    )
    verdict.none(
        "raw and rejects: records under another date than that of their cut's clock",
        "select topic, partition, off, date, n from offsets join cuts on n = cut "
        "where date <> make_timestamp(now_ms * 1000)::date",
    )
    run(con, 
        """
        create table reports as
        select b.part, b.off, b.cut, r.id, r.device_id as device, epoch_ms(r.timestamp) as event_ms, r.speed,
            r.latitude, r.longitude, r.direction, r.vehicle_type, r.road_id, r._timestamp_ms as sent_ms
        from (select distinct on (part, off) * from offsets where not rejected and part is not null) b
        join raw r on r._topic = b.topic and r._partition = b.partition and r._offset = b.off
        """
    )


def truth(con, path, kind, verdict):
    """Compares with what was produced: CSV or JSON lines with partition and offset, and what else they say.

    Producers know a partition of Kafka by its number; in the lake the topic's name may stand before it.
    """
    known = "regexp_extract({}, '[^/]*$')" if kind == "kafka" else "{}"
    with open(path, encoding="utf-8") as file:
        lines = file.read(1) == "{"
    source = f"read_json('{path}', format = 'newline_delimited')" if lines else f"read_csv('{path}', all_varchar = true)"
    told = columns(con, source)
    text = lambda name: f"nullif({name}::varchar, '')" if name in told else "null::varchar"
    run(con, 
        f"create table truth as select partition::varchar as partition, \"offset\"::bigint as off, {text('kind')} as kind, "
        f"{text('reason')} as reason, {text('id')} as id, {text('timestamp_ms')}::bigint as sent_ms from {source}"
    )
    run(con, f"create view places as select * replace ({known.format('partition')} as partition) from offsets")
    verdict.none(
        "records that were produced and are in neither raw nor rejects",
        "select partition, off, kind from truth anti join places using (partition, off)",
    )
    verdict.none(
        "records in raw or rejects that nobody produced",
        "select partition, off from places anti join truth using (partition, off)",
    )
    verdict.none(
        "records on the wrong side of the decoder",
        "select partition, off, kind, rejected from truth join places using (partition, off) "
        "where kind is not null and (kind = 'broken') <> rejected",
    )
    verdict.none(
        "rejects with another reason",
        "select t.partition, off, t.reason as expected, r.reason, r.detail from truth t join rejects r "
        f"on {known.format('r._partition')} = t.partition and r._offset = off where t.reason <> r.reason",
    )
    verdict.none(
        "raw rows with another id",
        "select t.partition, off, t.id as expected, r.id from truth t join raw r "
        f"on {known.format('r._partition')} = t.partition and r._offset = off where t.id <> r.id",
    )
    verdict.none(
        "records with another timestamp than the broker's",
        "select partition, off, t.sent_ms as expected, _timestamp_ms from truth t join places using (partition, off) "
        "where t.sent_ms is distinct from _timestamp_ms and t.sent_ms is not null",
    )


def arrivals(con, kind, settings, verdict):
    """Makes `arrived`: reports with the partition's clock at each and their arrival; checks the bindings' clocks."""
    folder = kind == "folder"
    values = "event_ms" if folder else f"least(event_ms, sent_ms + {settings.clock_skew_ms})"
    arrival = "clock_ms" if folder else "least(sent_ms, now_ms)"
    run(con, 
        f"""
        create table arrived as
        select r.*, {arrival} as arrival_ms
        from (select * exclude (median_ms), max(median_ms) over (partition by part order by off) as clock_ms
              from (select *, list_sort(last_five)[(len(last_five) + 1) // 2] as median_ms
                    from (select *, list({values}) over (partition by part order by off rows 4 preceding) as last_five
                          from reports))) r
        join cuts on n = cut;
        alter table arrived drop last_five;
        """
    )
    verdict.none(
        "raw: records of a folder have no timestamp, those of Kafka have one",
        f"select part, off, sent_ms from reports where (sent_ms is null) <> {folder}",
    )
    # A record from beyond the clock may have been seen earlier than its timestamp says: then the clock is unknown here.
    verdict.none(
        "raw/_cuts: partitions whose clock is not the running median of their event times",
        """
        select n, part, ends.clock_ms, a.clock_ms as expected from ends
        join (select part, cut, max(clock_ms) as clock_ms, bool_and(coalesce(sent_ms <= now_ms, true)) as sure
              from arrived join cuts on n = cut group by all) a using (part)
        where a.cut = ends.n and sure and ends.clock_ms is distinct from a.clock_ms
        """,
    )
    verdict.none(
        "raw/_cuts: watermarks beyond every clock, or behind all that count",
        f"""
        select n, wm_ms, max(clock_ms) as latest_ms from cuts join ends using (n) group by n, wm_ms
        having wm_ms > max(clock_ms) - {settings.out_of_orderness_ms} or (wm_ms is null and
            bool_or(counted) and bool_and(clock_ms is not null) filter (counted))
            or wm_ms < min(clock_ms) filter (counted) - {settings.out_of_orderness_ms}
        """
        if not folder
        # A file that is not begun counts with its first event.
        else f"""
        with begun as (select part, min(cut) as cut, min_by(clock_ms, off) as first_ms from arrived group by part),
        bounds as (select n, wm_ms, max(clock_ms) as latest_ms from cuts join ends using (n) group by n, wm_ms)
        select n, wm_ms, any_value(latest_ms) from bounds left join begun on cut > n and (n, part) in (select (n, part) from ends) group by n, wm_ms
        having wm_ms > greatest(any_value(latest_ms), coalesce(min(first_ms), any_value(latest_ms))) - {settings.out_of_orderness_ms}
        """,
    )


def judge(con, settings, verdict):
    """Makes `accepted`, what views count, and compares the verdicts with `dropped`."""
    text = (SQL / "verdicts.sql").read_text()
    run(con, text.format(**vars(settings)))
    name_roads(con)
    for sentence, one, other in [
        ("records that should be dropped and are not", "verdicts", "listed"),
        ("records that are dropped and should not be", "listed", "verdicts"),
    ]:
        verdict.none(f"dropped: {sentence}", f"from {one} except all from {other}")
    verdict.none(
        "dropped: records under another date than that of their cut's clock",
        "select d.*, now_ms from dropped d join cuts using (tick) where date <> make_timestamp(now_ms * 1000)::date",
    )


def name_roads(con):
    """A report without a road counts for its H3 cell of resolution 9."""
    run(con, "alter table accepted add column road varchar; update accepted set road = road_id")
    places = rows(con, "select distinct latitude, longitude from accepted where road is null")
    if not places:
        return
    import h3

    cells = [h3.latlng_to_cell(latitude, longitude, 9) for latitude, longitude in places]
    named = pyarrow.table({"lat": [p[0] for p in places], "lon": [p[1] for p in places], "cell": cells})
    con.register("cells", named)
    run(con, "update accepted set road = cell from cells where road is null and latitude = lat and longitude = lon")
    con.unregister("cells")
