//! Graphs: from typed input streams to named views. No connector, no file and no sink is known here, which is what
//! makes live, replayed and simulated runs the same graph.

mod alerts;
mod cameras;
mod city;
mod city_summary;
mod compatibility;
mod hotspots;
mod incidents;
mod observed;
mod road_reports;
mod vehicle_locations;
mod weather;
mod windows;

pub use city::{CitySettings, VIEWS, Views, city};
pub use greenwave_operators::{FreeFlow, Inputs, Outputs, RouteTable, States, Verdict};
pub use road_reports::SPEED_TOPICS;

/// The settings file that the city is shipped with: every setting at its default.
pub const CITY_SETTINGS: &str = include_str!("../settings/city.toml");
