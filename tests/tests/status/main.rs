//! How a job is seen from outside: HTTP of its process, and `greenwave status` while it runs, when it has ended, when it
//! is killed, and of a job that never was.
#![allow(clippy::unwrap_used)]

mod exposition;
mod folder;
mod kafka;

use std::time::Duration;

use exposition::Numbers;
use greenwave_tests::{Folder, Job, greenwave, http, wait_for};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");

/// A job's settings, for `submit` and for `status`.
struct Settings(Vec<String>);

impl Settings {
    fn new(folder: &Folder, more: &[String]) -> Self {
        let own = [
            format!("lake={}", folder.join("lake").display()),
            format!("state={}", folder.join("state").display()),
            "checkpoint=500ms".to_owned(),
            "connect_timeout=5s".to_owned(),
        ];
        let mut line = vec![CITY.to_owned()];
        own.iter().chain(more).for_each(|pair| line.extend(["--conf".to_owned(), pair.clone()]));
        Self(line)
    }

    fn submit(&self, more: &[&str]) -> Job {
        let line = self.0.iter().map(String::as_str);
        Job::submit(line.chain(more.iter().copied()).chain(["--output", "json"]))
    }

    /// What `greenwave status` ends with, and its page.
    fn status(&self, more: &[&str]) -> (i32, String) {
        let mut command = greenwave();
        command.arg("status").args(&self.0).args(more);
        let mut asked = Job::spawn(command);
        let ended = asked.wait(LIMIT);
        assert_eq!(asked.stderr(), Vec::<String>::new(), "it complains of nothing");
        (ended.code().unwrap(), asked.stdout().join("\n"))
    }

    fn status_json(&self, more: &[&str]) -> (i32, Value) {
        let (code, page) = self.status(&[more, &["--output", "json"]].concat());
        let json = serde_json::from_str(&page).unwrap_or_else(|e| panic!("one JSON object: {e}\n{page}"));
        (code, json)
    }
}

/// Waits until a path answers as wanted; returns its body.
fn await_answer(job: &Job, address: &str, path: &str, status: u16) -> String {
    let mut last = None;
    let answered = greenwave_tests::try_wait_for(LIMIT, || {
        last = http::get(address, path);
        last.clone().filter(|answer| answer.status == status)
    });
    answered.unwrap_or_else(|| panic!("{path} does not answer {status}: {last:?}\n{}", job.said())).body
}

fn metrics(address: &str) -> Numbers {
    let answer = http::get(address, "/metrics").expect("it answers");
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
    exposition::parse(&answer.body)
}

/// Waits until a fact of `/status` pleases, and returns everything that was said with it.
fn await_fact(job: &Job, address: &str, what: &str, pleases: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let seen = greenwave_tests::try_wait_for(LIMIT, || {
        last = serde_json::from_str(&http::get(address, "/status")?.body).unwrap();
        pleases(&last).then(|| last.clone())
    });
    seen.unwrap_or_else(|| panic!("never {what}; last {last:#}\n{}", job.said()))
}

/// The words stand in one line of the page.
#[track_caller]
fn assert_line(page: &str, words: &[&str]) {
    let found = page.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(found, "no line with {words:?}:\n{page}");
}

/// The page itself, for whoever reads the output of a test.
fn show(what: &str, page: &str) {
    println!("--- {what}\n{page}\n");
}

fn await_end(job: &mut Job) {
    wait_for("its end", LIMIT, || job.ended());
}
