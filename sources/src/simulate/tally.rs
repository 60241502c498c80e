//! Counts of what has arrived.

use super::record::{Kind, Record};
use super::report::Feed;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub records: u64,
    pub bytes: u64,
    feeds: [u64; 5],
    kinds: [u64; 7],
    pub last_arrival_ms: i64,
}

impl Tally {
    #[inline]
    pub fn count(&mut self, record: &Record<'_>) {
        self.records += 1;
        self.bytes += record.payload.len() as u64 + 1;
        self.feeds[record.feed as usize] += 1;
        self.kinds[record.kind.place()] += 1;
        self.last_arrival_ms = record.arrival_ms;
    }

    /// Records of each topic.
    pub fn topics(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Feed::ALL.into_iter().map(|feed| (feed.topic(), self.feeds[feed as usize]))
    }

    /// Records of each kind.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Kind::NAMES.into_iter().zip(self.kinds)
    }
}
