//! A world that is not as it should be: each case ends with a clear line or goes on by itself, and loses nothing.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::Duration;

use greenwave_tests::kafka::{Options, Pace, Record};
use greenwave_tests::{Folder, Job, Kafka, Redis, Server, SmallDisk, free_port, need, try_wait_for, wait_for};
use redis::Commands;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");

fn line(folder: &Folder, conf: &[String]) -> Vec<String> {
    let mut line = vec!["--master".to_owned(), "local[2]".to_owned(), CITY.to_owned()];
    let own = [
        format!("lake={}", folder.join("lake").display()),
        format!("state={}", folder.join("state").display()),
        "checkpoint=500ms".to_owned(),
        "connect_timeout=5s".to_owned(),
    ];
    for pair in own.iter().chain(conf) {
        line.extend(["--conf".to_owned(), pair.clone()]);
    }
    line.extend(["--output".to_owned(), "json".to_owned()]);
    line
}

fn submit(folder: &Folder, conf: &[String]) -> Job {
    Job::submit(line(folder, conf))
}

/// Ends with this code and a line that holds all these words.
fn assert_refused(mut job: Job, code: i32, words: &[&str]) {
    let status = job.wait(LIMIT);
    let said = job.stderr().join("\n");
    assert_eq!(status.code(), Some(code), "{said}");
    let told = said.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(told, "no line with {words:?}:\n{said}");
    assert!(!said.contains("panicked"), "{said}");
}

fn one_report(folder: &Folder) -> String {
    fs::create_dir_all(folder.join("input/gps")).unwrap();
    fs::write(
        folder.join("input/gps/one.jsonl"),
        "{\"device_id\":\"bus-7\",\"timestamp\":\"2026-03-02T08:00:00\",\"speed\":30,\"location\":[51.5,-0.1]}\n",
    )
    .unwrap();
    format!("input={}", folder.join("input").display())
}

/// Reports a millisecond apart, the last one now.
fn reports(count: u64, partitions: u64, first: u64) -> impl Iterator<Item = Record> {
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    (first..first + count).map(move |n| {
        let timestamp_ms = now_ms - (first + count - n) as i64;
        let payload = format!(
            "{{\"id\":\"{n}\",\"device_id\":\"bus-{}\",\"timestamp\":{timestamp_ms},\"speed\":{},\"location\":[51.5,-0.1],\"road_id\":\"A40\"}}",
            n % 20,
            n % 90
        );
        Record { partition: (n % partitions) as i32, key: None, payload: payload.into_bytes(), timestamp_ms }
    })
}

fn records_at_last_cut(folder: &Folder) -> Option<u64> {
    let manifests = folder.join("state/jobs/city/manifest");
    let mut names: Vec<_> = fs::read_dir(manifests).ok()?.flatten().map(|entry| entry.path()).collect();
    names.sort();
    let text = fs::read_to_string(names.last()?).ok()?;
    serde_json::from_str::<Value>(text.lines().next()?).ok()?["counters"]["records"].as_u64()
}

fn wait_for_records(folder: &Folder, records: u64) {
    wait_for(&format!("{records} records in a checkpoint"), LIMIT, || {
        (records_at_last_cut(folder)? == records).then_some(())
    });
}

fn stop(mut job: Job) -> Value {
    job.interrupt();
    assert_eq!(job.wait(LIMIT).code(), Some(3), "{}", job.said());
    job.summary()
}

#[test]
fn a_broker_that_is_not_there_is_told_after_the_set_time() {
    let folder = Folder::new("no-broker");
    let port = free_port();
    let address = format!("127.0.0.1:{}", port.number());
    let job = submit(&folder, &[format!("input=kafka://{address}"), "connect_timeout=2s".into()]);
    assert_refused(job, 1, &[&address]);
}

#[test]
fn a_topic_that_does_not_exist_is_told_by_name() {
    if !need(Server::Kafka, "a topic that does not exist") {
        return;
    }
    let kafka = Kafka::shared();
    let folder = Folder::new("no-topic");
    let input = format!("input=kafka://{}", kafka.brokers());
    assert_refused(submit(&folder, &[input, "topics.gps_data=nowhere".into()]), 2, &["nowhere", &kafka.brokers()]);
}

