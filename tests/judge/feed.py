"""The feed of changes in Redis: entries of a group follow each other, or begin anew with a reset."""


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def judge(client, verdict):
    """`client`: of the second db. A reader at `t` goes on with the entry from `t`, or starts over at a reset."""
    applied = {}
    for key in client.scan_iter("greenwave:*:applied", count=1_000):
        job = text(key).removesuffix("applied")
        applied |= {f"{job}feed:{text(group)}": int(tick) for group, tick in client.hgetall(key).items()}
    for key in map(text, client.scan_iter("greenwave:*:feed:*", count=1_000)):
        at = None
        for number, fields in client.xrange(key):
            entry = {text(name): text(value) for name, value in fields.items() if text(name) != "deltas"}
            to = int(entry["to"])
            verdict.expect(text(number) == f"{to}-0", f"Redis: {key}: entry {text(number)} leads to {to}")
            if at is not None and "reset" not in entry:
                verdict.expect(int(entry["from"]) == at, f"Redis: {key}: {to} follows {entry['from']}, a reader is at {at}")
            at = to
        wanted = applied.get(key)
        verdict.expect(at == wanted, f"Redis: {key} leads to {at} and its group is at {wanted}")
