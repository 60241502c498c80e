//! A tick's binding: which records it holds and what time it is, decided in one place and then only data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{event::PartitionClock, ids::PartitionKey};

/// The cut that verdicts and freeing go by: the last one before (or none yet: everything `None`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutRef {
    pub tick: u64,
    pub watermark_ms: Option<i64>,
    pub now_ms: Option<i64>,
}

/// One partition of a binding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartitionBound {
    #[serde(flatten)]
    pub key: PartitionKey,
    /// The first offset the job ever took.
    pub start: i64,
    /// Rows with `offset < end` belong to this tick or an earlier one.
    pub end: i64,
    pub clock: PartitionClock,
    pub last_arrival_ms: Option<i64>,
    /// Since when the partition is idle, if it is.
    pub idle_since_ms: Option<i64>,
    /// A file that has been read to its end.
    #[serde(default)]
    pub finished: bool,
}

/// What bindings from before the field say.
fn yes() -> bool {
    true
}

/// The binding of one tick: the same for every worker, the same on every repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    pub tick: u64,
    pub generation: u64,
    pub is_cut: bool,
    /// Whether views change at this tick. A folder read as fast as it goes changes them at cuts only.
    #[serde(default = "yes")]
    pub publishes: bool,
    /// The last cut before this tick.
    pub cut: CutRef,
    /// By partition number; a number is given once and kept.
    pub partitions: Vec<PartitionBound>,
    /// Per topic; a topic never seen is absent.
    pub watermark_ms: BTreeMap<String, i64>,
    pub now_ms: i64,
    /// Reference tables by content hash.
    pub references: BTreeMap<String, String>,
}

impl Binding {
    /// The watermark of views over all topics of the job.
    pub fn view_watermark_ms(&self) -> Option<i64> {
        self.watermark_ms.values().copied().min()
    }

    pub fn as_cut(&self) -> CutRef {
        CutRef { tick: self.tick, watermark_ms: self.view_watermark_ms(), now_ms: Some(self.now_ms) }
    }

    pub fn clock(&self) -> Clock {
        Clock {
            tick: self.tick,
            is_cut: self.is_cut,
            publishes: self.publishes,
            restored: false,
            watermark_ms: self.view_watermark_ms().unwrap_or(Clock::NEVER),
            now_ms: self.now_ms,
            cut_watermark_ms: self.cut.watermark_ms.unwrap_or(Clock::NEVER),
            cut_now_ms: self.cut.now_ms.unwrap_or(Clock::NEVER),
        }
    }
}

/// What an operator may know of a tick. It comes as data, one per worker and tick, and nothing else tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    pub tick: u64,
    pub is_cut: bool,
    /// Whether operators give out what has changed, as they do at every cut. Ticks of a folder read as fast as it goes
    /// do not: whoever reads the past wants windows, not how they came about.
    pub publishes: bool,
    /// The tick that refills the dataflow after a restore: no rows, operators emit all they hold.
    pub restored: bool,
    /// Of this tick. `NEVER` until there is one.
    pub watermark_ms: i64,
    pub now_ms: i64,
    /// Of the last cut *before* this tick: verdicts and freeing go by these two.
    pub cut_watermark_ms: i64,
    pub cut_now_ms: i64,
}

impl Clock {
    /// Before all time: no window has ended by it, nothing has expired.
    pub const NEVER: i64 = i64::MIN;
}
