//! `city_summary`: totals over the other views.

use greenwave_model::Clock;
use greenwave_model::views::CitySummary;
use greenwave_operators::States;
use greenwave_operators::panes::CurrentChange;
use greenwave_operators::publish::publish;
use greenwave_operators::summary::{of_road, summary};
use timely::dataflow::Stream;
use timely::dataflow::operators::{Concat, vec::Map};

use crate::city::Landed;

/// By how many vehicles and incidents become more, and how current windows change.
pub struct Changes<'s> {
    pub vehicles: Stream<'s, u64, Vec<i64>>,
    pub incidents: Stream<'s, u64, Vec<i64>>,
    pub roads: Stream<'s, u64, Vec<CurrentChange>>,
}

pub fn city_summary<'s>(changes: Changes<'s>, clock: &Stream<'s, u64, Vec<Clock>>, states: &States) -> Landed<'s> {
    let vehicles = changes.vehicles.map(|vehicles| CitySummary { vehicles, ..CitySummary::default() });
    let incidents = changes.incidents.map(|incidents| CitySummary { incidents, ..CitySummary::default() });
    let all = vehicles.concat(incidents).concat(changes.roads.map(of_road));

    publish(summary(all, clock.clone()), clock.clone(), states)
}
