//! Publish: the end of every view. It turns upserts into deltas, and cuts into rows of the view's history.
//!
//! in    at most one upsert per key and tick: a value, a removal, a retirement (state freed, the last value stands)
//! out   at once a delta for each key that differs from what was sent last; at cuts a row for each key whose
//!       value, finality or existence differs from the cut before. A retirement has a delta and no row
//! state value, revision and finality per live key; freed when the key is removed or retired, at the next cut
//! late  a late change is a change; its revision says that it came later
//! moves by slice of the key, so a group of slices has one writer
//! fails never

use std::collections::BTreeMap;
use std::sync::Arc;

use greenwave_model::{Change, Clock, Delta, Deltas, ViewRow, vnode};
use serde::{Deserialize, Serialize};
use timely::dataflow::Stream;

use crate::keyed::{Keyed, NONE};
use crate::packed::{self, Slices};
use crate::state::{Saved, StateRow, States};
use crate::tick::{self, Closed, Durable, Rows, TickOperator};

/// Deltas handed on together. Large enough that sinks work in batches, small enough to be allocated quickly.
const BATCH_ROWS: usize = 1_024;
/// Rows of a cut whose keys are loaded together.
const ROWS_AHEAD: usize = 32;

/// What a view's graph says of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Upsert<V: ViewRow> {
    /// The slice of the key in the view. Whoever keeps keys computes it once.
    pub vnode: u8,
    pub key: V::Key,
    pub change: Change<V>,
}

impl<V: ViewRow> Upsert<V> {
    pub fn new(key: V::Key, change: Change<V>) -> Self {
        let mut text = String::new();
        V::key_text(&key, &mut text);
        Self { vnode: vnode(V::SPEC.name, &text), key, change }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    Removed,
    Retired,
}

/// A key as it was sent last. One that is gone stays until the cut, in case it comes back.
struct Live<V> {
    value: V,
    revision: u32,
    /// Where `Publish::changed` keeps what the key was at the last cut; [`UNCHANGED`] if it was as it is.
    changed: u32,
    vnode: u8,
    is_final: bool,
    presence: Presence,
    /// The last cut has changed it, and has not saved it yet.
    unsaved: bool,
}

const UNCHANGED: u32 = u32::MAX;

/// A key as it was at the last cut.
struct Before<V> {
    slot: u32,
    /// `None`: it was not there.
    value: Option<V>,
    revision: u32,
    is_final: bool,
}

/// A stored value, its revision and finality; fields added later come last and have defaults.
type Kept<V> = (V, u32, bool);

/// Publishes a view.
///
/// ```
/// use greenwave_model::{Change, Clock, Deltas, views::Hotspot};
/// use greenwave_operators::{publish::{Publish, Upsert}, tick::{Rows, TickOperator}};
/// let cut = |tick| Clock { tick, is_cut: true, publishes: true, restored: false, watermark_ms: 0, now_ms: 0, cut_watermark_ms: 0, cut_now_ms: 0 };
/// let worst = |average_kmh| Upsert::new(1, Change::Set(Hotspot { road: "A40".into(), average_kmh, free_flow_kmh: 100.0 }));
///
/// let mut publish = Publish::<Hotspot>::default();
/// let revisions: Vec<_> = [(1, 20.0), (2, 20.0), (3, 25.0)].map(|(tick, speed)| {
///     let (mut deltas, mut rows) = (Rows::default(), Rows::default());
///     publish.fold(&cut(tick), vec![worst(speed)], &mut deltas, &mut rows);
///     publish.close(&cut(tick), &mut deltas, &mut rows);
///     rows.take().first().map(|row| row.revision(0))
/// }).into();
/// assert_eq!(revisions, [Some(1), None, Some(2)]);
/// ```
pub struct Publish<V: ViewRow> {
    keys: Keyed<V::Key, Live<V>>,
    changed: Vec<Before<V>>,
    /// Keys that are not final, by the watermark that makes them so.
    ending: BTreeMap<i64, Vec<u32>>,
    deltas: Vec<Delta<V>>,
    /// What the operators before this one hold after a restore.
    refill: Vec<Upsert<V>>,
    /// Where it differs from what was loaded: sent at the first tick after.
    differing: Vec<Upsert<V>>,
    differences: u64,
    found: Vec<u32>,
    slices: Slices,
}

impl<V: ViewRow> Default for Publish<V> {
    fn default() -> Self {
        Self {
            keys: Keyed::new(),
            changed: Vec::new(),
            ending: BTreeMap::new(),
            deltas: Vec::new(),
            refill: Vec::new(),
            differing: Vec::new(),
            differences: 0,
            found: Vec::new(),
            slices: Slices::default(),
        }
    }
}

type Sent = Rows<Arc<dyn Deltas>>;

fn is_final<V: ViewRow>(key: &V::Key, clock: &Clock) -> bool {
    V::final_at_ms(key).is_some_and(|end_ms| end_ms <= clock.watermark_ms)
}

/// Remembers what a key was at the last cut, before its first change since.
fn remember<V: Clone>(changed: &mut Vec<Before<V>>, slot: u32, live: &mut Live<V>) {
    if live.changed == UNCHANGED {
        live.changed = changed.len() as u32;
        let value = Some(live.value.clone());
        changed.push(Before { slot, value, revision: live.revision, is_final: live.is_final });
    }
}

impl<V: PartialEq> Before<V> {
    fn equals(&self, live: &Live<V>) -> bool {
        self.is_final == live.is_final && self.value.as_ref() == Some(&live.value)
    }
}

impl<V: ViewRow> Publish<V> {
    fn give(&mut self, delta: Delta<V>, out: &mut Sent) {
        if self.deltas.capacity() == 0 {
            self.deltas.reserve_exact(BATCH_ROWS);
        }
        self.deltas.push(delta);
        if self.deltas.len() == BATCH_ROWS {
            self.flush(out);
        }
    }