#[test]
fn a_broker_that_dies_and_returns_is_waited_for() {
    if !need(Server::Kafka, "a broker that dies while a job runs") {
        return;
    }
    let mut kafka = Kafka::start(Options::test());
    kafka.create_topic("gps_data", 2, &[]);
    kafka.produce("gps_data", reports(1_000, 2, 0), Pace::Unlimited);
    let folder = Folder::new("broker-dies");
    let mut job = submit(&folder, &[format!("input=kafka://{}", kafka.brokers())]);
    wait_for_records(&folder, 1_000);
    kafka.kill_9();
    std::thread::sleep(Duration::from_secs(1));
    assert!(job.ended().is_none(), "{}", job.said());
    kafka.restart();
    kafka.produce("gps_data", reports(1_000, 2, 1_000), Pace::Unlimited);
    wait_for_records(&folder, 2_000);
    let summary = stop(job);
    assert_eq!((summary["records"].as_u64(), summary["rejected"].as_u64()), (Some(2_000), Some(0)));
}

#[test]
fn redis_may_come_late_go_and_come_back() {
    if ![Server::Kafka, Server::Redis]
        .map(|server| need(server, "a redis that comes and goes"))
        .iter()
        .all(|there| *there)
    {
        return;
    }
    let kafka = Kafka::shared();
    let topic = kafka.create_unique_topic("late-redis", 2);
    let mut redis = Redis::start();
    let url = redis.url();
    redis.stop();
    let folder = Folder::new("late-redis");
    let conf = [
        format!("input=kafka://{}", kafka.brokers()),
        format!("topics.gps_data={topic}"),
        format!("speed={url}"),
        "connect_timeout=1s".into(),
    ];
    kafka.produce(&topic, reports(1_000, 2, 0), Pace::Unlimited);
    let mut job = submit(&folder, &conf);
    job.wait_for_line("a word about redis", LIMIT, |line| line.contains("down"));
    wait_for_records(&folder, 1_000);

    redis.restart();
    wait_for_speed(&job, &redis, 999 % 90, "after redis came late");
    redis.kill_9();
    kafka.produce(&topic, reports(1_001, 2, 1_000), Pace::Unlimited);
    wait_for_records(&folder, 2_001);
    redis.restart();
    wait_for_speed(&job, &redis, 2_000 % 90, "after redis came back");
    redis.flush_all();
    wait_for_speed(&job, &redis, 2_000 % 90, "after a flush");
    stop(job);
}

/// The newest report of some bus is in Redis: the last one sent has this speed.
fn wait_for_speed(job: &Job, redis: &Redis, speed: u64, when: &str) {
    let mut connection = redis.connection();
    let mut seen = vec![];
    let found = try_wait_for(LIMIT, || {
        let keys: Vec<String> = connection.keys("vehicle:location:*").ok()?;
        seen = keys.iter().filter_map(|key| connection.get::<_, String>(key).ok()).collect();
        let speeds = seen.iter().filter_map(|value| serde_json::from_str::<Value>(value).ok()?["speed"].as_f64());
        (keys.len() == 20 && speeds.into_iter().any(|found| found == speed as f64)).then_some(())
    });
    assert!(found.is_some(), "no speed {speed} {when}; redis has {seen:#?}; greenwave said:\n{}", job.said());
}

#[test]
fn a_lake_or_state_that_cannot_be_written_is_told_with_its_path() {
    let folder = Folder::new("not-writable");
    let input = one_report(&folder);
    fs::write(folder.join("file"), "in the way").unwrap();
    for setting in ["lake", "state"] {
        let path = folder.join("file/inside");
        let job = submit(&folder, &[input.clone(), format!("{setting}={}", path.display())]);
        let code = if setting == "state" { 2 } else { 1 };
        assert_refused(job, code, &["file/inside"]);
    }
}

#[test]
fn a_full_disk_is_told_and_the_next_run_goes_on() {
    let folder = Folder::new("full");
    let Some(disk) = SmallDisk::mount(&folder.join("small"), "400k", "a full disk") else { return };
    let input = one_report(&folder);
    let many: String = (0..20_000)
        .map(|n| format!("{{\"id\":\"{n}\",\"device_id\":\"bus-{n}\",\"timestamp\":\"2026-03-02T08:00:00\",\"speed\":30,\"location\":[51.5,-0.1]}}\n"))
        .collect();
    fs::write(folder.join("input/gps/many.jsonl"), many).unwrap();
    let conf = [input, format!("state={}", disk.path().join("state").display())];
    assert_refused(submit(&folder, &conf), 1, &["No space left", "state"]);
    disk.remount("size=200m");
    let mut job = submit(&folder, &conf);
    job.success(LIMIT);
    assert_eq!(job.summary()["records"], 20_001);
}

