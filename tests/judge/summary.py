"""The summary line of a run against what the records say."""

from query import one


def judge(con, summary, live_keys, verdict):
    raw, late, duplicates, too_late = one(
        con,
        "select count(*), count(*) filter (verdict is null and is_late), count(*) filter (verdict = 'duplicate'), "
        "count(*) filter (verdict = 'too_late') from judged",
    )
    (rejected,) = one(con, "select count(*) from offsets where rejected")
    expected = {
        "records": raw + rejected,
        "accepted": raw - duplicates - too_late,
        "duplicates": duplicates,
        "rejected": rejected,
        "late": late,
        "too_late": too_late,
    }
    for name, value in expected.items():
        verdict.expect(summary.get(name) == value, f"summary: {name} is {summary.get(name)} instead of {value}")
    for view, keys in live_keys.items():
        told = summary.get("views", {}).get(view)
        verdict.expect(told == keys, f"summary: {view} has {told} keys instead of {keys}")
