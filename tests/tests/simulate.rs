//! `greenwave simulate` as a person runs it: what it refuses, how it ends, and its truth against a real broker.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use greenwave_tests::kafka::Options;
use greenwave_tests::{Job, Kafka, Server, greenwave, need, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

fn simulate(arguments: &[&str]) -> Job {
    let mut command = greenwave();
    command.arg("simulate").args(arguments);
    Job::spawn(command)
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

#[test]
fn a_folder_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let (out, truth) = (folder.path().join("city"), folder.path().join("truth"));
    let arguments = ["--out", out.to_str().unwrap(), "--truth", truth.to_str().unwrap(), "--for", "1m"];
    let mut first = simulate(&[&arguments[..], &["--output", "json"]].concat());
    first.success(LIMIT);
    let told = first.summary();
    assert_eq!(told["records"].as_u64().unwrap(), lines(&truth.join("records.jsonl")) as u64);
    let written: usize = (0..4).map(|part| lines(&out.join(format!("gps/part-{part:05}.jsonl")))).sum();
    assert_eq!(told["topics"]["gps_data"].as_u64().unwrap(), written as u64);

    let mut second = simulate(&arguments);
    assert_eq!(second.wait(LIMIT).code(), Some(2));
    assert!(second.said().contains("it holds records in gps/ already"), "{}", second.said());
}

#[test]
fn wrong_use_is_told_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("city");
    let out = out.to_str().unwrap();
    for (arguments, fix) in [
        (&["--out", out, "--kafka", "localhost:9092"][..], "cannot be used with"),
        (&["--for", "1m"], "--kafka <BROKERS>|--out <FOLDER>"),
        (&["--out", out, "--rate", "1"], "give a rate from"),
        (&["--out", out, "--late", "2"], "give each from 0 to 1"),
    ] {
        let mut job = simulate(arguments);
        assert_eq!(job.wait(LIMIT).code(), Some(2), "{arguments:?}");
        assert!(job.said().contains(fix), "{}", job.said());
    }
    assert!(!Path::new(out).exists());
}

#[test]
fn a_signal_ends_it_with_whole_lines_and_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let (out, truth) = (folder.path().join("city"), folder.path().join("truth"));
    let arguments = ["--out", out.to_str().unwrap(), "--truth", truth.to_str().unwrap(), "--for", "1000h"];
    let mut job = simulate(&[&arguments[..], &["--output", "json"]].concat());
    let gps = out.join("gps/part-00000.jsonl");
    wait_for("the first records", LIMIT, || fs::metadata(&gps).ok().filter(|file| file.len() > 1 << 20));
    job.interrupt();
    assert_eq!(job.wait(LIMIT).code(), Some(3), "{}", job.said());
    let records = fs::read_to_string(truth.join("records.jsonl")).unwrap();
    assert!(records.ends_with('\n'));
    assert_eq!(job.summary()["records"].as_u64().unwrap(), records.lines().count() as u64);
    assert!(truth.join("road_minutes.csv").exists());
}

#[test]
fn the_truth_is_what_a_broker_holds() {
    if !need(Server::Kafka, "topics that are made, and the offsets of what is sent to them") {
        return;
    }
    let kafka = Kafka::start(Options::test());
    let folder = tempfile::tempdir().unwrap();
    let mut of_both = BTreeMap::new();
    for run in ["first", "second"] {
        let truth = folder.path().join(run);
        let arguments = ["--kafka", &kafka.brokers(), "--truth", truth.to_str().unwrap(), "--for", "5s"];
        let mut job = simulate(&arguments);
        job.success(LIMIT);
        for line in fs::read_to_string(truth.join("records.jsonl")).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            if row["topic"] == "gps_data" {
                let place = (row["partition"].as_str().unwrap().parse().unwrap(), row["offset"].as_i64().unwrap());
                assert!(of_both.insert(place, row).is_none(), "{place:?} is told twice");
            }
        }
    }
    let stored = kafka.read("gps_data");
    assert_eq!(stored.len(), of_both.len());
    for record in stored {
        let row = &of_both[&(record.partition, record.offset)];
        assert_eq!(record.key.unwrap(), row["id"].as_str().unwrap().as_bytes());
        assert_eq!(record.timestamp_ms, row["arrival_ms"].as_i64().unwrap());
    }
}

#[test]
fn a_broker_that_is_not_there_is_told() {
    let mut job = simulate(&["--kafka", "127.0.0.1:1"]);
    assert_eq!(job.wait(LIMIT).code(), Some(1));
    assert!(job.said().contains("cannot reach a broker at 127.0.0.1:1: no answer within 5 s"), "{}", job.said());
}
