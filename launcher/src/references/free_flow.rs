//! The free-flow table: what speed each road has when nothing is in the way.

use std::collections::HashSet;
use std::path::Path;

use greenwave_dataflows::FreeFlow;
use greenwave_model::Name;

/// Reads `road_id` (or `segment_id`) and `free_flow` (or `free_flow_speed`), km/h.
pub fn parse(path: &Path, text: &str) -> anyhow::Result<FreeFlow> {
    let mut known = HashSet::new();
    let columns = [&["road_id", "segment_id"][..], &["free_flow", "free_flow_speed"]];
    let speeds = super::lines(path, text, columns, |[road, speed]| {
        let speed_kmh = super::number("free_flow", speed, 0.0, 400.0)?;
        let road = Name::new(road);
        if known.insert(road.clone()) { Ok((road, speed_kmh)) } else { Err(format!("road {road} stands there twice")) }
    })?;
    Ok(FreeFlow::new(speeds))
}
