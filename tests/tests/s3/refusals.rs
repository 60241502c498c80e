//! What keeps a bucket from being used is told at the start: the place, the fact and the fix, and exit code 2.

use std::net::TcpListener;

use greenwave_tests::{Folder, Job, S3, Server, need};

use crate::*;

/// A job whose state is in a bucket, and one whose lake is, both with these variables: each is refused.
fn refused(conf: &[String], variables: &[(&str, &str)], bucket: &str, told: &[&str]) {
    let folder = Folder::new("s3-refused");
    let input = city().replace("40m", "1m");
    for (name, other) in [("state", "lake"), ("lake", "state")] {
        let elsewhere = format!("{other}={}", folder.join(other).display());
        let places = [format!("{name}=s3://{bucket}/refused/{name}"), elsewhere, input.clone(), "http=none".to_owned()];
        let mut command = command(&["submit", "--master", "local[1]"], &[conf.to_vec(), places.to_vec()].concat());
        command.envs(variables.iter().copied());
        let mut job = Job::spawn(command);
        assert_eq!(job.wait(LIMIT).code(), Some(2), "{name}: {}", job.said());
        let said = job.said();
        assert!(said.contains(&format!("s3://{bucket}/refused/{name}")), "{said}");
        told.iter().for_each(|part| assert!(said.contains(part), "{name}: `{part}` is not told:\n{said}"));
    }
}

#[test]
fn what_keeps_a_bucket_from_being_used_is_told() {
    if !need(Server::S3, "a bucket that refuses") {
        return;
    }
    let s3 = S3::start();
    let conf = through(&s3.address());
    refused(&conf, &[], "another-city", &["there is no such bucket", "create it, or name another"]);
    let fix = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY";
    refused(&conf, &[("AWS_SECRET_ACCESS_KEY", "a guess")], "city-one", &["SignatureDoesNotMatch", fix]);
    refused(&conf, &[("AWS_ACCESS_KEY_ID", "nobody")], "city-one", &["it refuses the credentials", fix]);
    let told = ["in another region, eu-central-1", "set s3.region or AWS_REGION"];
    refused(&conf, &[("AWS_REGION", "us-west-2")], "city-one", &told);
}

#[test]
fn a_bucket_that_is_not_reached_is_told() {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = free().local_addr().unwrap().to_string();
    let patience = ["connect_timeout=1s".to_owned()];
    let told = ["it cannot be reached", "refused", "see that the store is up, and that s3.endpoint is its address"];
    refused(&[through(&nobody), patience.to_vec()].concat(), &[], "city-one", &told);
    // It takes the connection and never answers.
    let silent = free();
    let conf = [through(&silent.local_addr().unwrap().to_string()), patience.to_vec()].concat();
    refused(&conf, &[], "city-one", &["it has not answered within 1s", "s3.endpoint"]);
}
