//! A guess at where a file's clock will stand, for decoding ahead. A wrong guess costs time and changes no row.

use greenwave_model::{Batch, PartitionClock};

/// What a block is thought to advance a file before any of it was decoded: little, so that files that lie beside each
/// other are begun in turn, and files that follow each other are not.
const FIRST_GUESS_MS: i64 = 1_000;

#[derive(Debug)]
pub struct Forecast {
    clock_ms: Option<i64>,
    advance_ms: i64,
    taken: u64,
    known: u64,
}

impl Forecast {
    pub fn new(clock_ms: Option<i64>) -> Self {
        Self { clock_ms, advance_ms: FIRST_GUESS_MS, taken: 0, known: 0 }
    }

    /// Where the clock will stand after all blocks that were taken.
    pub fn clock_ms(&self) -> Option<i64> {
        self.clock_ms
    }

    /// A block is being read; its number comes back with [`Forecast::learn`].
    pub fn take(&mut self) -> u64 {
        self.taken += 1;
        self.clock_ms = self.clock_ms.map(|clock| clock.saturating_add(self.advance_ms));
        self.taken
    }

    /// The block has been decoded.
    pub fn learn(&mut self, block: u64, batch: &Batch) {
        if block < self.known {
            return;
        }
        let times = || batch.event_times_ms();
        let (Some(first), Some(last)) = (median(times().take(5)), median(times().rev().take(5))) else { return };
        self.known = block;
        self.advance_ms = (last - first).max(1);
        let ahead = (self.taken - block) as i64;
        self.clock_ms = Some(last.saturating_add(self.advance_ms.saturating_mul(ahead)));
    }
}

fn median(times: impl Iterator<Item = i64>) -> Option<i64> {
    let mut clock = PartitionClock::default();
    times.for_each(|time| clock.observe(time));
    clock.last_five.sort_unstable();
    clock.last_five.get(clock.last_five.len().checked_sub(1)? / 2).copied()
}
