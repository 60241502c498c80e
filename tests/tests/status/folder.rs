//! A folder at the pace of the world: a job that stands still between two ticks, so that every number is known.

use std::fmt::Write;
use std::fs;
use std::net::TcpListener;

use greenwave_tests::{Folder, Job, free_port, http};

use crate::{LIMIT, Settings, assert_line, await_answer, await_end, await_fact, metrics, show};

/// 2026-03-02T08:00:00Z.
const START_MS: i64 = 1_772_438_400_000;
/// Enough for many ticks, of which the second waits for its time.
const SLOW: i64 = 80_000;
/// A second of events takes a quarter of an hour.
const STILL: &str = "pace=0.001x";
const GOOD: i64 = 1_000;

fn report(number: i64, event_ms: i64) -> String {
    format!(
        "{{\"id\":\"{number}\",\"device_id\":\"bus-{}\",\"timestamp\":{event_ms},\"speed\":30,\"location\":[51.5,-0.1]}}\n",
        number % 50
    )
}

/// Good reports, a copy, and three records that are no event.
fn write_first(folder: &Folder) {
    fs::create_dir_all(folder.join("input/gps")).unwrap();
    let mut text = report(0, START_MS);
    (0..GOOD).for_each(|n| text += &report(n, START_MS + n * 100));
    text += "not json\nneither\n";
    text += &report(1, START_MS).replace(":30,", ":3000,");
    fs::write(folder.join("input/gps/a.jsonl"), text).unwrap();
}

/// A second a report: the second tick is due in hours.
fn write_second(folder: &Folder) {
    let mut text = String::new();
    (0..SLOW).for_each(|n| {
        let _ = text.write_str(&report(GOOD + n, START_MS + 200_000 + n * 1_000));
    });
    fs::write(folder.join("input/gps/b.jsonl"), text).unwrap();
}

#[test]
fn a_job_is_seen_before_during_and_after() {
    let folder = Folder::new("status");
    write_first(&folder);
    let port = free_port();
    let address = format!("127.0.0.1:{}", port.number());
    let conf = [
        format!("input={}", folder.join("input").display()),
        format!("http={address}"),
        STILL.to_owned(),
        "lake_every=1".to_owned(),
    ];
    let settings = Settings::new(&folder, &conf);
    before(&settings, &folder);
    settings.submit(&["--conf", "pace=max"]).success(LIMIT);
    after(&settings);
    write_second(&folder);
    let mut job = settings.submit(&[]);
    await_first_tick(&job, &address);
    numbers(&address);
    while_it_runs(&settings, &address);
    while_it_holds_still(&settings, &mut job);
    await_answer(&job, &address, "/live", 200);
    job.kill_9();
    killed(&settings);
}

fn before(settings: &Settings, folder: &Folder) {
    let (code, page) = settings.status(&[]);
    show("never ran", &page);
    assert_eq!(code, 3, "{page}");
    assert_line(&page, &["city has never run", "state"]);
    let (code, told) = settings.status_json(&[]);
    assert_eq!((code, told["state"].as_str()), (3, Some("never_ran")), "{told:#}");
    assert!(!folder.join("state").exists(), "asking writes nothing");
}

fn after(settings: &Settings) {
    let (code, page) = settings.status(&[]);
    show("ended", &page);
    assert_eq!(code, 3, "{page}");
    assert_line(&page, &["city is not running: generation 1", "has ended"]);
    assert_line(&page, &["records", "1,004 durable: 1,000 accepted", "1 duplicates", "3 rejected"]);
    assert_line(&page, &["rejected", "not_json 2", "out_of_range 1"]);
    assert_line(&page, &["gps_data", "1,004 offsets of 1 partition"]);
}

fn await_first_tick(job: &Job, address: &str) {
    await_answer(job, address, "/ready", 200);
    let seen = await_fact(job, address, "at its first tick", |status| {
        let in_lake = status["lake"]["tick"] == status["checkpoint"]["tick"];
        status["tick"]["ticks"] == 1 && status["speed"]["tick"] == status["tick"]["tick"] && in_lake
    });
    assert_eq!((seen["generation"].as_u64(), seen["checkpoint"]["tick"].as_u64()), (Some(2), Some(1 << 32)));
    assert_eq!(await_answer(job, address, "/live", 200), "live\n");
    assert_eq!(http::get(address, "/nothing").unwrap().status, 404);
}

