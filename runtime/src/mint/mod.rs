//! Minting: the one place that decides which records a tick holds and what time it is. Pure: offers, standings and
//! clock readings in, bindings out.

mod facts;
mod folder;
mod ledger;
mod live;

pub use facts::{PartitionFacts, Wait};
pub use ledger::{Ledger, Offer};

use greenwave_model::Binding;
use greenwave_sources::Standing;

/// What the leader knows at the moment it asks for a tick.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub wall_ms: i64,
    /// Milliseconds of a clock that never jumps.
    pub mono_ms: u64,
    /// Ticks bound and not yet processed by every worker.
    pub in_flight: usize,
    /// The last cut's manifest is written, so that another cut may be bound.
    pub may_cut: bool,
    /// No more records are taken: the next tick is the last, and a cut.
    pub ending: bool,
}

/// Intervals of a live run, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub tick_ms: u64,
    pub checkpoint_ms: u64,
    pub idle_after_ms: u64,
}

pub enum Mint {
    /// The leader's clock mints.
    Live { ledger: Ledger, pace: Pace, state: live::LiveState },
    /// Bindings are a pure function of the bytes.
    Folder { ledger: Ledger, state: folder::FolderState },
}

impl Mint {
    pub fn live(ledger: Ledger, pace: Pace) -> Self {
        Self::Live { ledger, pace, state: live::LiveState::default() }
    }

    /// `first_event_ms` by partition number: what an untouched file counts with. `pace`: event time that passes in one
    /// unit of real time; it delays bindings and changes none.
    pub fn folder(ledger: Ledger, first_event_ms: Vec<Option<i64>>, pace: Option<f64>) -> Self {
        let state = folder::FolderState::new(&ledger, first_event_ms, pace);
        Self::Folder { ledger, state }
    }

    pub fn offer(&mut self, offer: Offer) {
        self.ledger_mut().offer(offer);
    }

    pub fn standing(&mut self, standing: Standing, mono_ms: u64) {
        self.ledger_mut().standing(standing, mono_ms);
    }

    pub fn log_end(&mut self, partition: u16, end: i64) {
        self.ledger_mut().log_end(partition, end);
    }

    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        match self {
            Self::Live { ledger, .. } | Self::Folder { ledger, .. } => ledger,
        }
    }

    /// The next binding, if there is one to make now. Ticks that readers have already seen come first, as bound; a run
    /// that is stopped while their records are not there leaves them to the next.
    pub fn next(&mut self, moment: Moment) -> Option<Binding> {
        match self {
            Self::Live { ledger, pace, state } => {
                let repeated = ledger.repeat(moment);
                state.ended |= moment.ending && repeated == Some(None);
                repeated.unwrap_or_else(|| live::next(ledger, pace, state, moment))
            }
            Self::Folder { ledger, state } => {
                let repeated = ledger.repeat(moment);
                match &repeated {
                    Some(Some(binding)) => state.repeated(ledger, binding),
                    Some(None) => state.ended |= moment.ending,
                    None => {}
                }
                repeated.unwrap_or_else(|| folder::next(ledger, state, moment))
            }
        }
    }

    /// How every partition stands.
    pub fn facts(&mut self, moment: Moment) -> Vec<PartitionFacts> {
        match self {
            Self::Live { ledger, .. } => facts::of_logs(ledger, moment),
            Self::Folder { ledger, state } => facts::of_files(ledger, state),
        }
    }

    /// Why there is no next binding now; `None` where there is one, or only the clock is waited for.
    pub fn wait(&self, moment: Moment) -> Option<Wait> {
        match self {
            Self::Live { ledger, pace, state } => {
                facts::repetition(ledger, moment).or_else(|| live::wait(ledger, pace, state, moment))
            }
            Self::Folder { ledger, state } => {
                facts::repetition(ledger, moment).or_else(|| folder::wait(ledger, state, moment))
            }
        }
    }

    /// True when the input has ended and its last tick, a cut, is bound.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Live { state, .. } => state.ended,
            Self::Folder { state, .. } => state.ended,
        }
    }

    /// When to ask again if nothing arrives, in milliseconds.
    pub fn patience_ms(&self, mono_ms: u64) -> u64 {
        match self {
            // Without offers nothing is due before the heartbeat, and an offer wakes the worker.
            Self::Live { ledger, pace, state } => {
                let due_ms = if ledger.has_offers() { pace.tick_ms } else { pace.tick_ms.max(live::HEARTBEAT_MS) };
                (state.minted_ms + due_ms).saturating_sub(mono_ms).clamp(1, 100)
            }
            Self::Folder { .. } => 100,
        }
    }
}

#[cfg(test)]
mod tests;