    fn flush(&mut self, out: &mut Sent) {
        if !self.deltas.is_empty() {
            out.give(Arc::new(std::mem::take(&mut self.deltas)));
        }
    }

    fn apply(&mut self, upsert: Upsert<V>, found: u32, clock: &Clock, out: &mut Sent) {
        let Upsert { vnode, key, change } = upsert;
        let found = if found == NONE { self.keys.find(&key) } else { Some(found) };
        match (change, found) {
            (Change::Set(value), Some(slot)) => self.set(slot, value, clock, out),
            (Change::Set(value), None) => self.add(vnode, key, value, clock, out),
            (Change::Remove, Some(slot)) => self.leave(slot, Presence::Removed, out),
            (Change::Retire, Some(slot)) => self.leave(slot, Presence::Retired, out),
            (Change::Remove | Change::Retire, None) => {}
        }
    }

    fn add(&mut self, vnode: u8, key: V::Key, value: V, clock: &Clock, out: &mut Sent) {
        let is_final = is_final::<V>(&key, clock);
        let live = Live {
            value: value.clone(),
            revision: 1,
            changed: self.changed.len() as u32,
            vnode,
            is_final,
            presence: Presence::There,
            unsaved: true,
        };
        let slot = self.keys.insert(key.clone(), live);
        self.changed.push(Before { slot, value: None, revision: 0, is_final: false });
        self.await_end(slot, &key, is_final);
        self.give(Delta { key, change: Change::Set(value), revision: 1, is_final }, out);
    }

    fn await_end(&mut self, slot: u32, key: &V::Key, is_final: bool) {
        if let (false, Some(end_ms)) = (is_final, V::final_at_ms(key)) {
            self.ending.entry(end_ms).or_default().push(slot);
        }
    }

