"""Cuts: what each binding says, that each follows the one before, and the settings that decide answers."""

import json
import pathlib

import pyarrow

from delta import VIEWS
from query import columns, rows, run


# What rules may say instead of a number.
WORDS = {
    "incident_severity": ["low", "medium", "high", "critical"],
    "congestion_level": ["light", "moderate", "heavy", "severe"],
}


def rule_of(rule, watches, at_least, severity):
    words = WORDS.get(watches, [])
    number = words.index(at_least) if at_least in words else at_least
    return {"rule": rule, "watches": watches, "at_least": float(number), "severity": severity}


class Settings:
    """The settings of the run, the same at every cut."""

    def __init__(self, text):
        values = json.loads(text)
        self.dedup = values["dedup"]
        self.vehicle_count = values["vehicle_count"]
        for name in ["dedup_horizon_ms", "correction_horizon_ms", "clock_skew_ms", "out_of_orderness_ms"]:
            setattr(self, name, int(values[name]))
        self.speed_from = values.get("speed_from", ["gps_data"])
        # Rules of alerts, wherever they came from.
        self.alerts = [rule_of(**rule) for rule in values.get("alerts", [])]
        kept = values.get("views", VIEWS)
        self.views = [view for view in VIEWS if view in kept]


def view_watermark(binding):
    return min(binding["watermark_ms"].values(), default=None)


def load(con, verdict):
    """Makes the tables `cuts` (numbered from 1), `ends` (per cut and partition) and `watermarks` (per cut and topic).

    Returns the settings and the last binding.
    """
    found = rows(
        con,
        "select tick, generation, epoch_ms(now), epoch_ms(watermark), binding, settings from cut_rows order by tick",
    )
    verdict.none("raw/_cuts: a tick stands there twice", "select tick from cut_rows group by tick having count(*) > 1")
    if not found:
        raise SystemExit("cannot judge: raw/_cuts has no rows")
    if len({row[5] for row in found}) > 1 or len({json.dumps(json.loads(row[4])["references"]) for row in found}) > 1:
        raise SystemExit("cannot judge: the settings or the reference tables change between cuts")
    bindings = [json.loads(row[4]) for row in found]
    for binding, (tick, generation, now, watermark, *_) in zip(bindings, found):
        said = (binding["tick"], binding["generation"], binding["now_ms"], view_watermark(binding))
        verdict.expect(said == (tick, generation, now, watermark), f"raw/_cuts: cut {tick}: the binding says {said}")
        verdict.expect(binding["is_cut"], f"raw/_cuts: the binding of {tick} is no cut")
        first = generation << 32
        verdict.expect(first <= tick < first + (1 << 32), f"raw/_cuts: {tick} is no tick of generation {generation}")
    for before, after in zip([None] + bindings, bindings):
        follows(before, after, verdict)
    tables(con, bindings)
    return Settings(found[-1][5]), bindings[-1]


def follows(before, after, verdict):
    tick = after["tick"]
    told = (after["cut"]["tick"], after["cut"]["watermark_ms"], after["cut"]["now_ms"])
    was = (before["tick"], view_watermark(before), before["now_ms"]) if before else (0, None, None)
    verdict.expect(told == was, f"raw/_cuts: cut {tick} follows {told}, but the one before it is {was}")
    if not before:
        starts = all(p["start"] <= p["end"] for p in after["partitions"])
        return verdict.expect(starts, f"raw/_cuts: cut {tick} ends before it starts")
    verdict.expect(after["now_ms"] >= before["now_ms"], f"raw/_cuts: the clock goes back at {tick}")
    for topic, watermark in before["watermark_ms"].items():
        risen = after["watermark_ms"].get(topic, -1) >= watermark
        verdict.expect(risen, f"raw/_cuts: the watermark of {topic} goes back at {tick}")
    low, high = view_watermark(before), view_watermark(after)
    risen = low is None or high >= low
    verdict.expect(risen, f"raw/_cuts: the watermark of the views goes back at {tick}: {low} to {high}")
    for number, old in enumerate(before["partitions"]):
        new = after["partitions"][number] if number < len(after["partitions"]) else {}
        same = all(new.get(key) == old[key] for key in ["topic", "partition", "start"])
        grown = same and new["end"] >= old["end"]
        verdict.expect(grown, f"raw/_cuts: partition {number} goes from {old} to {new} at {tick}")


