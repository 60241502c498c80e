//! Waiting for a condition with a deadline, in place of sleeping and then looking.

use std::time::{Duration, Instant};

/// Between two looks: short beside anything awaited here, long enough to leave the cores to what is awaited.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until there is something to see, or `None` once `limit` has passed.
pub fn try_wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Looks until there is something to see; panics with `what` once `limit` has passed.
#[track_caller]
pub fn wait_for<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    try_wait_for(limit, look).unwrap_or_else(|| panic!("waited {limit:?} in vain for {what}"))
}
