//! Servers a person may not have: a named, counted skip there, a failure in CI.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::{cache, python, target_folder};

/// What a test may need beside this workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Server {
    /// Java and Kafka's jars.
    Kafka,
    /// The `redis-server` program.
    Redis,
    /// The `versitygw` program.
    S3,
    /// Python with the lake's readers.
    Python,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Redis => "redis",
            Self::S3 => "s3",
            Self::Python => "python",
        }
    }

    /// Why it cannot be started here; `None` when it can.
    fn missing(self) -> Option<&'static str> {
        static JAVA: OnceLock<bool> = OnceLock::new();
        static REDIS: OnceLock<bool> = OnceLock::new();
        match self {
            Self::Kafka if !cache::kafka_jars().is_dir() => Some("Kafka's jars are not in the cache"),
            Self::Kafka => (!JAVA.get_or_init(|| runs("java", "-version"))).then_some("there is no java"),
            Self::Redis => {
                (!REDIS.get_or_init(|| runs("redis-server", "--version"))).then_some("there is no redis-server")
            }
            Self::S3 => (!cache::versitygw().is_file()).then_some("versitygw is not in the cache"),
            Self::Python => python().is_none().then_some("duckdb and deltalake are not in the cache"),
        }
    }
}

/// True when `server` can be started. Otherwise the test is to return, and [`skip`] has told what goes `untested`.
#[must_use]
pub fn need(server: Server, untested: &str) -> bool {
    let Some(fact) = server.missing() else { return true };
    skip(server.name(), untested, &format!("{fact}; run `make install-test-servers`"));
    false
}

/// Says what goes untested for want of something, and counts it for `make test`. Where nothing may go untested it
/// panics: with `CI=true` or `GREENWAVE_STRICT=1`.
pub fn skip(wanted: &str, untested: &str, fact: &str) {
    assert!(!strict(), "cannot test {untested}: {fact}");
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIP {wanted}: {untested} is not tested: {fact}");
    count(wanted, untested, fact);
}

fn strict() -> bool {
    let set = |name, value| std::env::var(name).is_ok_and(|v| v == value);
    set("CI", "true") || set("GREENWAVE_STRICT", "1")
}

/// One line a skip: suite, test, what is wanted, what goes untested, why. Read by `tests/table`.
fn count(wanted: &str, untested: &str, fact: &str) {
    let suite = std::env::current_exe().ok().and_then(|exe| {
        let stem = exe.file_stem()?.to_str()?.to_owned();
        Some(stem.rsplit_once('-').map_or(stem.clone(), |(name, _)| name.to_owned()))
    });
    let thread = std::thread::current();
    let line = format!(
        "{}\t{}\t{wanted}\t{untested}\t{fact}\n",
        suite.unwrap_or_default(),
        thread.name().unwrap_or_default(),
    );
    let file = OpenOptions::new().create(true).append(true).open(target_folder().join("skips.txt"));
    if let Ok(mut file) = file {
        let _ = file.write_all(line.as_bytes());
    }
}

fn runs(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
