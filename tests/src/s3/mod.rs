//! An S3 server of one test: own port, own bucket, its objects plain files that a judge can read without it.

mod faults;

pub use faults::{Fault, FaultProxy, Faults, Seen};

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Folder, Port, Process, cache, free_port, http, try_wait_for};

/// Ready in 100 ms on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(20);
const BUCKET: &str = "city-one";
const REGION: &str = "eu-central-1";

/// What the server takes for its user, as the variables that every S3 client reads.
pub const ENVIRONMENT: &[(&str, &str)] =
    &[("AWS_ACCESS_KEY_ID", "greenwave"), ("AWS_SECRET_ACCESS_KEY", "no secret at all"), ("AWS_REGION", REGION)];

/// A running server with one bucket. Dropping it kills it.
#[derive(Debug)]
pub struct S3 {
    process: Process,
    port: Port,
    folder: Folder,
}

impl S3 {
    /// Starts one that keeps its bucket in a folder of the test.
    pub fn start() -> Self {
        let folder = Folder::new("s3");
        std::fs::create_dir_all(folder.join("buckets").join(BUCKET)).expect("the folder is ours");
        loop {
            let port = free_port();
            let mut process = spawn(&port, &folder);
            if answers(&mut process, &port) {
                return Self { process, port, folder };
            }
            let log = log_of(&folder);
            assert!(log.contains("address already in use"), "cannot start versitygw: {log}");
        }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        address(&self.port)
    }

    /// As the settings `state` and `lake` take it.
    pub fn url(path: &str) -> String {
        format!("s3://{BUCKET}/{path}")
    }

    /// The file or folder that `s3://…/path` is.
    pub fn file(&self, path: &str) -> PathBuf {
        self.folder.join("buckets").join(BUCKET).join(path)
    }

    /// SIGKILL; its bucket stays.
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// Starts it again on the same port with the same bucket; kills it first if it runs.
    pub fn restart(&mut self) {
        self.process.kill_9();
        self.process = spawn(&self.port, &self.folder);
        assert!(answers(&mut self.process, &self.port), "cannot restart versitygw: {}", log_of(&self.folder));
    }
}

fn spawn(port: &Port, folder: &Folder) -> Process {
    let log = File::create(folder.join("log")).expect("the folder is ours");
    let mut command = Command::new(cache::versitygw());
    command
        .args(["--quiet", "--keep-alive", "--region", REGION, "--port", &address(port), "posix"])
        .arg(folder.join("buckets"))
        .stdin(Stdio::null())
        .stderr(log.try_clone().expect("a file can be shared"))
        .stdout(log);
    for (name, value) in [("ROOT_ACCESS_KEY", ENVIRONMENT[0].1), ("ROOT_SECRET_KEY", ENVIRONMENT[1].1)] {
        command.env(name, value);
    }
    Process::spawn(command).unwrap_or_else(|e| panic!("cannot run versitygw: {e}; run `make install-test-servers`"))
}

/// Waits until it answers; false when it ended instead.
fn answers(process: &mut Process, port: &Port) -> bool {
    try_wait_for(START_LIMIT, || match process.ended() {
        Some(_) => Some(false),
        None => http::get(&address(port), "/").map(|_| true),
    })
    .unwrap_or(false)
}

fn address(port: &Port) -> String {
    format!("127.0.0.1:{}", port.number())
}

fn log_of(folder: &Folder) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}
