//! A bucket holds what a folder would, and is written as it must be: nothing is made twice, everything as encrypted as
//! the settings say.

use greenwave_tests::s3::FaultProxy;
use greenwave_tests::{Folder, Job, S3, Server, need};

use crate::*;

#[test]
fn state_and_lake_in_a_bucket_are_those_of_a_disk() {
    if !need(Server::S3, "state and lake in a bucket") || !need(Server::Python, "the lake in a bucket") {
        return;
    }
    let (s3, folder) = (S3::start(), Folder::new("s3-same"));
    let proxy = FaultProxy::start(s3.address(), 1);
    let disk = folder.join("disk");
    let expected = done(submit(&[vec![city()], on_disk(&disk)].concat()));

    let encrypted = ["s3.encryption=kms".to_owned(), "s3.kms_key=city-key".to_owned()];
    let conf = [vec![city()], in_bucket(&proxy.address()), encrypted.to_vec()].concat();
    let summary = done(submit(&conf));
    assert!(summary["cuts"].as_u64().unwrap() > 5, "{summary}");
    assert_eq!(counts(&summary), counts(&expected));
    let bucket = s3.file(HOME);
    same_lakes(&[&disk, &bucket], &[]);
    judge(&bucket.join("lake"), &summary, &folder);

    let seen = proxy.seen();
    let puts: Vec<_> = seen.iter().filter(|request| request.method == "PUT").collect();
    let is_create = |path: &str| {
        let is_commit = path.contains("/_delta_log/") && !path.contains(".checkpoint.") && path.ends_with(".json");
        is_commit || path.contains("/manifest/") || (path.contains("/gen/") && path.ends_with(".json"))
    };
    assert!(puts.iter().filter(|put| is_create(&put.path)).count() > 20, "{puts:#?}");
    for put in puts {
        assert!(put.is_conditional || !is_create(&put.path), "not a conditional put: {put:?}");
        assert_eq!(put.encryption, ["aws:kms", "city-key"], "{put:?}");
    }

    let again = done(submit(&conf));
    assert_eq!((again["ticks"].as_u64(), again["restore_differences"].as_u64()), (Some(0), Some(0)));
    assert_eq!(counts(&again)["records"], summary["records"]);
    let mut status = Job::spawn(command(&["status"], &conf));
    assert_eq!(status.wait(LIMIT).code(), Some(3), "{}", status.said());
    assert!(status.said().contains("city is not running: generation 2"), "{}", status.said());
}

#[test]
fn the_usual_variables_say_how_a_bucket_is_reached() {
    if !need(Server::S3, "a bucket reached by variables") {
        return;
    }
    let s3 = S3::start();
    let endpoint = format!("http://{}", s3.address());
    let places = ["state", "lake"].map(|name| format!("{name}={}", S3::url(name)));
    let conf = [vec![city().replace("40m", "1m"), "http=none".to_owned()], places.to_vec()].concat();
    let with_endpoint = |words: &[&str], conf: &[String]| {
        let mut command = command(words, conf);
        command.env("AWS_ENDPOINT_URL", &endpoint).env("AWS_ALLOW_HTTP", "true");
        Job::spawn(command)
    };
    let summary = done(with_endpoint(&["submit", "--master", "local[1]", "--output", "json"], &conf));
    assert!(summary["records"].as_u64().unwrap() > 0, "{summary}");
    let mut status = with_endpoint(&["status"], &conf);
    assert_eq!(status.wait(LIMIT).code(), Some(3), "{}", status.said());

    let mut shown = with_endpoint(&["config", "show", "--origin"], &conf);
    shown.success(LIMIT);
    let said = shown.said();
    for line in [
        format!("s3.endpoint = {endpoint:?}  # environment AWS_ENDPOINT_URL"),
        "s3.region = \"eu-central-1\"  # environment AWS_REGION".to_owned(),
        "s3.allow_http = \"true\"  # environment AWS_ALLOW_HTTP".to_owned(),
    ] {
        assert!(said.contains(&line), "{said}");
    }
    assert!(!said.contains("no secret at all"), "{said}");

    let mut mistaken = with_endpoint(&["check"], &["s3.allow_http=false".to_owned(), "s3.encryption=aes".to_owned()]);
    assert_eq!(mistaken.wait(LIMIT).code(), Some(2));
    assert!(mistaken.said().contains("environment AWS_ENDPOINT_URL: s3.endpoint is `http://"), "{}", mistaken.said());
    assert!(mistaken.said().contains("s3.encryption is `aes`; write bucket, s3 or kms"), "{}", mistaken.said());
}
