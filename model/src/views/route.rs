//! `routes`: how long each named list of roads takes now.

use serde::{Deserialize, Serialize};

use super::{key, value};
use crate::ids::Name;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// A standstill would take for ever: no road is taken more slowly than this.
const SLOWEST_KMH: f64 = 1.0;

/// What a road takes, in whole milliseconds, so that sums do not depend on their order.
///
/// ```
/// # use greenwave_model::views::travel_ms;
/// assert_eq!((travel_ms(1_000.0, 36.0), travel_ms(1_000.0, 0.0)), (100_000, 3_600_000));
/// ```
pub fn travel_ms(length_m: f64, speed_kmh: f64) -> i64 {
    (length_m * 3_600.0 / speed_kmh.max(SLOWEST_KMH)).round_ties_even() as i64
}

/// A named list of roads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub length_m: f64,
    /// `None` where a road has neither a current window nor a free-flow speed.
    pub travel_ms: Option<i64>,
    /// `None` where a road has no free-flow speed.
    pub free_flow_ms: Option<i64>,
    /// That loses most time against free flow; empty where none does.
    pub worst_road: Name,
    pub roads: u32,
    pub roads_without_data: u32,
}

impl Route {
    pub fn delay_ms(&self) -> Option<i64> {
        Some(self.travel_ms? - self.free_flow_ms?)
    }

    fn travel_time_index(&self) -> Option<f64> {
        let free_flow_ms = self.free_flow_ms.filter(|ms| *ms > 0)?;
        Some(self.travel_ms? as f64 / free_flow_ms as f64)
    }
}

impl ViewRow for Route {
    const SPEC: ViewSpec = ViewSpec {
        name: "routes",
        columns: &[
            key("route_id", Kind::Text),
            value("travel_time_s", Kind::Double),
            value("free_flow_s", Kind::Double),
            value("delay_s", Kind::Double),
            value("travel_time_index", Kind::Double),
            value("length_m", Kind::Double),
            value("worst_road", Kind::Text),
            value("roads", Kind::Bigint),
            value("roads_without_data", Kind::Bigint),
        ],
        current: Current::Own,
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(row) = value else {
            return (0..8).for_each(|_| out.cell(Cell::Null));
        };
        let double = |number: Option<f64>| number.map_or(Cell::Null, Cell::Double);
        for ms in [row.travel_ms, row.free_flow_ms, row.delay_ms()] {
            out.cell(double(ms.map(|ms| ms as f64 / 1e3)));
        }
        out.cell(double(row.travel_time_index()));
        out.cell(Cell::Double(row.length_m));
        out.cell(Cell::text(&row.worst_road));
        out.cell(Cell::Bigint(row.roads.into()));
        out.cell(Cell::Bigint(row.roads_without_data.into()));
    }

    fn contract_json(&self, _key: &Name, _out: &mut Vec<u8>) {}
}
