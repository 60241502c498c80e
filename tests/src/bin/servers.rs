//! A Kafka broker and a Redis for a person or a benchmark, until its input ends or Ctrl-C.
//!
//! `cargo run --release -p greenwave-tests --bin servers` prints where they are, as lines a shell can read:
//! `BROKERS=127.0.0.1:…`, `REDIS=redis://127.0.0.1:…`, and `KAFKA_PID`, `REDIS_PID`. The topic `gps_data` is there, with four partitions, empty.

use std::io::Read;

use greenwave_tests::kafka::Options;
use greenwave_tests::{Kafka, Redis};

fn main() {
    let kafka = Kafka::start(Options::bench());
    kafka.create_topic("gps_data", 4, &[]);
    let redis = Redis::start();
    println!(
        "BROKERS={}\nREDIS={}\nKAFKA_PID={}\nREDIS_PID={}",
        kafka.brokers(),
        redis.url(),
        kafka.pid(),
        redis.pid()
    );
    let mut rest = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut rest);
}
