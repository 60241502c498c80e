//! A pane of a road, and the road it belongs to.

use greenwave_model::views::{CameraTotals, RoadCurrent, RoadTotals, RoadTraffic, WindowKey};
use greenwave_model::{Clock, Name, Position, RecordRef, ViewRow, vnode};
use serde::{Deserialize, Serialize};

use super::devices::Devices;
use crate::reports::RoadReport;

/// The smallest slice of event time.
pub const PANE_MS: i64 = 60_000;
/// Tumbling windows: one pane.
pub const TUMBLING_S: u32 = 60;
/// Panes of a hopping window; a window starts at every pane.
pub const WINDOW_PANES: i64 = 5;
pub const HOPPING_S: u32 = TUMBLING_S * WINDOW_PANES as u32;

/// Panes are numbered by their start since 1970.
#[inline]
pub fn pane_of(event_ms: i64) -> i64 {
    event_ms.div_euclid(PANE_MS)
}

/// Whether the pane of an event time is closed for corrections by the last cut.
#[inline]
pub fn closed(event_ms: i64, correction_horizon_ms: i64, clock: &Clock) -> bool {
    (pane_of(event_ms) + 1) * PANE_MS + correction_horizon_ms <= clock.cut_watermark_ms
}

/// Whether a pane's state may go: the last window it starts is closed too.
#[inline]
pub fn freed(pane: i64, correction_horizon_ms: i64, clock: &Clock) -> bool {
    (pane + WINDOW_PANES) * PANE_MS + correction_horizon_ms <= clock.cut_watermark_ms
}

/// The newest report of a pane: largest event time, then smallest record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Newest {
    pub event_ms: i64,
    pub record: RecordRef,
    /// May lie beyond the clock until the cut that contains the report.
    pub arrival_ms: i64,
    pub position: Position,
}

/// One pane. Where nothing was said it only holds the hopping window that starts here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pane {
    pub pane: i64,
    pub totals: RoadTotals,
    pub cameras: CameraTotals,
    pub min_event_ms: i64,
    pub newest: Newest,
    /// Distinct devices of the pane.
    pub devices: u32,
    /// Distinct devices of the hopping window that starts here.
    pub window_devices: u32,
    /// Slices of the two windows that start here, in `road_traffic`.
    pub tumbling_vnode: u8,
    pub hopping_vnode: u8,
    /// Changed since windows were given out last.
    #[serde(skip)]
    pub touched: bool,
    /// Changed since the last cut.
    #[serde(skip)]
    pub unsaved: bool,
    /// The event time whose arrival is awaited, for a pane in the future.
    #[serde(skip, default = "nothing_awaited")]
    pub awaited_ms: i64,
}

fn nothing_awaited() -> i64 {
    i64::MIN
}

impl Pane {
    fn new(road: &Name, pane: i64) -> Self {
        let mut text = String::new();
        let mut slice = |window_s| {
            text.clear();
            RoadTraffic::key_text(&window_key(road, window_s, pane), &mut text);
            vnode(RoadTraffic::SPEC.name, &text)
        };
        let (tumbling_vnode, hopping_vnode) = (slice(TUMBLING_S), slice(HOPPING_S));
        Self {
            pane,
            totals: RoadTotals::NONE,
            cameras: CameraTotals::default(),
            min_event_ms: i64::MAX,
            newest: Newest {
                event_ms: i64::MIN,
                record: RecordRef::new(0, 0),
                arrival_ms: i64::MIN,
                position: Position::default(),
            },
            devices: 0,
            window_devices: 0,
            tumbling_vnode,
            hopping_vnode,
            touched: false,
            unsaved: true,
            awaited_ms: nothing_awaited(),
        }
    }

    /// Something was said in it, so the panes before it that its windows need are there.
    #[inline]
    fn is_counted(&self) -> bool {
        self.totals.reports > 0 || self.cameras.reports > 0
    }

