//! What a run says of itself: counters and positions for the terminal, the summary, metrics and tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use greenwave_model::Binding;

use crate::manifest::{Counters, Manifest};
use crate::mint::{PartitionFacts, Wait};

/// What a run is, told once when it begins.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub job: String,
    pub started_ms: i64,
    /// `redis`, `memory` or `none`.
    pub speed: &'static str,
    pub has_lake: bool,
}

/// What the leader looks up a few times a second.
#[derive(Clone, Debug)]
pub struct Look {
    pub at: Instant,
    pub partitions: Arc<[PartitionFacts]>,
    pub wait: Option<Wait>,
    /// Since when a cut is bound and not durable.
    pub cut_open: Option<Instant>,
    /// The rows of the checkpoint are in the dataflow.
    pub is_restored: bool,
    pub is_ending: bool,
    /// Its clock is that of the world, and logs have no end.
    pub is_live: bool,
}

/// A snapshot for whoever watches.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub identity: Identity,
    pub generation: u64,
    /// `None` until the leader leads.
    pub look: Option<Look>,
    pub tick: u64,
    pub bound: Option<Instant>,
    pub ticks: u64,
    pub cuts: u64,
    pub now_ms: i64,
    /// That of views.
    pub watermark_ms: Option<i64>,
    /// By topic.
    pub watermarks_ms: BTreeMap<String, i64>,
    /// Taken into ticks since the job's first start.
    pub read: u64,
    /// As of the last cut, since the job's first start.
    pub counters: Counters,
    pub checkpoint: Option<Instant>,
    pub checkpoint_tick: u64,
    pub checkpoint_took: Duration,
    pub lake_tick: u64,
    pub lake_took: Duration,
    pub lake_at: Option<Instant>,
    /// Why the state store does not answer, if so.
    pub state_down: Option<String>,
    /// Why the lake takes no rows, if so.
    pub lake_down: Option<String>,
    pub visible_tick: u64,
    pub visible_at: Option<Instant>,
    pub speed_down: Option<String>,
    /// Partitions read to their end and silent.
    pub idle: usize,
    pub partitions: usize,
}

/// Written by the leader, read by anyone. Touched a few times a tick, never per event.
#[derive(Default)]
pub struct Progress {
    snapshot: Mutex<Snapshot>,
}

impl Progress {
    pub fn snapshot(&self) -> Snapshot {
        self.lock().clone()
    }

    pub fn begins(&self, identity: Identity) {
        self.lock().identity = identity;
    }

    pub fn generation(&self, number: u64) {
        self.lock().generation = number;
    }

    pub fn restored(&self, manifest: &Manifest) {
        let mut now = self.lock();
        now.counters = manifest.counters;
        now.read = manifest.counters.records;
        now.tick = manifest.tick().unwrap_or(0);
        now.checkpoint_tick = now.tick;
        now.lake_tick = manifest.lake.values().copied().max().unwrap_or(0);
        if let Some(binding) = &manifest.binding {
            now.now_ms = binding.now_ms;
            now.watermark_ms = binding.view_watermark_ms();
            now.watermarks_ms = binding.watermark_ms.clone();
        }
    }

    /// The loop of the leader is alive.
    pub fn came_round(&self) {
        if let Some(look) = &mut self.lock().look {
            look.at = Instant::now();
        }
    }

    pub fn looked(&self, look: Look) {
        self.lock().look = Some(look);
    }

    pub fn bound(&self, binding: &Binding) {
        let mut now = self.lock();
        now.tick = binding.tick;
        now.bound = Some(Instant::now());
        now.ticks += 1;
        now.read = binding.partitions.iter().map(|partition| (partition.end - partition.start).unsigned_abs()).sum();
        now.now_ms = binding.now_ms;
        now.watermark_ms = binding.view_watermark_ms();
        now.watermarks_ms.clone_from(&binding.watermark_ms);
        now.partitions = binding.partitions.len();
        now.idle = binding.partitions.iter().filter(|partition| partition.idle_since_ms.is_some()).count();
    }

    pub fn checkpoint(&self, manifest: &Manifest, took: Duration) {
        let mut now = self.lock();
        now.cuts += 1;
        now.counters = manifest.counters;
        now.checkpoint = Some(Instant::now());
        now.checkpoint_tick = manifest.tick().unwrap_or(0);
        now.checkpoint_took = took;
    }

    pub fn lake(&self, tick: u64, took: Duration) {
        let mut now = self.lock();
        now.lake_tick = tick;
        now.lake_took = took;
        now.lake_at = Some(Instant::now());
    }

    pub fn visible(&self, tick: u64, at: Instant) {
        let mut now = self.lock();
        now.visible_tick = tick;
        now.visible_at = Some(at);
    }

    pub fn state_down(&self, why: Option<String>) {
        self.lock().state_down = why;
    }

    pub fn lake_down(&self, why: Option<String>) {
        self.lock().lake_down = why;
    }

    pub fn speed_down(&self, why: Option<String>) {
        self.lock().speed_down = why;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
