//! Everything that goes wrong between a job and a bucket, all at once, and two kills: the lake is what the records make it.
//!
//! A seed decides the faults: `GREENWAVE_SEED=n` begins the same way.

use greenwave_tests::s3::{Fault, FaultProxy, Faults};
use greenwave_tests::{Folder, S3, Server, need, wait_for};

use crate::*;

/// Of a thousand requests, for each of the faults.
const RATE: u64 = 30;
const KILLS: usize = 2;

#[test]
fn faults_and_two_kills_lose_nothing_and_double_nothing() {
    if !need(Server::S3, "a bucket with every fault") || !need(Server::Python, "the lake in such a bucket") {
        return;
    }
    let seed = std::env::var("GREENWAVE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("repeat with GREENWAVE_SEED={seed}");
    let (s3, folder) = (S3::start(), Folder::new("s3-faults"));
    let proxy = FaultProxy::start(s3.address(), seed);
    let disk = folder.join("disk");
    let expected = done(submit(&[vec![city()], on_disk(&disk)].concat()));

    proxy.set(Faults::all(RATE));
    let conf = [vec![city(), "lake_every=1".to_owned()], in_bucket(&proxy.address())].concat();
    let paced = [conf.clone(), vec!["pace=200x".to_owned()]].concat();
    for _ in 0..KILLS {
        let (before, mut job) = (newest_manifest(&s3), submit(&paced));
        // One is the takeover's, the other a cut's.
        wait_for("a cut of this life", LIMIT, || {
            assert!(job.ended().is_none(), "{}", job.said());
            (newest_manifest(&s3) >= before + 2).then_some(())
        });
        job.kill_9();
    }
    let summary = done(submit(&conf));
    assert!(summary["restored_tick"].is_u64() && summary["restore_differences"] == 0, "{summary}");
    assert_eq!(counts(&summary), counts(&expected));
    let met = proxy.met();
    println!("faults met: {met:?}");
    for fault in [Fault::Unavailable, Fault::Slow, Fault::Truncated, Fault::Lost, Fault::Conflict, Fault::Exists] {
        assert!(met.contains_key(&fault), "{fault:?} was not met: {met:?}");
    }
    // A pace divides the records into other cuts than a run without one, so the judge's word decides.
    judge(&s3.file(HOME).join("lake"), &summary, &folder);
}
