//! `cameras`: what each camera saw last.

use serde::{Deserialize, Serialize};

use super::{key, value};
use crate::ids::Name;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// A camera leaves this long after its newest report arrived.
pub const CAMERA_KEPT_MS: i64 = 10 * 60_000;

/// The newest report of a camera. Texts are empty where absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    pub road: Name,
    pub latitude: f64,
    pub longitude: f64,
    pub speed_kmh: Option<f64>,
    pub direction_deg: Option<f64>,
    pub vehicle_count: Option<f64>,
    /// JSON as the camera sent it.
    pub detections: Name,
    pub event_ms: i64,
    pub arrival_ms: i64,
}

impl ViewRow for Camera {
    const SPEC: ViewSpec = ViewSpec {
        name: "cameras",
        columns: &[
            key("camera_id", Kind::Text),
            value("road_id", Kind::Text),
            value("latitude", Kind::Double),
            value("longitude", Kind::Double),
            value("speed", Kind::Double),
            value("direction", Kind::Double),
            value("vehicle_count", Kind::Double),
            value("detections", Kind::Text),
            value("timestamp", Kind::Timestamp),
        ],
        current: Current::Own,
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.arrival_ms + CAMERA_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(row) = value else {
            return (0..8).for_each(|_| out.cell(Cell::Null));
        };
        out.cell(Cell::text(&row.road));
        out.cell(Cell::Double(row.latitude));
        out.cell(Cell::Double(row.longitude));
        out.cell(row.speed_kmh.map_or(Cell::Null, Cell::Double));
        out.cell(row.direction_deg.map_or(Cell::Null, Cell::Double));
        out.cell(row.vehicle_count.map_or(Cell::Null, Cell::Double));
        out.cell(Cell::text(&row.detections));
        out.cell(Cell::Timestamp(row.event_ms));
    }

    fn contract_json(&self, _key: &Name, _out: &mut Vec<u8>) {}
}
