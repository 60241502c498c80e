//! The judge of `tests/judge/`, which recomputes in SQL what a stopped job must have written.

use std::path::Path;
use std::process::Command;

use crate::folder::workspace;
use crate::python;

/// A call of the judge.
#[derive(Debug)]
pub struct Judge(Command);

impl Judge {
    /// Over a lake whose records came from Kafka. Asks for Python first: see [`crate::need`].
    pub fn of(lake: &Path) -> Self {
        let mut command = Command::new(python().expect("a test asks for Python before it judges"));
        command.arg(workspace().join("tests/judge/judge.py")).args(["--input-kind", "kafka", "--lake"]).arg(lake);
        Self(command)
    }

    /// Compares the last cut with what is in Redis.
    pub fn redis(mut self, url: &str) -> Self {
        self.0.args(["--redis", url]);
        self
    }

    /// Lines that tell of every record produced.
    pub fn truth(mut self, path: &Path) -> Self {
        self.0.arg("--truth").arg(path);
        self
    }

    /// What the simulator says the city was like.
    pub fn city(mut self, folder: &Path) -> Self {
        self.0.arg("--city").arg(folder);
        self
    }

    /// The last line of the job.
    pub fn summary(mut self, summary: &serde_json::Value) -> Self {
        self.0.arg("--summary").arg(summary.to_string());
        self
    }

    /// What it says; panics with its list of violations.
    #[track_caller]
    pub fn acquit(mut self) -> String {
        let verdict = self.0.output().expect("python can be run");
        let said = String::from_utf8_lossy(&verdict.stdout).into_owned() + &String::from_utf8_lossy(&verdict.stderr);
        assert!(verdict.status.success(), "the judge found violations:\n{said}");
        said
    }
}
