"""The simulated city through the whole engine, judged: from a folder, and through Kafka with a job that is killed twice.

    python tests/judge/end_to_end.py folder --greenwave BINARY --work DIR [--for 5m] [OPTIONS OF simulate]
    python tests/judge/end_to_end.py kafka --greenwave BINARY --servers BINARY --work DIR [--for 3m] [OPTIONS OF simulate]

Exit 0: the judge has nothing to complain of, with the simulator's truth, the summary line and Redis compared.
"""

import argparse
import csv
import json
import pathlib
import signal
import subprocess
import sys
import time

import judge as judges

SETTINGS = pathlib.Path(__file__).parents[2] / "dataflows/settings/city.toml"
CAUGHT_UP_S = 180


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("input", choices=["folder", "kafka"])
    parser.add_argument("--greenwave", required=True, help="the binary")
    parser.add_argument("--servers", help="the binary that starts Kafka and Redis; for kafka")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="a new folder")
    parser.add_argument("--for", dest="duration", default="5m")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--checkpoint", default="10s")
    parser.add_argument("--conf", action="append", default=[], help="of the job: key=value")
    args, args.simulate = parser.parse_known_args()
    return args


class City:
    def __init__(self, args):
        self.args = args
        self.work = args.work
        self.work.mkdir(parents=True)

    def simulate(self, *options):
        command = [self.args.greenwave, "simulate", "--truth", self.work / "truth", "--for", self.args.duration]
        return self.start("simulate", [*command, "--output", "json", *options, *self.args.simulate])

    def job(self, *conf):
        conf = [f"lake={self.work}/lake", f"state={self.work}/state", f"checkpoint={self.args.checkpoint}", *conf]
        options = [option for value in conf for option in ["--conf", value]]
        command = [self.args.greenwave, "submit", "--master", f"local[{self.args.workers}]", SETTINGS]
        return self.start("job", [*command, *options, "--output", "json"])

    def tables(self):
        """Reference tables of the city: free flow, and as routes every line of its grid, in each direction."""
        with open(self.work / "truth/roads.csv", encoding="utf-8") as file:
            roads = list(csv.DictReader(file))
        free_flow, routes = ["road_id,free_flow"], ["route_id,road_id,length_m"]
        for road in roads:
            free_flow.append(f"{road['road']},{road['free_flow_kmh']}")
            _, column, row, way = road["road"].split("-")
            routes.append(f"line-{row if way in 'EW' else column}-{way},{road['road']},{road['length_m']}")
        for name, lines in [("free_flow", free_flow), ("routes", routes)]:
            (self.work / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [f"{name}={self.work}/{name}.csv" for name in ["free_flow", "routes"]]

    def start(self, name, command):
        with open(self.work / f"{name}.log", "a", encoding="utf-8") as log:
            return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=log, text=True)

    def wait_for(self, records):
        """Until a checkpoint holds all of them."""
        end = time.monotonic() + CAUGHT_UP_S
        while (taken := self.taken()) < records:
            if time.monotonic() > end:
                raise SystemExit(f"{taken} of {records} records are in a checkpoint after {CAUGHT_UP_S} s")
            time.sleep(0.2)

    def taken(self):
        newest = max((self.work / "state/jobs/city/manifest").iterdir())
        try:
            return json.loads(newest.read_text(encoding="utf-8").splitlines()[0])["counters"]["records"]
        except (OSError, ValueError, IndexError):
            return 0  # it is being written

    def judge(self, kind, told, redis=None):
        begun = time.monotonic()
        con, verdict = judges.judge(
            self.work / "lake", kind, self.work / "truth/records.jsonl", told,
            judges.clients(redis, 1) if redis else None, city=self.work / "truth",
        )  # fmt: skip
        judges.report(con, verdict, begun)
        return 1 if verdict.violations else 0


def last_line(process, codes=(0,)):
    out, _ = process.communicate()
    if process.returncode not in codes:
        raise SystemExit(f"{process.args[1]} ended with {process.returncode}")
    return json.loads(out.splitlines()[-1])


def folder(city):
    last_line(city.simulate("--out", city.work / "input"))
    told = last_line(city.job(f"input={city.work}/input", "speed=memory:", *city.tables(), *city.args.conf))
    return city.judge("folder", told)


def kafka(city):
    servers = subprocess.Popen([city.args.servers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        at = {}
        while "REDIS" not in at:
            name, _, value = servers.stdout.readline().strip().partition("=")
            at[name] = value
        conf = [f"input=kafka://{at['BROKERS']}", f"speed={at['REDIS'].rstrip('/')}", *city.args.conf]
        simulated = city.simulate("--kafka", at["BROKERS"])
        begun = time.monotonic()
        time.sleep(3)
        conf += city.tables()
        job = city.job(*conf)
        for part in [1, 2]:
            time.sleep(max(0, begun + part * seconds(city.args.duration) / 3 - time.monotonic()))
            job.kill()
            job.wait()
            print(f"killed after {time.monotonic() - begun:.0f} s")
            job = city.job(*conf)
        produced = last_line(simulated)
        city.wait_for(produced["records"])
        job.send_signal(signal.SIGINT)
        told = last_line(job, codes=[0, 3])
        print(f"{produced['records']} records produced, {told['records']} taken")
        return city.judge("kafka", told, at["REDIS"])
    finally:
        servers.stdin.close()
        servers.wait()


def seconds(duration):
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


if __name__ == "__main__":
    args = arguments()
    sys.exit({"folder": folder, "kafka": kafka}[args.input](City(args)))
