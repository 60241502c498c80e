//! `incidents`: those that are not resolved, `emergency:incident:{incident_id}` in Redis.

use serde::{Deserialize, Serialize};

use super::{key, value};
use crate::ids::Name;
use crate::iso;
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// An incident leaves this long after its newest report arrived, resolved or not.
pub const INCIDENT_KEPT_MS: i64 = 2 * 60 * 60_000;

/// How far an incident has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    Active,
    Responding,
    Resolved,
}

impl Status {
    /// In any case; what says neither is an incident that is there.
    ///
    /// ```
    /// # use greenwave_model::views::Status;
    /// let said = ["Active", "RESPONDING", "resolved", "Closed", "pending", ""].map(Status::of);
    /// use Status::*;
    /// assert_eq!(said, [Active, Responding, Resolved, Resolved, Active, Active]);
    /// ```
    pub fn of(text: &str) -> Self {
        match text.trim().to_lowercase().as_str() {
            "responding" | "dispatched" | "en_route" | "on_scene" | "in_progress" => Self::Responding,
            "resolved" | "closed" | "cleared" => Self::Resolved,
            _ => Self::Active,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Responding => "responding",
            Self::Resolved => "resolved",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// From the least on.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As the report says it, in any case; else by the kind of incident: there is always one.
    ///
    /// ```
    /// # use greenwave_model::views::Severity;
    /// assert_eq!(Severity::of("HIGH", "theft"), Severity::High);
    /// assert_eq!(["Accident", "Breakdown", "Theft", "Fire", "Parade"].map(|kind| Severity::of("", kind)),
    ///     [Severity::High, Severity::Medium, Severity::Low, Severity::Critical, Severity::Medium]);
    /// ```
    pub fn of(text: &str, kind: &str) -> Self {
        match text.trim().to_lowercase().as_str() {
            "low" | "minor" => return Self::Low,
            "medium" | "moderate" => return Self::Medium,
            "high" | "major" => return Self::High,
            "critical" | "severe" => return Self::Critical,
            _ => {}
        }
        match kind.trim().to_lowercase().as_str() {
            "fire" | "medical" => Self::Critical,
            "accident" => Self::High,
            "theft" => Self::Low,
            _ => Self::Medium,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The newest report of an incident, and how far it had come in any report. Texts are empty where absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub kind: Name,
    pub status: Status,
    pub severity: Severity,
    pub latitude: f64,
    pub longitude: f64,
    pub road: Name,
    pub description: Name,
    pub event_ms: i64,
    pub arrival_ms: i64,
}

impl ViewRow for Incident {
    const SPEC: ViewSpec = ViewSpec {
        name: "incidents",
        columns: &[
            key("incident_id", Kind::Text),
            value("incident_type", Kind::Text),
            value("status", Kind::Text),
            value("severity", Kind::Text),
            value("latitude", Kind::Double),
            value("longitude", Kind::Double),
            value("road_id", Kind::Text),
            value("description", Kind::Text),
            value("timestamp", Kind::Timestamp),
        ],
        current: Current::Contract("emergency:incident:"),
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.arrival_ms + INCIDENT_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(row) = value else {
            return (0..8).for_each(|_| out.cell(Cell::Null));
        };
        out.cell(Cell::text(&row.kind));
        out.cell(Cell::Text(row.status.as_str()));
        out.cell(Cell::Text(row.severity.as_str()));
        out.cell(Cell::Double(row.latitude));
        out.cell(Cell::Double(row.longitude));
        out.cell(Cell::text(&row.road));
        out.cell(Cell::text(&row.description));
        out.cell(Cell::Timestamp(row.event_ms));
    }

    fn contract_json(&self, key: &Name, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Contract<'a> {
            incident_id: &'a str,
            incident_type: &'a str,
            latitude: f64,
            longitude: f64,
            severity: &'a str,
            status: &'a str,
            timestamp: String,
            #[serde(skip_serializing_if = "str::is_empty")]
            description: &'a str,
        }
        let json = Contract {
            incident_id: key,
            incident_type: &self.kind,
            latitude: self.latitude,
            longitude: self.longitude,
            severity: self.severity.as_str(),
            status: self.status.as_str(),
            timestamp: iso::naive(self.event_ms),
            description: &self.description,
        };
        serde_json::to_writer(out, &json).expect("plain fields, written to memory");
    }
}
