//! Routes: what named lists of roads take, from the current speeds of roads.
//!
//! in    the collection of roads' speeds; the table of routes, each worker its share
//! out   one upsert for each route whose figures have changed; at the first tick one for each route there is
//! state differential's own: the table, the roads of each route. Never saved, refilled from the whole content
//!       of what comes before. Freed with the roads
//! late  a late change of a speed is a change
//! moves by hash of the road, by hash of the route, and by slice of the route in its view
//! fails never

use std::collections::{BTreeMap, BTreeSet};

use differential_dataflow::{AsCollection, VecCollection};
use greenwave_model::views::{Route, travel_ms};
use greenwave_model::{Change, Clock, Name, ViewRow, group_of, vnode};
use timely::dataflow::{
    Scope, Stream,
    operators::{ToStream, vec::Delay},
};

use crate::free_flow::FreeFlow;
use crate::publish::Upsert;
use crate::speeds::SpeedsByRoad;
use crate::state::States;
use crate::tick::{self, Closed, Rows, TickOperator};

/// Route → its roads with their lengths in metres. A reference table: the same on every worker for the whole run.
#[derive(Clone, Debug, Default)]
pub struct RouteTable(BTreeMap<Name, BTreeMap<Name, f64>>);

impl RouteTable {
    /// Of route, road and length; a road that stands in a route twice has both lengths.
    pub fn new(lines: impl IntoIterator<Item = (Name, Name, f64)>) -> Self {
        let mut routes: BTreeMap<Name, BTreeMap<Name, f64>> = BTreeMap::new();
        for (route, road, length_m) in lines {
            *routes.entry(route).or_default().entry(road).or_default() += length_m;
        }
        Self(routes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A road of a route, with data: how much it loses against free flow, negative, so that the worst comes first; its name;
/// what it takes; what it takes at free flow.
type Timed = (i64, Name, i64, Option<i64>);

/// What the roads with data of one route come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct WithData {
    roads: u32,
    travel_ms: i64,
    /// Of those with a free-flow speed.
    free_flow_ms: i64,
    without_free_flow: u32,
    worst: Name,
}

impl WithData {
    fn of<'a>(roads: impl Iterator<Item = &'a Timed>) -> Self {
        let mut sum = Self::default();
        for (gained_ms, road, travel_ms, free_flow_ms) in roads {
            if sum.worst.is_empty() && *gained_ms < 0 {
                sum.worst = road.clone();
            }
            sum.roads += 1;
            sum.travel_ms += travel_ms;
            sum.free_flow_ms += free_flow_ms.unwrap_or(0);
            sum.without_free_flow += u32::from(free_flow_ms.is_none());
        }
        sum
    }
}

fn timed(road: &Name, length_m: f64, speed_kmh: f64, free_flow_kmh: Option<f64>) -> Timed {
    let travel = travel_ms(length_m, speed_kmh);
    let free_flow = free_flow_kmh.map(|kmh| travel_ms(length_m, kmh));
    (free_flow.map_or(0, |free_flow| free_flow - travel), road.clone(), travel, free_flow)
}

/// Road → the routes it is part of, with its length there and its free-flow speed. Numbers as bits.
type Part = (Name, (Name, u64, Option<u64>));

/// The tables as a collection, spread over the workers.
fn parts<'s>(
    scope: Scope<'s, u64>,
    table: &RouteTable,
    free_flow: &FreeFlow,
    states: &States,
) -> VecCollection<'s, u64, Part, isize> {
    let (worker, workers) = (states.worker(), states.workers());
    let mine = table.0.iter().filter(|(route, _)| usize::from(slice(route)) % workers == worker);
    let parts = mine.flat_map(|(route, roads)| {
        let part = |(road, length_m): (&Name, &f64)| {
            let free_flow = free_flow.get(road).map(f64::to_bits);
            ((road.clone(), (route.clone(), length_m.to_bits(), free_flow)), 0, 1)
        };
        roads.iter().map(part).collect::<Vec<_>>()
    });
    parts.collect::<Vec<_>>().to_stream(scope).container::<Vec<_>>().as_collection()
}

/// An update of the collection of routes.
pub type RouteUpdate = ((Name, WithData), u64, isize);

/// Completes what roads with data come to by what the tables say of the others.
///
/// ```
/// use greenwave_model::{Change, Clock};
/// use greenwave_operators::{FreeFlow, RouteTable, routes::RouteRows, tick::{Rows, TickOperator}};
/// let clock = Clock { tick: 1, is_cut: false, publishes: true, restored: false, watermark_ms: 0, now_ms: 0, cut_watermark_ms: 0, cut_now_ms: 0 };
/// let table = RouteTable::new([("ring".into(), "A40".into(), 1_000.0), ("ring".into(), "B227".into(), 500.0)]);
/// let free_flow = FreeFlow::new([("A40".into(), 100.0), ("B227".into(), 50.0)]);
/// let mut routes = RouteRows::new(&table, &free_flow, |_| true);
/// let (mut out, mut none) = (Rows::default(), Rows::default());
/// routes.close(&clock, &mut out, &mut none);
/// let upserts = out.take();   // a route is there before any of its roads has data
/// assert!(matches!(&upserts[0].change, Change::Set(row) if row.travel_ms == Some(72_000) && row.roads_without_data == 2));
/// ```
pub struct RouteRows {
    /// Of this worker.
    routes: BTreeMap<Name, Whole>,
    with_data: BTreeMap<Name, WithData>,
    changed: BTreeSet<Name>,
    given: bool,
}

