"""Asking DuckDB: every answer is fetched whole, which is what lets the next question be asked."""


def table(con, query):
    """Column names and rows."""
    answer = con.execute(query)
    columns = [column[0] for column in answer.description]
    return columns, answer.fetchall()


def rows(con, query):
    return con.execute(query).fetchall()


def one(con, query):
    """The only row of an answer that has one."""
    (row,) = rows(con, query)
    return row


def columns(con, source):
    return table(con, f"from {source} limit 0")[0]


def run(con, statements):
    con.execute(statements).fetchall()
