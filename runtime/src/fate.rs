//! How a run ends before its time: the first error of any thread, or the wish to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::RunError;

/// Shared by all threads of a run.
#[derive(Default)]
pub struct Fate {
    error: Mutex<Option<RunError>>,
    failed: AtomicBool,
    stop: AtomicBool,
}

impl Fate {
    /// Ends the run at once: no cut, no commit. The first error is the one that is told.
    pub fn fail(&self, error: RunError) {
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub fn error(&self) -> Option<RunError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Asks for an orderly end: of a live run one last cut, of a folder none, and everything up to it durable. Safe to
    /// call from a signal thread, and twice.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}
