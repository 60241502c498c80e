//! The dataflows that can be submitted, by name.

use std::sync::Arc;

use greenwave_dataflows::{CitySettings, city};
use greenwave_model::views::{Hotspot, RoadCurrent, RoadTraffic, VehicleLocation};
use greenwave_model::{ViewRow, ViewSpec};
use greenwave_runtime::Build;

pub struct Dataflow {
    pub name: &'static str,
    pub views: &'static [&'static ViewSpec],
    pub build: fn(CitySettings) -> Build,
}

pub const DATAFLOWS: &[Dataflow] = &[Dataflow {
    name: "city",
    views: &[&VehicleLocation::SPEC, &RoadTraffic::SPEC, &RoadCurrent::SPEC, &Hotspot::SPEC],
    build: |settings| Arc::new(move |inputs, states| city(inputs, &settings, states)),
}];
