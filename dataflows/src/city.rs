//! `city`: every view of a city from all its topics.

use std::sync::Arc;

use greenwave_model::topics::{CAMERA, GPS, INCIDENT, VEHICLE, WEATHER, place};
use greenwave_model::views::compatibility::{COMPATIBILITY, Compatible, Realtime};
use greenwave_model::views::{
    Alert, Camera, CitySummary, Hotspot, Incident, RoadCurrent, RoadTraffic, Route, Rule, VehicleLocation, Weather,
    WeatherCurrent,
};
use greenwave_model::{Clock, Event, TopicSpec, ViewRow, ViewSpec};
use greenwave_operators::dedup::{accept_all, dedup};
use greenwave_operators::feeds::{Heard, heard};
use greenwave_operators::lateness::lateness;
use greenwave_operators::publish::{Upsert, publish};
use greenwave_operators::reports::{Wanted, reports};
use greenwave_operators::road_weather::road_weather;
use greenwave_operators::routes::routes;
use greenwave_operators::speeds::speeds;
use greenwave_operators::{Accepted, Batches, FreeFlow, Inputs, Outputs, RouteTable, States, VerdictRow};
use timely::dataflow::operators::{Concat, Concatenate, generic::operator::empty};
use timely::dataflow::{Scope, Stream};

use crate::alerts::{Watched, alerts};
use crate::cameras::cameras;
use crate::city_summary::{Changes, city_summary};
use crate::compatibility::compatibility;
use crate::hotspots::hotspots;
use crate::incidents::incidents;
use crate::observed::ByTopic;
use crate::road_reports::road_reports;
use crate::vehicle_locations::vehicle_locations;
use crate::weather::{stations, weather_current};
use crate::windows::windows;

/// Every view of a city.
pub const VIEWS: &[&ViewSpec] = &[
    &VehicleLocation::SPEC,
    &RoadTraffic::SPEC,
    &RoadCurrent::SPEC,
    &Hotspot::SPEC,
    &Route::SPEC,
    &Incident::SPEC,
    &Weather::SPEC,
    &WeatherCurrent::SPEC,
    &Camera::SPEC,
    &CitySummary::SPEC,
    &Alert::SPEC,
];

/// Which views a run keeps. One that is not kept costs nothing, unless another needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Views(Vec<&'static str>);

impl Views {
    pub fn all() -> Self {
        Self(VIEWS.iter().map(|view| view.name).collect())
    }

    /// Those of [`VIEWS`] that `wanted` says.
    pub fn those(wanted: impl Fn(&str) -> bool) -> Self {
        Self(VIEWS.iter().map(|view| view.name).filter(|name| wanted(name)).collect())
    }

    /// The same, and the keys of an older job: in Redis and nowhere else.
    pub fn with_compatibility(mut self) -> Self {
        self.0.extend(COMPATIBILITY.iter().map(|view| view.name));
        self
    }

    /// In the order of [`VIEWS`].
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }

    pub fn keeps<V: ViewRow>(&self) -> bool {
        self.0.contains(&V::SPEC.name)
    }

    fn needs_roads(&self) -> bool {
        let windows = self.keeps::<RoadTraffic>() || self.keeps::<RoadCurrent>() || self.keeps::<CitySummary>();
        windows || self.needs_speeds()
    }

    fn needs_speeds(&self) -> bool {
        self.keeps::<Hotspot>() || self.keeps::<Route>() || self.keeps::<Alert>()
    }

    fn needs_incidents(&self) -> bool {
        self.keeps::<Incident>() || self.keeps::<CitySummary>() || self.keeps::<Alert>()
    }

    fn needs_stations(&self) -> bool {
        self.keeps::<Weather>() || self.keeps::<RoadCurrent>() || self.keeps::<Alert>()
    }

    fn needs_vehicles(&self) -> bool {
        self.keeps::<VehicleLocation>() || self.keeps::<CitySummary>()
    }
}

/// What decides the answers of [`city`].
#[derive(Clone, Debug)]
pub struct CitySettings {
    pub dedup: bool,
    pub dedup_horizon_ms: i64,
    pub correction_horizon_ms: i64,
    pub clock_skew_ms: i64,
    pub vehicle_count: bool,
    /// Names of the topics whose events are reports of vehicles on roads.
    pub speed_from: Vec<&'static str>,
    /// Road → km/h.
    pub free_flow: Arc<FreeFlow>,
    pub routes: Arc<RouteTable>,
    pub rules: Vec<Rule>,
    pub views: Views,
}

impl CitySettings {
    pub(crate) fn counts(&self, topic: &TopicSpec) -> bool {
        self.speed_from.contains(&topic.name)
    }

    fn wanted(&self) -> Wanted {
        let roads = self.views.needs_roads() && self.counts(&GPS);
        Wanted { roads, vehicles: self.views.needs_vehicles(), devices: self.vehicle_count }
    }
}

