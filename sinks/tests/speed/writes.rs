//! Where values stand in Redis, in which form, and when they leave.

use std::sync::Arc;
use std::time::Duration;

use greenwave_model::{Change, Delta, Deltas, Name, ViewRow};
use greenwave_sinks::speed::{RedisSettings, ToSpeed};
use greenwave_tests::{Redis, Server, need, wait_for};
use serde_json::{Value, json};

use crate::engine::{Engine, Manifest, PATIENCE, get, now_ms, settings};
use crate::views::{Bus, Stop, Trip};
use crate::world::World;

const WORLD: World = World { keys: 10, seed: 3 };

pub fn one<V: ViewRow<Key = Name>>(key: &str, change: Change<V>) -> Arc<dyn Deltas> {
    Arc::new(vec![Delta { key: Name::new(key), change, revision: 4, is_final: true }])
}

fn bus(seq: i64, expires_ms: Option<i64>) -> Change<Bus> {
    Change::Set(Bus { seq, expires_ms })
}

fn second(redis: &Redis) -> redis::Connection {
    let mut connection = redis.connection();
    let _: () = redis::cmd("SELECT").arg(1).query(&mut connection).unwrap();
    connection
}

/// The feed of the group of `key`: its last entry as (fields, deltas).
fn last_entry(redis: &Redis, view: &str, key: &str) -> (Vec<String>, Value) {
    let group = greenwave_model::group_of(greenwave_model::vnode(view, key));
    let feed = format!("greenwave:city:feed:{group}");
    let entries: Vec<(String, Vec<String>)> =
        redis::cmd("XREVRANGE").arg(feed).arg("+").arg("-").arg("COUNT").arg(1).query(&mut second(redis)).unwrap();
    let (_, fields) = entries.into_iter().next().expect("the group has an entry");
    let deltas = fields.iter().position(|field| field == "deltas").map_or("null", |at| &fields[at + 1]);
    (fields.clone(), serde_json::from_str(deltas).unwrap())
}

