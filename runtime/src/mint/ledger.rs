//! What is offered and what is bound, partition by partition.

use std::collections::{BTreeMap, VecDeque};

use greenwave_model::{Batch, Binding, CutRef, PartitionBound, PartitionClock};
use greenwave_sources::Standing;
use serde::{Deserialize, Serialize};

use super::Moment;

/// A decoded batch without its rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offer {
    pub partition: u16,
    pub start: i64,
    pub end: i64,
    pub clock: PartitionClock,
    pub last_arrival_ms: Option<i64>,
    pub bytes: u64,
    pub finished: bool,
}

impl From<&Batch> for Offer {
    fn from(batch: &Batch) -> Self {
        Self {
            partition: batch.partition,
            start: batch.start,
            end: batch.end,
            clock: batch.clock.clone(),
            last_arrival_ms: batch.last_arrival_ms,
            bytes: batch.bytes as u64,
            finished: batch.finished,
        }
    }
}

/// One partition: what is bound, what waits, how its reader stands.
pub struct Slot {
    pub bound: PartitionBound,
    pub offers: VecDeque<Offer>,
    /// Since when (monotonic) the reader has stood at the end without error.
    pub at_end_since_ms: Option<u64>,
    /// Why the reader cannot read, if it cannot.
    pub fault: Option<String>,
    /// Where the log ends, as last heard.
    pub log_end: Option<i64>,
    /// When (monotonic) nothing was left to bind, as last looked; the start of the run before that.
    pub caught_up_ms: u64,
}

impl Slot {
    /// The first offer, if it follows what is bound: several workers may read one file, and their offers cross.
    pub fn front(&self) -> Option<&Offer> {
        self.offers.front().filter(|offer| offer.start <= self.bound.end)
    }

    /// Takes it into the tick being made.
    pub fn take(&mut self) -> Option<Offer> {
        self.front()?;
        let offer = self.offers.pop_front()?;
        self.bound.end = offer.end;
        self.bound.clock = offer.clock.clone();
        self.bound.last_arrival_ms = offer.last_arrival_ms.max(self.bound.last_arrival_ms);
        self.bound.finished = offer.finished;
        Some(offer)
    }
}

impl Slot {
    /// How far records are offered without a gap.
    pub fn offered_to(&self) -> i64 {
        self.offers.iter().fold(self.bound.end, |to, offer| if offer.start <= to { to.max(offer.end) } else { to })
    }
}

pub struct Ledger {
    pub slots: Vec<Slot>,
    generation: u64,
    /// The last tick bound, by whatever generation.
    last: Option<Binding>,
    cut: CutRef,
    minted: u64,
    watermark_ms: BTreeMap<String, i64>,
    now_ms: i64,
    references: BTreeMap<String, String>,
    out_of_orderness_ms: i64,
    /// Cuts that are known, then ticks readers have seen: to be bound again exactly as they were.
    repeats: VecDeque<Binding>,
    /// The last of those cuts. What was between them is not known, and of no matter.
    recorded: u64,
}

/// Payload bytes of a repeated cut that need not wait for the rest: less than the smallest budget of a worker.
const PIECE_BYTES: u64 = 12 << 20;
const PIECES_IN_FLIGHT_MAX: usize = 4;

impl Ledger {
    /// `restored`: the cut that was restored; `table`: every partition, with what is bound of it; `repeats`: cuts after
    /// it up to the tick `recorded`, then visible ticks.
    pub fn new(
        generation: u64,
        restored: Option<&Binding>,
        table: Vec<PartitionBound>,
        (repeats, recorded): (Vec<Binding>, u64),
        references: BTreeMap<String, String>,
        out_of_orderness_ms: i64,
    ) -> Self {
        let slot = |bound| Slot {
            bound,
            offers: VecDeque::new(),
            at_end_since_ms: None,
            fault: None,
            log_end: None,
            caught_up_ms: 0,
        };
        Self {
            slots: table.into_iter().map(slot).collect(),
            generation,
            last: restored.cloned(),
            cut: restored.map(Binding::as_cut).unwrap_or_default(),
            minted: 0,
            watermark_ms: restored.map(|binding| binding.watermark_ms.clone()).unwrap_or_default(),
            now_ms: restored.map_or(i64::MIN, |binding| binding.now_ms),
            references,
            out_of_orderness_ms,
            repeats: repeats.into(),
            recorded,
        }
    }

    pub fn offer(&mut self, offer: Offer) {
        let slot = &mut self.slots[usize::from(offer.partition)];
        slot.at_end_since_ms = None;
        slot.fault = None;
        let place = slot.offers.partition_point(|other| (other.start, other.end) <= (offer.start, offer.end));
        slot.offers.insert(place, offer);
    }

    pub fn standing(&mut self, standing: Standing, mono_ms: u64) {
        let slot = &mut self.slots[usize::from(standing.partition)];
        let at_end = standing.at_end && standing.fault.is_none();
        slot.at_end_since_ms = at_end.then(|| slot.at_end_since_ms.unwrap_or(mono_ms));
        slot.fault = standing.fault;
    }

    pub fn log_end(&mut self, partition: u16, end: i64) {
        self.slots[usize::from(partition)].log_end = Some(end);
    }

