//! The chaos suite: seeded torture of the exactly-once protocol, judged once at its end.
//!
//! A simulated city is fed through a broker at a steady rate, with late, copied and broken records, while the job that
//! reads it is killed at every crash point and at any time, stopped and woken too late, started twice, and while Redis,
//! broker and disks fail it. In the end one run drains everything, and a judge that shares no code with the engine
//! recomputes what must be there. `make chaos SEED=7 MINUTES=30` repeats a run, or begins a longer one.
#![allow(clippy::unwrap_used)]

mod life;
mod reader;
mod schedule;
mod tally;
mod world;

use std::time::Duration;

use greenwave_tests::{Server, need};

use reader::Reader;
use schedule::Schedule;
use tally::Tally;
use world::{Start, World};

/// Records a second. Two cores carry the broker, the city and a job that restarts every three seconds.
const RATE: u32 = 1_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
#[ignore = "with seed 2 groups of Redis were seen to go back by a tick: `make chaos` runs it"]
fn a_city_survives_chaos() {
    let servers = [Server::Kafka, Server::Redis, Server::Python];
    if !servers.map(|server| need(server, "the protocol under chaos")).iter().all(|there| *there) {
        return;
    }
    let (seed, minutes) = (number("GREENWAVE_SEED", 1), number("GREENWAVE_CHAOS_MINUTES", 0));
    println!("repeat with `make chaos SEED={seed} MINUTES={minutes}`");
    let (mut schedule, mut tally) = (Schedule::drawn_from(seed), Tally::new(seed));
    let mut world = World::new(seed, RATE);
    println!("it is in {}", world.place().display());
    let reader = Reader::of(world.redis.url());
    while let Some(life) = schedule.listed() {
        println!("{:5.1} s: {life:?}", tally.elapsed().as_secs_f64());
        life::live(&mut world, &life, &mut tally);
    }
    while tally.elapsed() < Duration::from_secs(minutes * 60) {
        let life = schedule.further();
        println!("{:5.1} s: {life:?}", tally.elapsed().as_secs_f64());
        life::live(&mut world, &life, &mut tally);
    }

    let records = world.end_city();
    let mut last = world.start(Start { workers: 2, take_over: false, stands_at: None });
    world.wait_for_records(&mut last, records);
    let summary = life::interrupt(&mut last);
    println!("{tally}{records} records produced, {} cuts", summary["cuts"]);
    println!("{} looks at Redis saw no group go back", reader.content());
    println!("{}", world.judge(&summary));
    let unreached = tally.never_reached();
    assert!(unreached.is_empty(), "crash points that no process came to: {unreached:?}");
}