def tables(con, bindings):
    cuts, ends, watermarks = [], [], []
    before, top = None, None
    for number, binding in enumerate(bindings, 1):
        top = max((wm for wm in [top, view_watermark(binding)] if wm is not None), default=None)
        cuts.append(
            {
                "top_wm_ms": top,
                "n": number,
                "tick": binding["tick"],
                "now_ms": binding["now_ms"],
                "wm_ms": view_watermark(binding),
                "prev_now_ms": before and before["now_ms"],
                "prev_wm_ms": before and view_watermark(before),
            }
        )
        before = binding
        watermarks += [{"n": number, "topic": t, "wm_ms": wm} for t, wm in binding["watermark_ms"].items()]
        for part, bound in enumerate(binding["partitions"]):
            ends.append(
                {
                    "n": number,
                    "part": part,
                    "topic": bound["topic"],
                    "partition": bound["partition"],
                    "first": bound["start"],
                    "end": bound["end"],
                    "clock_ms": bound["clock"]["now_ms"],
                    "counted": bound["idle_since_ms"] is None and not bound.get("finished", False),
                }
            )
    big = ["n", "tick", "now_ms", "wm_ms", "top_wm_ms", "prev_now_ms", "prev_wm_ms"]
    schema = pyarrow.schema([(name, pyarrow.int64()) for name in big])
    con.register("given", pyarrow.Table.from_pylist(cuts, schema))
    run(con, "create table cuts as from given")
    types = {"topic": pyarrow.string(), "partition": pyarrow.string(), "counted": pyarrow.bool_()}
    names = ["n", "part", "topic", "partition", "first", "end", "clock_ms", "counted"]
    schema = pyarrow.schema([(name, types.get(name, pyarrow.int64())) for name in names])
    con.register("given", pyarrow.Table.from_pylist(ends, schema))
    run(con, 'create table ends as select * rename ("end" as "upto") from given')
    schema = pyarrow.schema([("n", pyarrow.int64()), ("topic", pyarrow.string()), ("wm_ms", pyarrow.int64())])
    con.register("given", pyarrow.Table.from_pylist(watermarks, schema))
    run(con, "create table watermarks as from given")
    con.unregister("given")


def reference(lake, binding, name):
    """The bytes that the last binding names, as a table of DuckDB; none if it names none."""
    key = binding["references"].get(name)
    if key is None:
        return None
    path = pathlib.Path(lake) / "raw" / "_reference" / f"{name}-{key}"
    if not path.is_file():
        raise SystemExit(f"cannot judge: the reference table {path} is not there")
    return f"read_csv('{path}', header = true, all_varchar = true)"


def references(con, lake, binding, settings, verdict):
    """Makes `free_flow` (road, kmh) and `route_roads` (route, road, length_m), empty without a reference table."""
    run(con, "create table free_flow (road varchar, kmh double)")
    run(con, "create table route_roads (route varchar, road varchar, length_m double)")
    if source := reference(lake, binding, "free_flow"):
        free_flow(con, source)
    if source := reference(lake, binding, "routes"):
        fields = "trim(route_id), trim(road_id), trim(length_m)::double"
        run(con, f"insert into route_roads select {fields} from {source}")
    if source := reference(lake, binding, "alerts"):
        found = rows(con, f"select trim(rule), trim(watches), trim(at_least), trim(severity) from {source}")
        listed, told = [rule_of(*row) for row in found], settings.alerts
        same = sorted(listed, key=str) == sorted(told, key=str)
        verdict.expect(same, f"raw/_cuts: the rules of alerts are {told}, those in raw/_reference {listed}")


def free_flow(con, source):
    header = columns(con, source)
    road = next(name for name in ["road_id", "segment_id"] if name in header)
    speed = next(name for name in ["free_flow", "free_flow_speed"] if name in header)
    run(con, f"insert into free_flow select trim({road}), trim({speed})::double from {source}")
