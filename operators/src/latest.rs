//! Latest: the newest report of each key stands for it.
//!
//! in    reports, any order of event times
//! out   at ticks that publish one upsert per key whose newest report, or its arrival as far as the clock knows, has
//!       changed; a removal when it is over; a retirement when the key is freed; beside them by how many keys readers
//!       have more than before
//! state the newest report per key: largest event time, then lowest rank, then smallest record; freed at the first cut by
//!       whose last cut its arrival lies longer back than the view keeps a row
//! late  a report older than the newest changes nothing
//! moves by slice of the key in its view, so that publishing moves nothing more
//! fails never

use greenwave_model::views::compatibility::{Compatible, Family};
use greenwave_model::views::{
    CAMERA_KEPT_MS, Camera, INCIDENT_KEPT_MS, Incident, Status, VEHICLE_KEPT_MS, VehicleLocation, WEATHER_KEPT_MS,
    Weather, WeatherCurrent,
};
use greenwave_model::{Change, Clock, RecordRef, ViewRow, vnode};
use serde::{Deserialize, Serialize};
use timely::dataflow::Stream;

use crate::keyed::{Keyed, NONE};
use crate::packed::{self, Slices};
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

    /// Takes what outlives its report from another one of the same key, in whatever order they come. True if that
    /// changed something.
    fn join(&mut self, _other: &Self) -> bool {
        false
    }

    /// Readers are to see it no more, though its key is kept so that an older report does not bring it back.
    fn is_over(&self) -> bool {
        false
    }
}

macro_rules! times {
    () => {
        #[inline]
        fn event_ms(&self) -> i64 {
            self.event_ms
        }

        #[inline]
        fn arrival_ms(&mut self) -> &mut i64 {
            &mut self.arrival_ms
        }
    };
}

impl Reported for VehicleLocation {
    const LATEST_ID: &'static str = "vehicle_latest";
    const KEPT_MS: i64 = VEHICLE_KEPT_MS;
    times!();
}

impl Reported for Camera {
    const LATEST_ID: &'static str = "camera_latest";
    const KEPT_MS: i64 = CAMERA_KEPT_MS;
    times!();
}

impl Reported for Weather {
    const LATEST_ID: &'static str = "weather_latest";
    const KEPT_MS: i64 = WEATHER_KEPT_MS;
    times!();
}

impl Reported for WeatherCurrent {
    const LATEST_ID: &'static str = "weather_current_latest";
    const KEPT_MS: i64 = WEATHER_KEPT_MS;

    fn event_ms(&self) -> i64 {
        self.0.event_ms
    }

    fn arrival_ms(&mut self) -> &mut i64 {
        &mut self.0.arrival_ms
    }
}

impl<F: Family> Reported for Compatible<F> {
    const LATEST_ID: &'static str = F::LATEST_ID;
    const KEPT_MS: i64 = F::KEPT_MS;

    fn event_ms(&self) -> i64 {
        self.event.event_ms
    }

    fn arrival_ms(&mut self) -> &mut i64 {
        &mut self.event.arrival_ms
    }
}

/// An incident only moves forward, whatever order its reports come in.
impl Reported for Incident {
    const LATEST_ID: &'static str = "incident_latest";
    const KEPT_MS: i64 = INCIDENT_KEPT_MS;
    times!();

    fn join(&mut self, other: &Self) -> bool {
        let before = self.status;
        self.status = before.max(other.status);
        self.status != before
    }

    fn is_over(&self) -> bool {
        self.status == Status::Resolved
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Report<V: ViewRow> {
    pub key: V::Key,
    /// Of the report's topic: of reports of the same time the one with the lowest rank stands.
    pub rank: u8,
    pub record: RecordRef,
    pub value: V,
}

struct Newest<V> {
    rank: u8,
    record: RecordRef,
    /// Its arrival may lie beyond the clock until the cut that contains it.
    value: V,
    vnode: u8,
    /// In `touched`: has something to give out, or is to be seen again at the cut.
    touched: bool,
    /// Readers have it.
    published: bool,
    /// It has changed since the last cut.
    unsaved: bool,
}

/// Keeps the newest report per key.
///
/// ```
/// use greenwave_model::{Change, Clock, RecordRef, views::VehicleLocation};
/// use greenwave_operators::{latest::{Latest, Report}, tick::{Rows, TickOperator}};
/// let clock = Clock { tick: 1, is_cut: true, publishes: true, restored: false, watermark_ms: 0, now_ms: 9_000,
///                     cut_watermark_ms: Clock::NEVER, cut_now_ms: Clock::NEVER };
/// let at = |event_ms, speed_kmh| Report { key: "bus".into(), rank: 0, record: RecordRef::new(0, event_ms), value:
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
    slices: Slices,
}

impl<V: Reported> Default for Latest<V> {
    fn default() -> Self {
        Self {
            keys: Keyed::new(),
            touched: Vec::new(),
            found: Vec::new(),
            text: String::new(),
            slices: Slices::default(),
        }
    }
}

impl<V: Reported> Latest<V> {
    fn consider(&mut self, report: Report<V>, found: u32) {
        let Report { key, rank, record, mut value } = report;
        let found = if found == NONE { self.keys.find(&key) } else { Some(found) };
        let slot = match found {
            Some(slot) => {
                let newest = &mut self.keys.at(slot).1;
                let newer = value.event_ms() > newest.value.event_ms()
                    || (value.event_ms() == newest.value.event_ms() && (rank, record) < (newest.rank, newest.record));
                if newer {
                    value.join(&newest.value);
                    (newest.rank, newest.record, newest.value) = (rank, record, value);
                } else if !newest.value.join(&value) {
                    return;
                }
                slot
            }
            None => {
                let vnode = slice::<V>(&key, &mut self.text);
                self.keys
                    .insert(key, Newest { rank, record, value, vnode, touched: false, published: false, unsaved: true })
            }
        };
        let newest = &mut self.keys.at(slot).1;
        newest.unsaved = true;
        if !newest.touched {
            newest.touched = true;
            self.touched.push(slot);
        }
    }

