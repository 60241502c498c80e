//! Processes that start the same job at once: the bucket lets one of them have it.

use greenwave_tests::s3::FaultProxy;
use greenwave_tests::{Folder, Job, S3, Server, need};

use crate::*;

const ROUNDS: usize = 5;
const PROCESSES: usize = 3;

#[test]
fn of_processes_that_race_for_a_generation_one_wins() {
    if !need(Server::S3, "processes with one job in a bucket") || !need(Server::Python, "the lake of the winner") {
        return;
    }
    let (s3, folder) = (S3::start(), Folder::new("s3-race"));
    let input = city().replace("40m", "5m");
    let disk = folder.join("disk");
    let expected = done(submit(&[vec![input.clone()], on_disk(&disk)].concat()));
    for round in 0..ROUNDS {
        // All of them have found that there is no generation, before one is made.
        let proxy = FaultProxy::start(s3.address(), 1);
        proxy.gate("/gen/0000000001.json", PROCESSES);
        let home = format!("race-{round}");
        let places = ["state", "lake"].map(|name| format!("{name}={}", S3::url(&format!("{home}/{name}"))));
        let conf = [vec![input.clone(), "http=none".to_owned()], through(&proxy.address()), places.to_vec()].concat();
        let mut racing: Vec<Job> = (0..PROCESSES).map(|_| submit(&conf)).collect();
        let mut codes: Vec<_> = racing.iter_mut().map(|job| job.wait(LIMIT).code().unwrap()).collect();
        let said = racing.iter().map(Job::said).collect::<String>();
        let winner = codes.iter().position(|code| *code == 0).unwrap_or_else(|| panic!("none has won: {said}"));
        codes.sort_unstable();
        assert_eq!(codes, [0, 75, 75], "{said}");
        assert_eq!(counts(&racing[winner].summary()), counts(&expected));
        same_lakes(&[&disk, &s3.file(&home)], &[]);
    }
}
