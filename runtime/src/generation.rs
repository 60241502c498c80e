//! Generations: each run of a job takes the next number, and the run before it is fenced.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenwave_model::CrashPoint;
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::store::{Created, Store, StoreError};

/// A generation that gave a sign of life this recently is taken for alive.
const ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// Signs of life.
pub const ALIVE_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Generation {
    pub number: u64,
    pub host: String,
    pub pid: u32,
    /// Start time of the process in clock ticks since boot: a pid alone may be somebody else by now.
    pub started: u64,
    pub at_ms: i64,
    pub version: String,
    pub nonce: u64,
    /// Where the process tells how it is.
    #[serde(default)]
    pub http: Option<String>,
}

/// What the store knows of the newest generation.
#[derive(Clone, Debug)]
pub struct Newest {
    pub generation: Generation,
    pub life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    /// It has told its end.
    Ended,
    /// It has not, and it is gone.
    Gone,
}

#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "cannot start job {job}: generation {generation} of it is alive on {host}, pid {pid}; \
         stop it, or take its place with --take-over"
    )]
    Alive { job: String, generation: u64, host: String, pid: u32 },
    #[error(
        "cannot start job {job}: another process took generation {generation} at the same moment; only one may run"
    )]
    Lost { job: String, generation: u64 },
    #[error(
        "cannot go on as generation {ours} of job {job}: generation {by} has taken over; only one process may run it"
    )]
    Superseded { job: String, ours: u64, by: u64 },
}

impl Generation {
    /// Takes the next number. The loser of a race does not take the one after.
    pub fn take(store: &Store, job: &str, take_over: bool, http: Option<SocketAddr>) -> Result<Self, GenerationError> {
        let newest = numbers(store)?.last().copied().unwrap_or(0);
        if !take_over && newest > 0 {
            refuse_if_alive(store, job, newest)?;
        }
        let ours = Self { http: http.map(|address| address.to_string()), ..Self::of_this_process(newest + 1) };
        let lost = GenerationError::Lost { job: job.into(), generation: ours.number };
        match store.create(&name(ours.number, "json"), ours.encode())? {
            Created::Theirs => return Err(lost),
            Created::Ours if numbers(store)?.last() != Some(&ours.number) => return Err(lost),
            Created::Ours => {}
        }
        CrashPoint::GenerationTaken.pass();
        ours.sign_of_life(store)?;
        Ok(ours)
    }

    pub fn sign_of_life(&self, store: &Store) -> Result<(), StoreError> {
        let now = Self { at_ms: wall_ms(), ..self.clone() };
        store.put(&name(self.number, "alive"), now.encode())
    }

    /// What a failed run has to tell. One that has been taken over fails of what the other did: its files are collected,
    /// its lake is ahead. Then that is the cause, and what it came upon is no reason to mend anything.
    pub fn cause(&self, store: &Store, job: &str, error: RunError) -> RunError {
        let newest = numbers(store).ok().and_then(|numbers| numbers.last().copied());
        let Some(by) = newest.filter(|newest| *newest > self.number && error.exit_code() != 75) else { return error };
        tracing::info!(%error, "failed after another process had taken over");
        GenerationError::Superseded { job: job.to_owned(), ours: self.number, by }.into()
    }

    /// After an orderly end nobody has to wait.
    pub fn ended(&self, store: &Store) -> Result<(), StoreError> {
        store.delete(&name(self.number, "alive"))
    }

    fn of_this_process(number: u64) -> Self {
        let pid = std::process::id();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let started = process_start(pid).unwrap_or(0);
        Self { number, host: host(), pid, started, at_ms: wall_ms(), version, nonce: crate::nonce(), http: None }
    }

    fn encode(&self) -> bytes::Bytes {
        serde_json::to_vec(self).expect("plain data").into()
    }

    /// `None` where the job never ran.
    pub fn newest(store: &Store) -> Result<Option<Newest>, StoreError> {
        let Some(number) = numbers(store)?.pop() else { return Ok(None) };
        let read = |suffix| -> Result<Option<Self>, StoreError> {
            Ok(store.get(&name(number, suffix))?.and_then(|content| serde_json::from_slice(&content).ok()))
        };
        let Some(generation) = read("json")? else { return Ok(None) };
        let life = match read("alive")? {
            None => Life::Ended,
            Some(signed) if signed.is_alive() => Life::Alive,
            Some(_) => Life::Gone,
        };
        Ok(Some(Newest { generation, life }))
    }

    pub fn is_of_this_host(&self) -> bool {
        self.host == host()
    }

    /// On this host the process table knows better than a time stamp.
    fn is_alive(&self) -> bool {
        if self.is_of_this_host() {
            return process_start(self.pid) == Some(self.started);
        }
        wall_ms() - self.at_ms < ALIVE_WITHIN.as_millis() as i64
    }
}

fn refuse_if_alive(store: &Store, job: &str, newest: u64) -> Result<(), GenerationError> {
    let Some(content) = store.get(&name(newest, "alive"))? else { return Ok(()) };
    match serde_json::from_slice::<Generation>(&content) {
        Ok(other) if other.is_alive() => {
            Err(GenerationError::Alive { job: job.into(), generation: newest, host: other.host, pid: other.pid })
        }
        _ => Ok(()),
    }
}

/// The next number is the one after this: ticks are numbered by generation, and never go back.
pub fn begin_after(store: &Store, number: u64) -> Result<(), StoreError> {
    store.create(&name(number, "json"), Generation::of_this_process(number).encode()).map(|_| ())
}

/// Numbers in use, ascending.
pub fn numbers(store: &Store) -> Result<Vec<u64>, StoreError> {
    let names = store.list("gen")?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect())
}

fn name(number: u64, suffix: &str) -> String {
    format!("gen/{number:010}.{suffix}")
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "unknown".into(), |name| name.trim().into())
}

/// Field 22 of /proc/<pid>/stat, counted after the command's closing bracket. A zombie is no longer alive.
fn process_start(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_taken_over_tells_of_that_whatever_it_came_upon() {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("threads");
        let store = Store::memory("city", tokio.handle().clone()).expect("memory takes anything");
        let gone = || RunError::Damaged { object: "state/7/1-dedup".into(), place: "here".into(), why: "gone".into() };
        let late = Generation::take(&store, "city", false, None).expect("the first");
        assert_eq!(late.cause(&store, "city", gone()).exit_code(), gone().exit_code());
        let next = Generation::take(&store, "city", true, None).expect("the second");
        let told = late.cause(&store, "city", gone());
        assert!(told.exit_code() == 75 && told.to_string().contains("generation 2"), "{told}");
        assert_eq!(next.cause(&store, "city", gone()).exit_code(), gone().exit_code());
    }
}
