//! What the operators after the panes are fed with: changes of roads' current windows.

use std::collections::BTreeMap;

use greenwave_model::views::{CameraTotals, RoadCurrent, RoadTotals};
use greenwave_model::{Name, Position};
use greenwave_operators::panes::CurrentChange;

use crate::laws::Cut;

pub fn current(speed_kmh: f64, position: Position) -> RoadCurrent {
    let mut totals = RoadTotals::NONE;
    totals.observe(speed_kmh);
    let (window_start_ms, newest_event_ms, arrival_ms) = (0, 0, 0);
    RoadCurrent {
        window_s: 300,
        window_start_ms,
        totals,
        cameras: CameraTotals::default(),
        vehicles: None,
        free_flow_kmh: None,
        newest_event_ms,
        arrival_ms,
        position,
        weather_factor: None,
    }
}

/// One change per road and tick: from what it was before the tick to what it is after.
pub fn merged(rows: impl Iterator<Item = CurrentChange>) -> impl Iterator<Item = CurrentChange> {
    let mut of_roads: BTreeMap<Name, CurrentChange> = BTreeMap::new();
    for row in rows {
        let new = row.new.clone();
        of_roads.entry(row.road.clone()).or_insert(row).new = new;
    }
    of_roads.into_values()
}

/// A road changes from what it is to something new.
pub fn change(road: Name, new: Option<RoadCurrent>, standing: &mut BTreeMap<Name, RoadCurrent>) -> CurrentChange {
    let old = standing.remove(&road);
    standing.extend(new.clone().map(|new| (road.clone(), new)));
    let vnode = greenwave_model::vnode("road_current", &road);
    CurrentChange { vnode, road, old, new }
}

/// The mean speed of every road after these cuts.
pub fn speeds(cuts: &[Cut<CurrentChange>]) -> BTreeMap<Name, f64> {
    all(cuts).filter_map(|row| Some((row.road, row.new?.totals.average_kmh()))).collect()
}

/// What a restore after these cuts gives.
pub fn refill(cuts: &[Cut<CurrentChange>]) -> Vec<CurrentChange> {
    all(cuts).filter(|row| row.new.is_some()).map(|row| CurrentChange { old: None, ..row }).collect()
}

fn all(cuts: &[Cut<CurrentChange>]) -> impl Iterator<Item = CurrentChange> {
    merged(cuts.iter().flat_map(|cut| cut.rows.iter().cloned()))
}