    #[inline]
    fn consider(&mut self, report: &RoadReport) {
        self.unsaved = true;
        let newest = &mut self.newest;
        if report.event_ms > newest.event_ms || (report.event_ms == newest.event_ms && report.record < newest.record) {
            let RoadReport { event_ms, record, arrival_ms, position, .. } = *report;
            *newest = Newest { event_ms, record, arrival_ms, position };
        }
    }
}

#[inline]
pub fn window_key(road: &Name, window_s: u32, pane: i64) -> WindowKey {
    WindowKey { road: road.clone(), window_s, window_start_ms: pane * PANE_MS }
}

/// All that is kept of a road.
pub struct RoadState {
    /// In rising order. A pane in which something was said has the four before it, unless they are freed.
    pub panes: Vec<Pane>,
    pub devices: Box<Devices>,
    /// As it was given out last.
    pub current: Option<Box<RoadCurrent>>,
    pub free_flow_kmh: Option<f64>,
    /// The slice of the road in `road_current`.
    pub vnode: u8,
    /// In the operator's list of roads with something to give out, and of those with something new since the cut.
    pub touched: bool,
    pub unsettled: bool,
    /// Its current window has changed since the last cut.
    pub unsaved: bool,
    /// The first pane changed since windows were given out last.
    pub touched_from: i64,
}

impl RoadState {
    pub fn new(vnode: u8, free_flow_kmh: Option<f64>) -> Self {
        Self {
            panes: Vec::new(),
            devices: Box::default(),
            current: None,
            free_flow_kmh,
            vnode,
            touched: false,
            unsettled: false,
            unsaved: true,
            touched_from: i64::MAX,
        }
    }

    pub fn first_pane(&self) -> i64 {
        self.panes.first().map_or(0, |pane| pane.pane)
    }

    /// Where a pane is, or would be. Reports mostly go to the newest panes.
    #[inline]
    pub fn place(&self, pane: i64) -> Result<usize, usize> {
        let after = self.panes.iter().rposition(|at| at.pane <= pane).map_or(0, |at| at + 1);
        match after.checked_sub(1) {
            Some(at) if self.panes[at].pane == pane => Ok(at),
            _ => Err(after),
        }
    }

    /// The place of a pane in which something was, or is about to be, said.
    #[inline]
    fn place_with_windows(&mut self, road: &Name, pane: i64) -> usize {
        if let Ok(at) = self.place(pane)
            && self.panes[at].is_counted()
        {
            return at;
        }
        let mut place = 0;
        for start in pane - (WINDOW_PANES - 1)..=pane {
            place = self.place(start).unwrap_or_else(|at| {
                self.panes.insert(at, Pane::new(road, start));
                at
            });
        }
        place
    }

    /// Counts a report. A copy that displaces a counted one only names the record.
    #[inline]
    pub fn count(&mut self, road: &Name, report: &RoadReport, count_devices: bool) {
        let pane = pane_of(report.event_ms);
        if report.displaces {
            if let (Ok(at), false) = (self.place(pane), report.by_camera) {
                self.panes[at].consider(report);
            }
            return;
        }
        let at = self.place_with_windows(road, pane);
        let counted = &mut self.panes[at];
        (counted.touched, counted.unsaved) = (true, true);
        self.touched_from = self.touched_from.min(pane);
        if report.by_camera {
            counted.cameras.observe(report.speed_kmh);
            return;
        }
        counted.totals.observe(report.speed_kmh);
        counted.min_event_ms = counted.min_event_ms.min(report.event_ms);
        counted.consider(report);
        if count_devices {
            let new_in = self.devices.observe(report.device, pane);
            self.panes[at].devices += u32::from(new_in.pane);
            for back in (0..WINDOW_PANES as usize).filter(|back| new_in.windows >> back & 1 == 1) {
                // The window that starts `back` panes earlier is there and next to this one.
                self.panes[at - back].window_devices += 1;
                self.panes[at - back].unsaved = true;
            }
        }
    }
}