    /// The tick that must be bound again before any other.
    pub fn repeating(&self) -> Option<&Binding> {
        self.repeats.front()
    }

    /// Whether any partition has rows to bind.
    pub fn has_offers(&self) -> bool {
        self.slots.iter().any(|slot| slot.front().is_some())
    }

    pub fn last(&self) -> Option<&Binding> {
        self.last.as_ref()
    }

    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// `None`: nothing is left to repeat. `Some(None)`: the next repetition waits for its records, or for the manifest
    /// of the cut before it.
    pub fn repeat(&mut self, moment: Moment) -> Option<Option<Binding>> {
        let next = self.repeats.front()?;
        let covered = self.slots.iter().zip(&next.partitions).all(|(slot, bound)| slot.offered_to() >= bound.end);
        if !covered {
            return Some(self.piece(moment));
        }
        if next.is_cut && !moment.may_cut {
            return Some(None);
        }
        let binding = self.repeats.pop_front()?;
        for (slot, bound) in self.slots.iter_mut().zip(&binding.partitions) {
            while slot.offers.front().is_some_and(|offer| offer.end <= bound.end) {
                slot.offers.pop_front();
            }
            slot.bound = bound.clone();
        }
        self.watermark_ms = binding.watermark_ms.clone();
        self.now_ms = binding.now_ms;
        self.note(&binding);
        Some(Some(binding))
    }

    /// Some of a cut's records, as a tick that tells nobody anything: so its bytes are released before the rest has come.
    /// It has a number that one of the cut's own ticks had.
    fn piece(&mut self, moment: Moment) -> Option<Binding> {
        let next = self.repeats.front().filter(|next| next.tick <= self.recorded)?;
        let last = self.last.as_ref()?;
        let tick = last.tick + 1;
        let ends = next.partitions.iter().map(|bound| bound.end);
        let waits = |(slot, end): (&Slot, i64)| -> u64 {
            slot.offers.iter().filter(|offer| offer.end <= end).map(|offer| offer.bytes).sum()
        };
        let bytes: u64 = self.slots.iter().zip(ends.clone()).map(waits).sum();
        if tick >= next.tick || bytes < PIECE_BYTES || moment.in_flight >= PIECES_IN_FLIGHT_MAX {
            return None;
        }
        let piece = Binding { tick, is_cut: false, publishes: false, cut: self.cut, ..last.clone() };
        for (slot, end) in self.slots.iter_mut().zip(ends) {
            while slot.front().is_some_and(|offer| offer.end <= end) {
                slot.take();
            }
        }
        let partitions = self.slots.iter().map(|slot| slot.bound.clone()).collect();
        let piece = Binding { partitions, ..piece };
        self.note(&piece);
        Some(piece)
    }

    /// Binds what the slots have taken. Time never goes back.
    pub fn bind(&mut self, now_ms: i64, is_cut: bool, publishes: bool) -> Binding {
        self.now_ms = self.now_ms.max(now_ms);
        self.minted += 1;
        let binding = Binding {
            tick: (self.generation << 32) + self.minted - 1,
            generation: self.generation,
            is_cut,
            publishes: publishes || is_cut,
            cut: self.cut,
            partitions: self.slots.iter().map(|slot| slot.bound.clone()).collect(),
            watermark_ms: self.watermark_ms.clone(),
            now_ms: self.now_ms,
            references: self.references.clone(),
        };
        self.note(&binding);
        binding
    }

    fn note(&mut self, binding: &Binding) {
        if binding.is_cut {
            self.cut = binding.as_cut();
        }
        self.last = Some(binding.clone());
    }

    /// Moves each topic's watermark to the lowest clock of its `counted` partitions, less the out-of-orderness.
    /// A counted partition without a clock holds the watermark. A topic without counted partitions holds nobody: it is
    /// taken along with the lowest that counts.
    pub fn advance_watermarks(&mut self, counted: impl Fn(usize, &Slot) -> Option<Option<i64>>) {
        let mut lowest: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        for (number, slot) in self.slots.iter().enumerate() {
            let Some(clock) = counted(number, slot) else { continue };
            let entry = lowest.entry(slot.bound.key.topic.as_str()).or_insert(clock);
            *entry = entry.zip(clock).map(|(a, b)| a.min(b));
        }
        // A topic that has none yet begins where the others are: what was said of windows stands.
        let least = self.watermark_ms.values().copied().min();
        let mut floor: Option<i64> = None;
        for (topic, clock) in &lowest {
            let Some(clock) = clock else { continue };
            let watermark = clock - self.out_of_orderness_ms;
            let held = self.watermark_ms.entry((*topic).to_owned()).or_insert(least.unwrap_or(watermark));
            *held = watermark.max(*held);
            floor = Some(floor.map_or(*held, |floor| floor.min(*held)));
        }
        let Some(floor) = floor.filter(|_| lowest.values().all(Option::is_some)) else { return };
        let silent = self.watermark_ms.iter_mut().filter(|(topic, _)| !lowest.contains_key(topic.as_str()));
        silent.for_each(|(_, held)| *held = floor.max(*held));
    }
}