#[test]
fn each_kind_of_view_has_its_place_and_form() {
    if !need(Server::Redis, "the key layout") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.mint(0, false);
    engine.wait();
    let expires_ms = now_ms() + 60_000;
    let stop = Change::Set(Stop { seq: 8, expires_ms: None });
    let trip = Change::Set(Trip { seq: 9, expires_ms: None });
    let from = engine.tick;
    let to = engine.say(vec![one("b1", bus(7, Some(expires_ms))), one("s1", stop), one("t1", trip)], now_ms());
    engine.wait();

    let mut contract = redis.connection();
    assert_eq!(get(&mut contract, "bus:position:b1").unwrap(), r#"{"bus_id":"b1","seq":7}"#);
    let ttl: i64 = redis::cmd("PEXPIRETIME").arg("bus:position:b1").query(&mut contract).unwrap();
    assert_eq!(ttl, expires_ms);
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut contract).unwrap();
    assert_eq!(keys, ["bus:position:b1"], "the first db holds contract keys alone");
    assert_eq!(get(&mut second(&redis), "stops:s1").unwrap(), r#"{"id":"s1","seq":8,"at":"1970-01-01T00:00:00.008Z"}"#);
    assert_eq!(get(&mut second(&redis), "trips:t1"), None);

    let (fields, deltas) = last_entry(&redis, "trips", "t1");
    assert_eq!(fields[..6], ["gen", "1", "from", &from.to_string(), "to", &to.to_string()]);
    let expected = json!({"view": "trips", "key": "t1", "op": "set", "value":
        {"id": "t1", "seq": 9, "at": "1970-01-01T00:00:00.009Z"}, "revision": 4, "is_final": true, "expires_ms": null});
    assert!(deltas.as_array().unwrap().contains(&expected), "{deltas}");
}

#[test]
fn a_removed_key_goes_and_a_retired_one_stands() {
    if !need(Server::Redis, "removing and retiring") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.say(vec![one("gone", bus(1, None)), one("stands", bus(2, None))], now_ms());
    engine.wait();
    engine.say(vec![one::<Bus>("gone", Change::Remove), one::<Bus>("stands", Change::Retire)], now_ms());
    engine.wait();
    let mut contract = redis.connection();
    assert_eq!(get(&mut contract, "bus:position:gone"), None);
    assert!(get(&mut contract, "bus:position:stands").is_some());
    let replica = engine.speed.replica();
    assert!(replica.get("buses", "gone").is_none() && replica.get("buses", "stands").is_none());
    let (_, deltas) = last_entry(&redis, "buses", "gone");
    assert_eq!(deltas[0]["op"], "remove");
    assert_eq!(deltas[0]["value"], Value::Null);
    let group = greenwave_model::group_of(greenwave_model::vnode("buses", "stands"));
    let members = format!("greenwave:city:members:{group}");
    let is_member: bool = redis::cmd("SISMEMBER").arg(members).arg("stands").query(&mut second(&redis)).unwrap();
    assert!(!is_member);
}

#[test]
fn ticks_published_together_leave_the_last_change_of_each_key() {
    if !need(Server::Redis, "merging of ticks") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.say(vec![one("back", bus(1, None)), one("gone", bus(1, None))], now_ms());
    engine.wait();
    let steps: [Vec<Arc<dyn Deltas>>; 3] = [
        vec![one("short", bus(2, None)), one("back", Change::<Bus>::Remove), one("gone", bus(5, None))],
        vec![one("short", Change::<Bus>::Retire), one("gone", Change::<Bus>::Remove)],
        vec![one("back", bus(3, None))],
    ];
    for (step, deltas) in steps.into_iter().enumerate() {
        let (tick, before) = (engine.tick + 1 + step as u64, engine.tick + step as u64);
        engine.speed.send(ToSpeed::Bound { tick, before, binding: "{}".into(), now_ms: now_ms() });
        deltas.into_iter().for_each(|deltas| engine.speed.send(ToSpeed::Deltas { tick, deltas }));
    }
    engine.tick += 3;
    engine.speed.send(ToSpeed::Complete { worker: 0, tick: engine.tick });
    engine.wait();
    let mut contract = redis.connection();
    let seq = |json: Option<String>| Some(serde_json::from_str::<Value>(&json?).unwrap()["seq"].clone());
    assert_eq!(seq(get(&mut contract, "bus:position:short")), Some(json!(2)), "set and retired: it stands");
    assert_eq!(seq(get(&mut contract, "bus:position:back")), Some(json!(3)));
    assert_eq!(get(&mut contract, "bus:position:gone"), None);
}

#[test]
fn an_expired_value_leaves_redis_and_the_replica() {
    if !need(Server::Redis, "expiry") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    let expires_ms = now_ms() + 300;
    engine.say(vec![one("b", bus(1, Some(expires_ms)))], now_ms());
    engine.wait();
    let replica = engine.speed.replica();
    assert!(replica.get("buses", "b").is_some());
    engine.say(vec![], expires_ms);
    engine.wait();
    assert!(replica.get("buses", "b").is_none(), "at its expiry by the binding's clock");
    assert!(replica.list("buses").is_empty() && replica.views()[0].1 == 0);
    let mut contract = redis.connection();
    wait_for("the key to expire", PATIENCE, || get(&mut contract, "bus:position:b").is_none().then_some(()));
}

#[test]
fn a_replay_keeps_values_as_long_as_they_lasted_then() {
    if !need(Server::Redis, "expiry in a replay") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    let then_ms = 1_000_000_000_000;
    engine.say(vec![one("b", bus(1, Some(then_ms + 60_000)))], then_ms);
    engine.wait();
    let ttl: i64 = redis::cmd("PTTL").arg("bus:position:b").query(&mut redis.connection()).unwrap();
    assert!((30_000..=60_000).contains(&ttl), "{ttl} ms");
}

#[test]
fn without_a_feed_there_are_no_streams() {
    if !need(Server::Redis, "a feed switched off") {
        return;
    }
    let redis = Redis::start();
    let quiet = RedisSettings { feed: false, ..settings(&redis) };
    let mut engine = Engine::start(&quiet, WORLD, 1, Manifest::default()).unwrap();
    engine.mint(50, true);
    engine.mint(50, true);
    engine.wait();
    engine.assert_same(&redis);
    let streams: Vec<String> = redis::cmd("KEYS").arg("greenwave:city:feed:*").query(&mut second(&redis)).unwrap();
    assert!(streams.is_empty(), "{streams:?}");
    assert_eq!(engine.speed.stop(Duration::from_secs(10)).unwrap(), (1 << 32) + 1);
}
