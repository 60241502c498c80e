//! A look at a job from outside: what its state store knows, and what its process says if one runs.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use greenwave_model::{Binding, PartitionKey};
use greenwave_sinks::objects::Location;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::Status;
use crate::generation::{Generation, Life, Newest, wall_ms};
use crate::manifest::{Counters, Kind, Manifest, ManifestError, sequence_numbers};
use crate::store::{Store, StoreError};

/// A process that answers at all answers within milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// An answer has some 300 bytes a partition, and a job 65,536 partitions at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A process has the job; it answers, or has no address to be asked at.
    Running,
    /// A process has the job, and it does not answer.
    Unreachable,
    /// The last process has told its end.
    Stopped,
    /// The last process is gone without having told its end.
    Killed,
    NeverRan,
}

/// Everything that can be found out.
#[derive(Clone, Debug, Serialize)]
pub struct Inquiry {
    pub job: String,
    pub state: State,
    /// The one that has the job, or had it last.
    pub process: Option<Process>,
    /// `None` before the first checkpoint.
    pub durable: Option<Durable>,
    /// What the process says of itself.
    pub live: Option<Status>,
    /// Why it says nothing.
    pub unreachable: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Process {
    pub generation: u64,
    pub host: String,
    pub pid: u32,
    pub started_ms: i64,
    pub version: String,
    pub http: Option<String>,
}

/// What the last checkpoint says.
#[derive(Clone, Debug, Serialize)]
pub struct Durable {
    pub tick: u64,
    /// That wrote it.
    pub generation: u64,
    pub cuts: u64,
    pub age_s: Option<f64>,
    /// The time of its views.
    pub now_ms: i64,
    pub watermarks_ms: BTreeMap<String, i64>,
    pub partitions: Vec<Bound>,
    /// By table, the tick of its last rows that are known to be in the lake.
    pub lake: BTreeMap<String, u64>,
    /// Rows that wait in the state store for the lake.
    pub lake_rows_waiting: u64,
    pub counters: Counters,
}

#[derive(Clone, Debug, Serialize)]
pub struct Bound {
    #[serde(flatten)]
    pub key: PartitionKey,
    /// The first offset ever taken, and the one after the last.
    pub start: i64,
    pub end: i64,
    pub finished: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("cannot start the threads that ask: {0}; free memory, then ask again")]
    Threads(std::io::Error),
}

impl InquiryError {
    /// The settings name a store that cannot be read.
    pub fn is_of_settings(&self) -> bool {
        matches!(self, Self::Store(StoreError::Refused { .. }))
    }
}

/// Looks at a job through its state store. Nothing is written.
pub fn inquire(job: &str, state: &Location) -> Result<Inquiry, InquiryError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().map_err(InquiryError::Threads)?;
    let mut found = Inquiry {
        job: job.to_owned(),
        state: State::NeverRan,
        process: None,
        durable: None,
        live: None,
        unreachable: None,
    };
    let Some(store) = Store::look(state, job, runtime.handle().clone())? else { return Ok(found) };
    let Some(Newest { generation, life }) = Generation::newest(&store)? else { return Ok(found) };
    found.state = match life {
        Life::Alive => State::Running,
        Life::Ended => State::Stopped,
        Life::Gone => State::Killed,
    };
    if let Some(address) = generation.http.as_ref().filter(|_| life == Life::Alive) {
        match ask(&runtime, job, &generation, address) {
            Ok(live) => found.live = Some(live),
            Err(why) => (found.state, found.unreachable) = (State::Unreachable, Some(why)),
        }
    }
    // A job that has told its end has given the lake everything, which only the next manifest would say.
    let in_lake = match (life, found.live.as_ref().and_then(|live| live.lake.as_ref())) {
        (Life::Ended, _) => u64::MAX,
        (_, Some(lake)) => lake.tick,
        (_, None) => 0,
    };
    found.durable = durable(&store, in_lake)?;
    found.process = Some(Process {
        generation: generation.number,
        host: generation.host,
        pid: generation.pid,
        started_ms: generation.at_ms,
        version: generation.version,
        http: generation.http,
    });
    Ok(found)
}

