//! A lane by table: offsets, clock, standing.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::decode::DecodeSettings;

const T0: i64 = 1_772_438_400_000;

fn lane(next: i64) -> Lane {
    let key = PartitionKey { topic: "gps_data".into(), partition: "0".into() };
    let clock = PartitionClock::default();
    Lane::new(&Position { number: 3, key, next: Some(next), clock, finished: false }, "gps_data".into(), 0)
}

fn report(event_ms: i64) -> Vec<u8> {
    let text = format!(r#"{{"id":"x","device_id":"bus","timestamp":{event_ms},"speed":10,"location":[51.5,-0.1]}}"#);
    text.into_bytes()
}

fn take(lane: &mut Lane, payload: &[u8], offset: i64, timestamp_ms: Option<i64>, wall_ms: i64) -> Option<Batch> {
    let mut decoder = Decoders::new(DecodeSettings::default());
    let moment = Moment { wall_ms, clock_skew_ms: 10_000, at: Instant::now() };
    lane.take(&Taken { payload, offset, timestamp_ms }, &moment, &mut decoder)
}

#[test]
fn batches_follow_each_other_without_gaps() {
    let mut lane = lane(100);
    assert!(lane.close().is_none());
    take(&mut lane, &report(T0), 100, Some(T0), T0);
    take(&mut lane, &report(T0), 104, Some(T0), T0);
    take(&mut lane, &report(T0), 103, Some(T0), T0);
    let first = lane.close().unwrap();
    assert_eq!((first.start, first.end, first.readings.len(), first.partition), (100, 105, 2, 3));
    assert!(first.timestamped && !first.finished);
    take(&mut lane, b"", 105, Some(T0), T0);
    lane.end_at(108, Instant::now());
    let second = lane.close().unwrap();
    assert_eq!((second.start, second.end, second.readings.len(), second.rejects.len()), (105, 108, 0, 1));
    assert_eq!(second.rejects[0].reason.as_str(), "empty");
    assert_eq!(second.clock, first.clock, "a reject moves no clock");
}

#[test]
fn a_batch_is_full_by_rows_or_bytes() {
    let mut one = lane(0);
    let full = (0..).find_map(|offset| take(&mut one, b"{", offset, Some(T0), T0)).unwrap();
    assert_eq!((full.rejects.len(), full.end), (BATCH_ROWS_MAX, BATCH_ROWS_MAX as i64));
    let mut other = lane(0);
    let large = vec![b'['; BATCH_BYTES_MAX / 4];
    let full = (0..).find_map(|offset| take(&mut other, &large, offset, Some(T0), T0)).unwrap();
    assert_eq!(full.end, 4);
}

#[test]
fn no_clock_passes_the_arrival_of_a_record_by_more_than_the_skew() {
    let year = 365 * 86_400_000;
    let table = [
        ("on time", T0, Some(T0), T0, T0),
        ("a device a year ahead", T0 + year, Some(T0), T0 + 5, T0 + 10_000),
        ("a producer a year ahead", T0 + year, Some(T0 + year), T0, T0 + 10_000),
        ("no timestamp", T0 + year, None, T0, T0 + 10_000),
        ("a device behind", T0 - year, Some(T0), T0, T0 - year),
    ];
    for (case, event_ms, timestamp_ms, wall_ms, clock_ms) in table {
        let mut lane = lane(0);
        take(&mut lane, &report(event_ms), 0, timestamp_ms, wall_ms);
        let batch = lane.close().unwrap();
        assert_eq!(batch.clock.now_ms, Some(clock_ms), "{case}");
        assert_eq!(batch.readings[0].arrival_ms, timestamp_ms.unwrap_or(wall_ms), "{case}");
        assert_eq!(batch.last_arrival_ms, Some(T0), "{case}");
    }
}

#[test]
fn a_standing_is_said_once_and_taken_back_by_a_batch() {
    let mut lane = lane(7);
    assert_eq!(lane.standing(), None, "reading, without anything to say");
    lane.end_at(7, Instant::now());
    let at_end = Standing { partition: 3, at_end: true, next: 7, fault: None };
    assert_eq!(lane.standing(), Some(at_end));
    assert_eq!(lane.standing(), None);
    lane.fault = Some("broker a:1 is down (DOWN)".into());
    let fault = lane.standing().unwrap();
    assert!(!fault.at_end && fault.fault.is_some());
    lane.fault = None;
    assert!(lane.standing().unwrap().at_end);
    take(&mut lane, &report(T0), 7, Some(T0), T0);
    lane.end_at(8, Instant::now());
    assert_eq!(lane.standing(), None, "the batch comes first");
    let batch = lane.close().unwrap();
    assert_eq!(lane.standing(), None, "and it has not gone out");
    lane.sent(&batch);
    assert_eq!(lane.standing().map(|standing| (standing.at_end, standing.next)), Some((true, 8)));
}

#[test]
fn the_slowest_has_the_lowest_clock_and_something_to_read() {
    let mut lanes: Vec<Lane> = (0..4).map(|_| lane(0)).collect();
    for (lane, clock_ms) in lanes.iter_mut().zip([Some(30), Some(20), Some(10), None]) {
        lane.sent_ms = clock_ms;
    }
    assert_eq!(slowest(&lanes), Some(3));
    lanes[3].end_at(0, Instant::now());
    assert_eq!(slowest(&lanes), Some(2));
    take(&mut lanes[3], &report(T0), 0, Some(T0), T0);
    lanes[3].end_at(1, Instant::now());
    assert_eq!(slowest(&lanes), Some(3), "at its end, but not all of it is out");
    let batch = lanes[3].close().unwrap();
    assert_eq!(slowest(&lanes), Some(3));
    lanes[3].sent(&batch);
    assert_eq!(slowest(&lanes), Some(2));
    lanes.iter_mut().for_each(|lane| lane.end_at(0, Instant::now()));
    assert_eq!(slowest(&lanes), None);
}
