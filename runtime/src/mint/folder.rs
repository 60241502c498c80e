//! A folder: bindings are a pure function of the bytes. The next block is that of the unfinished file whose clock is
//! lowest. A cut is so many lines, or fewer if event time has passed meanwhile; ticks divide it, finer where somebody
//! watches. No clock is read: it is as late as in the file that is least far.

use greenwave_model::Binding;

use super::{Ledger, Moment, Wait, ledger::Slot};

/// Lines and payload bytes that end a tick. The bytes are a quarter of what may wait for each worker.
const TICK_LINES: i64 = 65_536;
const TICK_BYTES: u64 = 32 << 20;
const TICK_PACED_BYTES: u64 = TICK_BYTES / 8;
/// Real time between two ticks of a run with a pace.
const TICK_PACED_MS: f64 = 500.0;
/// Lines that end a cut; so few of them do if so much event time has passed, and any if still more has.
const CUT_LINES: i64 = 8 * TICK_LINES;
const CUT_LINES_LEAST: i64 = TICK_LINES;
const CUT_EVENT_MS: i64 = 120_000;
const CUT_EVENT_MS_MOST: i64 = 900_000;
/// Ticks in flight: deep enough to keep every worker busy while one tick is being closed.
const IN_FLIGHT_MAX: usize = 4;

#[derive(Debug)]
pub struct FolderState {
    first_event_ms: Vec<Option<i64>>,
    /// Where the tick being made and the cut it belongs to began.
    tick: Mark,
    cut: Mark,
    /// Payload bytes of the tick being made.
    bytes: u64,
    now_ms: i64,
    pace: Option<f64>,
    /// The first moment and the clock it stands for.
    begun: Option<(u64, i64)>,
    pub ended: bool,
}

/// How far a folder has been read, in lines and in event time.
#[derive(Clone, Copy, Debug)]
struct Mark {
    lines: i64,
    now_ms: i64,
}

impl Mark {
    /// Of what is bound, the clock standing there.
    fn at(ledger: &Ledger, now_ms: i64) -> Self {
        Self { lines: ledger.slots.iter().map(|slot| slot.bound.end).sum(), now_ms }
    }

    fn lines_to(&self, here: Self) -> i64 {
        here.lines - self.lines
    }

    /// None has passed where no clock stood yet.
    fn event_ms_to(&self, here: Self) -> i64 {
        if self.now_ms == i64::MIN { 0 } else { here.now_ms.saturating_sub(self.now_ms) }
    }
}

impl FolderState {
    pub fn new(ledger: &Ledger, first_event_ms: Vec<Option<i64>>, pace: Option<f64>) -> Self {
        let all_read = ledger.slots.iter().all(|slot| slot.bound.finished);
        let ended = all_read && ledger.last().is_some_and(|binding| binding.is_cut);
        let begin = Mark::at(ledger, ledger.last().map_or_else(|| now_ms(ledger, &first_event_ms), |last| last.now_ms));
        let now_ms = ledger.now_ms().max(0);
        Self { first_event_ms, tick: begin, cut: begin, bytes: 0, now_ms, pace, begun: None, ended }
    }

    /// With a pace, a tick waits until its time has come.
    fn is_early(&self, mono_ms: u64) -> bool {
        let Some((begun_ms, first_ms)) = self.begun else { return false };
        let passed_ms = mono_ms.saturating_sub(begun_ms) as f64;
        self.pace.is_some_and(|pace| passed_ms * pace < (self.now_ms - first_ms) as f64)
    }

    pub fn first_event_ms(&self, number: usize) -> Option<i64> {
        self.first_event_ms.get(number).copied().flatten()
    }

    /// A tick bound again counts towards its cut as it did the first time.
    pub fn repeated(&mut self, ledger: &Ledger, binding: &Binding) {
        self.now_ms = binding.now_ms;
        self.bound(ledger, binding.is_cut);
        self.ended = binding.is_cut && binding.partitions.iter().all(|partition| partition.finished);
    }

    fn bound(&mut self, ledger: &Ledger, is_cut: bool) {
        self.tick = Mark::at(ledger, self.now_ms);
        self.bytes = 0;
        if is_cut {
            self.cut = self.tick;
        }
    }

