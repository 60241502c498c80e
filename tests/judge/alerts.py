"""`alerts`: episodes of each rule and subject, cut by cut, from what rules may watch (`watched`)."""

import pyarrow

from query import rows, run

REOPENS_MS, KEPT_MS = 5 * 60_000, 60 * 60_000


class Episode:
    """One opening of a rule for a subject. `shown` is what the cut before had of it."""

    def __init__(self, rule, subject, prev_now_ms, now_ms):
        self.name = f"{rule['rule']}/{subject}/{prev_now_ms or 0}"
        self.rule, self.subject = rule, subject
        self.opened_ms, self.cleared_ms = now_ms, None
        self.value = self.shown = None
        self.revision = 0

    def row(self, n):
        return {
            "n": n, "episode": self.name, "rule": self.rule["rule"], "subject": self.subject,
            "severity": self.rule["severity"], "state": "open" if self.cleared_ms is None else "cleared",
            "value": self.value, "threshold": float(self.rule["at_least"]), "opened_ms": self.opened_ms,
            "cleared_ms": self.cleared_ms, "revision": self.revision,
        }  # fmt: skip


class Episodes:
    """Those of one rule, of every subject, until they leave."""

    def __init__(self, rule):
        self.rule, self.live = rule, []

    def cut(self, values, prev_now_ms, now_ms):
        """Takes the values of the subjects at a cut."""
        high = {subject: value for subject, value in values.items() if value >= self.rule["at_least"]}
        for episode in self.live:
            if episode.cleared_ms is None and episode.subject not in high:
                episode.cleared_ms, episode.value = now_ms, None
        for subject, value in high.items():
            episode = self.standing(subject, prev_now_ms)
            if episode is None:
                episode = Episode(self.rule, subject, prev_now_ms, now_ms)
                self.live.append(episode)
            episode.cleared_ms, episode.value = None, value
        self.live = [e for e in self.live if not left(e.cleared_ms, KEPT_MS, prev_now_ms)]

    def standing(self, subject, prev_now_ms):
        """The one that is open, or was cleared so lately that it is opened again."""
        fresh = lambda e: not left(e.cleared_ms, REOPENS_MS, prev_now_ms)
        return next((e for e in reversed(self.live) if e.subject == subject and fresh(e)), None)


def left(cleared_ms, kept_ms, prev_now_ms):
    return cleared_ms is not None and prev_now_ms is not None and cleared_ms + kept_ms <= prev_now_ms


def recompute(con, settings):
    """Makes `expected_alerts`, and `live_alerts` of the last cut."""
    values = {}
    for n, watches, subject, value in rows(con, "from watched"):
        values.setdefault((n, watches), {})[subject] = value
    ruled, changed = [Episodes(rule) for rule in settings.alerts], []
    for n, prev_now_ms, now_ms in rows(con, "select n, prev_now_ms, now_ms from cuts order by n"):
        for episodes in ruled:
            episodes.cut(values.get((n, episodes.rule["watches"]), {}), prev_now_ms, now_ms)
            for episode in episodes.live:
                said = (episode.cleared_ms, episode.value)
                if said != episode.shown:
                    episode.shown, episode.revision = said, episode.revision + 1
                    changed.append(episode.row(n))
    tables(con, changed, [{"episode": e.name} for episodes in ruled for e in episodes.live])


def tables(con, changed, live):
    types = {"s": pyarrow.string(), "i": pyarrow.int64(), "d": pyarrow.float64()}
    words = (
        "n i episode s rule s subject s severity s state s value d threshold d opened_ms i cleared_ms i revision i"
    ).split()
    schema = pyarrow.schema([(name, types[kind]) for name, kind in zip(words[::2], words[1::2])])
    con.register("given", pyarrow.Table.from_pylist(changed, schema))
    run(
        con,
        f"""
        create table expected_alerts as
        select episode, rule, subject, severity, state, value, threshold,
            make_timestamptz(opened_ms * 1000) as opened_at, make_timestamptz(cleared_ms * 1000) as cleared_at,
            revision, false as is_final, false as removed, tick,
            make_timestamptz(wm_ms * 1000) as watermark,
            make_timestamp(now_ms * 1000)::date as date,
            cleared_ms + {KEPT_MS} as expires_ms
        from given join cuts using (n)
        """,
    )
    con.register("given", pyarrow.Table.from_pylist(live, pyarrow.schema([("episode", pyarrow.string())])))
    run(con, "create table live_alerts as from given")
    con.unregister("given")
