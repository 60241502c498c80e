//! How partitions stand and what the next tick waits for, in words for operators. Asked a few times a second; decides
//! nothing.

use std::fmt;

use greenwave_model::{PartitionBound, PartitionKey};

use super::folder::FolderState;
use super::ledger::Slot;
use super::{Ledger, Moment};

/// One partition as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionFacts {
    pub key: PartitionKey,
    /// Bound up to this offset.
    pub end: i64,
    /// What the watermark counts with; `None` until an event has told the time.
    pub clock_ms: Option<i64>,
    pub last_arrival_ms: Option<i64>,
    pub idle_since_ms: Option<i64>,
    /// Of a log: since when there has been something left to bind, or an error.
    pub behind_since_ms: Option<i64>,
    /// Of a log: records offered or known at the broker, and not bound.
    pub lag_records: Option<u64>,
    pub fault: Option<String>,
    /// A file that has been read to its end.
    pub finished: bool,
}

/// What the next tick, or its records, wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Every worker to process what is bound.
    Workers { ticks: usize },
    /// The manifest of the last cut.
    Cut,
    /// A reader that has not brought the next records.
    Records { partition: PartitionKey },
    /// A partition so far behind in event time that the others stand still.
    Slowest { partition: PartitionKey },
    /// The records of a tick that readers have seen and that was lost with the last process.
    Repetition { tick: u64, partition: Option<PartitionKey> },
    /// The time that `pace` gives it.
    Pace,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workers { ticks } => write!(f, "{ticks} ticks are being processed"),
            Self::Cut => write!(f, "a cut is being written"),
            Self::Records { partition } => write!(f, "waiting for the next records of {partition}"),
            Self::Slowest { partition } => write!(f, "waiting for {partition} (behind): the others are too far ahead"),
            Self::Repetition { tick, partition: Some(partition) } => {
                write!(f, "waiting for {partition}: tick {tick} has been seen and is made again")
            }
            Self::Repetition { tick, partition: None } => write!(f, "a cut is being written before tick {tick}"),
            Self::Pace => write!(f, "the pace: it is ahead of its time"),
        }
    }
}

/// Partitions of brokers. Notes which of them have nothing left to bind.
pub fn of_logs(ledger: &mut Ledger, moment: Moment) -> Vec<PartitionFacts> {
    let log = |slot: &mut Slot| {
        let at_end = slot.at_end_since_ms.is_some() && slot.offers.is_empty();
        let is_caught_up = slot.fault.is_none() && (at_end || slot.log_end.is_some_and(|end| slot.bound.end >= end));
        if is_caught_up {
            slot.caught_up_ms = moment.mono_ms;
        }
        let behind_ms = moment.mono_ms.saturating_sub(slot.caught_up_ms) as i64;
        let known_end = slot.log_end.max(Some(slot.offered_to()).filter(|_| at_end || !slot.offers.is_empty()));
        PartitionFacts {
            behind_since_ms: (!is_caught_up).then_some(moment.wall_ms - behind_ms),
            lag_records: known_end.map(|end| end.saturating_sub(slot.bound.end).max(0) as u64),
            fault: slot.fault.clone(),
            ..of_bound(&slot.bound)
        }
    };
    ledger.slots.iter_mut().map(log).collect()
}

/// Files are never behind: they are read as fast as they are wanted. A slot may have taken blocks of a tick that waits
/// for its time; what is told is what is bound.
pub fn of_files(ledger: &Ledger, state: &FolderState) -> Vec<PartitionFacts> {
    let last = ledger.last().map(|binding| &*binding.partitions).unwrap_or_default();
    let file = |(number, slot): (usize, &Slot)| {
        let bound = last.get(number).unwrap_or(&slot.bound);
        PartitionFacts { clock_ms: bound.clock.now_ms.or(state.first_event_ms(number)), ..of_bound(bound) }
    };
    ledger.slots.iter().enumerate().map(file).collect()
}

fn of_bound(bound: &PartitionBound) -> PartitionFacts {
    PartitionFacts {
        key: bound.key.clone(),
        end: bound.end,
        clock_ms: bound.clock.now_ms,
        last_arrival_ms: bound.last_arrival_ms,
        idle_since_ms: bound.idle_since_ms,
        behind_since_ms: None,
        lag_records: None,
        fault: None,
        finished: bound.finished,
    }
}

/// A tick that must be bound again waits for its records first.
pub fn repetition(ledger: &Ledger, moment: Moment) -> Option<Wait> {
    let next = ledger.repeating()?;
    let mut slots = ledger.slots.iter().zip(&next.partitions);
    let short = slots.find(|(slot, bound)| slot.offered_to() < bound.end);
    let partition = short.map(|(slot, _)| slot.bound.key.clone());
    let is_held = partition.is_some() || (next.is_cut && !moment.may_cut);
    is_held.then_some(Wait::Repetition { tick: next.tick, partition })
}