    /// A key that is back at what it was at the last cut has that cut's revision; any other the next.
    fn set(&mut self, slot: u32, value: V, clock: &Clock, out: &mut Sent) {
        let (key, live) = self.keys.at(slot);
        let is_final = live.is_final || is_final::<V>(key, clock);
        if live.presence == Presence::There && live.is_final == is_final && live.value == value {
            return;
        }
        remember(&mut self.changed, slot, live);
        live.value = value;
        live.is_final = is_final;
        live.presence = Presence::There;
        let before = &self.changed[live.changed as usize];
        live.revision = before.revision + u32::from(!before.equals(live));
        let change = Change::Set(live.value.clone());
        let delta = Delta { key: key.clone(), change, revision: live.revision, is_final };
        self.give(delta, out);
    }

    fn leave(&mut self, slot: u32, presence: Presence, out: &mut Sent) {
        let (key, live) = self.keys.at(slot);
        if live.presence != Presence::There {
            live.presence = presence;
            return;
        }
        remember(&mut self.changed, slot, live);
        live.presence = presence;
        let change = if presence == Presence::Removed { Change::Remove } else { Change::Retire };
        let revision = self.changed[live.changed as usize].revision + 1;
        let delta = Delta { key: key.clone(), change, revision, is_final: live.is_final };
        self.give(delta, out);
    }

    fn end_windows(&mut self, clock: &Clock, out: &mut Sent) {
        while let Some(first) = self.ending.first_entry() {
            if *first.key() > clock.watermark_ms {
                break;
            }
            let (end_ms, slots) = first.remove_entry();
            for slot in slots {
                let awaited = self.keys.get(slot).is_some_and(|(key, live)| {
                    // The slot may have been given to another key since.
                    V::final_at_ms(key) == Some(end_ms) && !live.is_final && live.presence == Presence::There
                });
                if awaited {
                    let value = self.keys.at(slot).1.value.clone();
                    self.set(slot, value, clock, out);
                }
            }
        }
    }

    /// The rows of a cut; afterwards the cut is what later changes are compared with.
    fn rows_of_cut(&mut self, side: &mut Sent) {
        let mut rows = Vec::new();
        let changed = std::mem::take(&mut self.changed);
        for (at, before) in changed.iter().enumerate() {
            if at % ROWS_AHEAD == 0 {
                self.keys.touch(changed[at..].iter().take(ROWS_AHEAD).map(|before| before.slot));
            }
            let Some(row) = self.row_of_cut(before) else { continue };
            if rows.capacity() == 0 {
                rows.reserve_exact(BATCH_ROWS);
            }
            rows.push(row);
            if rows.len() == BATCH_ROWS {
                side.give(Arc::new(std::mem::take(&mut rows)));
            }
        }
        if !rows.is_empty() {
            side.give(Arc::new(rows));
        }
        self.changed = changed;
        self.changed.clear();
    }

    fn row_of_cut(&mut self, before: &Before<V>) -> Option<Delta<V>> {
        let (key, live) = self.keys.at(before.slot);
        live.changed = UNCHANGED;
        live.unsaved = true;
        if live.presence == Presence::There {
            let change = Change::Set(live.value.clone());
            let Live { revision, is_final, .. } = *live;
            return (!before.equals(live)).then(|| Delta { key: key.clone(), change, revision, is_final });
        }
        let (key, live) = self.keys.remove(before.slot);
        self.slices.gone(live.vnode, &key);
        let removed = live.presence == Presence::Removed && before.value.is_some();
        let (change, revision, is_final) = (Change::Remove, before.revision + 1, live.is_final);
        removed.then_some(Delta { key, change, revision, is_final })
    }

