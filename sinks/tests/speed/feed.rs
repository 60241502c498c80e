//! A reader of the feed that follows its rules holds what the views hold, whatever happens to Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use greenwave_tests::{Redis, Server, need};
use serde_json::Value;

use crate::engine::{Engine, Manifest, settings};
use crate::world::{State, World};

const WORLD: World = World { keys: 300, seed: 11 };

/// Keys and values of a group, and its position, at one moment.
const READ_GROUP: &str = "
redis.call('SELECT', 1)
local group, rows = ARGV[1], {}
local own, contract = redis.call('SMEMBERS', 'greenwave:city:own:' .. group), redis.call('SMEMBERS', 'greenwave:city:members:' .. group)
for _, key in ipairs(own) do rows[#rows + 1] = key; rows[#rows + 1] = redis.call('GET', key) or '' end
redis.call('SELECT', 0)
for _, key in ipairs(contract) do rows[#rows + 1] = key; rows[#rows + 1] = redis.call('GET', key) or '' end
redis.call('SELECT', 1)
return {redis.call('HGET', 'greenwave:city:applied', group) or '0', rows}";

/// Follows one group.
#[derive(Default)]
struct Reader {
    tick: u64,
    seqs: BTreeMap<(String, String), i64>,
    read_whole: usize,
}

impl Reader {
    fn follow(&mut self, group: usize, connection: &mut redis::Connection) {
        let entries: Vec<(String, Vec<String>)> = redis::cmd("XRANGE")
            .arg(format!("greenwave:city:feed:{group}"))
            .arg("-")
            .arg("+")
            .query(connection)
            .unwrap();
        for (_, fields) in entries {
            let field = |name: &str| fields.chunks(2).find(|pair| pair[0] == name).map(|pair| pair[1].as_str());
            let to: u64 = field("to").unwrap().parse().unwrap();
            if to <= self.tick {
                continue;
            }
            if field("reset").is_some() || field("from").unwrap().parse() != Ok(self.tick) {
                self.read_group(group, connection);
                continue;
            }
            let deltas: Vec<Value> = serde_json::from_str(field("deltas").unwrap()).unwrap();
            for delta in deltas {
                let key = (delta["view"].as_str().unwrap().to_owned(), delta["key"].as_str().unwrap().to_owned());
                match delta["op"].as_str().unwrap() {
                    "set" => drop(self.seqs.insert(key, delta["value"]["seq"].as_i64().unwrap())),
                    "remove" => drop(self.seqs.remove(&key)),
                    other => panic!("{other}"),
                }
            }
            self.tick = to;
        }
    }

    fn read_group(&mut self, group: usize, connection: &mut redis::Connection) {
        let (tick, rows): (u64, Vec<String>) =
            redis::cmd("EVAL").arg(READ_GROUP).arg(0).arg(group).query(connection).unwrap();
        self.read_whole += 1;
        self.tick = tick;
        self.seqs.retain(|(view, _), _| view == "trips");
        for row in rows.chunks(2).filter(|row| !row[1].is_empty()) {
            let view = if row[0].starts_with("bus:position:") { "buses" } else { "stops" };
            let seq = serde_json::from_str::<Value>(&row[1]).unwrap()["seq"].as_i64().unwrap();
            self.seqs.insert((view.into(), row[0].rsplit(':').next().unwrap().into()), seq);
        }
    }
}

struct Readers {
    readers: Vec<Reader>,
    connection: redis::Connection,
}

impl Readers {
    fn new(redis: &Redis) -> Self {
        let mut connection = redis.connection();
        let _: () = redis::cmd("SELECT").arg(1).query(&mut connection).unwrap();
        Self { readers: (0..64).map(|_| Reader::default()).collect(), connection }
    }

    fn follow(&mut self) {
        for (group, reader) in self.readers.iter_mut().enumerate() {
            reader.follow(group, &mut self.connection);
        }
    }

    fn read_whole(&self) -> usize {
        self.readers.iter().map(|reader| reader.read_whole).sum()
    }

    fn assert_same(&self, end: u64, views: &[&str]) {
        for (key, state) in WORLD.content(end) {
            for view in views {
                let found: Vec<i64> = self
                    .readers
                    .iter()
                    .filter_map(|reader| reader.seqs.get(&((*view).to_owned(), key.to_string())).copied())
                    .collect();
                match state {
                    State::Set(seq) => assert_eq!(found, [seq], "{view} {key}"),
                    State::Removed => assert!(found.is_empty(), "{view} {key}: {found:?}"),
                    State::Retired(seq) => assert!(found.iter().all(|found| *found <= seq), "{view} {key}: {found:?}"),
                }
            }
        }
    }
}

#[test]
fn a_reader_follows_from_tick_to_tick() {
    if !need(Server::Redis, "the feed") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.mint(0, false);
    engine.wait();
    let mut readers = Readers::new(&redis);
    readers.follow();
    assert_eq!(readers.read_whole(), 64, "a new Redis is written whole once");
    // Rounds of many sizes: wherever a buffer ends, nothing of a round is lost.
    for round in 0..120 {
        engine.mint(round * 37 % 250, round % 8 == 7);
        if round % 4 > 0 {
            engine.wait();
            readers.follow();
        }
    }
    engine.wait_until_visible();
    readers.follow();
    assert_eq!(readers.read_whole(), 64, "nothing was lost, so nothing is read again");
    readers.assert_same(engine.end, &["buses", "stops", "trips"]);
}

#[test]
fn a_reader_survives_losses_and_a_takeover() {
    if !need(Server::Redis, "the feed through losses") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    let mut readers = Readers::new(&redis);
    let mut manifest = engine.mint(100, true);
    for round in 0..40u64 {
        let cut = engine.mint(15, round % 8 == 7);
        if round % 8 == 7 {
            manifest = engine.commit(cut);
        }
        if round == 12 {
            engine.wait();
            redis.flush_all();
        }
        if round == 20 || round == 29 {
            engine.wait();
            readers.follow();
            engine = Engine::start(&settings(&redis), WORLD, engine.generation + 1, manifest).unwrap();
        }
        if round % 5 == 0 {
            engine.wait();
            readers.follow();
        }
    }
    engine.wait();
    readers.follow();
    readers.assert_same(engine.end, &["buses", "stops"]);
}

#[test]
fn a_takeover_alone_resets_nobody() {
    if !need(Server::Redis, "the feed over a takeover") {
        return;
    }
    let redis = Redis::start();
    let mut first = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    let mut readers = Readers::new(&redis);
    first.mint(0, false);
    first.wait();
    readers.follow();
    let manifest = first.mint(300, true);
    first.wait();
    first.commit(manifest);
    for _ in 0..5 {
        first.mint(3, false);
    }
    first.wait();
    first.speed.stop(Duration::from_secs(10)).unwrap();
    let before = readers.read_whole();
    let mut second = Engine::start(&settings(&redis), WORLD, 2, manifest).unwrap();
    second.mint(40, false);
    second.mint(40, true);
    second.wait();
    readers.follow();
    assert_eq!(readers.read_whole(), before);
    readers.assert_same(second.end, &["buses", "stops", "trips"]);
}
