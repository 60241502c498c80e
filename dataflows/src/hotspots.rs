//! `hotspots`: the roads that lose the largest share of their free-flow speed.

use greenwave_model::Clock;
use greenwave_operators::States;
use greenwave_operators::publish::publish;
use greenwave_operators::speeds::SpeedsByRoad;
use greenwave_operators::top::top;
use timely::dataflow::Stream;

use crate::city::{CitySettings, Landed};

pub fn hotspots<'s>(
    speeds: SpeedsByRoad<'s>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    settings: &CitySettings,
    states: &States,
) -> Landed<'s> {
    let worst = top(speeds, clock.clone(), &settings.free_flow, states);

    publish(worst, clock.clone(), states)
}
