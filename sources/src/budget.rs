//! The limit on decoded rows that wait for their tick.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes decoded and not yet taken by the dataflow. A reader asks before it sends, the worker releases when a tick has
/// taken a batch. The batch that fills it may be larger than the room left: so whoever finds it full has sent all of it.
///
/// A reader may overstep a full budget by `Budget::force`, for rows without which no tick can be made; how often is
/// counted since the last release, so that a worker that takes nothing is not flooded.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    held: Mutex<Held>,
    released: Condvar,
}

#[derive(Debug)]
struct Held {
    bytes: usize,
    /// Since the last release.
    forced: usize,
    last_release: Instant,
}

impl Budget {
    pub fn new(limit: usize) -> Self {
        let held = Held { bytes: 0, forced: 0, last_release: Instant::now() };
        Self { limit, held: Mutex::new(held), released: Condvar::new() }
    }

    /// The dataflow has taken a batch of this many bytes.
    pub fn release(&self, bytes: usize) {
        let mut held = self.lock();
        held.bytes = held.bytes.saturating_sub(bytes);
        held.forced = 0;
        held.last_release = Instant::now();
        drop(held);
        self.released.notify_all();
    }

    /// Bytes that wait now.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Takes room for a batch, if there is any at all.
    pub(crate) fn try_take(&self, bytes: usize) -> bool {
        let mut held = self.lock();
        let has_room = held.bytes < self.limit;
        if has_room {
            held.bytes = held.bytes.saturating_add(bytes);
        }
        has_room
    }

    pub(crate) fn has_room(&self) -> bool {
        self.lock().bytes < self.limit
    }

    /// Nothing was released for `patience`.
    pub(crate) fn is_stuck(&self, patience: Duration) -> bool {
        self.lock().last_release.elapsed() >= patience
    }

    /// Takes room that is not there, if nothing was released for `patience` and fewer than `at_most` batches were
    /// forced since.
    pub(crate) fn force(&self, bytes: usize, patience: Duration, at_most: usize) -> bool {
        let mut held = self.lock();
        let may = held.forced < at_most && held.last_release.elapsed() >= patience;
        if may {
            held.forced += 1;
            held.bytes = held.bytes.saturating_add(bytes);
        }
        may
    }

    /// Waits for a release, at most this long.
    pub(crate) fn wait(&self, at_most: Duration) {
        let held = self.lock();
        let _held = self.released.wait_timeout(held, at_most).unwrap_or_else(PoisonError::into_inner);
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_budget_refuses_until_a_release() {
        let budget = Budget::new(100);
        assert!(budget.try_take(99) && budget.try_take(401), "the one that fills it may be larger");
        assert!(!budget.try_take(1));
        budget.release(401);
        assert!(budget.try_take(1));
        assert!(!budget.try_take(1));
        budget.release(usize::MAX / 2);
        assert_eq!(budget.bytes(), 0);
    }

    #[test]
    fn forcing_is_counted_since_the_last_release() {
        let budget = Budget::new(1);
        assert!(budget.try_take(1));
        assert!(!budget.force(1, Duration::from_secs(3600), 2), "released a moment ago");
        assert!(budget.force(1, Duration::ZERO, 2) && budget.force(1, Duration::ZERO, 2));
        assert!(!budget.force(1, Duration::ZERO, 2));
        budget.release(1);
        assert!(budget.force(1, Duration::ZERO, 2));
    }
}
