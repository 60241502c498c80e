//! A bucket that is down while the job runs: it is told, nothing is lost, and the job goes on when it is back.

use greenwave_tests::s3::{FaultProxy, Faults};
use greenwave_tests::{Folder, Job, S3, Server, http, need, wait_for};

use crate::*;

#[test]
fn a_store_that_is_down_is_told_and_waited_for() {
    if !need(Server::S3, "a bucket that is down") || !need(Server::Python, "the lake after it") {
        return;
    }
    let (s3, folder) = (S3::start(), Folder::new("s3-outage"));
    let proxy = FaultProxy::start(s3.address(), 1);
    let disk = folder.join("disk");
    let expected = done(submit(&[vec![city()], on_disk(&disk)].concat()));

    let paced = [vec![city(), "pace=200x".to_owned()], in_bucket(&proxy.address())].concat();
    let mut job = submit(&paced);
    wait_for("the third manifest", LIMIT, || {
        assert!(job.ended().is_none(), "{}", job.said());
        (newest_manifest(&s3) >= 3).then_some(())
    });
    proxy.set(Faults::outage());
    job.wait_for_line("the outage in the log", LIMIT, |line| {
        line.contains("state store does not answer") && line.contains("SlowDown")
    });
    // Asked past what fails, as a person beside the store would.
    let direct = [vec![city()], in_bucket(&s3.address())].concat();
    wait_for("the outage in the status", LIMIT, || {
        let mut status = Job::spawn(command(&["status"], &direct));
        assert_eq!(status.wait(LIMIT).code(), Some(0), "{}", status.said());
        status.said().contains("; state store does not answer: cannot ").then_some(())
    });
    let mut status = Job::spawn(command(&["status"], &[paced, vec!["connect_timeout=2s".to_owned()]].concat()));
    assert_eq!(status.wait(LIMIT).code(), Some(2), "{}", status.said());
    assert!(status.said().contains("it answers SlowDown"), "{}", status.said());
    assert!(job.ended().is_none(), "{}", job.said());

    proxy.set(Faults::default());
    let summary = done(job);
    assert_eq!(counts(&summary), counts(&expected));
    // A pace divides the records into other cuts than a run without one, so the judge's word decides.
    judge(&s3.file(HOME).join("lake"), &summary, &folder);
}

#[test]
fn a_stop_is_not_kept_from_ending_by_a_store_that_is_down() {
    if !need(Server::S3, "a stop while the bucket is down") {
        return;
    }
    let mut s3 = S3::start();
    let conf = [vec![city(), "pace=200x".to_owned()], in_bucket(&s3.address())].concat();
    let mut job = submit(&conf);
    wait_for("the third manifest", LIMIT, || (newest_manifest(&s3) >= 3).then_some(()));
    let address = job_address(&conf);
    s3.kill_9();
    wait_for("the outage in the status", LIMIT, || {
        let answer = http::get(&address, "/metrics")?;
        answer.body.lines().any(|line| line == "greenwave_state_store_up 0").then_some(())
    });
    job.terminate();
    assert_eq!(job.wait(LIMIT).code(), Some(1), "{}", job.said());
    assert!(job.said().contains("it cannot be reached"), "{}", job.said());
    s3.restart();
    let again = done(submit(&[vec![city()], in_bucket(&s3.address())].concat()));
    assert_eq!(again["restore_differences"], 0, "{again}");
    assert!(again["restored_tick"].is_u64(), "{again}");
}

/// Where the process answers, as its state tells.
fn job_address(conf: &[String]) -> String {
    let mut status = Job::spawn(command(&["status", "--output", "json"], conf));
    assert_eq!(status.wait(LIMIT).code(), Some(0), "{}", status.said());
    status.summary()["process"]["http"].as_str().unwrap().to_owned()
}
