"""Shows that the judge finds nothing wrong with a correct lake, and finds each of many planted faults.

    python tests/judge/selftest.py [SEED]
"""

import concurrent.futures
import copy
import multiprocessing
import sys
import tempfile

import h3
import pyarrow

import cuts
import feed
import judge
import query
import simulated_faults
import speed
import tables
import truth as produced
import views
from faults import FAULTS, TRUTH_FAULTS
from stores import STORE_FAULTS, Store, speed_layer
from verdict import Verdict


def truth_of(rows):
    """What was produced, as a feeder tells it: topic, partition, offset, kind, reason, id."""
    place = lambda r: (r["_topic"], r["_partition"], r["_offset"])
    copies = {place(r) for r in rows["dropped"] if r["verdict"] == "duplicate"}
    sound = [
        (*place(r), "copy" if place(r) in copies else "on_time", "", r["id"] or "")
        for table, listed in rows.items() if table.endswith("_data") for r in listed
    ]  # fmt: skip
    broken = [(*place(r), "broken", r["reason"], "") for r in rows["rejects"]]
    return sound + broken


def told(lake, truth):
    path = f"{lake}/truth.csv"
    lines = ["topic,partition,offset,kind,reason,id,copy_of"]
    lines += [",".join(map(str, [*line, 0 if line[3] == "copy" else ""])) for line in truth]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def judged(rows, free_flow, truth=None, **given):
    """The connection of a judge of these tables, and what it complains of."""
    with tempfile.TemporaryDirectory() as lake:
        tables.write(lake, rows, free_flow)
        if truth:
            given["truth"] = told(lake, truth)
        con, verdict = judge.judge(lake, **given)
        return con, verdict.violations


def judged_without(column, rows, free_flow):
    """Why a lake whose tables lack a column cannot be judged."""
    whole = dict(tables.TYPES)
    tables.TYPES.update({table: words.replace(f" {column} d", "") for table, words in whole.items()})
    try:
        return judged(rows, free_flow)[1]
    except SystemExit as refusal:
        return [str(refusal)]
    finally:
        tables.TYPES.update(whole)


def violations_of(number, rows, free_flow):
    """Those of the fault with this number."""
    FAULTS[number][2](rows)
    return judged(rows, free_flow)[1]


def compared(con, changed, rows, spoilt):
    """What views are compared with is not computed again for faults in nothing but views."""
    verdict = Verdict(con)
    fill(con, changed, spoilt)
    views.judge(con, settings_of(con), verdict)
    fill(con, changed, rows)
    return verdict.violations


def fill(con, changed, rows):
    for table in changed:
        view, shape = table.removeprefix("views/"), tables.schema(table)
        full = [{name: row.get(name) for name in shape.names} for row in rows[table]]
        con.register("given", pyarrow.Table.from_pylist(full, shape))
        query.run(con, f"delete from {view}")
        query.run(con, f"insert into {view} by name from given")
        con.unregister("given")


def settings_of(con):
    return cuts.Settings(query.one(con, "select any_value(settings) from cut_rows")[0])


def judged_again(con, truth=None, stores=None):
    """What is compared with the lake, without judging the lake again."""
    verdict = Verdict(con)
    settings = settings_of(con)
    if truth:
        with tempfile.TemporaryDirectory() as folder:
            produced.judge(con, told(folder, truth), "kafka", verdict)
            produced.verdicts(con, settings, verdict)
    if stores:
        speed.judge(con, *stores, settings, "kafka", "", verdict)
        feed.judge(stores[1], verdict)
    return verdict.violations


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    cell = lambda lat, lon: h3.latlng_to_cell(lat, lon, 9)
    rows, free_flow, city = tables.build(seed, cell, ["gps_data", "vehicle_data"])
    stores = speed_layer(city, free_flow)
    ask = lambda first, second: (Store(first, city.now), Store(second, city.now))
    print(", ".join(f"{len(listed)} rows of {table}" for table, listed in rows.items()))
    failures = []

    def outcome(name, wanted, violations):
        caught = any(wanted in violation for violation in violations) if wanted else not violations
        print(f"{'ok  ' if caught else 'FAIL'} {name}: {violations[0][:150] if violations else 'nothing is wrong'}")
        if not caught:
            failures.append(name)

    truth = truth_of(rows)
    con, violations = judged(rows, free_flow, truth, stores=ask(*stores))
    outcome("a correct lake", None, violations)
    for told_of in simulated_faults.outcomes():
        outcome(*told_of)
    outcome("a correct lake whose roads count gps_data alone", None, judged(*tables.build(seed, cell)[:2])[1])
    for column in ["camera_speed", "weather_factor"]:
        outcome(f"a lake from before {column}", f"column {column} missing", judged_without(column, rows, free_flow))
    for name, wanted, spoil in STORE_FAULTS:
        spoilt = copy.deepcopy(stores)
        spoil(*spoilt)
        outcome(name, wanted, judged_again(con, stores=ask(*spoilt)))
    for name, wanted, spoil in TRUTH_FAULTS:
        spoilt = copy.deepcopy(truth)
        spoil(spoilt)
        outcome(name, wanted, judged_again(con, truth=spoilt))
    with concurrent.futures.ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        found = []
        for number, (_, _, spoil) in enumerate(FAULTS):
            spoilt = copy.deepcopy(rows)
            spoil(spoilt)
            changed = [table for table in rows if rows[table] != spoilt[table]]
            in_views = all(table.startswith("views/") for table in changed)
            again = lambda: pool.submit(violations_of, number, rows, free_flow)
            found.append(compared(con, changed, rows, spoilt) if in_views else again())
        for (name, wanted, _), violations in zip(FAULTS, found):
            outcome(name, wanted, violations if isinstance(violations, list) else violations.result())
    counts = {"records": 1, "accepted": 1, "duplicates": 0, "rejected": 0, "late": 0, "too_late": 0, "views": {}}
    outcome("a summary that is wrong", "summary: records", judged(rows, free_flow, told=counts)[1])
    print(f"{len(failures)} faults were not caught: {failures}" if failures else "every fault was caught")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
