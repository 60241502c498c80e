//! Savepoints: kept while the job goes on, and the beginning of another job.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::Duration;

use greenwave_tests::{Folder, Job, greenwave};

const LIMIT: Duration = Duration::from_secs(60);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");

/// A city of its own, so that its cuts are few minutes of event time apart.
fn conf(folder: &Folder, run_for: &str, job: &str) -> Vec<String> {
    let values = [
        format!("input=simulate:?seed=5&vehicles=300&for={run_for}"),
        format!("state={}", folder.join("state").display()),
        format!("lake={}", folder.join(job).join("lake").display()),
        "speed=memory".into(),
    ];
    let pairs = values.into_iter().flat_map(|value| ["--conf".into(), value]);
    ["--name".into(), job.to_owned()].into_iter().chain(pairs).collect()
}

fn command(folder: &Folder, words: &[&str], run_for: &str, job: &str) -> Job {
    let mut command = greenwave();
    command.args(words).args(conf(folder, run_for, job));
    Job::spawn(command)
}

fn submit(folder: &Folder, run_for: &str, job: &str, more: &[&str]) -> serde_json::Value {
    let mut submit = command(folder, &[&["submit", CITY, "--output", "json"], more].concat(), run_for, job);
    submit.success(LIMIT);
    submit.summary()
}

fn refused(mut job: Job, words: &[&str]) {
    assert_eq!(job.wait(LIMIT).code(), Some(2), "{}", job.said());
    let said = job.said();
    words.iter().for_each(|word| assert!(said.contains(word), "{word}: {said}"));
}

#[test]
fn a_savepoint_outlives_the_checkpoints_after_it_and_begins_another_job() {
    let folder = Folder::new("savepoint");
    refused(command(&folder, &["savepoint", CITY, "early"], "40m", "city"), &["no checkpoint"]);
    submit(&folder, "40m", "city", &[]);
    command(&folder, &["savepoint", CITY, "noon"], "40m", "city").success(LIMIT);
    // Once more is the same.
    command(&folder, &["savepoint", CITY, "noon"], "40m", "city").success(LIMIT);
    let whole = submit(&folder, "2h", "city", &[]);
    refused(command(&folder, &["savepoint", CITY, "noon"], "40m", "city"), &["one of this name"]);

    let kept = folder.join("state/jobs/city/savepoints/noon.json");
    let manifests = fs::read_dir(folder.join("state/jobs/city/manifest")).unwrap().count();
    assert!(kept.exists() && manifests < 8, "{manifests} manifests: the one that was kept is collected by now");
    refused(command(&folder, &["submit", CITY, "--from", "city/noon"], "2h", "city"), &["its own savepoint"]);
    refused(command(&folder, &["submit", CITY, "--from", "city/nine"], "2h", "trial"), &["none of this name", "noon"]);

    let trial = submit(&folder, "2h", "trial", &["--from", "city/noon"]);
    for name in ["records", "accepted", "duplicates", "rejected", "too_late", "late", "views", "state_rows"] {
        assert_eq!(trial[name], whole[name], "{name}");
    }
    assert_eq!(trial["restore_differences"], 0);
    let again = submit(&folder, "2h", "trial", &["--from", "city/noon"]);
    assert_eq!((&again["ticks"], &again["records"]), (&0.into(), &whole["records"]));
    refused(command(&folder, &["submit", CITY, "--from", "city/other"], "2h", "trial"), &["checkpoints of its own"]);
}
