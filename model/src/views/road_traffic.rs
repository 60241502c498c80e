//! `road_traffic`: every window of every road. Lake and feed only.

use serde::{Deserialize, Serialize};

use super::road::{CameraTotals, Level, RoadTotals, travel_time_index};
use super::{key, value};
use crate::ids::Name;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WindowKey {
    pub road: Name,
    pub window_s: u32,
    pub window_start_ms: i64,
}

impl WindowKey {
    pub fn end_ms(&self) -> i64 {
        self.window_start_ms + i64::from(self.window_s) * 1_000
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoadTraffic {
    pub totals: RoadTotals,
    pub cameras: CameraTotals,
    /// Distinct devices; `None` where counting them is switched off.
    pub vehicles: Option<u32>,
    pub free_flow_kmh: Option<f64>,
}

impl ViewRow for RoadTraffic {
    const SPEC: ViewSpec = ViewSpec {
        name: "road_traffic",
        columns: &[
            key("road_id", Kind::Text),
            key("window_s", Kind::Bigint),
            key("window_start", Kind::Timestamp),
            value("average_speed", Kind::Double),
            value("vehicle_count", Kind::Bigint),
            value("report_count", Kind::Bigint),
            value("min_speed", Kind::Double),
            value("max_speed", Kind::Double),
            value("free_flow_speed", Kind::Double),
            value("travel_time_index", Kind::Double),
            value("congestion_level", Kind::Text),
            value("speed_basis", Kind::Text),
            value("camera_speed", Kind::Double),
            value("camera_count", Kind::Bigint),
        ],
        current: Current::FeedOnly,
    };
    type Key = WindowKey;

    fn key_text(key: &WindowKey, out: &mut String) {
        use std::fmt::Write;
        let _ = write!(out, "{}/{}/{}", key.road, key.window_s, key.window_start_ms);
    }

    fn final_at_ms(key: &WindowKey) -> Option<i64> {
        Some(key.end_ms())
    }

    fn cells(key: &WindowKey, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(&key.road));
        out.cell(Cell::Bigint(key.window_s.into()));
        out.cell(Cell::Timestamp(key.window_start_ms));
        let Some(row) = value else {
            return (0..11).for_each(|_| out.cell(Cell::Null));
        };
        let speed = row.totals.average_kmh();
        out.cell(Cell::Double(speed));
        out.cell(row.vehicles.map_or(Cell::Null, |n| Cell::Bigint(n.into())));
        out.cell(Cell::Bigint(row.totals.reports.into()));
        out.cell(Cell::Double(row.totals.speed_min_kmh));
        out.cell(Cell::Double(row.totals.speed_max_kmh));
        out.cell(row.free_flow_kmh.map_or(Cell::Null, Cell::Double));
        out.cell(travel_time_index(speed, row.free_flow_kmh));
        out.cell(Cell::Text(Level::of(speed, row.free_flow_kmh).as_str()));
        out.cell(Cell::Text("report_mean"));
        row.cameras.cells(out);
    }

    fn contract_json(&self, _key: &WindowKey, _out: &mut Vec<u8>) {}
}
