//! How far back the feed reaches, how often a lost Redis is tried, and what clock its expiries follow.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A reader that pauses or restarts within this finds its place in the feed again; a longer absence costs it a reading
/// of the groups, which is what a new reader does anyway.
const FEED_KEPT: Duration = Duration::from_secs(60);
/// A replay at full speed writes in a second what a city does in an hour: then bytes are the limit.
const FEED_BYTES: usize = 64 << 20;

/// Which ticks the feed still holds.
#[derive(Debug, Default)]
pub(super) struct FeedSpan {
    written: VecDeque<(Instant, u64, usize)>,
    bytes: usize,
    floor: u64,
}

impl FeedSpan {
    pub fn wrote(&mut self, now: Instant, tick: u64, bytes: usize) {
        self.written.push_back((now, tick, bytes));
        self.bytes += bytes;
        while let Some(&(at, tick, bytes)) = self.written.front()
            && (now.duration_since(at) > FEED_KEPT || self.bytes > FEED_BYTES)
        {
            self.written.pop_front();
            self.bytes -= bytes;
            self.floor = tick + 1;
        }
    }

    /// Entries below this tick may go.
    pub fn floor(&self) -> u64 {
        self.floor
    }
}

/// When to try again.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    pub due: Instant,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LAST: Duration = Duration::from_secs(1);

    /// Due at once.
    pub fn new() -> Self {
        Self { next: Self::FIRST, due: Instant::now() }
    }

    pub fn failed(&mut self) {
        self.due = Instant::now() + self.next;
        self.next = (self.next * 2).min(Self::LAST);
    }
}

/// Bindings of a live run tell the time of the wall. Those of a replay tell that of its records, and expiries by it
/// would lie in the past: they are shifted by the distance of the two clocks at the first tick this process minted.
#[derive(Debug)]
pub(super) struct ExpiryClock {
    first_minted: u64,
    pub shift_ms: i64,
    decided: bool,
}

impl ExpiryClock {
    /// A live clock further from the wall than this stops the job, so it is a replay's.
    const REPLAY_FROM_MS: i64 = 5 * 60_000;

    pub fn new(generation: u64) -> Self {
        Self { first_minted: generation.saturating_mul(1 << 32), shift_ms: 0, decided: false }
    }

    /// True when expiries written so far are wrong.
    pub fn observe(&mut self, tick: u64, now_ms: i64) -> bool {
        if self.decided || tick < self.first_minted {
            return false;
        }
        self.decided = true;
        let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let distance = wall_ms - now_ms;
        if distance.abs() > Self::REPLAY_FROM_MS {
            self.shift_ms = distance;
        }
        self.shift_ms != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feed_is_bounded_by_time_and_by_bytes() {
        let start = Instant::now();
        let mut span = FeedSpan::default();
        span.wrote(start, 1, 10);
        span.wrote(start + Duration::from_secs(30), 2, 10);
        assert_eq!(span.floor(), 0);
        span.wrote(start + Duration::from_secs(61), 3, 10);
        assert_eq!(span.floor(), 2);
        span.wrote(start + Duration::from_secs(62), 4, FEED_BYTES);
        assert_eq!(span.floor(), 4);
        assert_eq!(span.bytes, FEED_BYTES);
    }

    #[test]
    fn only_a_replay_is_shifted_and_only_from_its_first_own_tick() {
        let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let mut live = ExpiryClock::new(2);
        assert!(!live.observe(2 << 32, wall_ms - 1_000) && live.shift_ms == 0);
        let mut replay = ExpiryClock::new(2);
        let year_ms = 365 * 86_400_000;
        assert!(!replay.observe((1 << 32) + 7, wall_ms - year_ms));
        assert!(replay.observe(2 << 32, wall_ms - year_ms));
        assert!((replay.shift_ms - year_ms).abs() < 60_000);
        assert!(!replay.observe((2 << 32) + 1, wall_ms - year_ms));
    }
}
