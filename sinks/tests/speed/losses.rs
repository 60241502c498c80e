//! What gets lost, and how it heals.

use std::time::Duration;

use greenwave_sinks::speed::{FromSpeed, RedisSettings, SpeedError};
use greenwave_tests::{Redis, Server, need};
use redis::Connection;

use crate::engine::{Engine, Manifest, get, settings};
use crate::wire::Wire;
use crate::world::World;

const WORLD: World = World { keys: 300, seed: 5 };

fn second(redis: &Redis) -> Connection {
    let mut connection = redis.connection();
    let _: () = redis::cmd("SELECT").arg(1).query(&mut connection).unwrap();
    connection
}

fn positions(redis: &Redis) -> Vec<(u64, u64)> {
    let mut positions: Vec<(u64, u64)> =
        redis::cmd("HGETALL").arg("greenwave:city:applied").query(&mut second(redis)).unwrap();
    positions.sort_unstable();
    positions
}

fn is_down(event: &FromSpeed) -> bool {
    matches!(event, FromSpeed::Down { .. })
}

/// A tick of which only some groups were written when the process died.
#[test]
fn a_tick_cut_off_between_two_groups_is_repeated_whole() {
    if !need(Server::Redis, "a tick written by half") {
        return;
    }
    let redis = Redis::start();
    let wire = Wire::to(&redis);
    let through = RedisSettings { url: wire.url(), ..settings(&redis) };
    let mut first = Engine::start(&through, WORLD, 1, Manifest::default()).unwrap();
    let manifest = first.mint(200, true);
    first.wait();
    first.commit(manifest);
    wire.cut_after(20_000);
    first.mint(300, false);
    first.wait_for(is_down);
    let (tick, end) = (first.tick, first.end);
    drop(first.speed);
    let written = positions(&redis).into_iter().filter(|(_, applied)| *applied == tick).count();
    assert!((1..60).contains(&written), "{written} groups were written");
    let mut second = Engine::start(&settings(&redis), WORLD, 2, manifest).unwrap();
    assert_eq!(second.repeated, [tick]);
    second.wait();
    assert_eq!(second.end, end);
    second.assert_same(&redis);
}

#[test]
fn a_repeated_tick_changes_nothing_where_it_was_applied() {
    if !need(Server::Redis, "repeated ticks") {
        return;
    }
    let redis = Redis::start();
    let mut first = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    let manifest = first.mint(200, true);
    first.mint(100, false);
    first.mint(100, false);
    first.wait();
    first.commit(manifest);
    first.speed.stop(Duration::from_secs(10)).unwrap();
    let seen = positions(&redis);
    let mut contract = redis.connection();
    // A mark that only a write could take away again.
    let key = WORLD
        .content(first.end)
        .into_iter()
        .find(|(_, state)| matches!(state, crate::world::State::Set(seq) if *seq > 350));
    let key = format!("bus:position:{}", key.unwrap().0);
    let _: () = redis::cmd("SET").arg(&key).arg("mark").query(&mut contract).unwrap();
    let mut second = Engine::start(&settings(&redis), WORLD, 2, manifest).unwrap();
    assert_eq!(second.repeated.len(), 2);
    second.wait();
    assert_eq!(positions(&redis), seen);
    assert_eq!(get(&mut contract, &key).as_deref(), Some("mark"));
}

#[test]
fn a_group_that_is_behind_is_found_and_written_whole() {
    if !need(Server::Redis, "gaps") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.mint(300, true);
    engine.mint(300, false);
    engine.wait();
    // A failover that lost the last writes of some groups.
    for group in 0..20 {
        let _: () = redis::cmd("HSET")
            .arg("greenwave:city:applied")
            .arg(group)
            .arg(1u64 << 32)
            .query(&mut second(&redis))
            .unwrap();
    }
    let _: () = redis::cmd("FLUSHDB").query(&mut redis.connection()).unwrap();
    for group in 20..64 {
        let _: () = redis::cmd("HDEL").arg("greenwave:city:applied").arg(group).query(&mut second(&redis)).unwrap();
    }
    // An empty tick is the heartbeat that finds losses.
    engine.mint(0, false);
    let events = engine.wait();
    assert!(!events.iter().any(is_down), "{events:?}");
    engine.assert_same(&redis);
}

#[test]
fn a_flush_under_load_heals() {
    if !need(Server::Redis, "FLUSHALL") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    for round in 0..60 {
        let cut = engine.mint(20, round % 10 == 9);
        if round % 10 == 9 {
            engine.commit(cut);
        }
        if round % 20 == 7 {
            redis.flush_all();
        }
        if round % 3 == 0 {
            engine.wait();
        }
    }
    engine.mint(0, false);
    engine.wait();
    engine.assert_same(&redis);
    let listed: u64 = redis::cmd("HGET").arg("greenwave:city:meta").arg("listed").query(&mut second(&redis)).unwrap();
    assert_eq!(listed, engine.tick);
    let ticks: Vec<String> =
        redis::cmd("LRANGE").arg("greenwave:city:ticks").arg(0).arg(-1).query(&mut second(&redis)).unwrap();
    let listed: Vec<u64> = ticks.iter().map(|entry| entry.split_once(' ').unwrap().0.parse().unwrap()).collect();
    assert_eq!(listed, [engine.tick], "all since the last manifest");
}

