//! `hotspots`: the roads that lose the largest share of their free-flow speed.

use std::sync::Arc;

use greenwave_model::Clock;
use greenwave_operators::panes::CurrentChange;
use greenwave_operators::publish::publish;
use greenwave_operators::speeds::speeds;
use greenwave_operators::top::top;
use greenwave_operators::{FreeFlow, States};
use timely::dataflow::Stream;

use crate::city::{CitySettings, Landed};

pub fn hotspots<'s>(
    currents: Stream<'s, u64, Vec<CurrentChange>>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    settings: &CitySettings,
    states: &States,
) -> Landed<'s> {
    let free_flow = settings.free_flow.clone().unwrap_or_else(|| Arc::new(FreeFlow::default()));
    let speeds = speeds(currents);
    let worst = top(speeds, clock.clone(), &free_flow, states);

    publish(worst, clock.clone(), states)
}
