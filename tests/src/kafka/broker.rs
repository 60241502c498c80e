//! One broker process and its life.

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Options, Pace, Record, Stored, answers, feed, properties, read, topics};
use crate::{Folder, Port, Process, cache, free_port};

/// Three seconds on an idle machine; tests share two cores with builds.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Sixteen bytes in Kafka's own base 64, as `StorageTool random-uuid` would print.
const CLUSTER_ID: &str = "Z3JlZW53YXZlLXRlc3RzMQ";

static SHARED: OnceLock<Kafka> = OnceLock::new();

/// A static is never dropped, so the end of the process ends the shared broker and removes its folder.
extern "C" fn end_shared() {
    let Some(kafka) = SHARED.get() else { return };
    let pid = kafka.pid() as libc::pid_t;
    // SAFETY: the broker was never waited for elsewhere, so the number is its own until `waitpid` has reaped it.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, std::ptr::null_mut(), 0);
    }
    let _ = fs::remove_dir_all(kafka.folder.path());
}

/// A running broker. Dropping it kills it.
#[derive(Debug)]
pub struct Kafka {
    process: Process,
    options: Options,
    clients: Port,
    _controller: Port,
    folder: Folder,
}

impl Kafka {
    /// Starts a broker of its own, for a test that stops or kills it.
    pub fn start(options: Options) -> Self {
        loop {
            let (clients, controller) = (free_port(), free_port());
            let folder = Folder::new("kafka");
            let text = properties::text(&options, clients.number(), controller.number(), &folder.join("data"));
            fs::write(folder.join("properties"), text).expect("the folder is ours");
            format_storage(&folder);
            let mut process = spawn(&options, &folder);
            if answers::wait(&mut process, &address(&clients), START_LIMIT) {
                return Self { process, options, clients, _controller: controller, folder };
            }
            drop(process);
            let log = log_of(&folder);
            assert!(log.contains("Address already in use"), "cannot start Kafka; its log ends with:\n{log}");
        }
    }

    /// The one broker of this test process, for tests that only need topics of their own. It ends with it.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(|| {
            let kafka = Self::start(Options::test());
            // SAFETY: the hook only touches a static that is set by then and never dropped.
            unsafe { libc::atexit(end_shared) };
            kafka
        })
    }

    /// As `bootstrap.servers` and the `input` setting take it, without the scheme.
    pub fn brokers(&self) -> String {
        address(&self.clients)
    }

    /// The number of its process, for `/proc`.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Makes a topic and waits until each of its partitions has a leader.
    pub fn create_topic(&self, name: &str, partitions: u32, configs: &[(&str, &str)]) {
        topics::create(&self.brokers(), name, partitions, configs);
    }

    /// Makes a topic whose name no other test of this process has, and returns it.
    pub fn create_unique_topic(&self, prefix: &str, partitions: u32) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{prefix}_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.create_topic(&name, partitions, &[]);
        name
    }

    /// Adds partitions to a topic, up to this many in all.
    pub fn grow_topic(&self, name: &str, partitions: u32) {
        topics::grow(&self.brokers(), name, partitions);
    }

    /// Gives a topic these configs in place of those it has.
    pub fn configure_topic(&self, name: &str, configs: &[(&str, &str)]) {
        topics::configure(&self.brokers(), name, configs);
    }

    /// Removes a topic and its records.
    pub fn delete_topic(&self, name: &str) {
        topics::delete(&self.brokers(), name);
    }

    /// Sends the records and returns how many, once the broker has confirmed them all.
    pub fn produce(&self, topic: &str, records: impl IntoIterator<Item = Record>, pace: Pace) -> u64 {
        feed(&self.brokers(), topic, records, pace)
    }

    /// Everything the topic holds now, by partition and offset.
    pub fn read(&self, topic: &str) -> Vec<Stored> {
        read(&self.brokers(), topic)
    }

    /// The next offset of each partition that the group has committed, `None` where it has not.
    pub fn committed(&self, topic: &str, group: &str, partitions: u32) -> Vec<Option<i64>> {
        read::committed(&self.brokers(), topic, group, partitions)
    }

    /// SIGTERM, and back when it is gone.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// SIGKILL, and back when it is gone.
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// Starts it again on the same port and data, after `stop` or `kill_9`, and waits until it serves every partition.
    pub fn restart(&mut self) {
        self.process.stop();
        self.process = spawn(&self.options, &self.folder);
        let brokers = self.brokers();
        let answered = answers::wait(&mut self.process, &brokers, START_LIMIT);
        assert!(answered, "cannot restart Kafka; its log ends with:\n{}", log_of(&self.folder));
    }

    /// Holds it still: connections stay open and nobody answers.
    pub fn pause(&mut self) {
        self.process.signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&mut self) {
        self.process.signal(libc::SIGCONT);
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        // A paused process is killed as well as a running one.
        self.process.kill_9();
    }
}

fn address(port: &Port) -> String {
    format!("127.0.0.1:{}", port.number())
}

fn java(arguments: &[String]) -> Command {
    let mut command = Command::new("java");
    command.args(arguments).arg("-cp").arg(cache::kafka_jars().join("*")).stdin(Stdio::null());
    command
}

fn format_storage(folder: &Folder) {
    let output = java(&["-XX:TieredStopAtLevel=1".to_owned(), "-Xshare:auto".to_owned()])
        .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(folder.join("properties"))
        .output()
        .unwrap_or_else(|e| panic!("cannot run java: {e}; run `make install-test-servers`"));
    assert!(output.status.success(), "cannot format Kafka's storage: {}", String::from_utf8_lossy(&output.stderr));
}

fn spawn(options: &Options, folder: &Folder) -> Process {
    let log = File::options().create(true).append(true).open(folder.join("log")).expect("the folder is ours");
    let mut command = java(&options.java_arguments());
    command
        .arg("kafka.Kafka")
        .arg(folder.join("properties"))
        .current_dir(folder.path())
        .stderr(log.try_clone().expect("a file can be shared"))
        .stdout(log);
    Process::spawn(command).unwrap_or_else(|e| panic!("cannot run java: {e}; run `make install-test-servers`"))
}

fn log_of(folder: &Folder) -> String {
    let log = fs::read(folder.join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
