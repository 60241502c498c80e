//! The current window of a road: the one whose last minute holds its newest report that is not in the future.

use greenwave_model::views::{ROAD_KEPT_MS, RoadCurrent};
use greenwave_model::{Clock, Name};

use super::pane::{HOPPING_S, PANE_MS, RoadState, WINDOW_PANES};
use super::{CurrentChange, PanesSettings, windows};
use crate::tick::Rows;

/// Gives out the road's current window if it is not what was given out last.
pub fn renew(
    name: &Name,
    road: &mut RoadState,
    clock: &Clock,
    settings: &PanesSettings,
    side: &mut Rows<CurrentChange>,
) {
    let new = current(road, clock, settings);
    if new.as_ref() != road.current.as_deref() {
        let old = road.current.as_deref().cloned();
        match (&mut road.current, &new) {
            (Some(standing), Some(new)) => **standing = new.clone(),
            (standing, new) => *standing = new.clone().map(Box::new),
        }
        road.unsaved = true;
        side.give(CurrentChange { vnode: road.vnode, road: name.clone(), old, new });
    }
}

fn current(road: &RoadState, clock: &Clock, settings: &PanesSettings) -> Option<RoadCurrent> {
    let horizon_ms = clock.now_ms.saturating_add(settings.clock_skew_ms);
    let newest = road.panes.iter().rfind(|pane| pane.totals.reports > 0 && pane.min_event_ms <= horizon_ms)?;
    let arrival_ms = newest.newest.arrival_ms.min(clock.now_ms);
    if arrival_ms + ROAD_KEPT_MS <= clock.cut_now_ms {
        return None;
    }
    let start = newest.pane - (WINDOW_PANES - 1);
    let window_start_ms = start * PANE_MS;
    let Ok(at) = road.place(start) else {
        // Its first panes are freed, so it is closed and stands as it is until its last pane goes.
        return road.current.as_deref().cloned().filter(|row| row.window_start_ms == window_start_ms);
    };
    let windows::Sum { totals, cameras, .. } = windows::sum(&road.panes, at);
    Some(RoadCurrent {
        window_s: HOPPING_S,
        window_start_ms,
        totals,
        cameras,
        vehicles: settings.count_devices.then_some(road.panes[at].window_devices),
        free_flow_kmh: road.free_flow_kmh,
        newest_event_ms: newest.newest.event_ms,
        arrival_ms,
        position: newest.newest.position,
        weather_factor: None,
    })
}
