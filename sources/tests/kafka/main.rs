//! The Kafka reader against librdkafka's mock cluster: its wiring, and brokers that are not there. What a real broker
//! does is tested with one.

#![allow(clippy::unwrap_used)]

mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use greenwave_model::{Batch, RejectReason};
use greenwave_sources::kafka::{self, KafkaSettings, Start};
use greenwave_sources::{Answer, FromSource};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use world::{DEADLINE, T0, TOPIC, World, report, settings};

/// Batches of one partition must follow each other without gaps.
fn assert_contiguous(batches: &[Batch], from: i64) -> i64 {
    batches.iter().fold(from, |next, batch| {
        assert_eq!(batch.start, next);
        assert!(batch.end > batch.start && batch.timestamped && !batch.finished);
        batch.end
    })
}

#[test]
fn every_record_comes_once_with_its_timestamp() {
    let world = World::new(1);
    world.send_reports(0, 0..9_000);
    world.send(0, None, T0);
    world.send(0, Some("{\"speed\":"), T0 + 7);
    world.flush();
    let reader = world.read(world.positions(), 1 << 30);
    let batches = reader.until("the end", |standing| standing.at_end && standing.next == 9_002);
    assert_eq!(assert_contiguous(&batches, 0), 9_002);
    assert!(batches.iter().all(|batch| batch.readings.len() + batch.rejects.len() <= 4_096));
    let readings: Vec<_> = batches.iter().flat_map(|batch| &batch.readings).collect();
    assert_eq!(readings.len(), 9_000);
    for (offset, reading) in (0..).zip(readings) {
        assert_eq!((reading.record.offset(), reading.arrival_ms), (offset, T0 + offset * 1_000));
    }
    let rejects: Vec<_> = batches.iter().flat_map(|batch| &batch.rejects).collect();
    assert_eq!((rejects[0].offset, rejects[0].reason), (9_000, RejectReason::Empty));
    assert_eq!((rejects[1].offset, rejects[1].timestamp_ms), (9_001, Some(T0 + 7)));
    assert_eq!(batches.last().unwrap().clock.now_ms, Some(T0 + 8_997_000), "the median of the last five");
    // Live: what comes now is seen at once, and the end is told again.
    world.send_reports(0, 9_002..9_012);
    let more = reader.until("the new end", |standing| standing.at_end && standing.next == 9_012);
    assert_eq!(assert_contiguous(&more, 9_002), 9_012);
}

#[test]
fn it_is_told_where_logs_end() {
    let world = World::new(1);
    world.send_reports(0, 0..5_000);
    let reader = world.read(world.positions(), 1 << 20);
    let deadline = Instant::now() + DEADLINE;
    loop {
        match reader.next("the end of the log") {
            FromSource::Ends(ends) if ends == [(0, 5_000)] => break,
            FromSource::Batch(batch) => reader.budget.release(batch.bytes),
            FromSource::Ends(_) | FromSource::Standing(_) => {}
            FromSource::Failed(error) => panic!("{error}"),
        }
        assert!(Instant::now() < deadline, "it is not told");
    }
}

#[test]
fn a_position_carries_offset_and_clock_on() {
    let world = World::new(2);
    world.send_reports(1, 0..100);
    let mut positions = world.positions().split_off(1);
    positions[0].next = Some(60);
    let ahead = T0 + 86_400_000;
    positions[0].clock.now_ms = Some(ahead);
    let reader = world.read(positions, 1 << 20);
    let batches = reader.until("the end", |standing| standing.at_end && standing.partition == 1);
    assert_eq!(assert_contiguous(&batches, 60), 100);
    assert!(batches.iter().all(|batch| batch.partition == 1 && batch.clock.now_ms == Some(ahead)));
}

