"""How rows of tables are picked and spoilt."""

import tables

VIEW = {view: f"views/{view}" for view in tables.COLUMNS}


def last(rows, **wanted):
    return next(row for row in reversed(rows) if all(row.get(name) == value for name, value in wanted.items()))


def after(row, **changes):
    row.update(changes)


def one_more(row, column):
    row[column] += 1


def add(rows, row, **changes):
    rows.append({**row, **changes})


def remove(rows, row):
    """This very row, not its like."""
    del rows[next(at for at, it in enumerate(rows) if it is row)]


def pairs(rows, *names):
    """Each row of a key with the one before it."""
    before = {}
    for row in sorted(rows, key=lambda row: row["tick"]):
        key = tuple(row[name] for name in names)
        if key in before:
            yield before[key], row
        before[key] = row
