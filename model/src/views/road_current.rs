//! `road_current`: the state of a road now, `traffic:road:{road_id}` in Redis.

use serde::{Deserialize, Serialize};

use super::road::{CameraTotals, Level, RoadTotals, travel_time_index};
use super::{key, value};
use crate::ids::Name;
use crate::iso;
use crate::position::Position;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// A road leaves this long after its newest report arrived.
pub const ROAD_KEPT_MS: i64 = 10 * 60_000;

/// The 5-minute window whose last minute holds the road's newest report not beyond the clock + skew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoadCurrent {
    pub window_s: u32,
    pub window_start_ms: i64,
    pub totals: RoadTotals,
    pub cameras: CameraTotals,
    pub vehicles: Option<u32>,
    pub free_flow_kmh: Option<f64>,
    /// Of the newest report in the window's last minute: event time, arrival, and where it came from.
    pub newest_event_ms: i64,
    pub arrival_ms: i64,
    pub position: Position,
    /// How much longer a road takes in the weather there; `None` where no station is near.
    pub weather_factor: Option<f64>,
}

impl ViewRow for RoadCurrent {
    const SPEC: ViewSpec = ViewSpec {
        name: "road_current",
        columns: &[
            key("road_id", Kind::Text),
            value("average_speed", Kind::Double),
            value("vehicle_count", Kind::Bigint),
            value("report_count", Kind::Bigint),
            value("free_flow_speed", Kind::Double),
            value("travel_time_index", Kind::Double),
            value("congestion_level", Kind::Text),
            value("speed_basis", Kind::Text),
            value("window_s", Kind::Bigint),
            value("window_start", Kind::Timestamp),
            value("timestamp", Kind::Timestamp),
            value("camera_speed", Kind::Double),
            value("camera_count", Kind::Bigint),
            value("weather_factor", Kind::Double),
        ],
        current: Current::Contract("traffic:road:"),
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.arrival_ms + ROAD_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(row) = value else {
            return (0..13).for_each(|_| out.cell(Cell::Null));
        };
        let speed = row.totals.average_kmh();
        out.cell(Cell::Double(speed));
        out.cell(row.vehicles.map_or(Cell::Null, |n| Cell::Bigint(n.into())));
        out.cell(Cell::Bigint(row.totals.reports.into()));
        out.cell(row.free_flow_kmh.map_or(Cell::Null, Cell::Double));
        out.cell(travel_time_index(speed, row.free_flow_kmh));
        out.cell(Cell::Text(Level::of(speed, row.free_flow_kmh).as_str()));
        out.cell(Cell::Text("report_mean"));
        out.cell(Cell::Bigint(row.window_s.into()));
        out.cell(Cell::Timestamp(row.window_start_ms));
        out.cell(Cell::Timestamp(row.newest_event_ms));
        row.cameras.cells(out);
        out.cell(row.weather_factor.map_or(Cell::Null, Cell::Double));
    }

    fn contract_json(&self, key: &Name, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Contract<'a> {
            road_id: &'a str,
            average_speed: f64,
            vehicle_count: Option<u32>,
            congestion_level: &'a str,
            timestamp: String,
        }
        let average_speed = self.totals.average_kmh();
        let json = Contract {
            road_id: key,
            average_speed,
            vehicle_count: self.vehicles,
            congestion_level: Level::of(average_speed, self.free_flow_kmh).as_str(),
            timestamp: iso::naive(self.newest_event_ms),
        };
        serde_json::to_writer(out, &json).expect("plain fields, written to memory");
    }
}