/// `in_lake`: all rows up to this tick are in the lake, whatever the manifest knows.
fn durable(store: &Store, in_lake: u64) -> Result<Option<Durable>, InquiryError> {
    let Some(manifest) = Manifest::highest(store)? else { return Ok(None) };
    let Some(binding) = manifest.binding else { return Ok(None) };
    let written_ms = checkpoint_written_ms(store)?;
    let Binding { tick, generation, partitions, now_ms, watermark_ms, .. } = binding;
    let bound = partitions.into_iter().map(|partition| Bound {
        key: partition.key,
        start: partition.start,
        end: partition.end,
        finished: partition.finished,
    });
    let mut lake = manifest.lake;
    for (table, runs) in &manifest.staged {
        if let Some(reached) = runs.iter().map(|run| run.tick).filter(|tick| *tick <= in_lake).max() {
            lake.insert(table.clone(), reached);
        }
    }
    let waiting = manifest.staged.iter().flat_map(|(table, runs)| {
        let reached = lake.get(table).copied();
        runs.iter().filter(move |run| Some(run.tick) > reached)
    });
    let lake_rows_waiting = waiting.map(|run| run.rows).sum();
    Ok(Some(Durable {
        tick,
        generation,
        cuts: manifest.counters.cuts,
        age_s: written_ms.map(|written_ms| (wall_ms() - written_ms).max(0) as f64 / 1e3),
        now_ms,
        watermarks_ms: watermark_ms,
        partitions: bound.collect(),
        lake,
        lake_rows_waiting,
        counters: manifest.counters,
    }))
}

/// A takeover record repeats the checkpoint before it, and is no newer.
fn checkpoint_written_ms(store: &Store) -> Result<Option<i64>, StoreError> {
    for seq in sequence_numbers(store)?.into_iter().rev() {
        if let Some(manifest) = Manifest::read(store, seq)?.filter(|manifest| manifest.kind == Kind::Checkpoint) {
            return manifest.written_ms(store);
        }
    }
    Ok(None)
}

/// The process's own words. Another one may listen at its address by now.
fn ask(runtime: &Runtime, job: &str, generation: &Generation, address: &str) -> Result<Status, String> {
    let address = reachable(generation, address)?;
    let asked = runtime.block_on(async { tokio::time::timeout(ANSWER_WITHIN, get(address, "/status")).await });
    let content = asked.map_err(|_| format!("{address} did not answer within {} s", ANSWER_WITHIN.as_secs()))?;
    let content = content.map_err(|error| format!("{address} does not answer: {error}"))?;
    let status: Status =
        serde_json::from_slice(&content).map_err(|error| format!("{address} answers as something else: {error}"))?;
    // A process that has just taken its number may not have told it yet.
    let is_it =
        status.job == job && status.pid == generation.pid && [0, generation.number].contains(&status.generation);
    if is_it {
        Ok(status)
    } else {
        Err(format!("{address} is another process now, pid {} of job {}", status.pid, status.job))
    }
}

/// The address seen from here.
fn reachable(generation: &Generation, address: &str) -> Result<SocketAddr, String> {
    let mut address: SocketAddr = address.parse().map_err(|_| format!("{address} is no address"))?;
    let is_here = generation.is_of_this_host();
    if address.ip().is_loopback() && !is_here {
        return Err(format!("{address} is reachable on {} only; ask there", generation.host));
    }
    if address.ip().is_unspecified() && is_here {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Ok(address)
}

async fn get(address: SocketAddr, path: &str) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get(path).header(hyper::header::HOST, address.to_string());
    let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    let status = answer.status();
    let content = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await?.to_bytes();
    connection.abort();
    if status.is_success() { Ok(content) } else { Err(format!("it says {status}").into()) }
}