#[test]
fn partitions_are_found_in_order_and_a_missing_topic_is_told() {
    let world = World::new(11);
    let names: Vec<String> = kafka::discover(&world.settings()).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, (0..11).map(|number| format!("gps_data[{number}]")).collect::<Vec<_>>());
    let wrong = KafkaSettings { topics: vec![("gps-data".into(), TOPIC.into())], ..world.settings() };
    let error = kafka::discover(&wrong).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("topic gps-data at 127.0.0.1") && text.contains("(there is gps_data)"), "{text}");
    assert!(matches!(error.answer(), Answer::Stop(_)));
}

#[test]
fn a_broker_that_is_not_there_is_told_in_time() {
    let wait = Duration::from_secs(1);
    let nobody = KafkaSettings { connect_timeout: wait, ..settings("127.0.0.1:1") };
    let begun = Instant::now();
    let error = kafka::discover(&nobody).unwrap_err();
    assert!(begun.elapsed() >= wait && begun.elapsed() < wait * 4, "{:?}", begun.elapsed());
    let text = error.to_string();
    assert!(text.contains("cannot reach a broker at 127.0.0.1:1") && text.contains("Connection refused"), "{text}");
    assert_eq!(error.answer(), Answer::Retry);
}

#[test]
fn a_wrong_client_setting_is_named() {
    let pass_through = BTreeMap::from([("fetch.wait.maxx".to_owned(), "1".to_owned())]);
    let error = kafka::discover(&KafkaSettings { pass_through, ..settings("127.0.0.1:1") }).unwrap_err();
    assert!(error.to_string().contains("cannot set fetch.wait.maxx"), "{error}");
}

#[test]
fn a_start_is_resolved_to_offsets() {
    let world = World::new(2);
    world.send_reports(0, 0..10);
    world.send_reports(1, 0..20);
    let keys = kafka::discover(&world.settings()).unwrap();
    let at = |start| kafka::first_offsets(&KafkaSettings { start, ..world.settings() }, &keys);
    assert_eq!(at(Start::Earliest).unwrap(), [0, 0]);
    assert_eq!(at(Start::Latest).unwrap(), [10, 20]);
    let given = |second| Start::Offsets(BTreeMap::from([((TOPIC.to_owned(), 0), 3), ((TOPIC.to_owned(), 1), second)]));
    assert_eq!(at(given(20)).unwrap(), [3, 20]);
    let error = at(given(21)).unwrap_err().to_string();
    assert!(error.contains("gps_data[1]@21") && error.contains("offsets 0 to 20"), "{error}");
}

#[test]
fn a_broker_that_goes_and_comes_is_waited_for() {
    let world = World::new(1);
    world.send_reports(0, 0..10);
    let reader = world.read(world.positions(), 1 << 20);
    reader.until("the end", |standing| standing.at_end);
    world.cluster.broker_down(1).unwrap();
    let batches = reader.until("a fault", |standing| standing.fault.is_some() && !standing.at_end);
    assert!(batches.is_empty());
    world.cluster.broker_up(1).unwrap();
    let batches = reader.until("the recovery", |standing| standing.at_end && standing.fault.is_none());
    assert!(batches.is_empty(), "nothing comes twice");
    world.send_reports(0, 10..20);
    let batches = reader.until("the new end", |standing| standing.at_end && standing.next == 20);
    assert_eq!(assert_contiguous(&batches, 10), 20);
}

#[test]
fn offsets_the_topic_no_longer_has_stop_the_job() {
    let world = World::new(1);
    world.send_reports(0, 0..10);
    let mut positions = world.positions();
    positions[0].next = Some(11);
    let error = world.read(positions, 1 << 20).failure();
    assert!(error.contains("gps_data[0]@11: the topic ends at 10"), "{error}");
    // The mock cluster keeps 5 MiB a partition.
    let filler = format!("{{\"{}\":1}}", "x".repeat(100_000));
    for _ in 0..100 {
        world.send(0, Some(&filler), T0);
    }
    world.flush();
    let (oldest, _) = {
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", world.cluster.bootstrap_servers()).create().unwrap();
        client.fetch_watermarks(TOPIC, 0, DEADLINE).unwrap()
    };
    assert!(oldest > 10);
    let error = world.read(world.positions(), 1 << 20).failure();
    let gone = format!("oldest offset still in the topic is {oldest}, so {oldest} records are gone");
    assert!(error.contains("gps_data[0]@0") && error.contains(&gone), "{error}");
}

