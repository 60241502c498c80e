//! `city_summary`: the city in five numbers, `analytics:city:summary` in Redis.

use serde::{Deserialize, Serialize};

use super::{key, value};
use crate::ids::Name;
use crate::iso;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// The only key.
pub const SUMMARY: &str = "summary";
/// What a reader finds is not older than this.
pub const SUMMARY_KEPT_MS: i64 = 60_000;

/// Totals over the other views. Without data they are 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CitySummary {
    /// Vehicles at the last cut.
    pub vehicles: i64,
    /// Roads with a current window, and those of them whose level is heavy or severe.
    pub roads: i64,
    pub congested_roads: i64,
    /// Of all current windows.
    pub reports: i64,
    pub speed_sum_e6: i64,
    /// Not resolved, at the last cut.
    pub incidents: i64,
    /// The clock when it was summed up.
    pub now_ms: i64,
}

impl CitySummary {
    /// Changes the totals by others, which may be negative. The clock stays.
    pub fn add(&mut self, more: &Self) {
        self.vehicles += more.vehicles;
        self.roads += more.roads;
        self.congested_roads += more.congested_roads;
        self.reports += more.reports;
        self.speed_sum_e6 += more.speed_sum_e6;
        self.incidents += more.incidents;
    }

    /// Mean of the reports in current windows; 0 without any.
    pub fn average_kmh(&self) -> f64 {
        if self.reports == 0 { 0.0 } else { self.speed_sum_e6 as f64 / 1e6 / self.reports as f64 }
    }
}

impl ViewRow for CitySummary {
    const SPEC: ViewSpec = ViewSpec {
        name: "city_summary",
        columns: &[
            key("name", Kind::Text),
            value("total_vehicles", Kind::Bigint),
            value("active_emergencies", Kind::Bigint),
            value("average_city_speed", Kind::Double),
            value("congested_roads", Kind::Bigint),
            value("roads_reporting", Kind::Bigint),
            value("timestamp", Kind::Timestamp),
        ],
        current: Current::Contract("analytics:city:"),
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.now_ms + SUMMARY_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(row) = value else {
            return (0..6).for_each(|_| out.cell(Cell::Null));
        };
        out.cell(Cell::Bigint(row.vehicles));
        out.cell(Cell::Bigint(row.incidents));
        out.cell(Cell::Double(row.average_kmh()));
        out.cell(Cell::Bigint(row.congested_roads));
        out.cell(Cell::Bigint(row.roads));
        out.cell(Cell::Timestamp(row.now_ms));
    }

    fn contract_json(&self, _key: &Name, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Contract {
            total_vehicles: i64,
            active_emergencies: i64,
            average_city_speed: f64,
            congested_roads: i64,
            roads_reporting: i64,
            timestamp: String,
        }
        let json = Contract {
            total_vehicles: self.vehicles,
            active_emergencies: self.incidents,
            average_city_speed: self.average_kmh(),
            congested_roads: self.congested_roads,
            roads_reporting: self.roads,
            timestamp: iso::naive(self.now_ms),
        };
        serde_json::to_writer(out, &json).expect("plain fields, written to memory");
    }
}
