//! `hotspots`: the roads that lose the largest share of their free-flow speed.

use serde::{Deserialize, Serialize};

use super::{key, value};
use crate::ids::Name;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// Ranks published.
pub const HOTSPOTS: u32 = 20;

/// The road at a rank, 1 being the worst.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hotspot {
    pub road: Name,
    pub average_kmh: f64,
    pub free_flow_kmh: f64,
}

impl Hotspot {
    /// 1 − speed ÷ free flow.
    pub fn congestion(&self) -> f64 {
        1.0 - self.average_kmh / self.free_flow_kmh
    }
}

impl ViewRow for Hotspot {
    const SPEC: ViewSpec = ViewSpec {
        name: "hotspots",
        columns: &[
            key("rank", Kind::Bigint),
            value("road_id", Kind::Text),
            value("congestion", Kind::Double),
            value("average_speed", Kind::Double),
            value("free_flow_speed", Kind::Double),
        ],
        current: Current::Own,
    };
    type Key = u32;

    fn key_text(key: &u32, out: &mut String) {
        out.push_str(&key.to_string());
    }

    fn cells(key: &u32, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Bigint((*key).into()));
        let Some(row) = value else {
            return (0..4).for_each(|_| out.cell(Cell::Null));
        };
        out.cell(Cell::Text(&row.road));
        out.cell(Cell::Double(row.congestion()));
        out.cell(Cell::Double(row.average_kmh));
        out.cell(Cell::Double(row.free_flow_kmh));
    }

    fn contract_json(&self, _key: &u32, _out: &mut Vec<u8>) {}
}
