//! A folder: bindings are a pure function of the bytes. The next block is that of the unfinished file whose clock is
//! lowest; a tick is 16 blocks, a cut 8 ticks and the end. No clock is read: it is as late as in the file that is least
//! far, since a block of a sparse topic may cover hours of a dense one.

use greenwave_model::Binding;

use super::{Ledger, Moment, Wait, ledger::Slot};

const TICK_BLOCKS: usize = 16;
const CUT_TICKS: usize = 8;
/// Ticks in flight: deep enough to keep every worker busy while one tick is being closed.
const IN_FLIGHT_MAX: usize = 4;

#[derive(Debug)]
pub struct FolderState {
    first_event_ms: Vec<Option<i64>>,
    blocks: usize,
    ticks: usize,
    now_ms: i64,
    pace: Option<f64>,
    /// The first moment and the clock it stands for.
    begun: Option<(u64, i64)>,
    pub ended: bool,
}

impl FolderState {
    pub fn new(ledger: &Ledger, first_event_ms: Vec<Option<i64>>, pace: Option<f64>) -> Self {
        let all_read = ledger.slots.iter().all(|slot| slot.bound.finished);
        let ended = all_read && ledger.last().is_some_and(|binding| binding.is_cut);
        Self { first_event_ms, blocks: 0, ticks: 0, now_ms: ledger.now_ms().max(0), pace, begun: None, ended }
    }

    /// With a pace, a tick waits until its time has come.
    fn is_early(&self, mono_ms: u64) -> bool {
        let (begun_ms, first_ms) = self.begun.unwrap_or((mono_ms, self.now_ms));
        let passed_ms = mono_ms.saturating_sub(begun_ms) as f64;
        self.pace.is_some_and(|pace| passed_ms * pace < (self.now_ms - first_ms) as f64)
    }

    /// The clock a file counts with: its own, or its first event's while it is untouched.
    fn counted(&self, number: usize, slot: &Slot) -> Option<i64> {
        slot.bound.clock.now_ms.or(self.first_event_ms(number))
    }

    pub fn first_event_ms(&self, number: usize) -> Option<i64> {
        self.first_event_ms.get(number).copied().flatten()
    }

    /// A tick bound again counts towards its cut as it did the first time.
    pub fn repeated(&mut self, binding: &Binding) {
        self.ticks = if binding.is_cut { 0 } else { self.ticks + 1 };
        self.now_ms = binding.now_ms;
        self.ended = binding.is_cut && binding.partitions.iter().all(|partition| partition.finished);
    }
}

pub fn next(ledger: &mut Ledger, state: &mut FolderState, moment: Moment) -> Option<Binding> {
    // A stopped run makes no cut of its own: cuts are where the bytes put them, and the next run reads on from the last.
    state.ended |= moment.ending;
    if state.ended || moment.in_flight >= IN_FLIGHT_MAX {
        return None;
    }
    let mut finished = false;
    while state.blocks < TICK_BLOCKS && !finished {
        match lowest(ledger, state) {
            None => finished = true,
            Some(number) => {
                ledger.slots[number].take()?;
                state.blocks += 1;
            }
        }
    }
    finished |= lowest(ledger, state).is_none();
    state.now_ms = state.now_ms.max(now_ms(ledger, state));
    let is_cut = finished || state.ticks + 1 == CUT_TICKS;
    state.begun.get_or_insert((moment.mono_ms, state.now_ms));
    if (is_cut && !moment.may_cut) || state.is_early(moment.mono_ms) {
        return None;
    }
    ledger.advance_watermarks(|number, slot| (!slot.bound.finished).then_some(state.counted(number, slot)));
    state.blocks = 0;
    state.ticks = if is_cut { 0 } else { state.ticks + 1 };
    state.ended = finished;
    // Without a pace nobody watches: most values would be overtaken before anyone saw them.
    Some(ledger.bind(state.now_ms, is_cut, state.pace.is_some()))
}

/// What the next tick waits for.
pub fn wait(ledger: &Ledger, state: &FolderState, moment: Moment) -> Option<Wait> {
    if state.ended {
        return None;
    }
    if moment.in_flight >= IN_FLIGHT_MAX {
        return Some(Wait::Workers { ticks: moment.in_flight });
    }
    let next = lowest(ledger, state).filter(|_| state.blocks < TICK_BLOCKS);
    if let Some(unread) = next.map(|number| &ledger.slots[number]).filter(|slot| slot.front().is_none()) {
        return Some(Wait::Records { partition: unread.bound.key.clone() });
    }
    let is_cut = lowest(ledger, state).is_none() || state.ticks + 1 == CUT_TICKS;
    match is_cut && !moment.may_cut {
        true => Some(Wait::Cut),
        false => state.is_early(moment.mono_ms).then_some(Wait::Pace),
    }
}

/// The lowest clock of unfinished files, an untouched one with its first event; at the end the highest of all.
fn now_ms(ledger: &Ledger, state: &FolderState) -> i64 {
    let clocks = |unfinished: bool| {
        let of = ledger.slots.iter().enumerate().filter(move |(_, slot)| !(unfinished && slot.bound.finished));
        of.filter_map(|(number, slot)| state.counted(number, slot))
    };
    clocks(true).min().or_else(|| clocks(false).max()).unwrap_or(i64::MIN)
}

/// The unfinished file with the lowest clock. An untouched file counts with its first event time, one without any
/// event comes first; ties by number, which is the order of paths.
fn lowest(ledger: &Ledger, state: &FolderState) -> Option<usize> {
    let unfinished = (0..ledger.slots.len()).filter(|&number| !ledger.slots[number].bound.finished);
    unfinished.min_by_key(|&number| state.counted(number, &ledger.slots[number]))
}
