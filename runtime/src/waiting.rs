//! A state store elsewhere comes back: it is waited for while the run goes on, and told meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::committer::PATIENCE_AT_END;
use crate::fate::Fate;
use crate::progress::Progress;
use crate::store::StoreError;

/// Faults that pass by then are how networks are.
const TOLD_AFTER: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Waiting {
    fate: Arc<Fate>,
    progress: Arc<Progress>,
}

impl Waiting {
    pub fn new(fate: &Arc<Fate>, progress: &Arc<Progress>) -> Self {
        Self { fate: fate.clone(), progress: progress.clone() }
    }

    /// For one question to the store, which may be asked again and again.
    pub fn outage(&self) -> Outage<'_> {
        Outage { waiting: self, is_told: false, stopping: None }
    }
}

/// Ends when the question is answered, or nobody waits for the answer any more.
pub struct Outage<'a> {
    waiting: &'a Waiting,
    is_told: bool,
    stopping: Option<Instant>,
}

impl Outage<'_> {
    /// False once the run has failed, or has been asked to stop and the store does not let it.
    pub fn goes_on(&mut self, error: &StoreError, lasts: Duration) -> bool {
        let Waiting { fate, progress } = self.waiting;
        if lasts >= TOLD_AFTER && !std::mem::replace(&mut self.is_told, true) {
            tracing::warn!(%error, "state store does not answer, checkpoints wait for it");
        }
        if self.is_told {
            progress.state_down(Some(error.to_string()));
        }
        if fate.is_stopping() {
            self.stopping.get_or_insert_with(Instant::now);
        }
        !fate.has_failed() && self.stopping.is_none_or(|since| since.elapsed() <= PATIENCE_AT_END)
    }
}

impl Drop for Outage<'_> {
    fn drop(&mut self) {
        if self.is_told {
            self.waiting.progress.state_down(None);
        }
    }
}
