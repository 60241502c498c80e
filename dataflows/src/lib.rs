//! Graphs: from typed input streams to named views. No connector, no file and no sink is known here, which is what
//! makes live, replayed and simulated runs the same graph.

mod city;
mod hotspots;
mod road_traffic;
mod vehicle_locations;

pub use city::{CitySettings, Views, city};
pub use greenwave_operators::{FreeFlow, Inputs, Outputs, States, Verdict};
