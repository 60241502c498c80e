"""What the judge has found: each check is a query that must answer nothing."""

from query import one, run, table

EXAMPLES = 4


class Verdict:
    def __init__(self, con):
        self.con = con
        self.checks = 0
        self.violations = []

    def expect(self, holds, sentence):
        """`sentence` says what is wrong; it counts unless `holds`."""
        self.checks += 1
        if not holds:
            self.violations.append(sentence)

    def none(self, sentence, query):
        """`query` selects what must not exist; `sentence` says what its rows are."""
        self.checks += 1
        run(self.con, f"create or replace temp table found as {query}")
        (count,) = one(self.con, "select count(*) from found")
        if count:
            columns, listed = table(self.con, f"select columns(*)::varchar from found order by all limit {EXAMPLES}")
            rows = [dict(zip(columns, row)) for row in listed]
            shown = "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in rows)
            more = "" if count <= EXAMPLES else f"; and {count - EXAMPLES} more"
            self.violations.append(f"{sentence}: {shown}{more}")
