//! `road_traffic` and `road_current`: every window of every road, and the one that is now.

use greenwave_model::Clock;
use greenwave_model::views::RoadTraffic;
use greenwave_operators::States;
use greenwave_operators::panes::{CurrentChange, Panes, PanesSettings, panes};
use greenwave_operators::publish::{Upsert, publish};
use greenwave_operators::reports::RoadReport;
use greenwave_operators::tick::Ports;
use timely::dataflow::{Stream, operators::vec::Map};

use crate::city::{CitySettings, Landed};

/// The windows of all roads; the two views below and `hotspots` share them.
pub fn windows<'s>(
    reports: Stream<'s, u64, Vec<RoadReport>>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    settings: &CitySettings,
    states: &States,
) -> Ports<'s, Panes> {
    let settings = PanesSettings {
        correction_horizon_ms: settings.correction_horizon_ms,
        clock_skew_ms: settings.clock_skew_ms,
        count_devices: settings.vehicle_count,
        free_flow: settings.free_flow.clone(),
        all_windows: settings.views.road_traffic,
    };

    panes(reports, clock.clone(), settings, states)
}

pub fn road_traffic<'s>(
    windows: Stream<'s, u64, Vec<Upsert<RoadTraffic>>>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Landed<'s> {
    publish(windows, clock.clone(), states)
}

pub fn road_current<'s>(
    currents: Stream<'s, u64, Vec<CurrentChange>>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Landed<'s> {
    let upserts = currents.map(CurrentChange::into_upsert);

    publish(upserts, clock.clone(), states)
}
