//! The dataflows that can be submitted, by name.

use std::sync::Arc;

use greenwave_dataflows::{CitySettings, VIEWS, city};
use greenwave_model::ViewSpec;
use greenwave_runtime::Build;

pub struct Dataflow {
    pub name: &'static str,
    pub views: &'static [&'static ViewSpec],
    pub build: fn(CitySettings) -> Build,
}

pub const DATAFLOWS: &[Dataflow] = &[Dataflow {
    name: "city",
    views: VIEWS,
    build: |settings| Arc::new(move |inputs, states| city(inputs, &settings, states)),
}];
