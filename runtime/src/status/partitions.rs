//! Partitions and watermarks, as operators see them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mint::PartitionFacts;
use crate::progress::Snapshot;

/// Records that have waited no longer are on their way, and their partition is not behind: twice what it takes to hear
/// of the end of a log.
const BEHIND_AFTER_MS: i64 = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionState {
    /// What arrives is bound.
    Reading,
    /// Records wait, or it cannot be read: it holds the watermark.
    Behind,
    /// Read to its end and silent: it holds nobody.
    Idle,
    /// A file that has been read to its end.
    Finished,
}

impl PartitionState {
    pub const ALL: [Self; 4] = [Self::Reading, Self::Behind, Self::Idle, Self::Finished];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Behind => "behind",
            Self::Idle => "idle",
            Self::Finished => "finished",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    pub topic: String,
    pub partition: String,
    pub state: PartitionState,
    /// Since when it is behind or idle.
    pub since_ms: Option<i64>,
    /// Records below this offset are in a tick.
    pub end: i64,
    pub clock_ms: Option<i64>,
    /// At the broker and in no tick; `None` of a file, and until the broker has told its end.
    pub lag_records: Option<u64>,
    /// How long ago the last record in a tick arrived, while others wait.
    pub lag_s: Option<f64>,
    /// Why it cannot be read.
    pub fault: Option<String>,
}

impl Partition {
    pub fn name(&self) -> String {
        format!("{}[{}]", self.topic, self.partition)
    }

    fn of(facts: &PartitionFacts, clock_ms: i64) -> Self {
        let behind = facts.behind_since_ms.filter(|since| facts.fault.is_some() || clock_ms - since >= BEHIND_AFTER_MS);
        let state = match behind {
            _ if facts.finished => PartitionState::Finished,
            Some(_) => PartitionState::Behind,
            None if facts.idle_since_ms.is_some() => PartitionState::Idle,
            None => PartitionState::Reading,
        };
        let waiting_s = facts.last_arrival_ms.map(|arrival_ms| (clock_ms - arrival_ms).max(0) as f64 / 1e3);
        Self {
            topic: facts.key.topic.to_string(),
            partition: facts.key.partition.to_string(),
            state,
            since_ms: behind.or(facts.idle_since_ms),
            end: facts.end,
            clock_ms: facts.clock_ms,
            lag_records: facts.lag_records,
            lag_s: match facts.lag_records {
                Some(0) if behind.is_none() => Some(0.0),
                Some(_) => waiting_s,
                None => None,
            },
            fault: facts.fault.clone(),
        }
    }

    /// Whether the watermark of its topic counts with it.
    fn counts(&self, facts: &PartitionFacts) -> bool {
        !facts.finished && facts.idle_since_ms.is_none()
    }
}

/// How complete a topic is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watermark {
    pub watermark_ms: i64,
    /// Behind the clock: of the world for a live input, of the views for a folder.
    pub lag_s: f64,
    /// The partition with the lowest clock; `None` where none counts.
    pub held_by: Option<String>,
}

pub fn all(now: &Snapshot, clock_ms: i64) -> Vec<Partition> {
    let facts = now.look.as_ref().map(|look| &*look.partitions).unwrap_or_default();
    facts.iter().map(|facts| Partition::of(facts, clock_ms)).collect()
}

/// The watermark of every topic that has one, and who holds it.
pub fn watermarks(now: &Snapshot, partitions: &[Partition], clock_ms: i64) -> BTreeMap<String, Watermark> {
    let facts = now.look.as_ref().map(|look| &*look.partitions).unwrap_or_default();
    let holder = |topic: &str| holder(facts, partitions, topic).map(Partition::name);
    let watermark = |(topic, watermark_ms): (&String, &i64)| {
        let lag_s = (clock_ms - watermark_ms) as f64 / 1e3;
        (topic.clone(), Watermark { watermark_ms: *watermark_ms, lag_s, held_by: holder(topic) })
    };
    now.watermarks_ms.iter().map(watermark).collect()
}