#[test]
fn a_restarted_server_is_filled_again() {
    if !need(Server::Redis, "a restart of Redis") {
        return;
    }
    let mut redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.mint(400, false);
    engine.wait();
    redis.kill_9();
    engine.mint(50, false);
    let events = engine.wait_for(is_down);
    assert_eq!(events.iter().filter(|event| is_down(event)).count(), 1);
    for _ in 0..20 {
        engine.mint(10, false);
    }
    redis.restart();
    let events = engine.wait_for(|event| *event == FromSpeed::Up);
    assert!(!events.iter().any(is_down), "told once: {events:?}");
    engine.mint(10, false);
    engine.wait();
    engine.assert_same(&redis);
}

#[test]
fn a_server_that_stands_still_is_waited_for() {
    if !need(Server::Redis, "a Redis that hangs") {
        return;
    }
    let mut redis = Redis::start();
    let hasty = RedisSettings { connect_timeout: Duration::from_millis(200), ..settings(&redis) };
    let mut engine = Engine::start(&hasty, WORLD, 1, Manifest::default()).unwrap();
    engine.mint(400, true);
    engine.wait();
    redis.pause();
    for _ in 0..30 {
        engine.mint(10, false);
    }
    engine.wait_for(is_down);
    engine.mint(10, false);
    redis.resume();
    engine.wait_for(|event| *event == FromSpeed::Up);
    engine.mint(10, true);
    engine.wait();
    engine.assert_same(&redis);
}

#[test]
fn lost_connections_and_scripts_are_not_worth_telling() {
    if !need(Server::Redis, "lost connections") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.mint(100, false);
    engine.wait();
    let _: () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut redis.connection()).unwrap();
    engine.mint(100, false);
    let mut events = engine.wait();
    let _: i64 = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query(&mut redis.connection()).unwrap();
    engine.mint(100, false);
    events.append(&mut engine.wait());
    assert!(!events.iter().any(is_down), "{events:?}");
    engine.assert_same(&redis);
}

#[test]
fn a_full_server_is_told_and_forgiven() {
    if !need(Server::Redis, "a full Redis") {
        return;
    }
    let redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.mint(100, false);
    engine.wait();
    let limit = |bytes: &str| {
        let _: () = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query(&mut redis.connection()).unwrap();
    };
    limit("1");
    engine.mint(100, false);
    let events = engine.wait_for(is_down);
    assert!(matches!(events.last(), Some(FromSpeed::Down { why }) if why.contains("OOM")), "{events:?}");
    limit("0");
    engine.wait_for(|event| *event == FromSpeed::Up);
    engine.assert_same(&redis);
}

#[test]
fn a_takeover_without_redis_shows_nothing_older_when_it_returns() {
    if !need(Server::Redis, "a takeover while Redis is down") {
        return;
    }
    let mut redis = Redis::start();
    let hasty = RedisSettings { connect_timeout: Duration::from_millis(300), ..settings(&redis) };
    let mut first = Engine::start(&hasty, WORLD, 1, Manifest::default()).unwrap();
    let manifest = first.mint(200, true);
    first.wait();
    first.commit(manifest);
    first.mint(200, false);
    first.wait();
    redis.pause();
    assert!(matches!(Engine::start(&hasty, WORLD, 2, manifest), Err(SpeedError::Unreachable { .. })));
    let mut second = Engine::start_unclaimed(&hasty, WORLD, 2, manifest);
    second.mint(50, true);
    second.wait_for(is_down);
    redis.resume();
    // What readers saw, and no less, until it has passed the 400 records of the first.
    second.mint(50, false);
    let state: Vec<String> = {
        let claimed = |redis: &Redis| {
            let generation: Option<String> = redis::cmd("HGET")
                .arg("greenwave:city:meta")
                .arg("generation")
                .query(&mut self::second(redis))
                .unwrap();
            (generation.as_deref() == Some("2")).then_some(())
        };
        greenwave_tests::wait_for("the claim", crate::engine::PATIENCE, || claimed(&redis));
        redis::cmd("LRANGE").arg("greenwave:city:held").arg(0).arg(-1).query(&mut self::second(&redis)).unwrap()
    };
    assert_eq!(state.len(), 1, "{state:?}");
    first.assert_same(&redis);
    second.mint(50, false);
    second.mint(60, false);
    second.wait_for(|event| *event == FromSpeed::Up);
    second.wait_until_visible();
    second.assert_same(&redis);
    first.mint(10, false);
    first.wait_for(|event| matches!(event, FromSpeed::Fenced { by: 2 }));
}

#[test]
fn stopping_without_redis_says_what_is_missing() {
    if !need(Server::Redis, "stopping while Redis is down") {
        return;
    }
    let mut redis = Redis::start();
    let mut engine = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    engine.mint(100, false);
    engine.wait();
    redis.stop();
    engine.mint(100, false);
    let (visible, complete) = (engine.visible, engine.tick);
    match engine.speed.stop(Duration::from_millis(500)) {
        Err(SpeedError::Behind { visible: shown, complete: bound, .. }) => {
            assert_eq!((shown, bound), (visible, complete))
        }
        other => panic!("{other:?}"),
    }
}
