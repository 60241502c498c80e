//! A Redis of one test: own port, own socket, nothing on disk. Never the system's on 6379.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Folder, Port, Process, free_port, try_wait_for};

/// Ready in 20 ms on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running Redis. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: Port,
    arguments: Vec<String>,
    folder: Folder,
    // A socket's path may have 107 bytes, which a build folder can exceed.
    socket: TempDir,
}

impl Redis {
    /// Starts one that keeps everything in memory.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with further arguments, such as `["--maxmemory", "256mb"]`.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = Folder::new("redis");
        let socket = tempfile::Builder::new().prefix("greenwave-redis").tempdir().expect("a temporary folder");
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        loop {
            let port = free_port();
            let mut process = spawn(&port, &arguments, &folder, &socket);
            if answers(&mut process, &port) {
                return Self { process, port, arguments, folder, socket };
            }
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(log.contains("Address already in use"), "cannot start redis-server: {log}");
        }
    }

    /// As the `speed` setting takes it.
    pub fn url(&self) -> String {
        url_of(&self.port)
    }

    /// The same server through its socket.
    pub fn unix_url(&self) -> String {
        format!("redis+unix://{}", self.socket.path().join("redis.sock").display())
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// A new connection, its reads and writes limited to five seconds.
    pub fn connection(&self) -> redis::Connection {
        connect(&self.url()).unwrap_or_else(|e| panic!("cannot connect to {}: {e}", self.url()))
    }

    /// Empties it, as an operator's mistake would.
    pub fn flush_all(&self) {
        let done: redis::RedisResult<()> = redis::cmd("FLUSHALL").query(&mut self.connection());
        done.unwrap_or_else(|e| panic!("cannot flush {}: {e}", self.url()));
    }

    /// SIGTERM; its content is gone.
    pub fn stop(&mut self) {
        self.process.stop();
    }

    /// SIGKILL; its content is gone.
    pub fn kill_9(&mut self) {
        self.process.kill_9();
    }

    /// Starts it again on the same port and socket, empty; kills it first if it runs.
    pub fn restart(&mut self) {
        self.process.kill_9();
        self.process = spawn(&self.port, &self.arguments, &self.folder, &self.socket);
        assert!(
            answers(&mut self.process, &self.port),
            "cannot restart redis-server on port {}: {}",
            self.port.number(),
            std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
        );
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

fn spawn(port: &Port, arguments: &[String], folder: &Folder, socket: &TempDir) -> Process {
    let log = File::create(folder.join("log")).expect("the folder is ours");
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port.number().to_string(), "--daemonize", "no"])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .arg("--unixsocket")
        .arg(socket.path().join("redis.sock"))
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(log.try_clone().expect("a file can be shared"))
        .stdout(log);
    Process::spawn(command).unwrap_or_else(|e| panic!("cannot run redis-server: {e}; run `make install-test-servers`"))
}

/// Waits until it answers; false when it ended instead.
fn answers(process: &mut Process, port: &Port) -> bool {
    let url = url_of(port);
    try_wait_for(START_LIMIT, || {
        if process.ended().is_some() {
            return Some(false);
        }
        let mut connection = connect(&url).ok()?;
        redis::cmd("PING").query::<String>(&mut connection).ok().map(|_| true)
    })
    .unwrap_or(false)
}

fn connect(url: &str) -> redis::RedisResult<redis::Connection> {
    let connection = redis::Client::open(url)?.get_connection_with_timeout(Duration::from_secs(5))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    connection.set_write_timeout(Some(Duration::from_secs(5)))?;
    Ok(connection)
}

fn url_of(port: &Port) -> String {
    format!("redis://127.0.0.1:{}/", port.number())
}
