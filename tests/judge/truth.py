"""What was produced against what the lake has: CSV or JSON lines that tell of every record."""

from query import columns, run


def judge(con, path, kind, verdict):
    """Records by topic, partition and offset, and what else they say: kind, reason, id, event_ms, the broker's time.

    Producers know a partition of Kafka by its number; in the lake the topic's name may stand before it.
    """
    with open(path, encoding="utf-8") as file:
        lines = file.read(1) == "{"
    source = f"read_json('{path}', format = 'newline_delimited')" if lines else f"read_csv('{path}', all_varchar = true)"
    told = columns(con, source)
    text = lambda name: f"nullif({name}::varchar, '')" if name in told else "null::varchar"
    # A folder's records have no time of their own.
    sent = text("timestamp_ms" if "timestamp_ms" in told else "arrival_ms") if kind == "kafka" else "null"
    known = "regexp_extract(partition, '[^/]*$')" if kind == "kafka" else "partition"
    run(
        con,
        f"""
        create or replace table truth as
        select coalesce({text("topic")}, 'gps_data') as topic, partition::varchar as partition, "offset"::bigint as off,
            {text("kind")} as kind, {text("reason")} as reason, {text("id")} as id, {text("event_ms")}::bigint as event_ms,
            {sent}::bigint as sent_ms, {text("copy_of")} as copy_of, {"copy_of" in told} as tells_copies
        from {source};
        create or replace table places as
        select o.* exclude (_timestamp_ms, partition), {known} as partition, o._timestamp_ms, id, event_ms, reason
        from offsets o
        left join (select part, off, id, event_ms from reports) using (part, off)
        left join (select _topic as topic, _partition as partition, _offset as off, reason from rejects)
            using (topic, partition, off)
        """,
    )
    verdict.none(
        "records that were produced and are in neither raw nor rejects",
        "select topic, partition, off, kind from truth anti join places using (topic, partition, off)",
    )
    verdict.none(
        "records in raw or rejects that nobody produced",
        "select topic, partition, off from places anti join truth using (topic, partition, off)",
    )
    verdict.none(
        "records on the wrong side of the decoder",
        "select topic, partition, off, kind, rejected from truth join places using (topic, partition, off) "
        "where kind is not null and (kind = 'broken') <> rejected",
    )
    for sentence, name, which in [
        ("rejects with another reason", "reason", "rejected"),
        ("raw rows with another id", "id", "not rejected"),
        ("raw rows with another event time", "event_ms", "not rejected"),
        ("records with another timestamp than the broker's", "_timestamp_ms", "true"),
    ]:
        expected = "sent_ms" if name == "_timestamp_ms" else f"t.{name}"
        verdict.none(
            sentence,
            f"select topic, partition, off, {expected} as expected, p.{name} from truth t "
            f"join places p using (topic, partition, off) "
            f"where {expected} is not null and {expected} is distinct from p.{name} and {which}",
        )


def verdicts(con, settings, verdict):
    """A copy that the truth tells of came soon after the first in its partition; a fine record is never too late."""
    told = (
        "select topic, partition, off, t.kind, j.verdict from truth t join places p using (topic, partition, off) "
        "join judged j using (part, off)"
    )
    if settings.dedup:
        verdict.none(
            "records that are dropped as copies and are none, or the other way round",
            f"{told} where tells_copies and (copy_of is null) = (coalesce(j.verdict, '') = 'duplicate')",
        )
    verdict.none("fine records that no view counts", f"{told} where kind = 'fine' and j.verdict is not null")
