//! Latest: the newest report of each key stands for it.
//!
//! in    reports, any order of event times
//! out   at ticks that publish one upsert per key whose newest report, or its arrival as far as the clock knows, has
//!       changed; a retirement when the key is freed
//! state the newest report per key: largest event time, then smallest record; freed at the first cut by whose last cut
//!       its arrival lies longer back than the view keeps a row
//! late  a report older than the newest changes nothing
//! moves by slice of the key in its view, so that publishing moves nothing more
//! fails never

use greenwave_model::views::{VEHICLE_KEPT_MS, VehicleLocation};
use greenwave_model::{Change, Clock, RecordRef, ViewRow, vnode};
use serde::{Deserialize, Serialize};
use timely::dataflow::Stream;

use crate::keyed::{Keyed, NONE};
use crate::packed::{self, Packer};
use crate::publish::Upsert;
use crate::state::{Saved, StateRow, States};
use crate::tick::{self, Closed, Durable, Rows, TickOperator};

/// A view whose row is the newest report of its key.
pub trait Reported: ViewRow {
    /// The id of the operator that keeps the reports.
    const LATEST_ID: &'static str;
    /// A key is kept this long after its newest report arrived.
    const KEPT_MS: i64;
    fn event_ms(&self) -> i64;
    fn arrival_ms(&mut self) -> &mut i64;
}

impl Reported for VehicleLocation {
    const LATEST_ID: &'static str = "vehicle_latest";
    const KEPT_MS: i64 = VEHICLE_KEPT_MS;

    #[inline]
    fn event_ms(&self) -> i64 {
        self.event_ms
    }

