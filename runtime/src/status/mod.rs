//! How a running job is: one value, made from a snapshot when somebody asks. `/status` is its JSON, metrics are numbers of
//! it, and `greenwave status` prints it.

mod http;
mod inquiry;
mod metrics;
mod partitions;

pub use http::{Http, HttpError, HttpSettings};
pub use inquiry::{Durable, Inquiry, Process, State, inquire};
pub use metrics::{Metric, table};
pub use partitions::{Partition, PartitionState, Watermark};

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::generation::wall_ms;
use crate::manifest::Counters;
use crate::memory;
use crate::mint::Wait;
use crate::progress::Snapshot;

/// A wait shorter than this is how work flows, and is not told.
const TOLD_AFTER: Duration = Duration::from_secs(2);
/// A loop that has not come round for so long hangs: nothing it does in one round takes a tenth of that.
const LOOP_AGE_MAX_S: f64 = 60.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub job: String,
    pub generation: u64,
    pub pid: u32,
    pub version: String,
    pub started_ms: i64,
    /// The wall clock when this was said.
    pub at_ms: i64,
    /// Why readers should not rely on it now; `None` when they may.
    pub unready: Option<String>,
    /// What ticks, windows or readers wait for; empty when for nothing.
    pub waits_for: Vec<String>,
    /// Since the loop of the leader came round; `None` before it does for the first time.
    pub loop_age_s: Option<f64>,
    pub tick: Tick,
    pub checkpoint: Checkpoint,
    pub speed: Speed,
    /// `None` without a lake.
    pub lake: Option<Lake>,
    /// By topic.
    pub watermarks: BTreeMap<String, Watermark>,
    pub partitions: Vec<Partition>,
    /// Since the job's first start, as of the last checkpoint.
    pub counters: Counters,
    pub resident_memory_bytes: u64,
}

/// The tick bound last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub tick: u64,
    /// `None` until this process binds one.
    pub age_s: Option<f64>,
    /// The time of the views.
    pub now_ms: i64,
    /// By this process.
    pub ticks: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// 0 while there is none.
    pub tick: u64,
    /// Since the last of this process, or since its start.
    pub age_s: f64,
    pub took_s: f64,
    /// Since when the next one is being written, if it is.
    pub open_s: Option<f64>,
    /// Why the state store does not take it, if so.
    #[serde(default)]
    pub down: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// `redis`, `memory` or `none`.
    pub kind: String,
    pub tick: u64,
    /// Since the tick became visible.
    pub age_s: Option<f64>,
    pub down: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lake {
    pub tick: u64,
    pub age_s: Option<f64>,
    pub took_s: f64,
    pub down: Option<String>,
}

impl Status {
    /// Of a snapshot, now.
    pub fn of(now: &Snapshot) -> Self {
        let at_ms = wall_ms();
        let age = |at: Option<Instant>| at.map(|at| at.elapsed().as_secs_f64());
        let clock_ms = if now.look.as_ref().is_some_and(|look| look.is_live) { at_ms } else { now.now_ms };
        let partitions = partitions::all(now, clock_ms);
        let watermarks = partitions::watermarks(now, &partitions, clock_ms);
        let since_start_s = (at_ms - now.identity.started_ms).max(0) as f64 / 1e3;
        let lake = Lake {
            tick: now.lake_tick,
            age_s: age(now.lake_at),
            took_s: now.lake_took.as_secs_f64(),
            down: now.lake_down.clone(),
        };
        Self {
            job: now.identity.job.clone(),
            generation: now.generation,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: now.identity.started_ms,
            at_ms,
            unready: unready(now),
            waits_for: waits_for(now, &partitions),
            loop_age_s: age(now.look.as_ref().map(|look| look.at)),
            tick: Tick { tick: now.tick, age_s: age(now.bound), now_ms: now.now_ms, ticks: now.ticks },
            checkpoint: Checkpoint {
                tick: now.checkpoint_tick,
                age_s: age(now.checkpoint).unwrap_or(since_start_s),
                took_s: now.checkpoint_took.as_secs_f64(),
                open_s: age(now.look.as_ref().and_then(|look| look.cut_open)),
                down: now.state_down.clone(),
            },
            speed: Speed {
                kind: now.identity.speed.to_owned(),
                tick: now.visible_tick,
                age_s: age(now.visible_at),
                down: now.speed_down.clone(),
            },
            lake: now.identity.has_lake.then_some(lake),
            watermarks,
            partitions,
            counters: now.counters,
            resident_memory_bytes: memory::resident_bytes(),
        }
    }

    /// Why the process should be ended by whoever supervises it; `None` while it works or starts.
    pub fn hangs(&self) -> Option<String> {
        let age_s = self.loop_age_s.filter(|age_s| *age_s > LOOP_AGE_MAX_S)?;
        Some(format!("the loop of the leader has not come round for {age_s:.0} s"))
    }
}

fn unready(now: &Snapshot) -> Option<String> {
    let Some(look) = now.look.as_ref().filter(|look| look.is_restored) else {
        return Some(match now.generation {
            0 => "starting: asking the input, the state store and the sinks".to_owned(),
            _ => "restoring the last checkpoint".to_owned(),
        });
    };
    if look.is_ending {
        return Some("ending: what is counted becomes durable".to_owned());
    }
    if now.identity.speed != "redis" {
        return None;
    }
    match &now.speed_down {
        Some(why) => Some(format!("speed layer is down: {why}")),
        None => now.visible_at.is_none().then(|| "nothing is visible in Redis yet".to_owned()),
    }
}

fn waits_for(now: &Snapshot, partitions: &[Partition]) -> Vec<String> {
    let Some(look) = &now.look else { return vec!["its start".to_owned()] };
    let mut told = vec![];
    let is_long = now.bound.is_none_or(|at| at.elapsed() >= TOLD_AFTER);
    match &look.wait {
        // Ticks wait for workers and records all the time, for moments.
        Some(wait @ (Wait::Workers { .. } | Wait::Records { .. })) if is_long => told.push(wait.to_string()),
        Some(Wait::Workers { .. } | Wait::Records { .. }) | None => {}
        Some(wait) => told.push(wait.to_string()),
    }
    for name in partitions::holding_behind(now, partitions) {
        told.push(format!("waiting for {name} (behind): no window ends before it has come"));
    }
    if let Some(why) = &now.state_down {
        told.push(format!("state store does not answer: {why}"));
    }
    if let Some(why) = &now.speed_down {
        told.push(format!("speed layer is down: {why}"));
    }
    if let Some(why) = &now.lake_down {
        told.push(format!("lake does not take rows: {why}"));
    }
    told
}
