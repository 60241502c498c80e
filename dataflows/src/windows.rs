//! The windows of all roads, which `road_traffic`, `road_current`, `hotspots` and `city_summary` share.

use greenwave_model::Clock;
use greenwave_model::views::RoadTraffic;
use greenwave_operators::States;
use greenwave_operators::panes::{Panes, PanesSettings, panes};
use greenwave_operators::reports::RoadReport;
use greenwave_operators::tick::Ports;
use timely::dataflow::Stream;

use crate::city::CitySettings;

/// Every window of every road, and the one that is now.
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
        all_windows: settings.views.keeps::<RoadTraffic>(),
    };

    panes(reports, clock.clone(), settings, states)
}