fn numbers(address: &str) {
    let numbers = metrics(address);
    let expected = [
        ("greenwave_generation", 2.0),
        ("greenwave_ready", 1.0),
        ("greenwave_records_total", 1_004.0),
        ("greenwave_rejected_records_total{reason=\"not_json\"}", 2.0),
        ("greenwave_rejected_records_total{reason=\"out_of_range\"}", 1.0),
        ("greenwave_rejected_records_total{reason=\"empty\"}", 0.0),
        ("greenwave_dropped_records_total{verdict=\"duplicate\"}", 1.0),
        ("greenwave_dropped_records_total{verdict=\"too_late\"}", 0.0),
        ("greenwave_checkpoints_total", 1.0),
        ("greenwave_ticks_total", 1.0),
        ("greenwave_speed_layer_up", 1.0),
        ("greenwave_lake_up", 1.0),
        ("greenwave_lake_tick", (1u64 << 32) as f64),
        ("greenwave_partitions{topic=\"gps_data\",state=\"finished\"}", 1.0),
        ("greenwave_partitions{topic=\"gps_data\",state=\"reading\"}", 1.0),
        ("greenwave_partitions{topic=\"gps_data\",state=\"behind\"}", 0.0),
    ];
    for (series, number) in expected {
        assert_eq!(numbers.get(series), Some(&number), "{series} in {numbers:#?}");
    }
    assert!(!numbers.keys().any(|series| series.contains("partition=")), "files have no series of their own");
    // The clock of the views is that of the file, and its reports are in order.
    assert_eq!(numbers["greenwave_watermark_lag_seconds{topic=\"gps_data\"}"], 10.0, "{numbers:#?}");
}

fn while_it_runs(settings: &Settings, address: &str) {
    let (code, page) = settings.status(&[]);
    show("running", &page);
    assert_eq!(code, 0, "{page}");
    assert_line(&page, &["city is running: generation 2", address]);
    assert_line(&page, &["ready", "yes"]);
    assert_line(&page, &["waits for", "pace"]);
    assert_line(&page, &["gps_data", "10 s", "gps_data[gps/b.jsonl]"]);
    assert_line(&page, &["2 partitions: 1 reading, 1 finished"]);
    let (code, told) = settings.status_json(&[]);
    assert_eq!((code, told["state"].as_str()), (0, Some("running")));
    assert_eq!(told["live"]["counters"], told["durable"]["counters"], "{told:#}");
}

/// Its process has the job, and says nothing.
fn while_it_holds_still(settings: &Settings, job: &mut Job) {
    job.signal(libc::SIGSTOP);
    let (code, page) = settings.status(&[]);
    show("unreachable", &page);
    assert_eq!(code, 1, "{page}");
    assert_line(&page, &["city does not answer: generation 2", "did not answer within 5 s"]);
    job.signal(libc::SIGCONT);
}

fn killed(settings: &Settings) {
    let (code, page) = settings.status(&[]);
    show("killed", &page);
    assert_eq!(code, 3, "{page}");
    assert_line(&page, &["city is not running: generation 2", "is gone without an end"]);
    assert_line(&page, &["records", "1,004 durable"]);
}

#[test]
fn the_usual_address_may_be_anothers_and_a_written_one_may_not() {
    let folder = Folder::new("status-address");
    write_first(&folder);
    write_second(&folder);
    let input = format!("input={}", folder.join("input").display());
    // Where another process has it already, it is taken all the same.
    let _taken = TcpListener::bind("127.0.0.1:9464");
    let usual = Settings::new(&folder, &[input.clone(), STILL.to_owned()]);
    let mut job = usual.submit(&[]);
    job.wait_for_line("the other address", LIMIT, |line| {
        line.contains("http listens at another address") && line.contains("usual=\"127.0.0.1:9464\"")
    });
    let found = greenwave_tests::wait_for("its own words", LIMIT, || {
        let (code, told) = usual.status_json(&[]);
        (code == 0 && !told["live"].is_null()).then_some(told)
    });
    let address = found["process"]["http"].as_str().unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":9464"), "{address}");

    let written = Settings::new(&folder, &[input.clone(), format!("http={address}")]);
    let mut refused = written.submit(&["--name", "other"]);
    assert_eq!(refused.wait(LIMIT).code(), Some(2), "{}", refused.said());
    assert_line(&refused.said(), &["cannot listen at", &address, "`http`"]);
    assert!(!folder.join("state/jobs/other").exists(), "a refused start writes nothing");

    job.interrupt();
    await_end(&mut job);
    assert!(http::get(&address, "/live").is_none(), "nobody listens after the end");

    let conf = [input, STILL.to_owned(), "http=none".to_owned(), "lake=none".to_owned()];
    let silent = Settings::new(&folder, &conf);
    let mut job = silent.submit(&["--name", "silent"]);
    let page = greenwave_tests::wait_for("a generation", LIMIT, || {
        let (code, page) = silent.status(&["--name", "silent"]);
        (code == 0).then_some(page)
    });
    assert_line(&page, &["silent is running: generation 1", "no http address"]);
    job.kill_9();
}
