//! What a run says of itself: counters and positions for the terminal, the summary and tests.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use greenwave_model::Binding;

use crate::manifest::{Counters, Manifest};

/// A snapshot for whoever watches.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub tick: u64,
    pub ticks: u64,
    pub cuts: u64,
    pub now_ms: i64,
    pub watermark_ms: Option<i64>,
    /// Taken into ticks since the job's first start.
    pub read: u64,
    /// As of the last cut, since the job's first start.
    pub counters: Counters,
    pub checkpoint: Option<Instant>,
    pub checkpoint_took: Duration,
    pub lake_tick: u64,
    pub lake_took: Duration,
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

    pub fn restored(&self, manifest: &Manifest) {
        let mut now = self.lock();
        now.counters = manifest.counters;
        now.read = manifest.counters.records;
        now.tick = manifest.tick().unwrap_or(0);
    }

    pub fn bound(&self, binding: &Binding) {
        let mut now = self.lock();
        now.tick = binding.tick;
        now.ticks += 1;
        now.read = binding.partitions.iter().map(|partition| (partition.end - partition.start).unsigned_abs()).sum();
        now.now_ms = binding.now_ms;
        now.watermark_ms = binding.view_watermark_ms();
        now.partitions = binding.partitions.len();
        now.idle = binding.partitions.iter().filter(|partition| partition.idle_since_ms.is_some()).count();
    }

    pub fn checkpoint(&self, manifest: &Manifest, took: Duration) {
        let mut now = self.lock();
        now.cuts += 1;
        now.counters = manifest.counters;
        now.checkpoint = Some(Instant::now());
        now.checkpoint_took = took;
    }

    pub fn lake(&self, tick: u64, took: Duration) {
        let mut now = self.lock();
        now.lake_tick = tick;
        now.lake_took = took;
    }

    pub fn visible(&self, tick: u64, at: Instant) {
        let mut now = self.lock();
        now.visible_tick = tick;
        now.visible_at = Some(at);
    }

    pub fn speed_down(&self, why: Option<String>) {
        self.lock().speed_down = why;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