#[test]
fn one_job_has_one_process() {
    if !need(Server::Kafka, "two processes with one job") {
        return;
    }
    let kafka = Kafka::shared();
    let topic = kafka.create_unique_topic("two", 2);
    kafka.produce(&topic, reports(100, 2, 0), Pace::Unlimited);
    let folder = Folder::new("two");
    let conf = [format!("input=kafka://{}", kafka.brokers()), format!("topics.gps_data={topic}")];
    let mut first = submit(&folder, &conf);
    wait_for_records(&folder, 100);
    assert_refused(submit(&folder, &conf), 2, &["alive", "--take-over"]);
    assert!(first.ended().is_none());
    let mut taking = line(&folder, &conf);
    taking.push("--take-over".into());
    let second = Job::submit(taking);
    assert_eq!(first.wait(LIMIT).code(), Some(75), "{}", first.said());
    kafka.produce(&topic, reports(100, 2, 100), Pace::Unlimited);
    wait_for_records(&folder, 200);
    stop(second);
}

#[test]
fn settings_with_five_mistakes_start_nothing() {
    let folder = Folder::new("five");
    let file = folder.join("job.toml");
    fs::write(&file, "tick = 50\nchekpoint = \"1s\"\nspeed = \"x\"\nidle_after = \"soon\"\ninput = \"nowhere\"\n")
        .unwrap();
    let mut job = Job::submit([file.to_str().unwrap()]);
    assert_eq!(job.wait(LIMIT).code(), Some(2));
    let said = job.stderr();
    for line in 1..=5 {
        assert!(said.iter().any(|told| told.contains(&format!("job.toml:{line}: "))), "line {line}: {said:#?}");
    }
}

#[test]
fn a_changed_setting_that_decides_answers_is_refused() {
    let folder = Folder::new("changed");
    let input = one_report(&folder);
    submit(&folder, std::slice::from_ref(&input)).success(LIMIT);
    let job = submit(&folder, &[input, "vehicle_count=false".into()]);
    assert_refused(job, 2, &["vehicle_count was true and is false"]);
}

#[test]
fn a_state_that_is_lost_or_damaged_is_told_and_the_lake_is_left_alone() {
    let folder = Folder::new("lost");
    let input = one_report(&folder);
    submit(&folder, std::slice::from_ref(&input)).success(LIMIT);
    let manifests = folder.join("state/jobs/city/manifest");
    let kept: Vec<_> = fs::read_dir(&manifests).unwrap().flatten().map(|entry| entry.path()).collect();
    let contents: Vec<_> = kept.iter().map(|path| fs::read(path).unwrap()).collect();
    for path in &kept {
        fs::write(path, "{").unwrap();
    }
    assert_refused(
        submit(&folder, std::slice::from_ref(&input)),
        1,
        &["manifests", "none of them can be read", "state"],
    );
    fs::rename(folder.join("state"), folder.join("elsewhere")).unwrap();
    assert_refused(submit(&folder, std::slice::from_ref(&input)), 2, &["lake", "another state", "--name"]);
    fs::remove_dir_all(folder.join("state")).unwrap();
    fs::rename(folder.join("elsewhere"), folder.join("state")).unwrap();
    for (path, content) in kept.iter().zip(contents) {
        fs::write(path, content).unwrap();
    }
    // The newest alone: the lake is ahead of the one before, and looking for that changes nothing.
    let newest = kept.iter().max().unwrap();
    let content = fs::read(newest).unwrap();
    fs::write(newest, "{").unwrap();
    for _ in 0..2 {
        assert_refused(submit(&folder, std::slice::from_ref(&input)), 2, &["lake", "there is no checkpoint"]);
    }
    fs::write(newest, content).unwrap();
    let mut job = submit(&folder, std::slice::from_ref(&input));
    job.success(LIMIT);
    assert_eq!(job.summary()["records"], 1);
}

#[test]
fn a_lake_is_not_left_out_and_taken_up_again() {
    let folder = Folder::new("hole");
    let input = one_report(&folder);
    submit(&folder, &[input.clone(), "lake=none".into()]).success(LIMIT);
    assert_refused(submit(&folder, std::slice::from_ref(&input)), 2, &["lake", "has run without one", "--name"]);
    submit(&folder, &[input, "lake=none".into()]).success(LIMIT);
}

#[test]
fn a_redis_of_another_state_is_refused_until_it_is_taken_over() {
    if !need(Server::Redis, "a Redis of another state") {
        return;
    }
    let redis = Redis::start();
    let (one, other) = (Folder::new("one-state"), Folder::new("other-state"));
    let speed = format!("speed={}", redis.url());
    submit(&one, &[one_report(&one), speed.clone()]).success(LIMIT);
    let conf = [one_report(&other), speed];
    for _ in 0..2 {
        assert_refused(submit(&other, &conf), 2, &["Redis", "not of this state", "--take-over"]);
    }
    let mut taking = line(&other, &conf);
    taking.push("--take-over".into());
    Job::submit(taking).success(LIMIT);
    let keys: Vec<String> = redis.connection().keys("vehicle:location:*").unwrap();
    assert_eq!(keys, ["vehicle:location:bus-7"]);
}
