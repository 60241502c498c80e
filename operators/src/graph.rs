//! The edges of a dataflow: what the runtime feeds in, what it takes out, and what travels between operators.

use std::sync::Arc;

use greenwave_model::{Clock, Deltas, Event, GpsReading, Observation, RecordRef};
use serde::{Deserialize, Serialize};
use timely::dataflow::Stream;

/// What the runtime feeds into a dataflow on each worker.
pub struct Inputs<'s> {
    pub gps: Stream<'s, u64, Vec<GpsReading>>,
    /// Events of every other topic.
    pub observations: Stream<'s, u64, Vec<Observation>>,
    /// One clock per worker and tick, at the time of its tick.
    pub clock: Stream<'s, u64, Vec<Clock>>,
}

/// Batches of deltas of any views.
pub type Batches<'s> = Stream<'s, u64, Vec<Arc<dyn Deltas>>>;

/// What a dataflow gives back on each worker.
pub struct Outputs<'s> {
    /// Each change of a view against what was sent last, at the tick of its upsert.
    pub deltas: Batches<'s>,
    /// At cuts only: at most one row per key, for keys that differ from the cut before.
    pub rows: Batches<'s>,
    pub verdicts: Stream<'s, u64, Vec<VerdictRow>>,
}

/// What became of a record that is not simply counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    Duplicate,
    TooLate,
    /// Behind the last cut's watermark, and counted.
    Late,
}

/// A verdict with its multiplicity: a verdict that moved to another copy within a cut is taken back with −1.
pub type VerdictRow = (Verdict, RecordRef, i64);

/// An event that is not a duplicate. Its fingerprint has done its work; the slot names the record it displaces, if it is
/// a copy with a smaller record than one that went through earlier in the same cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Accepted<E: Event = GpsReading>(E);

impl<E: Event> Accepted<E> {
    /// The mark that tells a displaced record from none.
    const DISPLACES: u128 = 1 << 64;

    /// The first copy.
    #[inline]
    pub fn first(mut event: E) -> Self {
        event.set_fingerprint(0);
        Self(event)
    }

    /// A copy that takes the place of `displaced`, whose totals already count the event.
    pub fn instead_of(displaced: RecordRef, mut event: E) -> Self {
        let number = (u128::from(displaced.partition()) << 48) | displaced.offset() as u128;
        event.set_fingerprint(Self::DISPLACES | number);
        Self(event)
    }

    #[inline]
    pub fn displaces(&self) -> Option<RecordRef> {
        (self.0.fingerprint() & Self::DISPLACES != 0).then(|| {
            let number = self.0.fingerprint() as u64;
            RecordRef::new((number >> 48) as u16, number as i64 & RecordRef::OFFSET_MAX)
        })
    }

    #[inline]
    pub fn event(&self) -> &E {
        &self.0
    }

    #[inline]
    pub fn into_event(self) -> E {
        self.0
    }
}
