"""Judges a stopped job by its lake: recomputes every verdict and every view at every cut from raw and raw/_cuts.

    python tests/judge/judge.py --lake DIR [--redis URL] [--truth FILE] [--summary JSON] [--input-kind kafka|folder]

Exit 0: nothing to complain of. Exit 1: a list of violations. It shares no code with the engine.
"""

import argparse
import json
import sys
import time
import urllib.parse

import duckdb

import cuts
import delta
import feed
import records
import simulated
import speed
import summary
import truth as produced
import views
from query import one, rows, run
from verdict import Verdict


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--lake", required=True, help="the folder with raw/, views/, …")
    parser.add_argument("--redis", help="redis://host:port, to be compared with the last cut")
    parser.add_argument("--second-db", type=int, default=1)
    parser.add_argument("--key-prefix", default="")
    told = "topic, partition, offset, and kind, reason, id, event_ms, timestamp_ms if known"
    parser.add_argument("--truth", help=f"CSV or JSON lines: {told}")
    parser.add_argument("--city", help="the folder that the simulator's --truth has written: incidents.csv and others")
    parser.add_argument("--summary", help="the job's last line of --output json, or a file with it")
    parser.add_argument("--input-kind", choices=["kafka", "folder"], default="kafka")
    return parser.parse_args()


def clients(url, second_db):
    import redis

    at = urllib.parse.urlparse(url)
    first = int(at.path.strip("/") or 0)
    connect = lambda db: redis.Redis(at.hostname, at.port or 6379, db=db, password=at.password)
    return connect(first), connect(second_db)


def judge(lake, kind="kafka", truth=None, told=None, stores=None, prefix="", city=None):
    """Everything wrong with a lake, and with the speed layer and the summary where they are given."""
    con = duckdb.connect()
    run(con, "set timezone = 'UTC'")
    verdict = Verdict(con)
    transactions = {name: delta.load(con, lake, name, verdict) for name in delta.TABLES}
    settings, last = cuts.load(con, verdict)
    for name, apps in transactions.items():
        ahead = {app: tick for app, tick in apps.items() if tick > last["tick"]}
        verdict.expect(not ahead, f"{delta.TABLES[name]}: committed beyond the last cut {last['tick']}: {ahead}")
    cuts.references(con, lake, last, settings, verdict)
    records.load(con, verdict)
    if truth:
        produced.judge(con, truth, kind, verdict)
    records.arrivals(con, kind, settings, verdict)
    records.judge(con, settings, verdict)
    if truth:
        produced.verdicts(con, settings, verdict)
    views.recompute(con, settings)
    views.judge(con, settings, verdict)
    if city:
        simulated.judge(con, city, settings, verdict)
    if told is not None:
        summary.judge(con, told, views.live_keys(con, settings), verdict)
    if stores:
        speed.judge(con, *stores, settings, kind, prefix, verdict)
        feed.judge(stores[1], verdict)
    return con, verdict


def held(con):
    """The topic that held the watermark most behind those that are read, though none of its partitions counts."""
    return rows(
        con,
        """
        with topics as (select n, topic, wm_ms, bool_or(counted) as counted
                        from watermarks join ends using (n, topic) group by all),
        behind as (select n, arg_min(topic, wm_ms) filter (not counted) as topic,
                       min(wm_ms) filter (counted) - min(wm_ms) filter (not counted) as held_ms from topics group by n)
        select topic, held_ms from behind where held_ms > 0 order by held_ms desc limit 1
        """,
    )


def report(con, verdict, begun):
    count = lambda table: one(con, f"select count(*) from {table}")[0]
    listed = sum(count(f"expected_{view}") for view in views.KEYS)
    print(
        f"judge: {count('offsets')} records, {count('cuts')} cuts, {count('verdicts')} dropped, {listed} rows of views, "
        f"{verdict.checks} checks, {time.monotonic() - begun:.1f} s"
    )
    for topic, held_ms in held(con):
        print(f"note: {topic}, of which nothing more is read, holds the views' watermark {held_ms / 1000:.0f} s back")
    for violation in verdict.violations:
        print(f"violation: {violation}")
    print(f"judge: {len(verdict.violations)} violations" if verdict.violations else "judge: all is as it must be")


def main():
    args = arguments()
    begun = time.monotonic()
    told = None
    if args.summary:
        told = args.summary if args.summary.lstrip().startswith("{") else open(args.summary, encoding="utf-8").read()
        told = json.loads(told)
    stores = clients(args.redis, args.second_db) if args.redis else None
    con, verdict = judge(args.lake, args.input_kind, args.truth, told, stores, args.key_prefix, args.city)
    report(con, verdict, begun)
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
