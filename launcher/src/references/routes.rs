//! The table of routes: named lists of roads.

use std::path::Path;

use greenwave_dataflows::RouteTable;
use greenwave_model::Name;

/// Longer is no road.
const LENGTH_MAX_M: f64 = 1e6;

/// Reads `route_id`, `road_id` (or `segment_id`) and `length_m`, one road of a route a line.
pub fn parse(path: &Path, text: &str) -> anyhow::Result<RouteTable> {
    let columns = [&["route_id"][..], &["road_id", "segment_id"], &["length_m"]];
    let roads = super::lines(path, text, columns, |[route, road, length]| {
        let length_m = super::number("length_m", length, 0.0, LENGTH_MAX_M)?;
        if road.is_empty() {
            return Err("road_id is empty; name a road".to_owned());
        }
        Ok((super::name("route_id", route)?, Name::new(road), length_m))
    })?;
    Ok(RouteTable::new(roads))
}
