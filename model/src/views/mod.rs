//! The views of the city job, one file each.

mod hotspot;
mod road;
mod road_current;
mod road_traffic;
mod vehicle_location;

pub use hotspot::{HOTSPOTS, Hotspot};
pub use road::{Level, RoadTotals};
pub use road_current::{ROAD_KEPT_MS, RoadCurrent};
pub use road_traffic::{RoadTraffic, WindowKey};
pub use vehicle_location::{VEHICLE_KEPT_MS, VehicleLocation};

use crate::view::{Column, Kind};

const fn key(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, key: true }
}

const fn value(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, key: false }
}
