//! The free-flow table: CSV with a header, one road a line.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail};
use greenwave_dataflows::FreeFlow;
use greenwave_model::Name;

/// Reads `road_id` (or `segment_id`) and `free_flow` (or `free_flow_speed`), km/h; other columns are ignored.
pub fn parse(path: &Path, text: &str) -> anyhow::Result<FreeFlow> {
    let mut lines = text.lines().enumerate();
    let header = lines.next().map(|(_, line)| line).unwrap_or_default();
    let columns: Vec<&str> = header.split(',').map(str::trim).collect();
    let place = |names: [&str; 2]| columns.iter().position(|column| names.contains(column));
    let (Some(road), Some(speed)) = (place(["road_id", "segment_id"]), place(["free_flow", "free_flow_speed"])) else {
        bail!(
            "cannot read free flow from {}:1: the header is `{header}`; it must name road_id and free_flow",
            path.display()
        );
    };
    let mut roads = HashMap::new();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let at = || format!("cannot read free flow from {}:{}: `{line}`", path.display(), index + 1);
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let (Some(road), Some(speed)) = (fields.get(road), fields.get(speed)) else {
            bail!("{}; it has {} fields and the header {}", at(), fields.len(), columns.len());
        };
        let speed: f64 = speed.parse().with_context(at)?;
        if !(speed > 0.0 && speed < 400.0) {
            bail!("{}; a free-flow speed is above 0 and below 400 km/h", at());
        }
        if roads.insert(Name::new(road), speed).is_some() {
            bail!("{}; the road stands there twice", at());
        }
    }
    Ok(FreeFlow::new(roads))
}
