//! Windows of a road as sums over its panes.

use greenwave_model::views::{CameraTotals, RoadTotals, RoadTraffic};
use greenwave_model::{Change, Clock, Name};

use super::pane::{HOPPING_S, Pane, RoadState, TUMBLING_S, WINDOW_PANES, freed, window_key};
use crate::publish::Upsert;
use crate::tick::Rows;

fn tumbling(name: &Name, pane: &Pane, change: Change<RoadTraffic>) -> Upsert<RoadTraffic> {
    Upsert { vnode: pane.tumbling_vnode, key: window_key(name, TUMBLING_S, pane.pane), change }
}

fn hopping(name: &Name, pane: &Pane, change: Change<RoadTraffic>) -> Upsert<RoadTraffic> {
    Upsert { vnode: pane.hopping_vnode, key: window_key(name, HOPPING_S, pane.pane), change }
}

/// What was said in a hopping window.
pub struct Sum {
    pub totals: RoadTotals,
    pub cameras: CameraTotals,
    /// One of its panes was touched.
    pub touched: bool,
}

/// The sum of the hopping window that starts at a place.
#[inline]
pub fn sum(panes: &[Pane], at: usize) -> Sum {
    let end = panes[at].pane + WINDOW_PANES;
    let mut sum = Sum { totals: RoadTotals::NONE, cameras: CameraTotals::default(), touched: false };
    for pane in panes[at..].iter().take_while(|pane| pane.pane < end) {
        sum.touched |= pane.touched;
        sum.cameras.merge(&pane.cameras);
        if pane.totals.reports > 0 {
            sum.totals.merge(&pane.totals);
        }
    }
    sum
}

/// The windows that a touched pane is part of.
pub fn changed(name: &Name, road: &RoadState, count_devices: bool, give: impl FnMut(Upsert<RoadTraffic>)) {
    let first = road.touched_from.saturating_sub(WINDOW_PANES - 1);
    let from = road.panes.iter().rposition(|pane| pane.pane < first).map_or(0, |at| at + 1);
    upserts(name, road, from, count_devices, true, give);
}

/// Every window with reports.
pub fn all(name: &Name, road: &RoadState, count_devices: bool, give: impl FnMut(Upsert<RoadTraffic>)) {
    upserts(name, road, 0, count_devices, false, give);
}

fn upserts(
    name: &Name,
    road: &RoadState,
    from: usize,
    count_devices: bool,
    only_touched: bool,
    mut give: impl FnMut(Upsert<RoadTraffic>),
) {
    let free_flow_kmh = road.free_flow_kmh;
    let row = |totals, cameras, devices: u32| {
        Change::Set(RoadTraffic { totals, cameras, vehicles: count_devices.then_some(devices), free_flow_kmh })
    };
    for (at, pane) in road.panes.iter().enumerate().skip(from) {
        if pane.totals.reports > 0 && (pane.touched || !only_touched) {
            give(tumbling(name, pane, row(pane.totals, pane.cameras, pane.devices)));
        }
        let Sum { totals, cameras, touched } = sum(&road.panes, at);
        if totals.reports > 0 && (touched || !only_touched) {
            give(hopping(name, pane, row(totals, cameras, pane.window_devices)));
        }
    }
}

/// Frees panes whose time is over and retires the windows that start there.
pub fn free(
    name: &Name,
    road: &mut RoadState,
    clock: &Clock,
    correction_horizon_ms: i64,
    mut out: Option<&mut Rows<Upsert<RoadTraffic>>>,
    mut gone: impl FnMut(i64),
) {
    let over = road.panes.iter().take_while(|pane| freed(pane.pane, correction_horizon_ms, clock)).count();
    if over == 0 {
        return;
    }
    for pane in road.panes.drain(..over) {
        gone(pane.pane);
        if let Some(out) = &mut out {
            if pane.totals.reports > 0 {
                out.give(tumbling(name, &pane, Change::Retire));
            }
            out.give(hopping(name, &pane, Change::Retire));
        }
    }
    let first = road.first_pane();
    if road.panes.is_empty() { road.devices.clear() } else { road.devices.forget_before(first) }
}
