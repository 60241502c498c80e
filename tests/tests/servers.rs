//! The test support itself: real servers start, keep or lose their data as they should, and end with the test.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use greenwave_tests::kafka::{Options, Pace, Record};
use greenwave_tests::{Job, Kafka, Process, Redis, Server, need, python, wait_for};

const PARTITIONS: u32 = 4;

/// Of today: see `feed` on what a broker forgets about older ones.
fn first_timestamp_ms() -> i64 {
    static FIRST: OnceLock<i64> = OnceLock::new();
    *FIRST.get_or_init(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64)
}

fn records(count: u64) -> impl Iterator<Item = Record> {
    let first = first_timestamp_ms();
    (0..count).map(move |n| Record {
        partition: (n % u64::from(PARTITIONS)) as i32,
        key: (n % 2 == 0).then(|| format!("vehicle-{n}").into_bytes()),
        payload: format!("{{\"n\":{n}}}").into_bytes(),
        timestamp_ms: first + n as i64,
    })
}

fn assert_holds(kafka: &Kafka, topic: &str, count: u64) {
    let stored = kafka.read(topic);
    assert_eq!(stored.len() as u64, count);
    for sent in records(count) {
        let n = (sent.timestamp_ms - first_timestamp_ms()) as u64;
        let offset = n / u64::from(PARTITIONS);
        let row = sent.partition as u64 * (count / u64::from(PARTITIONS)) + offset;
        let found = &stored[row as usize];
        assert_eq!((found.partition, found.offset), (sent.partition, offset as i64));
        assert_eq!((&found.key, &found.payload, found.timestamp_ms), (&sent.key, &sent.payload, sent.timestamp_ms));
    }
}

#[test]
fn kafka_keeps_ten_thousand_records_through_restart_and_kill() {
    if !need(Server::Kafka, "a broker that restarts with its data") {
        return;
    }
    let mut kafka = Kafka::start(Options::test());
    let brokers = kafka.brokers();
    kafka.create_topic("kept", PARTITIONS, &[("retention.ms", "-1")]);
    assert_eq!(kafka.produce("kept", records(10_000), Pace::Unlimited), 10_000);
    assert_holds(&kafka, "kept", 10_000);

    kafka.stop();
    kafka.restart();
    assert_eq!(kafka.brokers(), brokers);
    assert_holds(&kafka, "kept", 10_000);

    kafka.kill_9();
    kafka.restart();
    assert_holds(&kafka, "kept", 10_000);
}

#[test]
fn feeding_survives_a_broker_that_is_killed_and_comes_back() {
    if !need(Server::Kafka, "a producer across a broker's death") {
        return;
    }
    let mut kafka = Kafka::start(Options::test());
    kafka.create_topic("crossing", PARTITIONS, &[]);
    let brokers = kafka.brokers();
    let feeding = std::thread::spawn(move || {
        greenwave_tests::kafka::feed(&brokers, "crossing", records(20_000), Pace::PerSecond(5_000))
    });
    wait_for("the first records", Duration::from_secs(30), || (kafka.read("crossing").len() > 1_000).then_some(()));
    kafka.kill_9();
    kafka.restart();
    assert_eq!(feeding.join().unwrap(), 20_000);
    assert_holds(&kafka, "crossing", 20_000);
}

#[test]
fn a_paused_broker_answers_nobody_until_resumed() {
    if !need(Server::Kafka, "a broker that hangs") {
        return;
    }
    let mut kafka = Kafka::start(Options::test());
    kafka.create_topic("held", PARTITIONS, &[]);
    kafka.pause();
    let brokers = kafka.brokers();
    let feeding = std::thread::spawn(move || {
        greenwave_tests::kafka::feed(&brokers, "held", records(400), Pace::Unlimited);
        Instant::now()
    });
    let state = format!("/proc/{}/stat", kafka.pid());
    wait_for("the broker to be held", Duration::from_secs(10), || {
        std::fs::read_to_string(&state).unwrap().contains(") T ").then_some(())
    });
    let resumed = Instant::now();
    kafka.resume();
    assert!(feeding.join().unwrap() >= resumed, "a held broker confirmed records");
    assert_holds(&kafka, "held", 400);
}

