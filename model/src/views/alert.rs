//! `alerts`: where something that is watched is too high, one episode a key.

use serde::{Deserialize, Serialize};

use super::{Severity, key, value};
use crate::ids::Name;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// An episode leaves this long after it was cleared.
pub const ALERT_KEPT_MS: i64 = 60 * 60_000;

/// What a rule compares with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watches {
    IncidentSeverity,
    CongestionLevel,
    RouteDelay,
    AirQualityIndex,
    Silence,
}

impl Watches {
    pub const ALL: [Self; 5] =
        [Self::IncidentSeverity, Self::CongestionLevel, Self::RouteDelay, Self::AirQualityIndex, Self::Silence];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::IncidentSeverity => "incident_severity",
            Self::CongestionLevel => "congestion_level",
            Self::RouteDelay => "route_delay_s",
            Self::AirQualityIndex => "air_quality_index",
            Self::Silence => "silent_s",
        }
    }
}

/// One line of the table of rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    pub name: Name,
    pub watches: Watches,
    pub at_least: f64,
    /// Of the alert.
    pub severity: Severity,
}

/// One episode: from when a value was too high until it no longer was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub rule: Name,
    pub subject: Name,
    pub severity: Severity,
    /// `None` once it is cleared.
    pub value: Option<f64>,
    pub threshold: f64,
    pub opened_ms: i64,
    pub cleared_ms: Option<i64>,
}

impl Alert {
    pub fn is_open(&self) -> bool {
        self.cleared_ms.is_none()
    }
}

impl ViewRow for Alert {
    const SPEC: ViewSpec = ViewSpec {
        name: "alerts",
        columns: &[
            key("episode", Kind::Text),
            value("rule", Kind::Text),
            value("subject", Kind::Text),
            value("severity", Kind::Text),
            value("state", Kind::Text),
            value("value", Kind::Double),
            value("threshold", Kind::Double),
            value("opened_at", Kind::Timestamp),
            value("cleared_at", Kind::Timestamp),
        ],
        current: Current::Own,
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        self.cleared_ms.map(|cleared_ms| cleared_ms + ALERT_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(row) = value else {
            return (0..8).for_each(|_| out.cell(Cell::Null));
        };
        out.cell(Cell::Text(&row.rule));
        out.cell(Cell::Text(&row.subject));
        out.cell(Cell::Text(row.severity.as_str()));
        out.cell(Cell::Text(if row.is_open() { "open" } else { "cleared" }));
        out.cell(row.value.map_or(Cell::Null, Cell::Double));
        out.cell(Cell::Double(row.threshold));
        out.cell(Cell::Timestamp(row.opened_ms));
        out.cell(row.cleared_ms.map_or(Cell::Null, Cell::Timestamp));
    }

    fn contract_json(&self, _key: &Name, _out: &mut Vec<u8>) {}
}
