//! Doing things at a rate, or at their time.

use std::time::{Duration, Instant};

use crate::producing::wall_ms;

/// Sleeping costs about so much; a record is early by less.
const SLACK: Duration = Duration::from_micros(500);

/// When the next of a row of things is due.
pub enum Pace {
    AsFastAsPossible,
    /// So many a second since the start.
    Rate {
        start: Instant,
        per_second: f64,
    },
    /// Each at its own time of the wall clock.
    Clock,
}

impl Pace {
    pub fn at(per_second: f64) -> Self {
        if per_second > 0.0 { Self::Rate { start: Instant::now(), per_second } } else { Self::AsFastAsPossible }
    }

    /// Waits for the `number`th thing, which belongs to a time of the wall clock.
    pub fn wait(&self, number: u64, at_ms: i64) {
        let ahead = match self {
            Self::AsFastAsPossible => return,
            Self::Rate { start, per_second } => {
                let due = *start + Duration::from_secs_f64(number as f64 / per_second);
                due.saturating_duration_since(Instant::now())
            }
            Self::Clock => Duration::from_millis(u64::try_from(at_ms - wall_ms()).unwrap_or(0)),
        };
        if ahead > SLACK {
            std::thread::sleep(ahead);
        }
    }
}