/// All roads of a route, at free flow.
struct Whole {
    length_m: f64,
    roads: u32,
    free_flow_ms: i64,
    without_free_flow: u32,
}

impl Whole {
    fn of(roads: &BTreeMap<Name, f64>, free_flow: &FreeFlow) -> Self {
        let times: Vec<_> = roads.iter().map(|(road, length)| Some(travel_ms(*length, free_flow.get(road)?))).collect();
        Self {
            length_m: roads.values().sum(),
            roads: roads.len() as u32,
            free_flow_ms: times.iter().flatten().sum(),
            without_free_flow: times.iter().filter(|time| time.is_none()).count() as u32,
        }
    }

    fn now(&self, with: &WithData) -> Route {
        let all_known = self.without_free_flow == with.without_free_flow;
        Route {
            length_m: self.length_m,
            travel_ms: all_known.then_some(with.travel_ms + self.free_flow_ms - with.free_flow_ms),
            free_flow_ms: (self.without_free_flow == 0).then_some(self.free_flow_ms),
            worst_road: with.worst.clone(),
            roads: self.roads,
            roads_without_data: self.roads - with.roads,
        }
    }
}

impl RouteRows {
    /// Of the routes that `mine` says.
    pub fn new(table: &RouteTable, free_flow: &FreeFlow, mine: impl Fn(&Name) -> bool) -> Self {
        let routes = table.0.iter().filter(|(route, _)| mine(route));
        let routes = routes.map(|(route, roads)| (route.clone(), Whole::of(roads, free_flow))).collect();
        Self { routes, with_data: BTreeMap::new(), changed: BTreeSet::new(), given: false }
    }
}

impl TickOperator for RouteRows {
    type In = RouteUpdate;
    type Out = Upsert<Route>;
    type Side = ();
    const NAME: &'static str = "routes";

    fn fold(&mut self, _: &Clock, rows: Vec<RouteUpdate>, _: &mut Rows<Upsert<Route>>, _: &mut Rows<()>) {
        for ((route, with_data), _, diff) in rows {
            if diff > 0 {
                self.with_data.insert(route.clone(), with_data);
            } else if self.with_data.get(&route) == Some(&with_data) {
                self.with_data.remove(&route);
            }
            self.changed.insert(route);
        }
    }

    fn close(&mut self, _: &Clock, out: &mut Rows<Upsert<Route>>, _: &mut Rows<()>) -> Closed {
        let mut changed = std::mem::take(&mut self.changed);
        if !std::mem::replace(&mut self.given, true) {
            changed.extend(self.routes.keys().cloned());
        }
        let nothing = WithData::default();
        for route in changed {
            let Some(whole) = self.routes.get(&route) else { continue };
            let now = whole.now(self.with_data.get(&route).unwrap_or(&nothing));
            out.give(Upsert { vnode: slice(&route), key: route, change: Change::Set(now) });
        }
        Closed::Whole
    }
}

fn slice(route: &Name) -> u8 {
    vnode(Route::SPEC.name, route)
}

/// Every route of the table.
pub fn routes<'s>(
    speeds: SpeedsByRoad<'s>,
    clock: Stream<'s, u64, Vec<Clock>>,
    table: &RouteTable,
    free_flow: &FreeFlow,
    states: &States,
) -> Stream<'s, u64, Vec<Upsert<Route>>> {
    let parts = parts(clock.scope(), table, free_flow, states).arrange_by_key_named("roads of routes");
    let timed = speeds.join_core(parts, |road, speed, (route, length, free_flow)| {
        let [length_m, speed_kmh] = [*length, *speed].map(f64::from_bits);
        Some((route.clone(), timed(road, length_m, speed_kmh, free_flow.map(f64::from_bits))))
    });
    let with_data = timed.reduce_named("roads of route", |_, roads, sum| {
        sum.push((WithData::of(roads.iter().map(|(road, _)| *road)), 1));
    });
    // Differential answers several ticks in one container, sent at the time of the first.
    let at_their_ticks = with_data.inner.delay(|(_, tick, _), _| *tick);
    let worker = clock.scope().worker();
    let mine = |route: &Name| usize::from(group_of(slice(route))) % worker.peers() == worker.index();
    let rows = RouteRows::new(table, free_flow, mine);
    tick::run(at_their_ticks, clock, tick::by_vnode(|((route, _), _, _): &RouteUpdate| slice(route)), rows).0
}
