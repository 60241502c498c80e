"""What the small slow city's devices send, cut by cut."""

import collections
import random

MINUTE = 60_000
START = 1_772_438_400_000
SKEW, DISORDER, DEDUP, HORIZON = 10_000, 10_000, 60_000, 120_000
CUT_MS = 30_000

# Number of a partition → its topic, its name and its first offset.
PARTS = [
    ("gps_data", "0", 3), ("gps_data", "1", 0), ("vehicle_data", "0", 0), ("vehicle_data", "1", 5),
    ("traffic_camera_data", "0", 0), ("weather_data", "0", 0), ("emergency_incident_data", "0", 0),
]  # fmt: skip
# How far an incident has come by the words of its reports.
STAGES = {None: 1, "Active": 1, "pending": 1, "RESPONDING": 2, "on_scene": 2, "Resolved": 3, "closed": 3}
SEVERITIES = {"Low": "low", "minor": "low", "Moderate": "medium", "HIGH": "high", "severe": "critical"}
KINDS = {"Fire": "critical", "medical": "critical", "Accident": "high", "Theft": "low", "Parade": "medium", None: "medium"}

Record = collections.namedtuple(
    "Record", "part offset sent id device event speed lat lon direction kind road more", defaults=[None, None, None, ()]
)


def topic(record):
    return PARTS[record.part][0]


def of(record, name):
    return dict(record.more).get(name)


class Traffic:
    """What devices send in a cut."""

    def __init__(self, rng, cut, now):
        self.rng, self.cut, self.now = rng, cut, now

    def times(self):
        """When a report is sent, and when what it tells of was."""
        rng, sent = self.rng, self.now - self.rng.randrange(CUT_MS)
        age = rng.choice([rng.randrange(2_000)] * 20 + [rng.randrange(90_000)] * 3 + [rng.randrange(900_000), -9_000])
        if rng.random() < 0.01:
            age = -rng.randrange(400_000)
        return sent, sent - age

    def id(self):
        return f"id-{self.rng.randrange(10**9)}" if self.rng.random() < 0.9 else None

    def gps(self):
        rng, device = self.rng, self.rng.randrange(24)
        # Some vehicles and roads pause for longer than they are kept.
        if (self.cut // 12 + device) % 4 == 0:
            return []
        road = rng.randrange(8) if self.cut < 24 or self.cut > 54 else rng.randrange(4)
        sent, event = self.times()
        made = Record(
            rng.randrange(2), 0, sent, self.id(), f"veh-{device}", event,
            rng.randrange(900) / 10 + rng.choice([0, 1e-7, 5e-7]), 51.5 + rng.randrange(50) / 1e4 + (road == 6), -0.1,
            rng.choice([None, 90.0, 12.5]), rng.choice([None, "bus"]),
            None if rng.random() < 0.05 else f"road-{road}",
        )  # fmt: skip
        if rng.random() > 0.3:
            return [made]
        # The same id and the same words in another topic are no copy.
        speed = rng.choice([made.speed, 88.0])
        part, lat = 2 + rng.randrange(2), made.lat + rng.choice([0, 0.004])
        return [made, made._replace(part=part, sent=sent + 5, speed=speed, lat=lat, more=(("make", "Ford"),))]

    def camera(self):
        rng, number = self.rng, self.rng.randrange(4)
        if (self.cut // 25 + number) % 3 == 0:
            return []
        sent, event = self.times()
        more = (("camera_id", f"cam-{number}"), ("vehicle_count", float(rng.randrange(9))), ("detections", "[1]"))
        speed = rng.choice([None, 30.0, 31.5])
        # One names no road, and one stands where nobody drives.
        road = [None, "road-1", "road-2", rng.choice(["road-3", "road-9"])][number]
        return [Record(4, 0, sent, self.id(), "pole", event, speed, 51.5, -0.1, 90.0, None, road, more)]

    def station(self):
        rng, number = self.rng, self.rng.randrange(3)
        sent, event = self.times()
        more = (
            ("temperature", rng.randrange(300) / 10), ("weather_condition", rng.choice([None, "Rain", "snow", "Clear"])),
            ("humidity", rng.choice([None, 80.0])), ("air_quality_index", rng.choice([None, 50.0, 50.5, 180.0, 301.0])),
        )  # fmt: skip
        # Two stand at one place, and one is moved to and fro.
        lat = [51.501, 51.504, 51.504][number] + (rng.choice([0, 0.01]) if number == 0 else 0)
        return [Record(5, 0, sent, self.id(), f"station-{number}", event, None, lat, -0.1, None, more=more)]

    def incident(self):
        rng = self.rng
        if 33 <= self.cut < 40:
            return []
        sent, event = self.times()
        said = rng.choice(list(STAGES)[: 3 + self.cut % 10 // 2])
        more = (
            ("incident_id", f"inc-{self.cut // 10}-{rng.randrange(3)}"), ("status", said),
            ("severity", rng.choice([None, None, *SEVERITIES])), ("incident_type", rng.choice(list(KINDS))),
            ("description", rng.choice([None, "smoke"])),
        )  # fmt: skip
        road = rng.choice([None, "road-2"])
        return [Record(6, 0, sent, self.id(), "desk", event, None, 51.5, 0.0, None, None, road, more)]


def traffic(seed, cuts=72, per_cut=40, pause=60):
    """Records of the partitions, cut by cut; a tuple stands for a broken one. After a pause all that was is forgotten."""
    rng = random.Random(seed)
    offsets, copies, made = [first for _, _, first in PARTS], [], []
    for cut in range(cuts):
        now, batch = START + cut * CUT_MS + (150 * MINUTE if cut >= pause else 0), []
        town = Traffic(rng, cut, now)
        for send in [town.gps] * per_cut + [town.camera] * 4 + [town.station] * 2 + [town.incident] * 3:
            batch += send()
            if batch and rng.random() < 0.08:
                copies.append((cut + rng.randrange(5), batch[-1]))
        due = [copy for at, copy in copies if at <= cut]
        copies = [(at, copy) for at, copy in copies if at > cut]
        others = lambda copy: [part for part, (name, *_) in enumerate(PARTS) if name == topic(copy)]
        batch += [copy._replace(sent=now - rng.randrange(CUT_MS), part=rng.choice(others(copy))) for copy in due]
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
