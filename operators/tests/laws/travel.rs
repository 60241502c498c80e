//! The slow twin of routes.

use std::collections::BTreeMap;

use greenwave_model::Name;
use greenwave_model::views::Route;

/// Route, road, length.
pub type Lines = [(&'static str, &'static str, f64)];

fn ms(length_m: f64, speed_kmh: f64) -> i64 {
    (length_m * 3600.0 / if speed_kmh < 1.0 { 1.0 } else { speed_kmh }).round_ties_even() as i64
}

pub fn routes(lines: &Lines, speeds: &BTreeMap<Name, f64>, free: &BTreeMap<Name, f64>) -> BTreeMap<Name, Route> {
    let names: std::collections::BTreeSet<&str> = lines.iter().map(|(route, ..)| *route).collect();
    names.into_iter().map(|name| (name.into(), route(name, lines, speeds, free))).collect()
}

fn route(name: &str, lines: &Lines, speeds: &BTreeMap<Name, f64>, free: &BTreeMap<Name, f64>) -> Route {
    let mut lengths: BTreeMap<&str, f64> = BTreeMap::new();
    for (_, road, length_m) in lines.iter().filter(|(route, ..)| *route == name) {
        *lengths.entry(road).or_insert(0.0) += length_m;
    }
    let (mut travel_ms, mut free_flow_ms, mut worst) = (Some(0), Some(0), (0, ""));
    for (road, length_m) in &lengths {
        let free = free.get(*road).map(|kmh| ms(*length_m, *kmh));
        let now = speeds.get(*road).map(|kmh| ms(*length_m, *kmh));
        travel_ms = travel_ms.zip(now.or(free)).map(|(sum, ms)| sum + ms);
        free_flow_ms = free_flow_ms.zip(free).map(|(sum, ms)| sum + ms);
        // Roads come by name, so the first of those that lose the same stays.
        if let Some((now, free)) = now.zip(free)
            && now - free > worst.0
        {
            worst = (now - free, road);
        }
    }
    let without = lengths.keys().filter(|road| !speeds.contains_key(**road)).count();
    Route {
        length_m: lengths.values().sum(),
        travel_ms,
        free_flow_ms,
        worst_road: worst.1.into(),
        roads: lengths.len() as u32,
        roads_without_data: without as u32,
    }
}
