//! The views of the city job, one file each.

mod alert;
mod camera;
mod city_summary;
pub mod compatibility;
mod hotspot;
mod incident;
mod road;
mod road_current;
mod road_traffic;
mod route;
mod vehicle_location;
mod weather;

pub use alert::{ALERT_KEPT_MS, Alert, Rule, Watches};
pub use camera::{CAMERA_KEPT_MS, Camera};
pub use city_summary::{CitySummary, SUMMARY, SUMMARY_KEPT_MS};
pub use hotspot::{HOTSPOTS, Hotspot};
pub use incident::{INCIDENT_KEPT_MS, Incident, Severity, Status};
pub use road::{CameraTotals, Level, RoadTotals};
pub use road_current::{ROAD_KEPT_MS, RoadCurrent};
pub use road_traffic::{RoadTraffic, WindowKey};
pub use route::{Route, travel_ms};
pub use vehicle_location::{VEHICLE_KEPT_MS, VehicleLocation};
pub use weather::{CURRENT, WEATHER_KEPT_MS, Weather, WeatherCurrent};

use crate::view::{Column, Kind};

const fn key(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, key: true }
}

const fn value(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, key: false }
}
