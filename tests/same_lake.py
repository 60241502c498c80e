"""Compares lakes: every table as a sorted set, every column bit for bit; and DuckDB with deltalake on each of them.

Usage: same_lake.py [--without TABLE_OR_COLUMN]… LAKE_HOME LAKE_HOME …   (each holds a folder `lake`); exit 1 and the
difference where they differ
"""
import argparse
import json
import pathlib
import sys

import duckdb
from deltalake import DeltaTable


def live_files(table):
    """Files a plain reader finds by following the log."""
    files = set()
    for entry in sorted((table / "_delta_log").glob("*.json")):
        for line in entry.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                files.add(str(table / action["add"]["path"]))
            if "remove" in action:
                files.discard(str(table / action["remove"]["path"]))
    return sorted(files)


def rows(home, name, without):
    table = pathlib.Path(home) / "lake" / name
    plain = duckdb.connect()
    plain.execute("set timezone = 'UTC'")
    source = f"read_parquet({live_files(table)!r}, hive_partitioning = true)"
    columns = sorted(column[0] for column in plain.execute(f"describe select * from {source}").fetchall())
    columns = [column for column in columns if column not in without]
    # As text: a double is written with as many digits as tell it from every other.
    listed = ", ".join(f'cast("{column}" as varchar)' for column in columns)
    by_duckdb = plain.execute(f"select {listed} from {source} order by all").fetchall()
    arrow = DeltaTable(str(table)).to_pyarrow_table()
    by_deltalake = plain.execute(f"select {listed} from arrow order by all").fetchall()
    if by_duckdb != by_deltalake:
        sys.exit(f"{table}: DuckDB reads {len(by_duckdb)} rows and deltalake {len(by_deltalake)}, or other ones")
    return columns, by_duckdb


def main(homes, without):
    lake = pathlib.Path(homes[0]) / "lake"
    names = sorted(str(log.parent.relative_to(lake)) for log in lake.rglob("_delta_log"))
    if len(names) < 8:
        sys.exit(f"{lake} has only the tables {names}")
    for name in [name for name in names if name not in without]:
        columns, first = rows(homes[0], name, without)
        for home in homes[1:]:
            _, other = rows(home, name, without)
            if first != other:
                ours, theirs = set(first) - set(other), set(other) - set(first)
                sys.exit(f"{name} {columns}: only in {homes[0]}: {sorted(ours)[:3]}; only in {home}: {sorted(theirs)[:3]}")
        print(f"{name}: {len(first)} rows, the same in {len(homes)} lakes")


line = argparse.ArgumentParser()
line.add_argument("--without", action="append", default=[])
line.add_argument("homes", nargs="+")
given = line.parse_args()
main(given.homes, given.without)
