//! `vehicle_locations`: where each vehicle is.

use greenwave_model::Clock;
use greenwave_model::views::VehicleLocation;
use greenwave_operators::States;
use greenwave_operators::latest::{Report, latest};
use greenwave_operators::publish::publish;
use timely::dataflow::Stream;

use crate::city::Landed;

pub fn vehicle_locations<'s>(
    reports: Stream<'s, u64, Vec<Report<VehicleLocation>>>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Landed<'s> {
    let newest = latest(reports, clock.clone(), states);

    publish(newest, clock.clone(), states)
}
