"""A small slow city: the rules once more, as plainly as they can be said, to test the judge with.

Every cut looks at every record there ever was. Nothing here is SQL and nothing is shared with the judge.
"""

import collections
import math
import random

MINUTE = 60_000
START = 1_772_438_400_000
SKEW, DISORDER, DEDUP, HORIZON = 10_000, 10_000, 60_000, 120_000
CUT_MS = 30_000

Record = collections.namedtuple(
    "Record", "part offset sent id device event speed lat lon direction kind road", defaults=[None]
)


def traffic(seed, cuts=60, per_cut=40):
    """Records of two partitions, cut by cut; None stands for a broken one."""
    rng = random.Random(seed)
    offsets, copies, made = [3, 0], [], []
    for cut in range(cuts):
        now, batch = START + cut * CUT_MS, []
        for _ in range(per_cut):
            sent = now - rng.randrange(CUT_MS)
            device = rng.randrange(24)
            # Some vehicles and roads pause for longer than they are kept.
            if (cut // 12 + device) % 4 == 0:
                continue
            road = rng.randrange(8) if cut < 24 or cut > 54 else rng.randrange(4)
            age = rng.choice([rng.randrange(2_000)] * 20 + [rng.randrange(90_000)] * 3 + [rng.randrange(900_000), -9_000])
            if rng.random() < 0.01:
                age = -rng.randrange(400_000)
            batch.append(
                Record(
                    rng.randrange(2), 0, sent, f"id-{rng.randrange(10**9)}" if rng.random() < 0.9 else None,
                    f"veh-{device}", sent - age, rng.randrange(900) / 10 + rng.choice([0, 1e-7, 5e-7]),
                    51.5 + rng.randrange(50) / 1e4, -0.1, rng.choice([None, 90.0, 12.5]), rng.choice([None, "bus"]),
                    None if rng.random() < 0.05 else f"road-{road}",
                )
            )  # fmt: skip
            if rng.random() < 0.08:
                copies.append((cut + rng.randrange(5), batch[-1]))
        due = [copy for at, copy in copies if at <= cut]
        copies = [(at, copy) for at, copy in copies if at > cut]
        batch += [copy._replace(sent=now - rng.randrange(CUT_MS), part=rng.randrange(2)) for copy in due]
        rng.shuffle(batch)
        numbered = []
        for record in batch:
            numbered.append(record._replace(offset=offsets[record.part]))
            offsets[record.part] += 1
            if rng.random() < 0.02:
                numbered.append((record.part, offsets[record.part], now))
                offsets[record.part] += 1
        made.append((now, numbered))
    return made


def clock_after(values, clock):
    five = sorted(values[-5:])
    median = five[(len(five) - 1) // 2] if five else None
    return clock if median is None else max(clock if clock is not None else median, median)


class City:
    def __init__(self, free_flow, cell):
        self.free_flow, self.cell = free_flow, cell
        self.now = self.wm = None
        self.values, self.clocks = [[], []], [None, None]
        self.buckets, self.counted = [], []
        self.vehicles = {}
        self.rows = collections.defaultdict(list)
        self.published = collections.defaultdict(dict)
        self.expires = {}

    def cut(self, number, now, records):
        """Takes a cut; returns what its binding says of time: watermark and clocks."""
        self.prev_now, self.prev_wm, self.now = self.now, self.wm, now
        for r in sorted(records):
            self.values[r.part].append(min(r.event, r.sent + SKEW))
            self.clocks[r.part] = clock_after(self.values[r.part], self.clocks[r.part])
        if None not in self.clocks:
            self.wm = max(self.wm or 0, min(self.clocks) - DISORDER)
        self.number = number
        for r in self.judged(records):
            self.counted.append(r._replace(sent=min(r.sent, now), road=r.road or self.cell(r.lat, r.lon)))
            self.remember(self.counted[-1])
        self.drive(), self.windows(), self.currents()
        return self.wm, list(self.clocks)

    def judged(self, records):
        seen, kept = set(), []
        for r in sorted(records):
            content = r._replace(part=0, offset=0, sent=0)
            known = content in seen or any(content in bucket for _, bucket in self.buckets)
            if r.id is not None:
                seen.add(content)
            if r.id is not None and known:
                self.rows["dropped"].append((r, "duplicate", self.number))
            elif self.prev_wm is not None and (r.event // MINUTE + 1) * MINUTE + HORIZON <= self.prev_wm:
                self.rows["dropped"].append((r, "too_late", self.number))
            else:
                kept.append(r)
        self.buckets.append((self.now, seen))
        self.buckets = [b for b in self.buckets if self.prev_now is None or b[0] + DEDUP > self.prev_now]
        return kept

    def remember(self, r):
        self.vehicles.setdefault(r.device, []).append(r)

    def publish(self, view, values, final=lambda key: False, gone=False):
        """`values`: every live key. A key that is not among them has left, with a row if `gone`."""
        before = self.published[view]
        for key in [key for key in before if key not in values]:
            if gone:
                self.rows[view].append((self.number, key, None, before[key][1] + 1, False))
            del before[key]
        for key, value in values.items():
            new = (value, final(key))
            if key not in before or before[key][0] != new:
                before[key] = (new, before[key][1] + 1 if key in before else 1)
                self.rows[view].append((self.number, key, value, before[key][1], new[1]))

    def drive(self):
        live = {}
        for device, seen in list(self.vehicles.items()):
            newest = min(seen, key=lambda r: (-r.event, r.part, r.offset))
            if self.prev_now is not None and newest.sent + 5 * MINUTE <= self.prev_now:
                del self.vehicles[device]
                continue
            live[device] = (newest.lat, newest.lon, newest.speed, newest.direction, newest.event, newest.sent)
        self.publish("vehicle_locations", live)

    def freed(self, minute):
        return self.prev_wm is not None and (minute + 5) * MINUTE + HORIZON <= self.prev_wm

    def window(self, road, first, minutes):
        inside = [r for r in self.counted if r.road == road and first <= r.event // MINUTE < first + minutes]
        total = sum(round_even(r.speed * 1e6) for r in inside)
        speeds = [r.speed for r in inside]
        return (total, len(inside), min(speeds), max(speeds), len({r.device for r in inside}))

    def windows(self):
        live = {}
        for road, minute in {(r.road, r.event // MINUTE) for r in self.counted}:
            for width, first in [(1, minute)] + [(5, minute - back) for back in range(5)]:
                key = (road, width * 60, first * MINUTE)
                if not self.freed(first) and key not in live:
                    live[key] = self.window(road, first, width)
        self.publish("road_traffic", live, lambda key: self.wm is not None and key[2] + key[1] * 1000 <= self.wm)

    def currents(self):
        live = {}
        for road in {r.road for r in self.counted}:
            here = [r for r in self.counted if r.road == road]
            minutes = {r.event // MINUTE for r in here if r.event <= self.now + SKEW}
            if not minutes or self.freed(max(minutes)):
                continue
            minute = max(minutes)
            newest = min((r for r in here if r.event // MINUTE == minute), key=lambda r: (-r.event, r.part, r.offset))
            if self.prev_now is None or newest.sent + 10 * MINUTE > self.prev_now:
                live[road] = self.window(road, minute - 4, 5) + (minute - 4, newest.event, newest.sent)
        self.publish("road_current", live)
        measured = [(1.0 - mean(v) / self.free_flow[k], k, mean(v)) for k, v in live.items() if k in self.free_flow]
        worst = sorted(measured, key=lambda it: (-it[0], it[1]))[:20]
        ranks = {rank: (road, speed, self.free_flow[road]) for rank, (_, road, speed) in enumerate(worst, 1)}
        self.publish("hotspots", ranks, gone=True)


def mean(window):
    return window[0] / 1e6 / window[1]


def round_even(x):
    below = math.floor(x)
    if x - below == 0.5:
        return below + (below % 2)
    return math.floor(x + 0.5) if x - below != 0.49999999999999994 else below