    /// Emits what was loaded, and compares it with what the operators before this one hold.
    fn refill(&mut self, out: &mut Sent) {
        let mut confirmed = vec![false; self.keys.slots() as usize];
        for upsert in std::mem::take(&mut self.refill) {
            let slot = self.keys.find(&upsert.key);
            match (&upsert.change, slot) {
                (Change::Set(value), Some(slot)) if self.keys.at(slot).1.value == *value => {
                    confirmed[slot as usize] = true;
                }
                (Change::Remove | Change::Retire, None) => {}
                (_, slot) => {
                    slot.into_iter().for_each(|slot| confirmed[slot as usize] = true);
                    self.differing.push(upsert);
                }
            }
        }
        for slot in 0..self.keys.slots() {
            let Some((key, live)) = self.keys.get(slot) else { continue };
            if !confirmed[slot as usize] {
                self.differing.push(Upsert { vnode: live.vnode, key: key.clone(), change: Change::Remove });
            }
            let change = Change::Set(live.value.clone());
            let delta = Delta { key: key.clone(), change, revision: live.revision, is_final: live.is_final };
            self.give(delta, out);
        }
        self.differences += self.differing.len() as u64;
    }

    fn send_differences(&mut self, clock: &Clock, out: &mut Sent) {
        for upsert in std::mem::take(&mut self.differing) {
            self.apply(upsert, NONE, clock, out);
        }
    }
}

impl<V: ViewRow> TickOperator for Publish<V> {
    type In = Upsert<V>;
    type Out = Arc<dyn Deltas>;
    type Side = Arc<dyn Deltas>;
    const NAME: &'static str = V::SPEC.name;

    fn fold(&mut self, clock: &Clock, rows: Vec<Upsert<V>>, out: &mut Sent, _: &mut Sent) {
        if clock.restored {
            return self.refill.extend(rows);
        }
        self.send_differences(clock, out);
        let mut found = std::mem::take(&mut self.found);
        self.keys.find_all(&rows, |upsert| &upsert.key, &mut found);
        for (upsert, slot) in rows.into_iter().zip(&found) {
            self.apply(upsert, *slot, clock, out);
        }
        self.found = found;
    }

    fn close(&mut self, clock: &Clock, out: &mut Sent, side: &mut Sent) -> Closed {
        if clock.restored {
            self.refill(out);
            self.flush(out);
            return Closed::Whole;
        }
        self.send_differences(clock, out);
        if clock.publishes {
            self.end_windows(clock, out);
        }
        self.flush(out);
        if clock.is_cut {
            self.rows_of_cut(side);
        }
        Closed::Whole
    }
}

impl<V: ViewRow> Durable for Publish<V> {
    const ID: &'static str = V::SPEC.name;

    fn save(&mut self, clock: &Clock) -> Saved {
        let mut cut = self.slices.cut(clock.tick);
        for (key, live) in self.keys.iter_mut() {
            let unsaved = std::mem::take(&mut live.unsaved);
            cut.entry(live.vnode, unsaved, key, &(&live.value, live.revision, live.is_final));
        }
        cut.finish()
    }

    fn load(&mut self, rows: Vec<StateRow>, saving: bool) {
        self.slices = Slices::restored(&rows, saving);
        for (vnode, key, (value, revision, is_final)) in packed::decoded::<V::Key, Kept<V>>(Self::ID, &rows) {
            let (changed, presence, unsaved) = (UNCHANGED, Presence::There, false);
            let live = Live { value, revision, changed, vnode, is_final, presence, unsaved };
            let slot = self.keys.insert(key.clone(), live);
            self.await_end(slot, &key, is_final);
        }
    }

    fn live_rows(&self) -> usize {
        self.keys.len()
    }

    fn take_differences(&mut self) -> u64 {
        std::mem::take(&mut self.differences)
    }
}

/// Ends a view: its deltas at every tick, its rows at cuts.
pub fn publish<'s, V: ViewRow>(
    upserts: Stream<'s, u64, Vec<Upsert<V>>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> tick::Ports<'s, Publish<V>> {
    let slot = states.register(Publish::<V>::ID, Publish::<V>::SCHEMA);
    tick::run_durable(upserts, clock, tick::by_vnode(|upsert: &Upsert<V>| upsert.vnode), Publish::default(), slot)
}
