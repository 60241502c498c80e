//! The producer of the system we replace, unchanged: one device in five topics of one partition, a clock that runs nine
//! times too fast, three speeds for one second, a new incident at every tick, half of them resolved at once.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenwave_model::iso;
use greenwave_tests::kafka::{Options, Pace, Record};
use greenwave_tests::{Folder, Job, Kafka, Redis, Server, need};
use redis::Commands;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");
const TICKS: i64 = 50;
/// Between two ticks by the producer's own clock; by ours there are five seconds.
const STEP_MS: i64 = 45_000;

/// What one tick sends, by topic.
fn tick(number: i64, started_ms: i64) -> [(&'static str, Value); 5] {
    let event = |more: Value| {
        let mut event = json!({
            "id": format!("{number}-{}", more.as_object().unwrap().len()),
            "device_id": "Vehicle1",
            "timestamp": iso::naive(started_ms + number * STEP_MS),
            "location": [51.5874 + number as f64 * 0.018, -0.1278 - number as f64 * 0.035],
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let speed = |topic: i64| 10.0 + ((number * 7 + topic * 11) % 30) as f64;
    let kind = ["Accident", "Breakdown", "Theft"][number as usize % 3];
    let status = if number % 2 == 0 { "Active" } else { "Resolved" };
    [
        (
            "vehicle_data",
            event(
                json!({"speed": speed(1), "direction": "North-East", "make": "Toyota", "model": "Camry", "year": 2024, "fuel_type": "Hybrid"}),
            ),
        ),
        ("gps_data", event(json!({"speed": speed(2), "direction": "North-East", "vehicle_type": "private"}))),
        (
            "traffic_camera_data",
            event(
                json!({"camera_id": "Camera331", "snapshot": "Base64EncodedString", "direction": "North-East", "speed": speed(3)}),
            ),
        ),
        (
            "weather_data",
            event(
                json!({"temperature": number as f64 / 10.0, "weather_condition": "Fog", "humidity": 81, "wind_speed": 12.5, "precipitation": 3.5, "airQualityIndex": 468.9}),
            ),
        ),
        (
            "emergency_incident_data",
            event(
                json!({"incidentId": format!("incident-{number}"), "incident_type": kind, "status": status, "description": "Description of the incident"}),
            ),
        ),
    ]
}

fn produce(kafka: &Kafka, started_ms: i64) {
    for (at, (topic, _)) in tick(0, 0).iter().enumerate() {
        kafka.create_topic(topic, 1, &[]);
        let record = |number: i64| {
            let event = &tick(number, started_ms)[at].1;
            let key = event["id"].as_str().map(|id| id.as_bytes().to_vec());
            Record { partition: 0, key, payload: event.to_string().into_bytes(), timestamp_ms: started_ms + number }
        };
        assert_eq!(kafka.produce(topic, (0..TICKS).map(record), Pace::Unlimited), TICKS as u64);
    }
}

fn get(redis: &mut redis::Connection, key: &str) -> Value {
    let text: Option<String> = redis.get(key).unwrap();
    serde_json::from_str(&text.unwrap_or_else(|| panic!("{key} is not there"))).unwrap()
}

#[test]
fn the_old_producer_yields_sensible_views() {
    if ![Server::Kafka, Server::Redis].iter().all(|server| need(*server, "the old producer")) {
        return;
    }
    let (kafka, server) = (Kafka::start(Options::test()), Redis::start());
    let started_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    produce(&kafka, started_ms);
    let folder = Folder::new("old-producer");
    let conf = [
        format!("input=kafka://{}", kafka.brokers()),
        format!("speed={}", server.url()),
        format!("lake={}", folder.join("lake").display()),
        format!("state={}", folder.join("state").display()),
    ];
    let conf = conf.iter().flat_map(|pair| ["--conf", pair]);
    let mut job = Job::submit([CITY, "--for", "3s", "--output", "json"].into_iter().chain(conf));
    job.success(LIMIT);
    let summary = job.summary();
    let count = |name: &str| summary[name].as_i64().unwrap();
    assert_eq!((count("records"), count("accepted")), (5 * TICKS, 5 * TICKS), "{summary}");

    let mut redis = server.connection();
    let last = tick(TICKS - 1, started_ms);
    let vehicle = get(&mut redis, "vehicle:location:Vehicle1");
    assert_eq!(vehicle["speed"], last[1].1["speed"], "of one second's three speeds that of gps_data: {vehicle}");
    assert_eq!((&vehicle["direction"], &vehicle["timestamp"]), (&json!(45.0), &last[1].1["timestamp"]));
    assert_eq!(get(&mut redis, "weather:current")["temperature"], last[3].1["temperature"]);

    let active: Vec<String> = redis.keys("emergency:incident:*").unwrap();
    assert_eq!(active.len() as i64, TICKS / 2, "who is resolved is not there: {active:?}");
    for number in (0..TICKS).step_by(2) {
        let incident = get(&mut redis, &format!("emergency:incident:incident-{number}"));
        assert_eq!(incident["status"], "active");
        assert_eq!(incident["severity"], ["high", "medium", "low"][number as usize % 3]);
    }
    let city = get(&mut redis, "analytics:city:summary");
    assert_eq!((&city["total_vehicles"], &city["active_emergencies"]), (&json!(1), &json!(TICKS / 2)), "{city}");

    // Only the first report's time has come; the others own windows of the future.
    let roads: Vec<String> = redis.keys("traffic:road:*").unwrap();
    assert_eq!(roads.len(), 1, "{roads:?}");
    let first = tick(0, started_ms);
    assert_eq!(get(&mut redis, &roads[0])["average_speed"], first[1].1["speed"], "one report counts once");
    assert_eq!((&city["roads_reporting"], &city["average_city_speed"]), (&json!(1), &first[1].1["speed"]));

    // A monitor that gets every key of db 0 finds strings of JSON, and each of them leaves by itself.
    let all: Vec<String> = redis.keys("*").unwrap();
    assert_eq!(all.len(), roads.len() + active.len() + 3);
    for key in all {
        assert!(get(&mut redis, &key).is_object(), "{key}");
        assert!(redis.ttl::<_, i64>(&key).unwrap() > 0, "{key}");
    }
    for topic in last.map(|(topic, _)| topic) {
        assert!(folder.join("lake/raw").join(topic).join("_delta_log").is_dir(), "{topic} is in the lake");
    }
}
