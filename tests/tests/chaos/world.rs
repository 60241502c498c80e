//! Everything around the job: broker, Redis, disks, the city that is fed, and what can befall them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use greenwave_model::CrashPoint;
use greenwave_tests::kafka::Options;
use greenwave_tests::{Checkpoints, Folder, Job, Judge, Kafka, Redis, SmallDisk, greenwave, wait_for};
use serde_json::Value;

use crate::schedule::Trouble;

pub const LIMIT: Duration = Duration::from_secs(90);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");
const TOPICS: [&str; 5] =
    ["gps_data", "vehicle_data", "traffic_camera_data", "weather_data", "emergency_incident_data"];
/// Room enough for an hour of lake.
const ROOM: &str = "size=6g";

pub struct World {
    pub kafka: Kafka,
    pub redis: Redis,
    folder: Folder,
    /// `None` where this user cannot mount any: then no disk is ever full.
    state_disk: Option<SmallDisk>,
    lake_disk: Option<SmallDisk>,
    city: Option<Job>,
}

/// How a process is started.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub workers: u64,
    pub take_over: bool,
    /// Where it is to stand still, and at which pass.
    pub stands_at: Option<(CrashPoint, u32)>,
}

impl World {
    /// With a city that is fed until it is told to end.
    pub fn new(seed: u64, rate: u32) -> Self {
        let (kafka, redis, folder) = (Kafka::start(Options::test()), Redis::start(), Folder::new("chaos"));
        TOPICS.iter().for_each(|topic| kafka.create_topic(topic, 4, &[]));
        let mount = |name| SmallDisk::mount(&folder.join(name), &ROOM["size=".len()..], "a full disk under a live job");
        let (state_disk, lake_disk) = (mount("state"), mount("lake"));
        let mut world = Self { kafka, redis, state_disk, lake_disk, city: None, folder };
        let size = ["--vehicles", "2000", "--side", "20", "--seed", &seed.to_string()].map(str::to_owned);
        let mut tables = greenwave();
        tables.args(["simulate", "--for", "1s", "--out"]).arg(world.folder.join("tables")).args(&size);
        Job::spawn(tables).success(LIMIT);
        let mut city = greenwave();
        city.args(["simulate", "--output", "json", "--rate", &rate.to_string(), "--kafka", &world.kafka.brokers()]);
        city.arg("--truth").arg(world.truth()).args(&size);
        world.city = Some(Job::spawn(city));
        world
    }

    pub fn start(&self, start: Start) -> Job {
        let mut command = greenwave();
        command.args(["submit", "--master", &format!("local[{}]", start.workers), CITY, "--output", "json"]);
        let table = |name: &str| self.folder.join("tables").join(name);
        let conf = [
            format!("input=kafka://{}", self.kafka.brokers()),
            format!("speed={}", self.redis.url()),
            format!("lake={}", self.lake().display()),
            format!("state={}", self.state().display()),
            format!("free_flow={}", table("segments.csv").display()),
            format!("routes={}", table("routes.csv").display()),
            "checkpoint=500ms".to_owned(),
            "lake_every=1".to_owned(),
            "http=none".to_owned(),
        ];
        command.args(conf.iter().flat_map(|pair| ["--conf", pair]));
        if start.take_over {
            command.arg("--take-over");
        }
        if let Some((point, nth)) = start.stands_at {
            command.env("GREENWAVE_PAUSE_AT", format!("{}:{nth}", point.name()));
        }
        Job::spawn(command)
    }

    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of(&self.state(), "city")
    }

    /// Whether a trouble can be made here at all.
    pub fn can(&self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::StateFull(_) => self.state_disk.is_some(),
            Trouble::LakeFull(_) => self.lake_disk.is_some(),
            _ => true,
        }
    }

    /// Makes it, and ends it.
    pub fn befall(&mut self, trouble: Trouble) {
        let sleep = std::thread::sleep;
        match trouble {
            Trouble::RedisFlushed => self.redis.flush_all(),
            Trouble::RedisKilled(down) | Trouble::RedisMissing(down) => {
                self.redis.kill_9();
                sleep(down);
                self.redis.restart();
            }
            Trouble::RedisPaused(pause) => {
                self.redis.pause();
                sleep(pause);
                self.redis.resume();
            }
            Trouble::BrokerKilled => {
                self.kafka.kill_9();
                self.kafka.restart();
            }
            Trouble::BrokerStopped => {
                self.kafka.stop();
                self.kafka.restart();
            }
            Trouble::StateFull(full) => fill(self.state_disk.as_ref(), full),
            Trouble::LakeFull(full) => fill(self.lake_disk.as_ref(), full),
        }
    }

    /// Ends the city; how many records it has produced.
    pub fn end_city(&mut self) -> u64 {
        let mut city = self.city.take().expect("it is ended once");
        city.interrupt();
        let status = city.wait(LIMIT);
        assert_eq!(status.code(), Some(3), "the city ended otherwise than by the signal; it said:\n{}", city.said());
        city.summary()["records"].as_u64().unwrap()
    }

    /// Fails if the city has ended by itself: then nothing is tested any more.
    pub fn assert_fed(&mut self) {
        let city = self.city.as_mut().expect("it runs until it is ended");
        assert!(city.ended().is_none(), "the city ended by itself; it said:\n{}", city.said());
    }

    /// Until a checkpoint holds all of them.
    pub fn wait_for_records(&self, job: &mut Job, records: u64) {
        wait_for(&format!("{records} records in a checkpoint"), LIMIT * 2, || {
            assert!(job.ended().is_none(), "greenwave ended by itself; it said:\n{}", job.said());
            (self.checkpoints().records() >= records).then_some(())
        });
        assert_eq!(self.checkpoints().records(), records, "records counted, and produced");
    }

    pub fn judge(&self, summary: &Value) -> String {
        let truth = self.truth();
        let judge = Judge::of(&self.lake()).redis(&self.redis.url()).summary(summary);
        judge.truth(&truth.join("records.jsonl")).city(&truth).acquit()
    }

    fn state(&self) -> PathBuf {
        self.folder.join("state/store")
    }

    fn lake(&self) -> PathBuf {
        self.folder.join("lake/tables")
    }

    fn truth(&self) -> PathBuf {
        self.folder.join("truth")
    }

    /// Where everything is, for whoever looks after a failure.
    pub fn place(&self) -> &Path {
        self.folder.path()
    }
}

fn fill(disk: Option<&SmallDisk>, full: Duration) {
    let Some(disk) = disk else { return };
    disk.fill();
    std::thread::sleep(full);
    disk.remount(ROOM);
}
