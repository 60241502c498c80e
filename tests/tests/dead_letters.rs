//! Dead letters: every reject is in its topic too, with its bytes and its reason, whatever moment the process dies at.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenwave_tests::kafka::{Options, Pace, Record, Stored};
use greenwave_tests::{Folder, Job, Kafka, Server, need, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");
const KILLS: usize = 5;
/// Our name of the input's topic.
const FEED: &str = "gps_data";

struct Home {
    folder: Folder,
    conf: Vec<String>,
}

impl Home {
    fn new(kafka: &Kafka, topic: &str, letters: &str) -> Self {
        let folder = Folder::new("dead-letters");
        let conf = vec![
            format!("input=kafka://{}", kafka.brokers()),
            format!("topics.{FEED}={topic}"),
            format!("dead_letters={letters}"),
            format!("state={}", folder.join("state").display()),
            "lake=none".to_owned(),
            "speed=none".to_owned(),
            "checkpoint=300ms".to_owned(),
            "connect_timeout=10s".to_owned(),
        ];
        Self { folder, conf }
    }

    fn submit(&self) -> Job {
        let conf = self.conf.iter().flat_map(|pair| ["--conf", pair]);
        Job::submit([CITY, "--output", "json"].into_iter().chain(conf))
    }

    /// The newest manifest that can be read.
    fn manifest(&self) -> Option<Value> {
        let manifests = self.folder.join("state/jobs/city/manifest");
        let mut paths: Vec<_> = fs::read_dir(manifests).ok()?.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let texts = paths.iter().rev().filter_map(|path| fs::read_to_string(path).ok());
        texts.filter_map(|text| serde_json::from_str(text.lines().next()?).ok()).next()
    }

    fn counted(&self, counter: &str) -> u64 {
        self.manifest().and_then(|manifest| manifest["counters"][counter].as_u64()).unwrap_or(0)
    }

    fn checkpoint(&self) -> u64 {
        let newest = self.manifest().filter(|manifest| manifest["kind"] == "checkpoint");
        newest.and_then(|manifest| manifest["seq"].as_u64()).unwrap_or(0)
    }

    /// Lives until a checkpoint of this life has so many records, and ends in order.
    fn finish(&self, records: u64) -> Value {
        let before = self.checkpoint();
        let mut job = self.submit();
        self.wait_for_records(&mut job, before, records);
        stop(job)
    }

    fn wait_for_records(&self, job: &mut Job, after: u64, records: u64) {
        wait_for(&format!("{records} records in a checkpoint"), LIMIT, || {
            assert!(job.ended().is_none(), "greenwave ended; it said:\n{}", job.said());
            (self.counted("records") == records && self.checkpoint() > after).then_some(())
        });
    }
}

fn stop(mut job: Job) -> Value {
    job.interrupt();
    assert_eq!(job.wait(LIMIT).code(), Some(3), "{}", job.said());
    job.summary()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn record(partition: u64, payload: Vec<u8>) -> Record {
    Record { partition: partition as i32, key: None, payload, timestamp_ms: now_ms() }
}

/// An event, or every seventh time something that is none and unlike any other.
fn mixed(number: u64) -> Vec<u8> {
    match number % 7 {
        0 => format!("no event {number}").into_bytes(),
        _ => format!(
            r#"{{"id":"{number}","device_id":"bus-{}","timestamp":{},"speed":30,"location":[51.5,-0.1],"road_id":"A40"}}"#,
            number % 20,
            now_ms()
        )
        .into_bytes(),
    }
}

/// The bytes of what is no event, by record id.
fn broken(kafka: &Kafka, topic: &str) -> BTreeMap<String, Vec<u8>> {
    let broken = kafka.read(topic).into_iter().filter(|stored| stored.payload.starts_with(b"no event"));
    broken.map(|stored| (id(topic, stored.partition, stored.offset), stored.payload)).collect()
}

fn id(topic: &str, partition: i32, offset: i64) -> String {
    if topic == FEED {
        format!("{FEED}[{partition}]@{offset}")
    } else {
        format!("{FEED}[{topic}/{partition}]@{offset}")
    }
}

fn key(letter: &Stored) -> String {
    String::from_utf8(letter.key.clone().unwrap()).unwrap()
}

/// Letters by key. A repeat must equal the first.
fn letters(kafka: &Kafka, topic: &str) -> BTreeMap<String, Vec<u8>> {
    let mut letters = BTreeMap::new();
    for letter in kafka.read(topic) {
        let before = letters.insert(key(&letter), letter.payload.clone());
        assert!(before.is_none_or(|before| before == letter.payload), "{} was another letter before", key(&letter));
    }
    letters
}

#[test]
fn a_letter_says_what_and_where_and_why() {
    if !need(Server::Kafka, "what is in a dead letter") {
        return;
    }
    let kafka = Kafka::shared();
    kafka.create_topic(FEED, 2, &[]);
    kafka.create_topic("letters", 2, &[("max.message.bytes", "100000")]);
    let event =
        |more: &str| format!(r#"{{"device_id":"bus-7","timestamp":"2026-03-02T08:00:00",{more}}}"#).into_bytes();
    let long = vec![b'x'; 300_000];
    let sent: Vec<(&str, Vec<u8>)> = vec![
        ("", event(r#""speed":30,"location":[51.5,-0.1]"#)),
        ("not_json", b"no event \"\n".to_vec()),
        ("not_utf8", vec![b'{', 0xFF, 0xFE, b'}']),
        ("empty", vec![]),
        ("out_of_range", event(r#""speed":412.5,"location":[51.5,-0.1]"#)),
        ("missing_field", event(r#""location":[51.5,-0.1]"#)),
        ("wrong_type", event(r#""speed":{},"location":[51.5,-0.1]"#)),
        ("not_json", long.clone()),
        ("", event(r#""speed":31,"location":[51.5,-0.1]"#)),
    ];
    // Offset 0 of partition 1 is the first of them.
    kafka.produce(FEED, sent.iter().map(|(_, payload)| record(1, payload.clone())), Pace::Unlimited);
    let home = Home::new(kafka, FEED, "letters");
    let summary = home.finish(sent.len() as u64);
    assert_eq!((&summary["accepted"], &summary["rejected"]), (&2.into(), &7.into()), "{summary}");

    let found: BTreeMap<String, Stored> =
        kafka.read("letters").into_iter().map(|letter| (key(&letter), letter)).collect();
    assert_eq!(found.len(), 7, "{:?}", found.keys());
    for (offset, (reason, payload)) in sent.iter().enumerate().filter(|(_, (reason, _))| !reason.is_empty()) {
        let letter = &found[&format!("gps_data[1]@{offset}")];
        let headers: BTreeMap<&str, &str> = letter.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let place = ["topic", "partition", "offset", "job"].map(|name| headers[&*format!("greenwave.{name}")]);
        assert_eq!(place, ["gps_data", "1", &offset.to_string(), "city"]);
        assert_eq!(headers["greenwave.reason"], *reason, "{headers:?}");
        // Too large for its topic: it is there all the same, and says what is missing.
        let is_short = payload == &long;
        assert_eq!(letter.payload, if is_short { &[][..] } else { payload }, "{headers:?}");
        assert_eq!(headers.get("greenwave.bytes_left_out"), is_short.then_some(&"300000"));
    }
    let fast = &found["gps_data[1]@4"].headers[1];
    assert_eq!(fast.0, "greenwave.detail");
    assert!(fast.1.contains("speed") && fast.1.contains("412.5"), "{fast:?}");
}

#[test]
fn kills_repeat_letters_and_lose_none() {
    if !need(Server::Kafka, "dead letters under kill -9") {
        return;
    }
    let kafka = Kafka::shared();
    let topic = kafka.create_unique_topic("killed", 4);
    let enough = Arc::new(AtomicBool::new(false));
    let (brokers, feed_topic, stop_feeding) = (kafka.brokers(), topic.clone(), enough.clone());
    let feeder = std::thread::spawn(move || {
        let numbers = (0u64..).take_while(|_| !stop_feeding.load(Ordering::Acquire));
        let records = numbers.map(|number| record(number % 4, mixed(number)));
        greenwave_tests::kafka::feed(&brokers, &feed_topic, records, Pace::PerSecond(2_000))
    });
    let home = Home::new(kafka, &topic, "letters_of_the_killed");
    for _ in 0..KILLS {
        let before = home.counted("rejected");
        let mut job = home.submit();
        // Killed in the moment after a cut: what it covers must be there, though nobody ended anything.
        wait_for("a cut with rejects", LIMIT, || {
            assert!(job.ended().is_none(), "greenwave ended; it said:\n{}", job.said());
            (home.counted("rejected") > before).then_some(())
        });
        job.kill_9();
        let covered = covered(&home, &topic);
        let there = letters(kafka, "letters_of_the_killed");
        let missing: Vec<_> =
            broken(kafka, &topic).into_keys().filter(|id| covered(id) && !there.contains_key(id)).collect();
        assert!(missing.is_empty(), "{} letters of durable cuts are missing: {missing:?}", missing.len());
    }
    enough.store(true, Ordering::Release);
    let records = feeder.join().unwrap();
    let summary = home.finish(records);
    let broken = broken(kafka, &topic);
    assert_eq!(summary["rejected"], broken.len() as u64, "{summary}");
    assert_eq!(letters(kafka, "letters_of_the_killed"), broken, "every reject, with its bytes, and nothing else");
}

/// Whether the newest manifest covers the record with this id.
fn covered(home: &Home, topic: &str) -> impl Fn(&str) -> bool + use<> {
    let manifest = home.manifest().unwrap_or_default();
    let partitions = manifest["binding"]["partitions"].as_array().cloned().unwrap_or_default();
    let mut covered = BTreeSet::new();
    for bound in partitions {
        let partition = bound["partition"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        covered.extend((0..bound["end"].as_i64().unwrap()).map(|offset| id(topic, partition, offset)));
    }
    move |id| covered.contains(id)
}

#[test]
fn a_cut_waits_for_letters_that_are_not_taken() {
    if !need(Server::Kafka, "a topic that takes no dead letters") {
        return;
    }
    let kafka = Kafka::shared();
    let topic = kafka.create_unique_topic("refused", 1);
    // Every message is older than its topic allows.
    kafka.create_topic("closed", 1, &[("message.timestamp.before.max.ms", "0")]);
    kafka.produce(&topic, (0..70).map(|number| record(0, mixed(number))), Pace::Unlimited);
    let home = Home::new(kafka, &topic, "closed");
    let mut job = home.submit();
    job.wait_for_line("the cut that waits", LIMIT, |line| line.contains("dead letters are not taken"));
    assert_eq!((home.counted("rejected"), kafka.read("closed").len()), (0, 0), "no cut without its letters");
    job.kill_9();

    let mut job = home.submit();
    job.wait_for_line("the cut that waits", LIMIT, |line| line.contains("dead letters are not taken"));
    kafka.configure_topic("closed", &[]);
    job.wait_for_line("letters that are taken", LIMIT, |line| line.contains("dead letters are taken again"));
    home.wait_for_records(&mut job, 0, 70);
    stop(job);
    assert_eq!(letters(kafka, "closed"), broken(kafka, &topic));
}

#[test]
fn a_topic_that_cannot_be_made_is_told_at_the_start() {
    if !need(Server::Kafka, "a topic of dead letters that cannot be made") {
        return;
    }
    // One broker has no three copies to give.
    let kafka = Kafka::start(Options::test().property("default.replication.factor", "3"));
    kafka.create_topic(FEED, 1, &[]);
    let mut job = Home::new(&kafka, FEED, "nowhere").submit();
    assert_eq!(job.wait(LIMIT).code(), Some(2), "{}", job.said());
    let said = job.stderr().join("\n");
    let told =
        said.lines().any(|line| ["nowhere", &kafka.brokers(), "create it"].iter().all(|word| line.contains(word)));
    assert!(told, "{said}");
}
