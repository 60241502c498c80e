//! `city`: every view of a city from its GPS reports.

use std::sync::Arc;

use greenwave_model::{Clock, GpsReading};
use greenwave_operators::dedup::{accept_all, dedup};
use greenwave_operators::lateness::lateness;
use greenwave_operators::reports::{Wanted, reports};
use greenwave_operators::{Accepted, Batches, FreeFlow, Inputs, Outputs, States, VerdictRow};
use timely::dataflow::{Scope, Stream, operators::Concatenate};

use crate::hotspots::hotspots;
use crate::road_traffic::{road_current, road_traffic, windows};
use crate::vehicle_locations::vehicle_locations;

/// Which views a run keeps. One that is not kept costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Views {
    pub vehicle_locations: bool,
    pub road_traffic: bool,
    pub road_current: bool,
    pub hotspots: bool,
}

impl Views {
    pub const ALL: Self = Self { vehicle_locations: true, road_traffic: true, road_current: true, hotspots: true };

    /// The names of those that are kept.
    pub fn names(self) -> Vec<&'static str> {
        let all = [
            (self.vehicle_locations, "vehicle_locations"),
            (self.road_traffic, "road_traffic"),
            (self.road_current, "road_current"),
            (self.hotspots, "hotspots"),
        ];
        all.into_iter().filter_map(|(kept, name)| kept.then_some(name)).collect()
    }

    fn of_roads(self) -> bool {
        self.road_traffic || self.road_current || self.hotspots
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
    let Inputs { gps, clock } = inputs;
    let views = settings.views;
    let wanted = Wanted { roads: views.of_roads(), vehicles: views.vehicle_locations, devices: settings.vehicle_count };

    let (accepted, duplicates) = clean(gps, &clock, settings, states);
    let (counted, late) = lateness(accepted, clock.clone(), settings.correction_horizon_ms);
    let (of_roads, of_vehicles) = reports(counted, wanted);

    let mut landed = Vec::new();
    if views.vehicle_locations {
        landed.push(vehicle_locations(of_vehicles, &clock, states));
    }
    if views.of_roads() {
        let (windows, currents) = windows(of_roads, &clock, settings, states);
        landed.extend(views.road_traffic.then(|| road_traffic(windows, &clock, states)));
        landed.extend(views.road_current.then(|| road_current(currents.clone(), &clock, states)));
        landed.extend(views.hotspots.then(|| hotspots(currents, &clock, settings, states)));
    }
    land(clock.scope(), landed, duplicates.into_iter().chain([late]))
}

type Judged<'s> = (Stream<'s, u64, Vec<Accepted>>, Option<Stream<'s, u64, Vec<VerdictRow>>>);

/// Readings without copies, and the verdicts on those. With `dedup` off nothing is one.
fn clean<'s>(
    gps: Stream<'s, u64, Vec<GpsReading>>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    settings: &CitySettings,
    states: &States,
) -> Judged<'s> {
    if settings.dedup {
        let (accepted, duplicates) = dedup(gps, clock.clone(), settings.dedup_horizon_ms, states);
        (accepted, Some(duplicates))
    } else {
        (accept_all(gps), None)
    }
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
