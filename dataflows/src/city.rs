//! `city`: every view of a city from all its topics.

use std::sync::Arc;

use greenwave_model::topics::{CAMERA, INCIDENT, VEHICLE, WEATHER};
use greenwave_model::views::{
    Camera, CitySummary, Hotspot, Incident, RoadCurrent, RoadTraffic, VehicleLocation, Weather, WeatherCurrent,
};
use greenwave_model::{Clock, Event, ViewRow, ViewSpec};
use greenwave_operators::dedup::{accept_all, dedup};
use greenwave_operators::lateness::lateness;
use greenwave_operators::panes::CurrentChange;
use greenwave_operators::publish::publish;
use greenwave_operators::reports::{Wanted, reports};
use greenwave_operators::{Accepted, Batches, FreeFlow, Inputs, Outputs, States, VerdictRow};
use timely::dataflow::operators::{Concatenate, vec::Map};
use timely::dataflow::{Scope, Stream};

use crate::cameras::cameras;
use crate::city_summary::{Changes, city_summary};
use crate::hotspots::hotspots;
use crate::incidents::incidents;
use crate::observed::ByTopic;
use crate::vehicle_locations::vehicle_locations;
use crate::weather::{weather, weather_current};
use crate::windows::windows;

/// Every view of a city.
pub const VIEWS: &[&ViewSpec] = &[
    &VehicleLocation::SPEC,
    &RoadTraffic::SPEC,
    &RoadCurrent::SPEC,
    &Hotspot::SPEC,
    &Incident::SPEC,
    &Weather::SPEC,
    &WeatherCurrent::SPEC,
    &Camera::SPEC,
    &CitySummary::SPEC,
];

/// Which views a run keeps. One that is not kept costs nothing.
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

    /// In the order of [`VIEWS`].
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }

    pub fn keeps<V: ViewRow>(&self) -> bool {
        self.0.contains(&V::SPEC.name)
    }

    fn wanted(&self, devices: bool) -> Wanted {
        let summary = self.keeps::<CitySummary>();
        let roads = self.keeps::<RoadTraffic>() || self.keeps::<RoadCurrent>() || self.keeps::<Hotspot>();
        Wanted { roads: roads || summary, vehicles: self.keeps::<VehicleLocation>() || summary, devices }
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
    /// Road → km/h.
    pub free_flow: Option<Arc<FreeFlow>>,
    pub views: Views,
}

/// Builds the dataflow of a city on one worker.
pub fn city<'s>(inputs: Inputs<'s>, settings: &CitySettings, states: &States) -> Outputs<'s> {
    let Inputs { gps, observations, clock } = inputs;
    let views = &settings.views;
    let (readings, of_readings) = counted(gps, &clock, settings, states);
    let (observed, of_observed) = counted(observations, &clock, settings, states);
    let observed = ByTopic::new(observed);

    // What views share. Where none of them is kept nothing flows.
    let (of_roads, of_vehicles) = reports(readings, views.wanted(settings.vehicle_count));
    let (windows, currents) = windows(of_roads, &clock, settings, states);
    let (vehicles, more_vehicles) = vehicle_locations(of_vehicles, observed.of(&VEHICLE), &clock, states);
    let (unresolved, more_incidents) = incidents(observed.of(&INCIDENT), &clock, states);

    let mut landed = Vec::new();
    if views.keeps::<VehicleLocation>() {
        landed.push(publish(vehicles, clock.clone(), states));
    }
    if views.keeps::<RoadTraffic>() {
        landed.push(publish(windows, clock.clone(), states));
    }
    if views.keeps::<RoadCurrent>() {
        landed.push(publish(currents.clone().map(CurrentChange::into_upsert), clock.clone(), states));
    }
    if views.keeps::<Hotspot>() {
        landed.push(hotspots(currents.clone(), &clock, settings, states));
    }
    if views.keeps::<Incident>() {
        landed.push(publish(unresolved, clock.clone(), states));
    }
    if views.keeps::<Weather>() {
        landed.push(weather(observed.of(&WEATHER), &clock, states));
    }
    if views.keeps::<WeatherCurrent>() {
        landed.push(weather_current(observed.of(&WEATHER), &clock, states));
    }
    if views.keeps::<Camera>() {
        landed.push(cameras(observed.of(&CAMERA), &clock, states));
    }
    if views.keeps::<CitySummary>() {
        let changes = Changes { vehicles: more_vehicles, incidents: more_incidents, roads: currents };
        landed.push(city_summary(changes, &clock, states));
    }
    land(clock.scope(), landed, of_readings.into_iter().chain(of_observed))
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

/// One view's deltas and rows.
pub(crate) type Landed<'s> = (Batches<'s>, Batches<'s>);

fn land<'s>(
    scope: Scope<'s, u64>,
    views: Vec<Landed<'s>>,
    verdicts: impl Iterator<Item = Stream<'s, u64, Vec<VerdictRow>>>,
) -> Outputs<'s> {
    let (deltas, rows): (Vec<_>, Vec<_>) = views.into_iter().unzip();
    Outputs { deltas: scope.concatenate(deltas), rows: scope.concatenate(rows), verdicts: scope.concatenate(verdicts) }
}
