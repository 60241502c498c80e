//! Road weather: the current window of each road with the weather factor of the station nearest to it.
//!
//! in    changes of roads' current windows; changes of stations, each of them on every worker
//! out   one upsert for each road whose window or factor has changed; a retirement when its window leaves
//! state roads' windows and all stations. Never saved, refilled from the whole content of what comes before. Freed with them
//! late  no matter here
//! moves nothing: a road's window comes where the road's slice is kept
//! fails never

use std::collections::BTreeMap;

use greenwave_model::position::OnSphere;
use greenwave_model::views::{RoadCurrent, Weather};
use greenwave_model::{Change, Clock, Name, Position};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::{
    Concat,
    vec::{Broadcast, Map},
};
use timely::dataflow::{Stream, channels::pact::Pipeline};

use crate::keyed::Keyed;
use crate::panes::CurrentChange;
use crate::publish::Upsert;
use crate::tick::{self, Closed, Rows, TickOperator};

/// A station farther away says nothing of a road.
const NEAR_M: f64 = 25_000.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Told {
    Road(CurrentChange),
    Station(Upsert<Weather>),
}

struct Road {
    /// With the factor given out last.
    window: RoadCurrent,
    vnode: u8,
    touched: bool,
}

/// Joins roads with their nearest station.
///
/// ```
/// use greenwave_model::{Change, Clock, Position};
/// use greenwave_model::views::{CameraTotals, RoadCurrent, RoadTotals, Weather};
/// use greenwave_operators::{panes::CurrentChange, publish::Upsert, road_weather::{RoadWeather, Told}, tick::{Rows, TickOperator}};
/// let clock = Clock { tick: 7, is_cut: false, publishes: true, restored: false, watermark_ms: 0, now_ms: 0, cut_watermark_ms: 0, cut_now_ms: 0 };
/// let window = RoadCurrent { window_s: 300, window_start_ms: 0, totals: RoadTotals::NONE, cameras: CameraTotals::default(),
///     vehicles: None, free_flow_kmh: None, newest_event_ms: 0, arrival_ms: 0, position: Position::new(51.0, 7.0), weather_factor: None };
/// let road = Told::Road(CurrentChange { vnode: 0, road: "A40".into(), old: None, new: Some(window) });
/// let station = |name: &str, latitude, condition: &str| Told::Station(Upsert::new(name.into(), Change::Set(Weather {
///     condition: condition.into(), ..Weather::nothing(name.into(), latitude, 7.0) })));
///
/// let mut join = RoadWeather::default();
/// let (mut out, mut none) = (Rows::default(), Rows::default());
/// join.fold(&clock, vec![road, station("north", 51.2, "rain"), station("south", 50.9, "fog"), station("far", 52.0, "snow")], &mut out, &mut none);
/// join.close(&clock, &mut out, &mut none);
/// assert!(matches!(&out.take()[0].change, Change::Set(row) if row.weather_factor == Some(1.5)));
/// join.fold(&clock, vec![station("south", 50.9, "clear")], &mut out, &mut none);
/// join.close(&clock, &mut out, &mut none);
/// assert!(matches!(&out.take()[0].change, Change::Set(row) if row.weather_factor == Some(1.0)));
/// ```
pub struct RoadWeather {
    roads: Keyed<Name, Road>,
    touched: Vec<u32>,
    stations: BTreeMap<Name, (OnSphere, f64)>,
    /// A station has moved, come, gone, or has another factor.
    changed: bool,
}

impl Default for RoadWeather {
    fn default() -> Self {
        Self { roads: Keyed::new(), touched: Vec::new(), stations: BTreeMap::new(), changed: false }
    }
}

impl RoadWeather {
    fn road(&mut self, change: CurrentChange, out: &mut Rows<Upsert<RoadCurrent>>) {
        let CurrentChange { vnode, road, new, .. } = change;
        let found = self.roads.find(&road);
        let Some(window) = new else {
            if let Some(slot) = found {
                self.roads.remove(slot);
            }
            return out.give(Upsert { vnode, key: road, change: Change::Retire });
        };
        let slot = match found {
            Some(slot) => {
                self.roads.at(slot).1.window = window;
                slot
            }
            None => self.roads.insert(road, Road { window, vnode, touched: false }),
        };
        if !std::mem::replace(&mut self.roads.at(slot).1.touched, true) {
            self.touched.push(slot);
        }
    }

    fn station(&mut self, upsert: Upsert<Weather>) {
        let key = upsert.key;
        let new = match upsert.change {
            Change::Set(row) => Some((Position::new(row.latitude, row.longitude).on_sphere(), row.road_factor())),
            Change::Remove | Change::Retire => None,
        };
        self.changed |= self.stations.get(&key) != new.as_ref();
        match new {
            Some(new) => self.stations.insert(key, new),
            None => self.stations.remove(&key),
        };
    }

    fn factor(&self, position: Position) -> Option<f64> {
        let here = position.on_sphere();
        let by_distance = |(place, factor): &(OnSphere, f64)| (place.chord_squared(&here), *place, *factor);
        let all = self.stations.values().map(by_distance);
        let nearest = all.min_by(|(one, ..), (other, ..)| one.total_cmp(other));
        nearest.filter(|(_, place, _)| place.distance_m(&here) <= NEAR_M).map(|(_, _, factor)| factor)
    }

    fn renew(&mut self, slot: u32, out: &mut Rows<Upsert<RoadCurrent>>) {
        let Some((_, road)) = self.roads.get(slot) else { return };
        let factor = self.factor(road.window.position);
        let (name, road) = self.roads.at(slot);
        if std::mem::take(&mut road.touched) || road.window.weather_factor != factor {
            road.window.weather_factor = factor;
            out.give(Upsert { vnode: road.vnode, key: name.clone(), change: Change::Set(road.window.clone()) });
        }
    }
}

impl TickOperator for RoadWeather {
    type In = Told;
    type Out = Upsert<RoadCurrent>;
    type Side = ();
    const NAME: &'static str = "road weather";

    fn fold(&mut self, _: &Clock, rows: Vec<Told>, out: &mut Rows<Self::Out>, _: &mut Rows<()>) {
        for told in rows {
            match told {
                Told::Road(change) => self.road(change, out),
                Told::Station(upsert) => self.station(upsert),
            }
        }
    }

    fn close(&mut self, _: &Clock, out: &mut Rows<Self::Out>, _: &mut Rows<()>) -> Closed {
        let mut touched = std::mem::take(&mut self.touched);
        if std::mem::take(&mut self.changed) {
            touched = (0..self.roads.slots()).collect();
        }
        touched.into_iter().for_each(|slot| self.renew(slot, out));
        Closed::Whole
    }
}

/// The current windows of roads, each in the weather of where it is.
pub fn road_weather<'s>(
    roads: Stream<'s, u64, Vec<CurrentChange>>,
    stations: Stream<'s, u64, Vec<Upsert<Weather>>>,
    clock: Stream<'s, u64, Vec<Clock>>,
) -> Stream<'s, u64, Vec<Upsert<RoadCurrent>>> {
    let told = roads.map(Told::Road).concat(stations.broadcast().map(Told::Station));
    tick::run(told, clock, Pipeline, RoadWeather::default()).0
}
