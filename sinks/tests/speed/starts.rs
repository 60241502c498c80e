//! What is refused at the start, and what a claim brings back.

use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use greenwave_sinks::speed::{FromSpeed, RedisSettings, Speed, SpeedError, SpeedSettings};
use greenwave_tests::{Redis, Server, need};

use crate::engine::{Engine, Manifest, settings};
use crate::world::World;

const WORLD: World = World { keys: 200, seed: 1 };

fn refusal(settings: RedisSettings) -> SpeedError {
    let (sender, _events) = unbounded();
    match Speed::start(SpeedSettings::Redis(settings), 1, 1, sender) {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[test]
fn an_evicting_redis_is_refused_unless_allowed() {
    if !need(Server::Redis, "evicting policies") {
        return;
    }
    let redis = Redis::start_with(&["--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]);
    let told = refusal(settings(&redis));
    assert!(matches!(&told, SpeedError::Evicting { policy, .. } if policy == "allkeys-lru"), "{told}");
    let allowed = RedisSettings { allow_evicting: true, ..settings(&redis) };
    let mut engine = Engine::start(&allowed, WORLD, 1, Manifest::default()).unwrap();
    engine.mint(100, true);
    engine.wait();
    engine.assert_same(&redis);
}

#[test]
fn a_key_prefix_belongs_to_one_job() {
    if !need(Server::Redis, "owners of prefixes") {
        return;
    }
    let redis = Redis::start();
    let first = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    let other = RedisSettings { job: "village".into(), ..settings(&redis) };
    let told = refusal(other.clone());
    assert!(matches!(&told, SpeedError::Foreign { owner, .. } if owner == "city"), "{told}");
    let apart = RedisSettings { key_prefix: "v:".into(), ..other };
    let mut second = Engine::start(&apart, World { keys: 50, seed: 9 }, 1, Manifest::default()).unwrap();
    second.mint(300, true);
    second.wait();
    second.assert_same_with(&redis, &apart);
    drop(first);
}

#[test]
fn a_redis_that_is_not_there_is_told_after_the_limit() {
    let limit = Duration::from_millis(300);
    let url = "redis://127.0.0.1:1/".to_owned();
    let begun = Instant::now();
    let told = refusal(RedisSettings { url, connect_timeout: limit, ..RedisSettings::default() });
    assert!(matches!(told, SpeedError::Unreachable { .. }), "{told}");
    assert!(begun.elapsed() < limit + Duration::from_secs(5));
}

#[test]
fn a_paused_redis_is_not_waited_for_longer_than_the_limit() {
    if !need(Server::Redis, "a Redis that does not answer") {
        return;
    }
    let mut redis = Redis::start();
    redis.pause();
    let begun = Instant::now();
    let told = refusal(RedisSettings { connect_timeout: Duration::from_millis(300), ..settings(&redis) });
    redis.resume();
    assert!(matches!(told, SpeedError::Unreachable { .. }), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_claim_returns_the_ticks_listed_since_the_manifest() {
    if !need(Server::Redis, "claims") {
        return;
    }
    let redis = Redis::start();
    let mut first = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    let cut = first.mint(50, true);
    first.mint(50, false);
    first.mint(0, false);
    first.mint(70, false);
    first.wait();
    let manifest = first.commit(cut);
    assert_eq!(first.speed.stop(Duration::from_secs(10)).unwrap(), (1 << 32) + 3);

    let (sender, _events) = unbounded();
    let (speed, claim) = Speed::start(SpeedSettings::Redis(settings(&redis)), 2, 1, sender).unwrap();
    let claim = claim.unwrap();
    let ticks: Vec<u64> = claim.ticks.iter().map(|(tick, _)| tick - (1 << 32)).collect();
    assert_eq!(ticks, [1, 2, 3]);
    assert_eq!(claim.listed, (1 << 32) + 3);
    assert_eq!(claim.applied.len(), 64);
    assert!(claim.applied.iter().all(|applied| *applied >= manifest.tick), "a cut moves every group: {claim:?}");
    assert!(claim.ticks[2].1.contains("\"end\":170"), "the binding as it was pushed: {claim:?}");
    drop(speed);

    let mut third = Engine::start(&settings(&redis), WORLD, 3, manifest).unwrap();
    assert_eq!(third.repeated.len(), 3);
    third.mint(20, true);
    third.wait();
    third.assert_same(&redis);
}

#[test]
fn an_old_generation_is_told_and_changes_nothing() {
    if !need(Server::Redis, "a fenced generation") {
        return;
    }
    let redis = Redis::start();
    let mut old = Engine::start(&settings(&redis), WORLD, 1, Manifest::default()).unwrap();
    old.mint(100, false);
    old.wait();
    let mut new = Engine::start(&settings(&redis), WORLD, 2, Manifest::default()).unwrap();
    new.mint(100, false);
    new.wait();
    old.mint(500, false);
    old.wait_for(|event| matches!(event, FromSpeed::Fenced { by: 2 }));
    new.assert_same(&redis);
    assert!(matches!(old.speed.stop(Duration::ZERO), Err(SpeedError::Fenced { generation: 1, by: 2 })));
    let told = refusal(settings(&redis));
    assert!(matches!(told, SpeedError::Fenced { by: 2, .. }), "{told}");
}