#[test]
fn a_deleted_topic_stops_the_job_after_a_while() {
    let world = World::new(1);
    world.send_reports(0, 0..10);
    let mut settings = world.settings();
    settings.pass_through.insert("topic.metadata.refresh.interval.ms".into(), "500".into());
    let reader = world.read_with(settings, world.positions(), 1 << 20);
    reader.until("the end", |standing| standing.at_end);
    world.cluster.topic_error(TOPIC, RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let error = reader.failure();
    assert!(error.contains("cannot read gps_data[0]") && error.contains("was deleted"), "{error}");
}

/// The leader leaves rows of a partition that is far ahead until the others have come near. If they fill the budget,
/// the others must be read all the same.
#[test]
fn a_budget_full_of_the_fast_partition_lets_the_slow_one_through() {
    const SLOW: i64 = 20_000;
    let world = World::new(2);
    for offset in 0..20_000 {
        world.send(0, Some(&report("fast", T0 + 86_400_000 + offset)), T0 + 86_400_000 + offset);
    }
    world.flush();
    for offset in 0..SLOW {
        world.send(1, Some(&report("slow", T0 + offset)), T0 + 86_400_000);
    }
    world.flush();
    let reader = world.read(world.positions(), 200_000);
    let (mut next, mut fast) = (0, vec![]);
    while next < SLOW {
        match reader.next("the slow partition") {
            FromSource::Batch(batch) if batch.partition == 1 => {
                assert_eq!(batch.start, next);
                next = batch.end;
                reader.budget.release(batch.bytes);
            }
            FromSource::Batch(batch) => fast.push(batch),
            FromSource::Standing(_) | FromSource::Ends(_) => {}
            FromSource::Failed(error) => panic!("{error}"),
        }
    }
    // Now the fast one is bound too: what was paused comes on, without gap or copy.
    reader.budget.release(fast.iter().map(|batch| batch.bytes).sum());
    let rest = reader.until("the fast end", |standing| standing.at_end && standing.partition == 0);
    fast.extend(rest.into_iter().filter(|batch| batch.partition == 0));
    assert_eq!(assert_contiguous(&fast, 0), 20_000);
    assert_eq!(fast.iter().map(|batch| batch.readings.len()).sum::<usize>(), 20_000);
}

#[test]
fn a_reader_ends_when_it_is_stopped() {
    let world = World::new(1);
    world.send_reports(0, 0..10);
    let reader = world.read(world.positions(), 1 << 20);
    reader.until("the end", |standing| standing.at_end);
    let took = reader.stop();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let reader = world.read(world.positions(), 1 << 20);
    reader.until("the end", |standing| standing.at_end);
    world.cluster.broker_down(1).unwrap();
    reader.until("a fault", |standing| standing.fault.is_some());
    let took = reader.stop();
    assert!(took < Duration::from_secs(2), "with the broker down: {took:?}");
}

#[test]
fn committed_offsets_are_there_for_lag_tools() {
    let world = World::new(1);
    world.send_reports(0, 0..10);
    let keys = kafka::discover(&world.settings()).unwrap();
    kafka::Group::new(world.settings(), "city".into()).commit(&[(keys[0].clone(), 7)]).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", world.cluster.bootstrap_servers()).set("group.id", "city");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition(TOPIC, 0);
    let committed = consumer.committed_offsets(list, DEADLINE).unwrap();
    assert_eq!(committed.elements()[0].offset(), Offset::Offset(7));
}
