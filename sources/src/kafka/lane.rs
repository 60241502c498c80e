//! One partition as it is read: its open batch, its clock, how it stands. Pure.

use std::time::Instant;

use greenwave_model::{Batch, PartitionClock, PartitionKey};

use super::consumer::Record;
use super::statistics::Health;
use crate::decode::Decoders;
use crate::{Position, Standing};

/// A batch is closed at this many rows: one decoded block of a folder, and what a tick handles at once.
const BATCH_ROWS_MAX: usize = 4096;
/// Or at this many bytes, so that large records do not make large batches.
const BATCH_BYTES_MAX: usize = 1 << 20;

pub struct Lane {
    pub number: u16,
    pub key: PartitionKey,
    pub topic: String,
    pub partition: i32,
    /// Place of the decoder.
    decoder: usize,
    /// Why librdkafka says the partition cannot be read; and an error since which nothing was read.
    pub fault: Option<String>,
    pub trouble: Option<String>,
    /// Since when no broker knows the partition.
    pub gone_since: Option<Instant>,
    /// Since when the open batch has had something in it.
    pub opened: Option<Instant>,
    clock: PartitionClock,
    open: Batch,
    at_end: bool,
    /// Closed batches that have not gone out, and the clock after those that have.
    unsent: usize,
    sent_ms: Option<i64>,
    said: Option<Standing>,
    /// Where the log ends, as last heard, and as last said.
    log_end: Option<i64>,
    log_end_said: Option<i64>,
}

/// A record's bytes and place, apart from librdkafka.
pub struct Taken<'a> {
    pub payload: &'a [u8],
    pub offset: i64,
    pub timestamp_ms: Option<i64>,
}

impl<'a> From<Record<'a>> for Taken<'a> {
    fn from(record: Record<'a>) -> Self {
        Self { payload: record.payload(), offset: record.offset(), timestamp_ms: record.timestamp_ms() }
    }
}

/// What time it is for a round of records.
#[derive(Clone, Copy)]
pub struct Moment {
    pub wall_ms: i64,
    pub clock_skew_ms: i64,
    pub at: Instant,
}

impl Lane {
    pub fn new(position: &Position, topic: String, partition: i32) -> Self {
        let next = position.next.unwrap_or(0);
        Self {
            number: position.number,
            key: position.key.clone(),
            topic,
            partition,
            decoder: Decoders::of(&position.key.topic),
            fault: None,
            trouble: None,
            gone_since: None,
            opened: None,
            clock: position.clock.clone(),
            open: open(position.number, next),
            at_end: false,
            unsent: 0,
            sent_ms: position.clock.now_ms,
            said: None,
            log_end: None,
            log_end_said: None,
        }
    }

    /// The next offset to read.
    pub fn next(&self) -> i64 {
        self.open.end
    }

    /// Takes a record; a batch when it is full. A record that was read before a pause may come again, and is not taken.
    #[inline]
    pub fn take(&mut self, record: &Taken<'_>, moment: &Moment, decoders: &mut Decoders) -> Option<Batch> {
        if record.offset < self.open.end {
            return None;
        }
        let arrival_ms = record.timestamp_ms.unwrap_or(moment.wall_ms);
        let arrived_ms = arrival_ms.min(moment.wall_ms);
        let events = self.open.events();
        decoders.decode(self.decoder, record.payload, record.offset, Some(arrival_ms), &mut self.open);
        if let Some(event_ms) = self.open.newer_event_ms(events) {
            self.clock.observe(event_ms.min(arrived_ms.saturating_add(moment.clock_skew_ms)));
        }
        self.open.last_arrival_ms = self.open.last_arrival_ms.max(Some(arrived_ms));
        self.open.end = record.offset + 1;
        self.open.bytes += record.payload.len();
        self.opened.get_or_insert(moment.at);
        self.is_well();
        self.at_end = false;
        let rows = self.open.events() + self.open.rejects.len();
        if rows >= BATCH_ROWS_MAX || self.open.bytes >= BATCH_BYTES_MAX { self.close() } else { None }
    }

    /// The log ends at `offset`. Offsets before it that brought no record are transaction marks: they are passed.
    pub fn end_at(&mut self, offset: i64, at: Instant) {
        if offset > self.open.end {
            self.open.end = offset;
            self.opened.get_or_insert(at);
        }
        self.is_well();
        self.at_end = true;
    }

    fn is_well(&mut self) {
        self.gone_since = None;
        self.trouble = None;
    }

    /// What librdkafka says about its connection to the partition, and why, if it knows.
    pub fn learn(&mut self, health: &Health, why: Option<&str>, at: Instant) {
        match health.fault(&self.topic, self.partition) {
            None => self.fault = None,
            Some(fault) if self.fault.is_none() => {
                self.fault = Some(why.map_or_else(|| fault.clone(), |why| format!("{fault}: {why}")));
            }
            Some(_) => {}
        }
        self.log_end = health.end(&self.topic, self.partition).or(self.log_end);
        let gone = health.is_unknown(&self.topic, self.partition);
        self.gone_since = gone.then(|| self.gone_since.unwrap_or(at));
    }

    /// Where the log ends, if that is news.
    pub fn end_news(&mut self) -> Option<(u16, i64)> {
        let end = self.log_end.filter(|_| self.log_end != self.log_end_said)?;
        self.log_end_said = self.log_end;
        Some((self.number, end))
    }

    /// The open batch, if there is anything in it; the next one starts where it ends.
    pub fn close(&mut self) -> Option<Batch> {
        if self.open.end == self.open.start {
            return None;
        }
        self.opened = None;
        self.unsent += 1;
        let next = open(self.number, self.open.end);
        let batch = std::mem::replace(&mut self.open, next);
        Some(Batch { clock: self.clock.clone(), ..batch })
    }

    /// A batch has gone out: it took back what was said.
    pub fn sent(&mut self, batch: &Batch) {
        self.unsent -= 1;
        self.sent_ms = batch.clock.now_ms;
        if let Some(said) = &mut self.said {
            said.at_end = false;
            said.fault = None;
        }
    }

    /// How the partition stands, if that is news and all that was read before it has gone out.
    pub fn standing(&mut self) -> Option<Standing> {
        if self.opened.is_some() || self.unsent > 0 {
            return None;
        }
        let fault = self.fault.clone().or_else(|| self.trouble.clone());
        let at_end = self.at_end && fault.is_none();
        let now = Standing { partition: self.number, at_end, next: self.next(), fault };
        let silent = self.said.is_none() && !now.at_end && now.fault.is_none();
        let same = self.said.as_ref().is_some_and(|said| said.at_end == now.at_end && said.fault == now.fault);
        (!silent && !same).then(|| self.said.insert(now).clone())
    }
}

fn open(number: u16, next: i64) -> Batch {
    Batch { partition: number, start: next, end: next, timestamped: true, ..Batch::default() }
}

/// The partition that holds the others up: of those with something left to read or to send the one with the lowest
/// clock, as far as it has been sent, and before all one that has none.
pub fn slowest(lanes: &[Lane]) -> Option<usize> {
    let is_left = |lane: &Lane| !lane.at_end || lane.opened.is_some() || lane.unsent > 0;
    (0..lanes.len()).filter(|&lane| is_left(&lanes[lane])).min_by_key(|&lane| lanes[lane].sent_ms)
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
