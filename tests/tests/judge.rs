//! The judge of other tests is judged: a lake of its own making is clean, and every fault planted in it is caught.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use greenwave_tests::{Job, Server, need, python};

#[test]
fn the_judge_catches_every_planted_fault() {
    if !need(Server::Python, "the judge of the lake and of Redis") {
        return;
    }
    let mut command = Command::new(python().unwrap());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("judge/selftest.py"));
    let mut judged = Job::spawn(command);
    judged.success(Duration::from_secs(900));
    assert_eq!(judged.stdout().last().unwrap(), "every fault was caught");
}
