//! `vehicle_locations`: the newest position of each vehicle, `vehicle:location:{vehicle_id}` in Redis.

use serde::{Deserialize, Serialize};

use super::{key, value};
use crate::ids::Name;
use crate::iso;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// A vehicle leaves this long after its newest report arrived.
pub const VEHICLE_KEPT_MS: i64 = 5 * 60_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VehicleLocation {
    pub latitude: f64,
    pub longitude: f64,
    pub speed_kmh: f64,
    pub direction_deg: Option<f64>,
    pub event_ms: i64,
    pub arrival_ms: i64,
}

impl ViewRow for VehicleLocation {
    const SPEC: ViewSpec = ViewSpec {
        name: "vehicle_locations",
        columns: &[
            key("vehicle_id", Kind::Text),
            value("latitude", Kind::Double),
            value("longitude", Kind::Double),
            value("speed", Kind::Double),
            value("direction", Kind::Double),
            value("timestamp", Kind::Timestamp),
        ],
        current: Current::Contract("vehicle:location:"),
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.arrival_ms + VEHICLE_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(row) = value else {
            return (0..5).for_each(|_| out.cell(Cell::Null));
        };
        out.cell(Cell::Double(row.latitude));
        out.cell(Cell::Double(row.longitude));
        out.cell(Cell::Double(row.speed_kmh));
        out.cell(row.direction_deg.map_or(Cell::Null, Cell::Double));
        out.cell(Cell::Timestamp(row.event_ms));
    }

    fn contract_json(&self, key: &Name, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Contract<'a> {
            vehicle_id: &'a str,
            latitude: f64,
            longitude: f64,
            speed: f64,
            direction: Option<f64>,
            timestamp: String,
        }
        let json = Contract {
            vehicle_id: key,
            latitude: self.latitude,
            longitude: self.longitude,
            speed: self.speed_kmh,
            direction: self.direction_deg,
            timestamp: iso::naive(self.event_ms),
        };
        serde_json::to_writer(out, &json).expect("plain fields, written to memory");
    }
}
