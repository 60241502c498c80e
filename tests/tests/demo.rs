//! `greenwave demo` as a person runs it: what it says, how it ends, how it goes on.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use greenwave_tests::{Folder, Job, Server, greenwave, need, python, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);

fn demo(home: &Path, arguments: &[&str]) -> Job {
    let mut command = greenwave();
    command.current_dir(home).arg("demo").args(arguments);
    Job::spawn(command)
}

fn json(mut job: Job) -> Value {
    job.success(LIMIT);
    assert_eq!(job.stdout().len(), 1, "one line of JSON: {}", job.said());
    job.summary()
}

/// A demo that has made two cuts, then Ctrl-C.
fn watched_and_stopped(home: &Path, arguments: &[&str]) -> Job {
    let mut job = demo(home, arguments);
    let manifests = || fs::read_dir(home.join("greenwave-demo/state/jobs/demo/manifest")).map_or(0, Iterator::count);
    let before = manifests();
    wait_for("two cuts", LIMIT, || {
        assert!(job.ended().is_none(), "it ended by itself: {}", job.said());
        (manifests() >= before + 3).then_some(())
    });
    job.interrupt();
    assert_eq!(job.wait(LIMIT).code(), Some(3), "{}", job.said());
    job
}

fn line_after(job: &Job, beginning: &str) -> String {
    let lines = job.stdout();
    let line = lines.iter().find_map(|line| line.trim().strip_prefix(beginning));
    line.unwrap_or_else(|| panic!("no line begins with {beginning}: {}", job.said())).to_owned()
}

fn records(job: &Job) -> u64 {
    let first = job.stdout().into_iter().find(|line| line.starts_with("demo: ")).unwrap();
    first["demo: ".len()..].split(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{}", job.said()))
}

#[test]
fn ctrl_c_says_how_to_go_on_and_it_goes_on() {
    let home = Folder::new("demo-goes-on");
    let first = watched_and_stopped(home.path(), &["--vehicles", "300", "--pace", "300x"]);
    let command = line_after(&first, "it goes on with: ");
    assert!(command.ends_with(" demo --vehicles 300 --pace 300x"), "{command}");
    assert!(first.stderr().iter().any(|line| line.contains("records read")), "plain lines: {}", first.said());
    assert!(!first.said().contains('\u{1b}'), "no escape codes where nobody watches: {}", first.said());

    let words: Vec<&str> = command.split(' ').skip(2).collect();
    let second = watched_and_stopped(home.path(), &words);
    assert!(records(&second) > records(&first), "{}", second.said());

    let fresh = [&words[..], &["--fresh", "--for", "3m", "--output", "json"]].concat();
    fs::write(home.join("greenwave-demo/mine.txt"), "kept").unwrap();
    let anew = json(demo(home.path(), &fresh));
    assert!(anew["restored_tick"].is_null() && anew["records"].as_u64().unwrap() < records(&first), "{anew}");
    assert!(home.join("greenwave-demo/mine.txt").exists(), "--fresh removes what the demo made");
}

#[test]
fn the_line_of_sql_works() {
    if !need(Server::Python, "the line of SQL that the demo names") {
        return;
    }
    let home = Folder::new("demo-sql");
    let mut job = demo(home.path(), &["--vehicles", "300", "--pace", "max", "--for", "20m", "--dir", "my city's"]);
    job.success(LIMIT);
    let sql = format!("SELECT {}", line_after(&job, "SELECT "));
    let script = "import duckdb, sys; rows = duckdb.sql(sys.argv[1]).fetchall(); print(len(rows), rows[0][0])";
    let asked = Command::new(python().unwrap()).current_dir(home.path()).args(["-c", script, &sql]).output().unwrap();
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(said.starts_with("5 R-"), "{said}{}", String::from_utf8_lossy(&asked.stderr));
    let command = line_after(&job, "it goes on with: ");
    assert!(command.contains("--dir 'my city'\\''s'") && !command.contains("--for"), "{command}");
}

#[test]
fn the_same_city_gives_the_same_summary() {
    let home = Folder::new("demo-json");
    let run = |dir: &str, workers: &str| {
        let flags = ["--vehicles", "200", "--for", "6m", "--pace", "max", "--output", "json"];
        json(demo(home.path(), &[&flags[..], &["--dir", dir, "--workers", workers]].concat()))
    };
    let (one, two) = (run("one", "1"), run("two", "2"));
    for name in ["records", "accepted", "duplicates", "rejected", "late", "too_late", "cuts", "views"] {
        assert_eq!(one[name], two[name], "{name}");
    }
    let again = run("one", "1");
    assert_eq!((again["ticks"].as_u64(), &again["records"]), (Some(0), &one["records"]));
}

#[test]
fn wrong_use_is_told_and_nothing_is_touched() {
    let home = Folder::new("demo-wrong");
    fs::create_dir_all(home.join("theirs/lake")).unwrap();
    for (arguments, told) in [
        (&["--vehicles", "3"][..], "give 7 to 1000000"),
        (&["--pace", "fast"], "pace is `fast`"),
        (&["--workers", "0"], "expected 1 to 64"),
        (&["--dir", "theirs", "--fresh"], "it holds something else"),
    ] {
        let mut job = demo(home.path(), arguments);
        assert_eq!(job.wait(LIMIT).code(), Some(2), "{arguments:?}: {}", job.said());
        assert!(job.said().contains(told), "{}", job.said());
    }
    assert!(home.join("theirs/lake").exists() && !home.join("greenwave-demo/state").exists());
}
