//! Partitions of a broker: up to date, idle, behind with records that wait, and behind since nobody answers for them.

use std::time::{SystemTime, UNIX_EPOCH};

use greenwave_tests::kafka::{Options, Pace, Record};
use greenwave_tests::{Folder, Job, Kafka, Redis, Server, free_port, need};
use serde_json::{Value, json};

use crate::{Settings, assert_line, await_answer, await_fact, metrics, show};

const RECORDS: i64 = 500;

fn produce(kafka: &Kafka) {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let record = |n: i64| Record {
        partition: 0,
        key: None,
        payload: format!(
            "{{\"id\":\"{n}\",\"device_id\":\"bus-7\",\"timestamp\":{now_ms},\"speed\":30,\"location\":[51.5,-0.1]}}"
        )
        .into_bytes(),
        timestamp_ms: now_ms,
    };
    kafka.produce("gps_data", (0..RECORDS).map(record), Pace::Unlimited);
}

fn partition<'a>(status: &'a Value, number: &str) -> &'a Value {
    let all = status["partitions"].as_array().unwrap();
    all.iter().find(|partition| partition["partition"] == number).unwrap_or(&Value::Null)
}

#[test]
fn partitions_are_idle_or_behind_and_readiness_follows_redis() {
    let servers = [Server::Kafka, Server::Redis].map(|server| need(server, "the status of a live job"));
    if servers.contains(&false) {
        return;
    }
    let (mut kafka, mut redis) = (Kafka::start(Options::test()), Redis::start());
    kafka.create_topic("gps_data", 2, &[]);
    produce(&kafka);
    let folder = Folder::new("status-kafka");
    let port = free_port();
    let address = format!("127.0.0.1:{}", port.number());
    let common = [
        format!("input=kafka://{}", kafka.brokers()),
        format!("speed={}", redis.url()),
        format!("http={address}"),
        "idle_after=500ms".to_owned(),
    ];
    let settings = |more: &[&str]| {
        let more = more.iter().map(|pair| (*pair).to_owned());
        Settings::new(&folder, &common.iter().cloned().chain(more).collect::<Vec<_>>())
    };

    with_records_that_wait(&settings(&["tick=1h", "checkpoint=1h"]), &address);
    let live = settings(&[]);
    let job = live.submit(&[]);
    up_to_date(&live, &job, &address);
    redis.kill_9();
    without_redis(&live, &job, &address);
    redis.restart();
    await_answer(&job, &address, "/ready", 200);
    kafka.kill_9();
    without_a_broker(&live, &job, &address);
}

/// No tick is due for an hour, so nothing that was read is bound.
fn with_records_that_wait(slow: &Settings, address: &str) {
    let mut job = slow.submit(&[]);
    await_fact(&job, address, "behind", |status| partition(status, "0")["state"] == "behind");
    let numbers = metrics(address);
    let of = |name: &str, number: &str| format!("{name}{{topic=\"gps_data\",partition=\"{number}\"}}");
    assert_eq!(numbers[&of("greenwave_partition_lag_records", "0")], RECORDS as f64, "{numbers:#?}");
    assert_eq!(numbers[&of("greenwave_partition_lag_records", "1")], 0.0, "{numbers:#?}");
    assert_eq!(numbers["greenwave_partitions{topic=\"gps_data\",state=\"behind\"}"], 1.0, "{numbers:#?}");
    let unready = await_answer(&job, address, "/ready", 503);
    assert!(unready.contains("nothing is visible in Redis yet"), "{unready}");
    let (code, page) = slow.status(&[]);
    show("behind", &page);
    assert_eq!(code, 0, "{page}");
    assert_line(&page, &["ready", "no: nothing is visible"]);
    assert_line(&page, &["gps_data[0]", "behind since", "500 records wait"]);
    job.kill_9();
}

fn up_to_date(live: &Settings, job: &Job, address: &str) {
    await_answer(job, address, "/ready", 200);
    let seen = await_fact(job, address, "idle, read to the end and without a wait", |status| {
        let is_read = partition(status, "0")["lag_records"] == 0;
        is_read && partition(status, "1")["state"] == "idle" && status["waits_for"] == json!([])
    });
    assert_eq!(partition(&seen, "0")["end"], RECORDS, "{seen:#}");
    await_fact(job, address, "at a checkpoint with every record", |status| status["counters"]["records"] == RECORDS);
    let (code, page) = live.status(&[]);
    show("idle", &page);
    assert_eq!(code, 0, "{page}");
    assert_line(&page, &["ready", "yes"]);
    assert_line(&page, &["speed layer", "redis shows tick"]);
    assert_line(&page, &["gps_data[1]", "idle", "since"]);
}

fn without_redis(live: &Settings, job: &Job, address: &str) {
    let unready = await_answer(job, address, "/ready", 503);
    assert!(unready.starts_with("speed layer is down"), "{unready}");
    assert_eq!(metrics(address)["greenwave_speed_layer_up"], 0.0);
    let (code, page) = live.status(&[]);
    show("speed layer is down", &page);
    assert_eq!(code, 0, "the job goes on:\n{page}");
    assert_line(&page, &["waits for", "speed layer is down"]);
}

fn without_a_broker(live: &Settings, job: &Job, address: &str) {
    await_fact(job, address, "behind since the broker is gone", |status| {
        let is_behind = |known: &Value| known["state"] == "behind" && known["fault"].is_string();
        let is_told =
            status["waits_for"].as_array().unwrap().iter().any(|wait| wait.as_str().unwrap().contains("(behind)"));
        ["0", "1"].iter().all(|number| is_behind(partition(status, number))) && is_told
    });
    let (code, page) = live.status(&[]);
    show("the broker is gone", &page);
    assert_eq!(code, 0, "{page}");
    assert_line(&page, &["waits for", "gps_data[", "(behind)"]);
    assert_line(&page, &["gps_data[0]", "behind", "since", "is down"]);
    assert_eq!(metrics(address)["greenwave_ready"], 1.0, "readers still see what is known");
}