#[test]
fn a_shared_broker_keeps_tests_apart_and_paces_the_feed() {
    if !need(Server::Kafka, "topics of one shared broker") {
        return;
    }
    let kafka = Kafka::shared();
    let (one, other) = (kafka.create_unique_topic("gps", PARTITIONS), kafka.create_unique_topic("gps", 1));
    assert_ne!(one, other);
    let start = Instant::now();
    kafka.produce(&one, records(2_000), Pace::PerSecond(4_000));
    let seconds = start.elapsed().as_secs_f64();
    assert!((0.49..30.0).contains(&seconds), "2,000 records at 4,000 a second took {seconds} s");
    assert_eq!((kafka.read(&one).len(), kafka.read(&other).len()), (2_000, 0));

    kafka.grow_topic(&other, 3);
    kafka.produce(&other, records(2_000).filter(|record| record.partition == 2), Pace::Unlimited);
    assert_eq!(kafka.read(&other).len(), 500);
    kafka.delete_topic(&other);
}

#[test]
fn redis_forgets_when_flushed_or_restarted_and_keeps_its_port() {
    if !need(Server::Redis, "a Redis that loses its content") {
        return;
    }
    let mut redis = Redis::start();
    let url = redis.url();
    assert!(!url.contains(":6379"), "{url} is the system's");
    let set = |redis: &Redis| {
        redis::cmd("SET").arg("road").arg(42).query::<()>(&mut redis.connection()).unwrap();
    };
    let get = |redis: &Redis| redis::cmd("GET").arg("road").query::<Option<i64>>(&mut redis.connection()).unwrap();

    set(&redis);
    let mut by_socket = redis::Client::open(redis.unix_url()).unwrap().get_connection().unwrap();
    assert_eq!(redis::cmd("GET").arg("road").query::<i64>(&mut by_socket).unwrap(), 42);
    redis.flush_all();
    assert_eq!(get(&redis), None);

    set(&redis);
    redis.kill_9();
    assert!(redis::Client::open(url.as_str()).unwrap().get_connection().is_err(), "it answers after kill -9");
    redis.restart();
    assert_eq!(redis.url(), url);
    assert_eq!(get(&redis), None);
}

#[test]
fn python_reads_what_the_lake_is_made_of() {
    if !need(Server::Python, "the lake's independent readers") {
        return;
    }
    let mut command = Command::new(python().unwrap());
    command.args(["-c", "import duckdb, deltalake, pyarrow; print(duckdb.sql('select 40 + 2').fetchall()[0][0])"]);
    let mut job = Job::spawn(command);
    job.success(Duration::from_secs(60));
    assert_eq!(job.stdout(), ["42"]);
}

#[test]
fn a_job_is_read_while_it_runs_and_summed_up_at_its_end() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo warming >&2; echo one; echo '{\"records\": 7}'; exit 3"]);
    let mut job = Job::spawn(command);
    assert_eq!(job.wait_for_line("a first line", Duration::from_secs(10), |line| line == "one"), "one");
    assert_eq!(job.wait(Duration::from_secs(10)).code(), Some(3));
    assert_eq!(job.summary()["records"], 7);
    assert_eq!(job.stderr(), ["warming"]);
}

#[test]
fn a_process_lives_past_its_test_thread_and_dies_with_its_value() {
    let mut command = Command::new("sleep");
    command.arg("600");
    // The kernel's death signal follows the thread that forked: it must not be this short-lived one.
    let mut process = std::thread::spawn(|| Process::spawn(command).unwrap()).join().unwrap();
    let folder = format!("/proc/{}", process.pid());
    assert!(process.wait(Duration::from_millis(50)).is_none(), "it ended with the thread that asked for it");
    drop(process);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn nothing_outlives_a_killed_test_process() {
    const CHILD: &str = "GREENWAVE_TESTS_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let process = Process::spawn(command).unwrap();
        eprintln!("child {}", process.pid());
        std::thread::park();
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "nothing_outlives_a_killed_test_process", "--nocapture"]).env(CHILD, "1");
    let mut test = Job::spawn(command);
    let line = test.wait_for_line("the child's number", Duration::from_secs(20), |line| line.contains("child "));
    let child: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(Path::new(&format!("/proc/{child}")).exists());
    test.kill_9();
    wait_for("the kernel to kill the orphan", Duration::from_secs(10), || {
        // An orphan that nobody reaps yet still has its folder, as a zombie.
        let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_else(|_| ") Z ".to_owned());
        state.contains(") Z ").then_some(())
    });
}
