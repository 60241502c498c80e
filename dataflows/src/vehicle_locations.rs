//! `vehicle_locations`: where each vehicle is.

use greenwave_model::topics::VEHICLE;
use greenwave_model::views::VehicleLocation;
use greenwave_model::{Clock, Observation};
use greenwave_operators::States;
use greenwave_operators::latest::{Latest, Report, latest};
use greenwave_operators::reports::GPS_RANK;
use greenwave_operators::tick::Ports;
use timely::dataflow::Stream;
use timely::dataflow::operators::{Concat, vec::Map};

use crate::observed::{Observed, known};

/// The view, and by how many it has become more.
pub fn vehicle_locations<'s>(
    reports: Stream<'s, u64, Vec<Report<VehicleLocation>>>,
    observed: Observed<'s>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Ports<'s, Latest<VehicleLocation>> {
    let reports = reports.concat(observed.map(|event| report(event.event())));

    latest(reports, clock.clone(), states)
}

fn report(event: &Observation) -> Report<VehicleLocation> {
    let value = VehicleLocation {
        latitude: event.latitude,
        longitude: event.longitude,
        speed_kmh: event.number(&VEHICLE, "speed"),
        direction_deg: known(event.number(&VEHICLE, "direction")),
        event_ms: event.event_ms,
        arrival_ms: event.arrival_ms,
    };
    Report { key: event.device.clone(), rank: GPS_RANK + 1, record: event.record, value }
}