    /// Whether the tick being made has all it may have.
    fn is_full(&self, ledger: &Ledger) -> bool {
        let here = self.here(ledger);
        let most_bytes = if self.pace.is_some() { TICK_PACED_BYTES } else { TICK_BYTES };
        let seen = self.pace.is_some_and(|pace| self.tick.event_ms_to(here) as f64 >= pace * TICK_PACED_MS);
        self.ends_cut(here) || self.tick.lines_to(here) >= TICK_LINES || self.bytes >= most_bytes || seen
    }

    fn here(&self, ledger: &Ledger) -> Mark {
        Mark::at(ledger, now_ms(ledger, &self.first_event_ms))
    }

    /// Whatever ticks divide it: of that depends what is late.
    fn ends_cut(&self, here: Mark) -> bool {
        let (lines, event_ms) = (self.cut.lines_to(here), self.cut.event_ms_to(here));
        let has_enough = lines >= CUT_LINES_LEAST && event_ms >= CUT_EVENT_MS;
        lines >= CUT_LINES || has_enough || (lines > 0 && event_ms >= CUT_EVENT_MS_MOST)
    }
}

pub fn next(ledger: &mut Ledger, state: &mut FolderState, moment: Moment) -> Option<Binding> {
    // A stopped run makes no cut of its own: cuts are where the bytes put them, and the next run reads on from the last.
    state.ended |= moment.ending;
    if state.ended || moment.in_flight >= IN_FLIGHT_MAX {
        return None;
    }
    while !state.is_full(ledger) {
        let Some(number) = lowest(ledger, &state.first_event_ms) else { break };
        state.bytes += ledger.slots[number].take()?.bytes;
    }
    let finished = lowest(ledger, &state.first_event_ms).is_none();
    state.now_ms = state.now_ms.max(now_ms(ledger, &state.first_event_ms));
    let is_cut = finished || state.ends_cut(state.here(ledger));
    state.begun.get_or_insert((moment.mono_ms, state.now_ms));
    if (is_cut && !moment.may_cut) || state.is_early(moment.mono_ms) {
        return None;
    }
    let first_event_ms = &state.first_event_ms;
    ledger.advance_watermarks(|number, slot| (!slot.bound.finished).then_some(counted(number, slot, first_event_ms)));
    state.bound(ledger, is_cut);
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
    let next = lowest(ledger, &state.first_event_ms).filter(|_| !state.is_full(ledger));
    if let Some(unread) = next.map(|number| &ledger.slots[number]).filter(|slot| slot.front().is_none()) {
        return Some(Wait::Records { partition: unread.bound.key.clone() });
    }
    let is_cut = lowest(ledger, &state.first_event_ms).is_none() || state.ends_cut(state.here(ledger));
    match is_cut && !moment.may_cut {
        true => Some(Wait::Cut),
        false => state.is_early(moment.mono_ms).then_some(Wait::Pace),
    }
}

/// The clock a file counts with: its own, or its first event's while it is untouched.
fn counted(number: usize, slot: &Slot, first_event_ms: &[Option<i64>]) -> Option<i64> {
    slot.bound.clock.now_ms.or(first_event_ms.get(number).copied().flatten())
}

/// The lowest clock of unfinished files, an untouched one with its first event; at the end the highest of all.
fn now_ms(ledger: &Ledger, first_event_ms: &[Option<i64>]) -> i64 {
    let clocks = |unfinished: bool| {
        let of = ledger.slots.iter().enumerate().filter(move |(_, slot)| !(unfinished && slot.bound.finished));
        of.filter_map(|(number, slot)| counted(number, slot, first_event_ms))
    };
    clocks(true).min().or_else(|| clocks(false).max()).unwrap_or(i64::MIN)
}

/// The unfinished file with the lowest clock. An untouched file counts with its first event time, one without any
/// event comes first; ties by number, which is the order of paths.
fn lowest(ledger: &Ledger, first_event_ms: &[Option<i64>]) -> Option<usize> {
    let unfinished = (0..ledger.slots.len()).filter(|&number| !ledger.slots[number].bound.finished);
    unfinished.min_by_key(|&number| counted(number, &ledger.slots[number], first_event_ms))
}
