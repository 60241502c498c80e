//! A `greenwave` process of a test: its output captured, its end awaited with a deadline, killed at will.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{Process, greenwave, wait_for};

/// A running or ended process. Dropping it kills it.
#[derive(Debug)]
pub struct Job {
    process: Process,
    stdout: Captured,
    stderr: Captured,
}

impl Job {
    /// Starts `greenwave submit` with these arguments.
    pub fn submit(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut command = greenwave();
        command.arg("submit").args(arguments);
        Self::spawn(command)
    }

    /// Starts any command, its output captured.
    pub fn spawn(mut command: Command) -> Self {
        let shown = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(command).unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
        let stdout = Captured::from(process.child().stdout.take().expect("it is piped"));
        let stderr = Captured::from(process.child().stderr.take().expect("it is piped"));
        Self { process, stdout, stderr }
    }

    /// The number the system knows it by.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Waits for its end and for the last of its output; panics with what it said once `limit` has passed.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let Some(status) = self.process.wait(limit) else {
            panic!("greenwave still runs after {limit:?}; it said:\n{}", self.said());
        };
        self.drain();
        status
    }

    /// Like [`Self::wait`], and panics with what it said unless it ended with 0.
    #[track_caller]
    pub fn success(&mut self, limit: Duration) {
        let status = self.wait(limit);
        assert!(status.success(), "greenwave ended with {status}; it said:\n{}", self.said());
    }

    /// SIGKILL, and back only when it is gone.
    pub fn kill_9(&mut self) -> ExitStatus {
        let status = self.process.kill_9();
        self.drain();
        status
    }

    /// SIGINT, as from a person's keyboard.
    pub fn interrupt(&mut self) {
        self.process.signal(libc::SIGINT);
    }

    /// SIGTERM, as from an init system.
    pub fn terminate(&mut self) {
        self.process.signal(libc::SIGTERM);
    }

    /// Any other signal, such as SIGSTOP and SIGCONT.
    pub fn signal(&mut self, signal: i32) {
        self.process.signal(signal);
    }

    /// The lines written to standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.lines()
    }

    /// The lines written to standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.lines()
    }

    /// Both, for a message.
    pub fn said(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}", self.stdout().join("\n"), self.stderr().join("\n"))
    }

    /// The first line, of either stream, that pleases; panics with what was said if it ends or `limit` passes first.
    #[track_caller]
    pub fn wait_for_line(&mut self, what: &str, limit: Duration, pleases: impl Fn(&str) -> bool) -> String {
        wait_for(what, limit, || {
            // Asked before looking: what it said before its end is still seen.
            let ended = self.process.ended();
            if ended.is_some() {
                self.drain();
            }
            let line = self.stdout().into_iter().chain(self.stderr()).find(|line| pleases(line));
            assert!(ended.is_none() || line.is_some(), "greenwave ended before {what}; it said:\n{}", self.said());
            line
        })
    }

    /// The object on the last line of standard output, which `--output json` promises.
    #[track_caller]
    pub fn summary(&self) -> serde_json::Value {
        let line = self.stdout().pop().unwrap_or_default();
        serde_json::from_str(&line)
            .unwrap_or_else(|e| panic!("the last line is no JSON: {e}; greenwave said:\n{}", self.said()))
    }

    fn drain(&mut self) {
        self.stdout.drain();
        self.stderr.drain();
    }
}

/// The lines of one stream, read by a thread so that the process never waits for us.
#[derive(Debug)]
struct Captured {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn from(stream: impl Read + Send + 'static) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { return };
                let line = String::from_utf8_lossy(&line).into_owned();
                written.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { lines, reader: Some(reader) }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the end of the stream, which follows the end of the process.
    fn drain(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// What a summary says of the job, whichever process says it.
pub fn counts(summary: &serde_json::Value) -> serde_json::Value {
    let mut counts = summary.clone();
    for of_this_process in ["seconds", "peak_rss_bytes", "ticks", "restored_tick"] {
        counts.as_object_mut().expect("a summary is an object").remove(of_this_process);
    }
    counts
}