/// Partitions that are behind and hold the watermark of their topic, also where there is none yet.
pub fn holding_behind(now: &Snapshot, partitions: &[Partition]) -> Vec<String> {
    let facts = now.look.as_ref().map(|look| &*look.partitions).unwrap_or_default();
    let topics: std::collections::BTreeSet<&str> =
        partitions.iter().map(|partition| partition.topic.as_str()).collect();
    let holders = topics.into_iter().filter_map(|topic| holder(facts, partitions, topic));
    holders.filter(|partition| partition.state == PartitionState::Behind).map(Partition::name).collect()
}

/// The counted partition of a topic with the lowest clock.
fn holder<'a>(facts: &[PartitionFacts], partitions: &'a [Partition], topic: &str) -> Option<&'a Partition> {
    let counted = partitions.iter().zip(facts).filter(|(partition, facts)| partition.counts(facts));
    let of_topic = counted.map(|(partition, _)| partition).filter(|partition| partition.topic == topic);
    of_topic.min_by_key(|partition| partition.clock_ms)
}

#[cfg(test)]
mod tests {
    use greenwave_model::PartitionKey;

    use super::*;
    use crate::progress::Look;

    const NOW_MS: i64 = 1_000_000;

    fn facts(number: &str, clock_ms: i64) -> PartitionFacts {
        PartitionFacts {
            key: PartitionKey { topic: "gps_data".into(), partition: number.into() },
            end: 10,
            clock_ms: Some(clock_ms),
            last_arrival_ms: Some(NOW_MS - 7_000),
            idle_since_ms: None,
            behind_since_ms: None,
            lag_records: Some(0),
            fault: None,
            finished: false,
        }
    }

    fn snapshot(partitions: Vec<PartitionFacts>) -> Snapshot {
        let look = Look {
            at: std::time::Instant::now(),
            partitions: partitions.into(),
            wait: None,
            cut_open: None,
            is_restored: true,
            is_ending: false,
            is_live: true,
        };
        let watermarks_ms = BTreeMap::from([("gps_data".to_owned(), NOW_MS - 30_000)]);
        Snapshot { look: Some(look), watermarks_ms, ..Snapshot::default() }
    }

    #[test]
    fn a_partition_is_behind_once_records_wait_or_nothing_can_be_read() {
        let waiting =
            |ms: i64| PartitionFacts { behind_since_ms: Some(NOW_MS - ms), lag_records: Some(5), ..facts("0", NOW_MS) };
        let faulty = PartitionFacts { fault: Some("broker a:1 is down".into()), ..waiting(100) };
        let idle = PartitionFacts { idle_since_ms: Some(NOW_MS - 40_000), ..facts("1", 0) };
        let finished = PartitionFacts { finished: true, lag_records: None, ..facts("2", 0) };
        let all = all(&snapshot(vec![waiting(1_999), waiting(2_000), faulty, idle, finished]), NOW_MS);
        let states: Vec<_> = all.iter().map(|partition| partition.state.as_str()).collect();
        assert_eq!(states, ["reading", "behind", "behind", "idle", "finished"]);
        let since: Vec<_> = all.iter().map(|partition| partition.since_ms.map(|since_ms| NOW_MS - since_ms)).collect();
        assert_eq!(since, [None, Some(2_000), Some(100), Some(40_000), None]);
        let lag_s: Vec<_> = all.iter().map(|partition| partition.lag_s).collect();
        assert_eq!(lag_s, [Some(7.0), Some(7.0), Some(7.0), Some(0.0), None]);
    }

    #[test]
    fn the_watermark_is_held_by_the_lowest_clock_that_counts() {
        let idle = PartitionFacts { idle_since_ms: Some(NOW_MS), ..facts("0", 0) };
        let read = PartitionFacts { finished: true, ..facts("1", 1) };
        let held = |partitions: Vec<PartitionFacts>| {
            let snapshot = snapshot(partitions);
            let mut all = watermarks(&snapshot, &all(&snapshot, NOW_MS), NOW_MS);
            all.remove("gps_data").expect("it has a watermark")
        };
        let watermark = held(vec![idle.clone(), read.clone(), facts("2", 900), facts("3", 800)]);
        assert_eq!((watermark.held_by.as_deref(), watermark.lag_s), (Some("gps_data[3]"), 30.0));
        let silent = PartitionFacts { clock_ms: None, ..facts("4", 0) };
        assert_eq!(held(vec![facts("2", 900), silent]).held_by.as_deref(), Some("gps_data[4]"), "it has told no time");
        assert_eq!(held(vec![idle, read]).held_by, None);
    }
}
