//! The keys of the older job, for a reader that nobody has changed: it asks for every key of db 0 and gets each.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenwave_model::iso;
use greenwave_tests::kafka::{Pace, Record};
use greenwave_tests::{Folder, Job, Kafka, Redis, Server, need, try_wait_for};
use redis::Commands;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");

/// Keys of the older job: key, longest life in seconds.
const OLDER: &[(&str, i64)] = &[
    ("realtime:Vehicle1", 3_600),
    ("realtime:Vehicle2", 3_600),
    ("vehicles:Vehicle1", 3_600),
    ("gps:Vehicle1", 1_800),
    ("gps:Vehicle2", 1_800),
    ("emergencies:active:Vehicle1", 7_200),
    ("weather:51.5874_-0.1278", 1_800),
    ("weather:52.0_-5e-05", 1_800),
    ("traffic:Camera331", 600),
];
/// Those that are there anyway, and the prefix of the one whose end is a road.
const OURS: &[(&str, i64)] = &[
    ("vehicle:location:Vehicle1", 300),
    ("vehicle:location:Vehicle2", 300),
    ("emergency:incident:first", 7_200),
    ("weather:current", 1_800),
    ("analytics:city:summary", 60),
    ("traffic:road:A40", 600),
];

fn event(device: &str, event_ms: i64, more: Value) -> Value {
    let mut event = json!({
        "id": format!("{device}-{event_ms}"), "device_id": device, "timestamp": iso::naive(event_ms),
        "location": [51.5874, -0.1278],
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// What the producer of the older job sends, out of order, and a second vehicle.
fn events(now_ms: i64) -> Vec<(&'static str, Value)> {
    let gps =
        |speed: i64| json!({"speed": speed, "direction": "North-East", "vehicle_type": "private", "road_id": "A40"});
    let vehicle = |speed: i64| json!({"speed": speed, "direction": "North-East", "make": "Toyota", "year": 2024, "road_id": "A40"});
    let incident = |id: &str, status: &str| json!({"incidentId": id, "incident_type": "Breakdown", "status": status});
    let weather = |degrees: f64| json!({"temperature": degrees, "weather_condition": "Fog", "airQualityIndex": 468.9});
    vec![
        ("gps_data", event("Vehicle1", now_ms - 1_000, gps(20))),
        ("gps_data", event("Vehicle1", now_ms - 5_000, gps(30))),
        ("gps_data", event("Vehicle2", now_ms - 3_000, gps(40))),
        ("vehicle_data", event("Vehicle1", now_ms - 1_000, vehicle(50))),
        ("traffic_camera_data", event("Vehicle1", now_ms - 1_000, json!({"camera_id": "Camera331", "speed": 1.5}))),
        ("weather_data", event("Vehicle1", now_ms - 2_000, weather(3.5))),
        (
            "weather_data",
            event("Vehicle2", now_ms - 4_000, {
                let mut there = weather(9.0);
                there["location"] = json!([52, -0.00005]);
                there
            }),
        ),
        ("emergency_incident_data", event("Vehicle1", now_ms - 3_000, incident("first", "Active"))),
        // Newer than all the others, and its key stays what it was.
        ("emergency_incident_data", event("Vehicle1", now_ms - 500, incident("second", "Resolved"))),
    ]
}

struct City {
    folder: Folder,
    redis: Redis,
    now_ms: i64,
}

impl City {
    fn new() -> Option<Self> {
        if ![Server::Kafka, Server::Redis].iter().all(|server| need(*server, "the keys of the older job")) {
            return None;
        }
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        Some(Self { folder: Folder::new("compatibility"), redis: Redis::start(), now_ms })
    }

    fn submit(&self, kafka: &Kafka, compatibility: bool) -> Job {
        let conf = [
            format!("input=kafka://{}", kafka.brokers()),
            format!("speed={}", self.redis.url()),
            format!("lake={}", self.folder.join("lake").display()),
            format!("state={}", self.folder.join("state").display()),
            format!("redis.compatibility={compatibility}"),
            "checkpoint=1s".into(),
            "lake_every=1".into(),
        ];
        let conf = conf.iter().flat_map(|pair| ["--conf", pair]);
        Job::submit([CITY, "--output", "json"].into_iter().chain(conf))
    }

    /// Every key of db 0 as an unmodified reader finds it.
    fn keys(&self) -> BTreeMap<String, Value> {
        let mut redis = self.redis.connection();
        let keys: Vec<String> = redis.keys("*").unwrap();
        let get = |key: String| {
            let text: Option<String> = redis.get(&key).unwrap();
            let value: Value = serde_json::from_str(&text?).unwrap_or_else(|e| panic!("{key} is no JSON: {e}"));
            Some((key, value))
        };
        keys.into_iter().filter_map(get).collect()
    }

    fn wait_for_keys(
        &self,
        job: &mut Job,
        wanted: impl Fn(&BTreeMap<String, Value>) -> bool,
    ) -> BTreeMap<String, Value> {
        let found = try_wait_for(LIMIT, || {
            assert!(job.ended().is_none(), "greenwave ended; it said:\n{}", job.said());
            Some(self.keys()).filter(&wanted)
        });
        found.unwrap_or_else(|| panic!("waited {LIMIT:?} in vain; there are {:#?}", self.keys()))
    }
}

fn produce(kafka: &Kafka, events: &[(&'static str, Value)], timestamp_ms: i64) {
    for (topic, event) in events {
        let record = Record { partition: 0, key: None, payload: event.to_string().into_bytes(), timestamp_ms };
        kafka.produce(topic, [record], Pace::Unlimited);
    }
}

fn stop(mut job: Job) -> Value {
    job.interrupt();
    assert_eq!(job.wait(LIMIT).code(), Some(3), "{}", job.said());
    job.summary()
}

/// Without the summary, which is written anew every now and then.
fn steady(mut keys: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    keys.remove("analytics:city:summary");
    keys
}

#[test]
fn an_unmodified_reader_finds_every_key_of_the_older_job() {
    let Some(city) = City::new() else { return };
    let kafka = Kafka::shared();
    let events = events(city.now_ms);
    for topic in ["gps_data", "vehicle_data", "traffic_camera_data", "weather_data", "emergency_incident_data"] {
        kafka.create_topic(topic, 1, &[]);
    }
    produce(kafka, &events, city.now_ms);
    let all = OLDER.iter().chain(OURS);
    let names: Vec<String> = all.clone().map(|(key, _)| (*key).to_owned()).collect();
    let mut job = city.submit(kafka, true);
    let has_all = |keys: &BTreeMap<String, Value>| names.iter().all(|name| keys.contains_key(name));
    let keys = city.wait_for_keys(&mut job, |keys| has_all(keys) && keys["gps:Vehicle1"]["speed"] == 20.0);
    assert_eq!(keys.len(), names.len(), "{:?}", keys.keys());

    let mut redis = city.redis.connection();
    for (key, most) in all {
        let left: i64 = redis.ttl(key).unwrap();
        assert!((most - 60..=most + 1).contains(&left), "{key} has {left} s of {most}");
    }
    let value = |key: &str| &keys[key];
    let told = &events[0].1;
    let gps = json!({"device_id": "Vehicle1", "timestamp": told["timestamp"], "location": [51.5874, -0.1278],
        "speed": 20.0, "direction": 45.0, "road_id": "A40"});
    assert_eq!(value("gps:Vehicle1"), &gps, "the newest, though it came first; its decoder keeps no id");
    let vehicle = value("vehicles:Vehicle1");
    let mut expected = events[3].1.clone();
    (expected["direction"], expected["speed"]) = (json!(45.0), json!(50.0));
    assert_eq!(vehicle, &expected, "everything else as it was sent");
    assert_eq!(value("traffic:Camera331"), &events[4].1);
    assert_eq!(value("weather:51.5874_-0.1278"), &events[5].1);
    assert_eq!(value("weather:52.0_-5e-05")["temperature"], 9.0);
    assert_eq!(value("emergencies:active:Vehicle1"), &events[7].1, "one that is resolved later does not touch it");
    assert_eq!(value("realtime:Vehicle1"), &events[8].1, "of all topics the newest");
    assert_eq!(value("realtime:Vehicle2")["speed"], 40.0);
    assert_eq!(value("weather:current")["condition"], "fog");
    assert_eq!(value("traffic:road:A40")["vehicle_count"], 2);

    // What an operator's mistake has emptied is there again, and nothing is mistaken for something else.
    city.redis.flush_all();
    let again = city.wait_for_keys(&mut job, |again| has_all(again));
    assert_eq!(steady(again), steady(keys.clone()));

    // A device that comes back overwrites its keys; a process that dies forgets none.
    job.kill_9();
    let newer = event("Vehicle1", city.now_ms + 2_000, json!({"speed": 60, "direction": 90, "road_id": "A40"}));
    produce(kafka, &[("gps_data", newer.clone())], city.now_ms + 2_000);
    let mut job = city.submit(kafka, true);
    let keys = city.wait_for_keys(&mut job, |keys| has_all(keys) && keys["gps:Vehicle1"]["speed"] == 60.0);
    assert_eq!((&keys["realtime:Vehicle1"]["timestamp"], &keys["vehicles:Vehicle1"]), (&newer["timestamp"], &expected));
    assert_eq!(keys.len(), names.len(), "{:?}", keys.keys());
    let summary = stop(job);
    let views = summary["views"].as_object().unwrap();
    assert!(views.keys().all(|view| !view.contains("compatibility")), "{summary}");
    for entry in std::fs::read_dir(city.folder.join("lake/views")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.contains("compatibility"), "{name} is in the lake");
    }
    assert_eq!(fed_with(&city.redis, "compatibility"), 0, "they are in the feed");
    assert!(fed_with(&city.redis, "vehicle_locations") > 0, "there is no feed");

    // Without the setting there is what there was before it.
    let plain = City::new().unwrap();
    let mut job = plain.submit(kafka, false);
    let ours: Vec<String> = OURS.iter().map(|(key, _)| (*key).to_owned()).collect();
    let keys = plain.wait_for_keys(&mut job, |keys| ours.iter().all(|key| keys.contains_key(key)));
    assert_eq!(keys.len(), ours.len(), "{:?}", keys.keys());
    stop(job);
}

/// Entries of the feed that speak of it.
fn fed_with(redis: &Redis, word: &str) -> usize {
    let mut connection = redis.connection();
    let () = redis::cmd("SELECT").arg(1).query(&mut connection).unwrap();
    let streams: Vec<String> = connection.keys("greenwave:city:feed:*").unwrap();
    let entries = |stream: String| -> String {
        format!(
            "{:?}",
            redis::cmd("XRANGE").arg(stream).arg("-").arg("+").query::<redis::Value>(&mut connection).unwrap()
        )
    };
    streams.into_iter().map(entries).filter(|entry| entry.contains(word)).count()
}

#[test]
fn a_job_without_a_redis_is_told() {
    let folder = Folder::new("no-redis");
    let conf = [format!("input={}", folder.path().display()), "redis.compatibility=true".into()];
    let mut job = Job::submit([CITY].into_iter().chain(conf.iter().flat_map(|pair| ["--conf", pair])));
    job.wait_for_line("the mistake", LIMIT, |line| line.contains("redis.compatibility") && line.contains("speed"));
    assert_eq!(job.wait(LIMIT).code(), Some(2));
}
