//! A job: what it is given, and what it says at its end.

mod error;
mod input;
mod run;
mod sinks;
mod threads;

pub use error::RunError;
pub use run::run;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use greenwave_model::ViewSpec;
use greenwave_sinks::kafka::LetterSettings;
use greenwave_sinks::objects::Location;
use greenwave_sinks::speed::SpeedSettings;
use greenwave_sources::{folder, kafka};
use serde::Serialize;

use crate::Build;
use crate::manifest::Counters;
use crate::status::HttpSettings;

pub enum Input {
    Kafka(kafka::KafkaSettings),
    Folder(folder::FolderSettings),
}

/// A table joined from a file, known by its content.
#[derive(Clone, Debug)]
pub struct Reference {
    pub name: String,
    pub hash: String,
    pub bytes: Bytes,
}

/// The reference table that says which simulated city an input is: its records follow from it.
pub const CITY: &str = "simulate";

impl Reference {
    pub fn new(name: &str, text: String) -> Self {
        let hash = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()));
        Self { name: name.into(), hash, bytes: text.into() }
    }
}

/// Everything a run needs, checked.
pub struct Job {
    pub name: String,
    pub workers: usize,
    pub input: Input,
    pub speed: SpeedSettings,
    /// Where every reject goes beside the lake.
    pub dead_letters: Option<LetterSettings>,
    /// `None`: no lake.
    pub lake: Option<Location>,
    /// `None`: nothing outlives the process.
    pub state: Option<Location>,
    pub tick: Duration,
    pub checkpoint: Duration,
    pub idle_after: Duration,
    pub lake_every: u32,
    pub out_of_orderness_ms: i64,
    pub run_for: Option<Duration>,
    /// Event time that passes in one unit of real time, for an input that ends; `None`: as fast as it goes.
    pub pace: Option<f64>,
    pub take_over: bool,
    /// A savepoint to begin with, `JOB/NAME`.
    pub from: Option<String>,
    /// Where to tell how the job is; `None`: nowhere.
    pub http: Option<HttpSettings>,
    pub dataflow: &'static str,
    pub views: &'static [&'static ViewSpec],
    /// Settings that decide answers, as a JSON object.
    pub settings: String,
    pub references: Vec<Reference>,
    pub build: Build,
}

/// The last line of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    #[serde(flatten)]
    pub counters: Counters,
    pub accepted: u64,
    pub ticks: u64,
    pub seconds: f64,
    pub peak_rss_bytes: u64,
    pub views: BTreeMap<String, u64>,
    pub state_rows: BTreeMap<String, u64>,
    pub restored_tick: Option<u64>,
    pub restore_differences: u64,
    /// Stopped by a signal.
    #[serde(skip)]
    pub drained: bool,
}
