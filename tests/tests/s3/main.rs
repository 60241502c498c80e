//! State and lake in an S3 bucket, on a real server: the same tables as on a disk, one process a job, nothing lost.
#![allow(clippy::unwrap_used)]

mod faults;
mod outage;
mod race;
mod refusals;
mod same;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use greenwave_tests::s3::ENVIRONMENT;
use greenwave_tests::{Folder, Job, S3, counts, greenwave, python};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(240);
const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");
/// Where in the bucket the job keeps what it has.
const HOME: &str = "jobs/one";

/// A small city in which everything goes wrong, and few enough records for several cuts.
fn city() -> String {
    "input=simulate:?seed=7&vehicles=300&for=40m&late=0.02&partitions=3".to_owned()
}

/// How a bucket behind `address` is reached.
fn through(address: &str) -> Vec<String> {
    vec![format!("s3.endpoint=http://{address}"), "s3.allow_http=true".to_owned()]
}

/// State and lake in the bucket.
fn in_bucket(address: &str) -> Vec<String> {
    let mut conf = through(address);
    conf.extend(["state", "lake"].map(|name| format!("{name}={}", S3::url(&format!("{HOME}/{name}")))));
    conf
}

fn on_disk(home: &Path) -> Vec<String> {
    ["state", "lake"].map(|name| format!("{name}={}", home.join(name).display())).to_vec()
}

/// `greenwave COMMAND [--output json] city.toml --conf …`, with the credentials of the server's user.
fn command(words: &[&str], conf: &[String]) -> Command {
    let mut command = greenwave();
    command.args(words).arg(CITY).envs(ENVIRONMENT.iter().copied());
    conf.iter().for_each(|pair| {
        command.args(["--conf", pair]);
    });
    command
}

fn submit(conf: &[String]) -> Job {
    Job::spawn(command(&["submit", "--master", "local[2]", "--output", "json"], conf))
}

fn done(mut job: Job) -> Value {
    job.success(LIMIT);
    job.summary()
}

fn script(name: &str) -> Command {
    let mut command = Command::new(python().unwrap());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    command
}

fn assert_content(mut command: Command, what: &str) {
    let verdict = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&verdict.stdout), String::from_utf8_lossy(&verdict.stderr));
    assert!(verdict.status.success(), "{what}:\n{said}");
    println!("{said}");
}

/// Recomputes every view at every cut in SQL.
fn judge(lake: &Path, summary: &Value, folder: &Folder) {
    let told = folder.join("summary.json");
    std::fs::write(&told, summary.to_string()).unwrap();
    let mut command = script("judge/judge.py");
    command.arg("--lake").arg(lake).args(["--input-kind", "folder", "--summary"]).arg(told);
    assert_content(command, "the judge found violations");
}

/// Every column of every table, bit for bit.
fn same_lakes(homes: &[&PathBuf], without: &[&str]) {
    let mut command = script("same_lake.py");
    without.iter().for_each(|name| {
        command.args(["--without", name]);
    });
    command.args(homes);
    assert_content(command, "the lakes differ");
}

/// The number of the newest manifest in the bucket.
fn newest_manifest(s3: &S3) -> u64 {
    let files = std::fs::read_dir(s3.file(HOME).join("state/jobs/city/manifest")).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    names.filter_map(|name| name.strip_suffix(".json")?.parse().ok()).max().unwrap_or(0)
}