/// Builds the dataflow of a city on one worker.
pub fn city<'s>(inputs: Inputs<'s>, settings: &CitySettings, states: &States) -> Outputs<'s> {
    let Inputs { gps, observations, clock } = inputs;
    let views = &settings.views;
    let (gps, heard_gps) = overheard(gps, settings, |_| place(&GPS));
    let (observations, heard_others) = overheard(observations, settings, |event| event.topic);
    let (readings, of_readings) = counted(gps, &clock, settings, states);
    let (observed, of_observed) = counted(observations, &clock, settings, states);
    let observed = ByTopic::new(observed);

    let mut land = Land { clock: &clock, states, landed: Vec::new() };
    if views.keeps::<Compatible<Realtime>>() {
        land.landed.extend(compatibility(readings.clone(), &observed, &clock, states));
    }

    // What views share. Where none of them is kept nothing flows.
    let (of_roads, of_vehicles) = reports(readings, settings.wanted());
    let of_roads = road_reports(of_roads, &observed, settings);
    let (windows, currents) = windows(of_roads, &clock, settings, states);
    let vehicle = only_if(views.needs_vehicles(), observed.of(&VEHICLE));
    let (vehicles, more_vehicles) = vehicle_locations(of_vehicles, vehicle, &clock, states);
    let (unresolved, more_incidents) =
        incidents(only_if(views.needs_incidents(), observed.of(&INCIDENT)), &clock, states);
    let stations = stations(only_if(views.needs_stations(), observed.of(&WEATHER)), &clock, states);
    let speeds = speeds(only_if(views.needs_speeds(), currents.clone()));
    let delays = routes(speeds.clone(), clock.clone(), &settings.routes, &settings.free_flow, states);

    land.publish_if(views, vehicles);
    land.publish_if(views, windows);
    if views.keeps::<RoadCurrent>() {
        land.publish(road_weather(currents.clone(), stations.clone(), clock.clone()));
    }
    if views.keeps::<Hotspot>() {
        land.landed.push(hotspots(speeds, &clock, settings, states));
    }
    land.publish_if(views, delays.clone());
    land.publish_if(views, unresolved.clone());
    land.publish_if(views, stations.clone());
    if views.keeps::<WeatherCurrent>() {
        land.landed.push(weather_current(observed.of(&WEATHER), &clock, states));
    }
    if views.keeps::<Camera>() {
        land.landed.push(cameras(observed.of(&CAMERA), &clock, states));
    }
    if views.keeps::<CitySummary>() {
        let changes = Changes { vehicles: more_vehicles, incidents: more_incidents, roads: currents.clone() };
        land.landed.push(city_summary(changes, &clock, states));
    }
    if views.keeps::<Alert>() {
        let feeds = heard_gps.concat(heard_others);
        let watched = Watched { incidents: unresolved, roads: currents, routes: delays, stations, feeds };
        land.publish(alerts(watched, &settings.rules, &clock, states));
    }
    land.with(clock.scope(), of_readings.into_iter().chain(of_observed))
}

type Counted<'s, E> = (Stream<'s, u64, Vec<Accepted<E>>>, Vec<Stream<'s, u64, Vec<VerdictRow>>>);

/// Events that are no copies and not too late, and the verdicts on the others. With `dedup` off nothing is a copy.
fn counted<'s, E: Event>(
    events: Stream<'s, u64, Vec<E>>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    settings: &CitySettings,
    states: &States,
) -> Counted<'s, E> {
    let mut verdicts = Vec::new();
    let accepted = if settings.dedup {
        let (accepted, duplicates) = dedup(events, clock.clone(), settings.dedup_horizon_ms, states);
        verdicts.push(duplicates);
        accepted
    } else {
        accept_all(events)
    };
    let (counted, late) = lateness(accepted, clock.clone(), settings.correction_horizon_ms);
    verdicts.push(late);
    (counted, verdicts)
}

/// The events, and beside them when they came, if a rule may ask for that.
fn overheard<'s, E: Event>(
    events: Stream<'s, u64, Vec<E>>,
    settings: &CitySettings,
    feed: impl Fn(&E) -> u8 + 'static,
) -> (Stream<'s, u64, Vec<E>>, Stream<'s, u64, Vec<Heard>>) {
    let nothing = empty(events.scope());
    if settings.views.keeps::<Alert>() { heard(events, feed) } else { (events, nothing) }
}

/// What nobody wants does not flow.
fn only_if<T: Clone + 'static>(wanted: bool, rows: Stream<'_, u64, Vec<T>>) -> Stream<'_, u64, Vec<T>> {
    if wanted { rows } else { empty(rows.scope()) }
}

/// One view's deltas and rows.
pub(crate) type Landed<'s> = (Batches<'s>, Batches<'s>);

/// Where views end.
struct Land<'s, 'l> {
    clock: &'l Stream<'s, u64, Vec<Clock>>,
    states: &'l States,
    landed: Vec<Landed<'s>>,
}

impl<'s> Land<'s, '_> {
    fn publish_if<V: ViewRow>(&mut self, views: &Views, upserts: Stream<'s, u64, Vec<Upsert<V>>>) {
        if views.keeps::<V>() {
            self.publish(upserts);
        }
    }

    fn publish<V: ViewRow>(&mut self, upserts: Stream<'s, u64, Vec<Upsert<V>>>) {
        self.landed.push(publish(upserts, self.clock.clone(), self.states));
    }

    fn with(
        self,
        scope: Scope<'s, u64>,
        verdicts: impl Iterator<Item = Stream<'s, u64, Vec<VerdictRow>>>,
    ) -> Outputs<'s> {
        let (deltas, rows): (Vec<_>, Vec<_>) = self.landed.into_iter().unzip();
        Outputs {
            deltas: scope.concatenate(deltas),
            rows: scope.concatenate(rows),
            verdicts: scope.concatenate(verdicts),
        }
    }
}