    #[inline]
    fn arrival_ms(&mut self) -> &mut i64 {
        &mut self.arrival_ms
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Report<V: ViewRow> {
    pub key: V::Key,
    pub record: RecordRef,
    pub value: V,
}

struct Newest<V> {
    record: RecordRef,
    /// Its arrival may lie beyond the clock until the cut that contains it.
    value: V,
    vnode: u8,
    /// In `touched`: has something to give out, or is to be seen again at the cut.
    touched: bool,
    published: bool,
}

/// Keeps the newest report per key.
///
/// ```
/// use greenwave_model::{Change, Clock, RecordRef, views::VehicleLocation};
/// use greenwave_operators::{latest::{Latest, Report}, tick::{Rows, TickOperator}};
/// let clock = Clock { tick: 1, is_cut: true, publishes: true, restored: false, watermark_ms: 0, now_ms: 9_000,
///                     cut_watermark_ms: Clock::NEVER, cut_now_ms: Clock::NEVER };
/// let at = |event_ms, speed_kmh| Report { key: "bus".into(), record: RecordRef::new(0, event_ms), value:
///     VehicleLocation { latitude: 51.0, longitude: 7.0, speed_kmh, direction_deg: None, event_ms, arrival_ms: 9_500 } };
///
/// let mut latest = Latest::<VehicleLocation>::default();
/// let (mut out, mut none) = (Rows::default(), Rows::default());
/// latest.fold(&clock, vec![at(8_000, 20.0), at(7_000, 90.0)], &mut out, &mut none);
/// latest.close(&clock, &mut out, &mut none);
/// let upserts = out.take();
/// let Change::Set(bus) = &upserts[0].change else { panic!() };
/// assert_eq!((upserts.len(), bus.speed_kmh, bus.arrival_ms), (1, 20.0, 9_000));
/// ```
pub struct Latest<V: Reported> {
    keys: Keyed<V::Key, Newest<V>>,
    touched: Vec<u32>,
    found: Vec<u32>,
    text: String,
}

impl<V: Reported> Default for Latest<V> {
    fn default() -> Self {
        Self { keys: Keyed::new(), touched: Vec::new(), found: Vec::new(), text: String::new() }
    }
}

impl<V: Reported> Latest<V> {
    fn consider(&mut self, report: Report<V>, found: u32) {
        let Report { key, record, value } = report;
        let found = if found == NONE { self.keys.find(&key) } else { Some(found) };
        let slot = match found {
            Some(slot) => {
                let newest = &mut self.keys.at(slot).1;
                let newer = value.event_ms() > newest.value.event_ms()
                    || (value.event_ms() == newest.value.event_ms() && record < newest.record);
                if !newer {
                    return;
                }
                (newest.record, newest.value) = (record, value);
                slot
            }
            None => {
                let vnode = slice::<V>(&key, &mut self.text);
                self.keys.insert(key, Newest { record, value, vnode, touched: false, published: false })
            }
        };
        let newest = &mut self.keys.at(slot).1;
        if !newest.touched {
            newest.touched = true;
            self.touched.push(slot);
        }
    }

    fn publish(&mut self, slot: u32, clock: &Clock, out: &mut Rows<Upsert<V>>) {
        let (key, newest) = self.keys.at(slot);
        let mut value = newest.value.clone();
        *value.arrival_ms() = (*value.arrival_ms()).min(clock.now_ms);
        newest.published = true;
        out.give(Upsert { vnode: newest.vnode, key: key.clone(), change: Change::Set(value) });
    }

    /// Gives out what has changed. A report from beyond the clock stays touched: a later tick knows it better.
    fn publish_touched(&mut self, clock: &Clock, out: &mut Rows<Upsert<V>>) {
        for slot in std::mem::take(&mut self.touched) {
            if self.keys.get(slot).is_none() {
                continue;
            }
            self.publish(slot, clock, out);
            let newest = &mut self.keys.at(slot).1;
            newest.touched = *newest.value.arrival_ms() > clock.now_ms;
            if newest.touched {
                self.touched.push(slot);
            }
        }
    }

    /// At a cut arrivals are settled and keys are freed.
    fn settle(&mut self, clock: &Clock, out: &mut Rows<Upsert<V>>) {
        for &slot in &self.touched {
            let arrival_ms = self.keys.at(slot).1.value.arrival_ms();
            *arrival_ms = (*arrival_ms).min(clock.now_ms);
        }
        for slot in 0..self.keys.slots() {
            if self.keys.get(slot).is_none() {
                continue;
            }
            if *self.keys.at(slot).1.value.arrival_ms() + V::KEPT_MS <= clock.cut_now_ms {
                let (key, newest) = self.keys.remove(slot);
                if newest.published {
                    out.give(Upsert { vnode: newest.vnode, key, change: Change::Retire });
                }
            }
        }
    }
}

fn slice<V: ViewRow>(key: &V::Key, text: &mut String) -> u8 {
    text.clear();
    V::key_text(key, text);
    vnode(V::SPEC.name, text)
}

impl<V: Reported> TickOperator for Latest<V> {
    type In = Report<V>;
    type Out = Upsert<V>;
    type Side = ();
    const NAME: &'static str = "latest";

    fn fold(&mut self, _: &Clock, rows: Vec<Report<V>>, _: &mut Rows<Upsert<V>>, _: &mut Rows<()>) {
        let mut found = std::mem::take(&mut self.found);
        self.keys.find_all(&rows, |report| &report.key, &mut found);
        for (report, slot) in rows.into_iter().zip(&found) {
            self.consider(report, *slot);
        }
        self.found = found;
    }

    fn close(&mut self, clock: &Clock, out: &mut Rows<Upsert<V>>, _: &mut Rows<()>) -> Closed {
        if clock.restored {
            let held: Vec<u32> = self.keys.iter().map(|(slot, _, _)| slot).collect();
            held.into_iter().for_each(|slot| self.publish(slot, clock, out));
            return Closed::Whole;
        }
        if clock.is_cut {
            self.settle(clock, out);
        }
        if clock.publishes {
            self.publish_touched(clock, out);
        }
        Closed::Whole
    }
}

impl<V: Reported> Durable for Latest<V> {
    const ID: &'static str = V::LATEST_ID;

    fn save(&mut self, _: &Clock) -> Saved {
        let mut packer = Packer::new();
        for (_, key, newest) in self.keys.iter() {
            packer.add(newest.vnode, &(key, newest.record, &newest.value));
        }
        Saved::Whole(packer.into_rows())
    }

    fn load(&mut self, rows: Vec<StateRow>) {
        for (vnode, (key, record, value)) in packed::entries::<(V::Key, RecordRef, V)>(Self::ID, &rows) {
            self.keys.insert(key, Newest { record, value, vnode, touched: false, published: true });
        }
    }

    fn live_rows(&self) -> usize {
        self.keys.len()
    }
}

/// The newest report of each key of a stream.
pub fn latest<'s, V: Reported>(
    reports: Stream<'s, u64, Vec<Report<V>>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Stream<'s, u64, Vec<Upsert<V>>> {
    let mut text = String::new();
    let by_key = tick::by_vnode(move |report: &Report<V>| slice::<V>(&report.key, &mut text));
    let slot = states.register(Latest::<V>::ID, Latest::<V>::SCHEMA);
    tick::run_durable(reports, clock, by_key, Latest::default(), slot).0
}
