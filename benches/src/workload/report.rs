//! What a vehicle reports, and what becomes of the report on its way.

use super::faults::Fault;
use super::line;

/// Kinds of vehicles with their shares.
pub const VEHICLE_TYPES: [(&str, f64); 6] =
    [("private", 0.74), ("taxi", 0.10), ("goods", 0.08), ("bus", 0.05), ("motorcycle", 0.025), ("emergency", 0.005)];

/// Numbers are kept as integers: `_e5` means × 10⁵.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Report {
    pub id: [u64; 2],
    pub vehicle: u32,
    pub event_ms: i64,
    pub speed_e1: u32,
    pub latitude_e5: i32,
    pub longitude_e5: i32,
    pub heading_e1: u32,
    pub vehicle_type: u8,
    pub segment: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    OnTime,
    /// Up to a minute old when it arrives.
    Late,
    /// 20 to 40 minutes old when it arrives.
    TooLate,
    /// The second copy of a report.
    Copy,
    Broken(Fault),
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::OnTime => "on_time",
            Self::Late => "late",
            Self::TooLate => "too_late",
            Self::Copy => "copy",
            Self::Broken(_) => "broken",
        }
    }

    /// The reason for which it must be rejected; empty for an event.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Broken(fault) => fault.reason().as_str(),
            _ => "",
        }
    }
}

/// A line of the workload. Ordered by arrival, then by the order they were made in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    pub arrival_ms: i64,
    pub number: u64,
    pub kind: Kind,
    pub report: Report,
}

impl Record {
    /// Appends the record's bytes, which hold no line end.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        match self.kind {
            Kind::Broken(fault) => fault.write(bytes, &self.report),
            _ => line::write(bytes, &self.report),
        }
    }

    /// The id as it stands in the record.
    pub fn id(&self) -> String {
        let mut id = Vec::with_capacity(36);
        line::id(&mut id, self.report.id);
        String::from_utf8(id).expect("hexadecimal digits")
    }
}
