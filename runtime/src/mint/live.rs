//! A live run: the leader's clock mints, Kafka is the buffer.

use greenwave_model::Binding;

use super::{Ledger, Moment, Pace, Wait, ledger::Slot};

/// No partition is bound this much event time ahead of the slowest one being read: a wider gap would keep the windows
/// of the fast one open for nothing.
const ALIGNMENT_MS: i64 = 2 * 60_000;
/// Ticks in flight. One is being processed, one waits; more would only add delay.
const IN_FLIGHT_MAX: usize = 2;
/// Payload bytes of one tick: about 300,000 reports, a third of a second of work.
const TICK_BYTES_MAX: u64 = 64 << 20;
/// Without news a tick is bound this often: it closes windows and is the heartbeat that finds losses in Redis.
pub const HEARTBEAT_MS: u64 = 1_000;

#[derive(Debug, Default)]
pub struct LiveState {
    pub minted_ms: u64,
    cut_ms: Option<u64>,
    pub ended: bool,
}

pub fn next(ledger: &mut Ledger, pace: &Pace, state: &mut LiveState, moment: Moment) -> Option<Binding> {
    let since_mint = moment.mono_ms.saturating_sub(state.minted_ms);
    state.cut_ms.get_or_insert(moment.mono_ms);
    let is_cut = state.is_cut_due(pace, moment) && moment.may_cut;
    if state.ended || moment.in_flight >= IN_FLIGHT_MAX || (moment.ending && !is_cut) {
        return None;
    }
    let news = ledger.has_offers();
    if !moment.ending && (since_mint < pace.tick_ms || !(news || is_cut || since_mint >= HEARTBEAT_MS)) {
        return None;
    }
    take_offers(ledger);
    note_idleness(ledger, pace, moment);
    ledger.advance_watermarks(|_, slot| slot.bound.idle_since_ms.is_none().then_some(slot.bound.clock.now_ms));
    state.minted_ms = moment.mono_ms;
    if is_cut {
        state.cut_ms = Some(moment.mono_ms);
        state.ended = moment.ending;
    }
    Some(ledger.bind(moment.wall_ms, is_cut, true))
}

/// Takes offers in turn, the partition with the lowest clock first, up to the alignment and the size of a tick.
fn take_offers(ledger: &mut Ledger) {
    let mut bytes = 0;
    while bytes < TICK_BYTES_MAX {
        let limit = slowest(ledger).map_or(i64::MAX, |(clock, _)| clock.saturating_add(ALIGNMENT_MS));
        let takeable = ledger.slots.iter_mut().filter(|slot| slot.front().is_some());
        let Some(slot) = takeable.min_by_key(|slot| slot.bound.clock.now_ms) else { return };
        if slot.bound.clock.now_ms.is_some_and(|clock| clock > limit) {
            return;
        }
        bytes += slot.take().map_or(0, |offer| offer.bytes);
    }
}

/// What keeps records that are offered, or the next cut, from being bound.
pub fn wait(ledger: &Ledger, pace: &Pace, state: &LiveState, moment: Moment) -> Option<Wait> {
    if state.ended {
        return None;
    }
    if moment.in_flight >= IN_FLIGHT_MAX {
        return Some(Wait::Workers { ticks: moment.in_flight });
    }
    if state.is_cut_due(pace, moment) && !moment.may_cut {
        return Some(Wait::Cut);
    }
    let (clock, slot) = slowest(ledger)?;
    let takeable = ledger.slots.iter().filter(|slot| slot.front().is_some());
    let next = takeable.map(|slot| slot.bound.clock.now_ms).min()??;
    let is_ahead = next > clock.saturating_add(ALIGNMENT_MS);
    is_ahead.then(|| Wait::Slowest { partition: slot.bound.key.clone() })
}

impl LiveState {
    fn is_cut_due(&self, pace: &Pace, moment: Moment) -> bool {
        let since = self.cut_ms.map(|cut_ms| moment.mono_ms.saturating_sub(cut_ms));
        moment.ending || since.is_some_and(|ms| ms >= pace.checkpoint_ms)
    }
}

/// The partition being read that is least far, and its clock.
fn slowest(ledger: &Ledger) -> Option<(i64, &Slot)> {
    let being_read = ledger.slots.iter().filter(|slot| is_being_read(slot));
    being_read.filter_map(|slot| Some((slot.bound.clock.now_ms?, slot))).min_by_key(|(clock, _)| *clock)
}

/// Behind or with records waiting. One that stands at its end holds nobody back.
fn is_being_read(slot: &Slot) -> bool {
    slot.bound.idle_since_ms.is_none() && (slot.at_end_since_ms.is_none() || !slot.offers.is_empty())
}

fn note_idleness(ledger: &mut Ledger, pace: &Pace, moment: Moment) {
    let now_ms = ledger.now_ms().max(moment.wall_ms);
    for slot in &mut ledger.slots {
        let stood = slot.at_end_since_ms.map(|since| moment.mono_ms.saturating_sub(since));
        let idle = slot.offers.is_empty() && stood.is_some_and(|ms| ms >= pace.idle_after_ms);
        slot.bound.idle_since_ms = idle.then(|| slot.bound.idle_since_ms.unwrap_or(now_ms));
    }
}