    fn publish(&mut self, slot: u32, clock: &Clock, out: &mut Rows<Upsert<V>>, side: &mut Rows<i64>) {
        let (key, newest) = self.keys.at(slot);
        if newest.value.is_over() {
            if std::mem::take(&mut newest.published) {
                side.give(-1);
                out.give(Upsert { vnode: newest.vnode, key: key.clone(), change: Change::Remove });
            }
            return;
        }
        let mut value = newest.value.clone();
        *value.arrival_ms() = (*value.arrival_ms()).min(clock.now_ms);
        if !std::mem::replace(&mut newest.published, true) {
            side.give(1);
        }
        out.give(Upsert { vnode: newest.vnode, key: key.clone(), change: Change::Set(value) });
    }

    /// Gives out what has changed. A report from beyond the clock stays touched: a later tick knows it better.
    fn publish_touched(&mut self, clock: &Clock, out: &mut Rows<Upsert<V>>, side: &mut Rows<i64>) {
        for slot in std::mem::take(&mut self.touched) {
            if self.keys.get(slot).is_none() {
                continue;
            }
            self.publish(slot, clock, out, side);
            let newest = &mut self.keys.at(slot).1;
            newest.touched = *newest.value.arrival_ms() > clock.now_ms;
            if newest.touched {
                self.touched.push(slot);
            }
        }
    }

    /// At a cut arrivals are settled and keys are freed.
    fn settle(&mut self, clock: &Clock, out: &mut Rows<Upsert<V>>, side: &mut Rows<i64>) {
        for &slot in &self.touched {
            let newest = &mut self.keys.at(slot).1;
            newest.unsaved = true;
            let arrival_ms = newest.value.arrival_ms();
            *arrival_ms = (*arrival_ms).min(clock.now_ms);
        }
        for slot in 0..self.keys.slots() {
            if self.keys.get(slot).is_none() {
                continue;
            }
            if *self.keys.at(slot).1.value.arrival_ms() + V::KEPT_MS <= clock.cut_now_ms {
                let (key, newest) = self.keys.remove(slot);
                self.slices.gone(newest.vnode, &key);
                if newest.published {
                    side.give(-1);
                    let change = if newest.value.is_over() { Change::Remove } else { Change::Retire };
                    out.give(Upsert { vnode: newest.vnode, key, change });
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
    /// By how many the keys that readers have become more.
    type Side = i64;
    const NAME: &'static str = "latest";

    fn fold(&mut self, _: &Clock, rows: Vec<Report<V>>, _: &mut Rows<Upsert<V>>, _: &mut Rows<i64>) {
        let mut found = std::mem::take(&mut self.found);
        self.keys.find_all(&rows, |report| &report.key, &mut found);
        for (report, slot) in rows.into_iter().zip(&found) {
            self.consider(report, *slot);
        }
        self.found = found;
    }

    fn close(&mut self, clock: &Clock, out: &mut Rows<Upsert<V>>, side: &mut Rows<i64>) -> Closed {
        if clock.restored {
            let held: Vec<u32> = self.keys.iter().map(|(slot, _, _)| slot).collect();
            held.into_iter().for_each(|slot| self.publish(slot, clock, out, side));
            return Closed::Whole;
        }
        if clock.is_cut {
            self.settle(clock, out, side);
        }
        if clock.publishes {
            self.publish_touched(clock, out, side);
        }
        Closed::Whole
    }
}

impl<V: Reported> Durable for Latest<V> {
    const ID: &'static str = V::LATEST_ID;
    const SCHEMA: u32 = 3;

    fn save(&mut self, clock: &Clock) -> Saved {
        let mut cut = self.slices.cut(clock.tick);
        for (key, newest) in self.keys.iter_mut() {
            let unsaved = std::mem::take(&mut newest.unsaved);
            cut.entry(newest.vnode, unsaved, key, &(newest.rank, newest.record, &newest.value));
        }
        cut.finish()
    }

    fn load(&mut self, rows: Vec<StateRow>, saving: bool) {
        self.slices = Slices::restored(&rows, saving);
        for (vnode, key, (rank, record, value)) in packed::decoded::<V::Key, (u8, RecordRef, V)>(Self::ID, &rows) {
            // Published at the restored tick, if it is not over.
            let (touched, published, unsaved) = (false, false, false);
            self.keys.insert(key, Newest { rank, record, value, vnode, touched, published, unsaved });
        }
    }

    fn live_rows(&self) -> usize {
        self.keys.len()
    }
}

/// The newest report of each key of a stream, and by how many the keys become more.
pub fn latest<'s, V: Reported>(
    reports: Stream<'s, u64, Vec<Report<V>>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> tick::Ports<'s, Latest<V>> {
    let mut text = String::new();
    let by_key = tick::by_vnode(move |report: &Report<V>| slice::<V>(&report.key, &mut text));
    let slot = states.register(Latest::<V>::ID, Latest::<V>::SCHEMA);
    tick::run_durable(reports, clock, by_key, Latest::default(), slot)
}
