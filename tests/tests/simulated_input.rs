//! A simulated city as the input of a job is the folder that `greenwave simulate --out` would have written.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use greenwave_tests::{Folder, Job, Server, counts, greenwave, need, python, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");
/// A small city in which everything goes wrong, and few enough records for several cuts.
const SETTINGS: &[(&str, &str)] =
    &[("seed", "7"), ("vehicles", "400"), ("for", "40m"), ("late", "0.02"), ("partitions", "3")];

fn query() -> String {
    let pairs: Vec<String> = SETTINGS.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("simulate:?{}", pairs.join("&"))
}

fn submit(input: &str, home: &Path, more: &[&str]) -> Job {
    let mut line = vec!["--master".to_owned(), "local[2]".to_owned(), CITY.to_owned()];
    let places =
        [("lake", home.join("lake")), ("state", home.join("state"))].map(|(key, at)| format!("{key}={}", at.display()));
    let conf = [format!("input={input}")].into_iter().chain(places).chain(more.iter().map(|pair| (*pair).to_owned()));
    conf.for_each(|pair| line.extend(["--conf".to_owned(), pair]));
    line.extend(["--output".to_owned(), "json".to_owned()]);
    Job::submit(line)
}

fn done(mut job: Job) -> Value {
    job.success(LIMIT);
    job.summary()
}

fn same_lakes(homes: &[&Path], without: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("same_lake.py");
    let mut command = Command::new(python().unwrap());
    command.arg(script);
    for name in without {
        command.args(["--without", name]);
    }
    let compared = command.args(homes).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&compared.stdout), String::from_utf8_lossy(&compared.stderr));
    assert!(compared.status.success(), "{said}");
    println!("{said}");
}

#[test]
fn it_is_the_folder_that_would_have_been_written_and_a_kill_changes_nothing() {
    if !need(Server::Python, "the lake of a simulated input against that of its folder") {
        return;
    }
    let folder = Folder::new("simulated-input");
    let city = folder.join("city");
    let mut command = greenwave();
    command.args(["simulate", "--out", city.to_str().unwrap()]);
    for (name, value) in SETTINGS {
        command.arg(format!("--{name}={value}"));
    }
    let mut written = Job::spawn(command);
    written.success(LIMIT);

    let (of_folder, of_city, killed) = (folder.join("of-folder"), folder.join("of-city"), folder.join("killed"));
    let expected = done(submit(city.to_str().unwrap(), &of_folder, &[]));
    let summary = done(submit(&query(), &of_city, &[]));
    assert!(expected["cuts"].as_u64().unwrap() > 5, "{expected}");
    assert_eq!(summary["ticks"], expected["ticks"]);
    assert_eq!(counts(&summary), counts(&expected));
    // The cuts name their reference tables, and which city it is is one of them.
    same_lakes(&[&of_folder, &of_city], &["raw/_cuts"]);

    // Paced, so that the kill finds it at work.
    let mut job = submit(&query(), &killed, &["pace=200x"]);
    let manifests = || fs::read_dir(killed.join("state/jobs/city/manifest")).map_or(0, Iterator::count);
    wait_for("the third manifest", LIMIT, || {
        assert!(job.ended().is_none(), "it ended before it was killed: {}", job.said());
        (manifests() >= 3).then_some(())
    });
    job.kill_9();
    let restored = done(submit(&query(), &killed, &[]));
    assert!(restored["restored_tick"].is_u64(), "{restored}");
    assert_eq!(counts(&restored), counts(&expected));
    // A tick's number names the generation that minted it.
    same_lakes(&[&of_folder, &killed], &["raw/_cuts", "tick", "cut"]);
}

#[test]
fn a_city_that_is_watched_for_longer_goes_on_and_another_one_does_not() {
    let folder = Folder::new("simulated-longer");
    let run = |input: &str| submit(input, folder.path(), &["lake=none", "speed=none"]);
    let first = done(run("simulate:?vehicles=100&for=5m"));
    let again = done(run("simulate:?vehicles=100&for=5m"));
    assert_eq!((again["ticks"].as_u64(), &again["records"]), (Some(0), &first["records"]));
    let longer = done(run("simulate:?vehicles=100&for=10m"));
    let whole = done(submit("simulate:?vehicles=100&for=10m", &folder.join("whole"), &["lake=none", "speed=none"]));
    assert_eq!(longer["records"], whole["records"]);
    assert!(longer["records"].as_u64() > first["records"].as_u64());

    let mut other = run("simulate:?vehicles=101&for=10m");
    assert_eq!(other.wait(LIMIT).code(), Some(2));
    assert!(other.said().contains("its checkpoint is of another simulated city"), "{}", other.said());
}

#[test]
fn a_city_without_end_is_stopped_and_gone_on_with() {
    let folder = Folder::new("simulated-endless");
    let endless = || submit("simulate:?vehicles=300", folder.path(), &["lake=none", "pace=300x"]);
    let mut records = 0;
    for _ in 0..2 {
        let mut job = endless();
        let manifests = || fs::read_dir(folder.join("state/jobs/city/manifest")).map_or(0, Iterator::count);
        let before = manifests();
        wait_for("two more cuts", LIMIT, || (manifests() >= before + 3).then_some(()));
        job.interrupt();
        assert_eq!(job.wait(LIMIT).code(), Some(3), "{}", job.said());
        let now = job.summary()["records"].as_u64().unwrap();
        assert!(now > records, "{now} after {records}");
        records = now;
    }
    let mut job = submit("simulate:?vehicles=300", folder.path(), &["state=none"]);
    assert_eq!(job.wait(LIMIT).code(), Some(2));
    assert!(job.said().contains("say how long: for=1h"), "{}", job.said());
}

#[test]
fn wrong_settings_are_told_with_the_fix() {
    let folder = Folder::new("simulated-wrong");
    for (input, told) in [
        ("simulate:?sed=7", "did you mean `seed`?"),
        ("simulate:?late=2", "give each from 0 to 1"),
        ("simulate:?for=soon", "for is `soon`"),
    ] {
        let mut job = submit(input, folder.path(), &[]);
        assert_eq!(job.wait(LIMIT).code(), Some(2), "{input}");
        assert!(job.said().contains(told) && job.said().contains("--conf input"), "{}", job.said());
    }
    assert!(!folder.join("lake").exists() && !folder.join("state").exists());
}
