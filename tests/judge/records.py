"""Records: every offset once, what was produced, arrival and clocks, and which records no view counts."""

import pathlib

import pyarrow

from delta import TOPICS
from query import columns, rows, run

SQL = pathlib.Path(__file__).parent / "sql"


def load(con, verdict):
    """Makes `reports`: raw rows of all topics with the number of their partition, their cut and their event time."""
    place = "_topic, _partition, _offset, _timestamp_ms, date"
    listed = " union all ".join(f"select {place}, false as rejected from {topic}" for topic in TOPICS)
    run(con, 
        f"""
        create table bounds as select part, topic, partition, upto, min(n) as cut from ends group by all;
        create table offsets as
            select b.part, r._topic as topic, r._partition as partition, r._offset as off, r.date, r._timestamp_ms,
                b.cut, r.rejected
            from ({listed} union all select {place}, true as rejected from rejects) r
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
    for topic in TOPICS:
        strangers = f"select _topic, _offset from {topic} where _topic <> '{topic}'"
        verdict.none(f"raw/{topic}: records of another topic", strangers)
    run(con, (SQL / "reports.sql").read_text())


def arrivals(con, kind, settings, verdict):
    """Makes `arrived`: reports with the partition's clock at each and their arrival; checks the bindings' clocks."""
    folder = kind == "folder"
    values = "event_ms" if folder else f"least(event_ms, sent_ms + {settings.clock_skew_ms})"
    arrival = "least(clock_ms, now_ms)" if folder else "least(sent_ms, now_ms)"
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
        # A topic without partitions that count is taken along by the others. A file that is not begun counts with its
        # first event.
        f"""
        with begun as (select part, min(cut) as cut, min_by(clock_ms, off) as first_ms from arrived group by part),
        latest as (select n, greatest(max(clock_ms), coalesce(max(first_ms) filter ({folder} and cut > n), max(clock_ms)))
                       as latest_ms
                   from ends left join begun using (part) group by n)
        select n, topic, wm_ms, any_value(latest_ms) as latest_ms
        from ends left join watermarks using (n, topic) join latest using (n)
        group by n, topic, wm_ms
        having wm_ms > any_value(latest_ms) - {settings.out_of_orderness_ms}
            or (not {folder} and wm_ms is null and bool_or(counted) and bool_and(clock_ms is not null) filter (counted))
            or (not {folder} and wm_ms < min(clock_ms) filter (counted) - {settings.out_of_orderness_ms})
        """,
    )


def judge(con, settings, verdict):
    """Makes `accepted`, what views count, and compares the verdicts with `dropped`."""
    text = (SQL / "verdicts.sql").read_text()
    run(con, text.format(**vars(settings), topics=TOPICS))
    name_roads(con, "readings")
    name_roads(con, "sightings")
    for sentence, one, other in [
        ("records that should be dropped and are not", "verdicts", "listed"),
        ("records that are dropped and should not be", "listed", "verdicts"),
    ]:
        verdict.none(f"dropped: {sentence}", f"from {one} except all from {other}")
    verdict.none(
        "dropped: records under another date than that of their cut's clock",
        "select d.*, now_ms from dropped d join cuts using (tick) where date <> make_timestamp(now_ms * 1000)::date",
    )


def name_roads(con, table):
    """What names no road counts for the H3 cell of its position, of resolution 9."""
    places = rows(con, f"select distinct latitude, longitude from {table} where road is null")
    if not places:
        return
    import h3

    cells = [h3.latlng_to_cell(latitude, longitude, 9) for latitude, longitude in places]
    named = pyarrow.table({"lat": [p[0] for p in places], "lon": [p[1] for p in places], "cell": cells})
    con.register("cells", named)
    run(con, f"update {table} set road = cell from cells where road is null and latitude = lat and longitude = lon")
    con.unregister("cells")
