//! A record as it arrives, and what became of it on the way.

use super::report::{Feed, Report};

/// What is wrong with a broken record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    CutOff,
    NotJson,
    NoDevice,
    OutOfRange,
    BadTimestamp,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::CutOff, Self::NotJson, Self::NoDevice, Self::OutOfRange, Self::BadTimestamp];

    /// Why a reader must refuse it, in the words of the lake's rejects.
    pub fn reason(self) -> &'static str {
        match self {
            Self::CutOff | Self::NotJson => "not_json",
            Self::NoDevice => "missing_field",
            Self::OutOfRange => "out_of_range",
            Self::BadTimestamp => "bad_timestamp",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// At most 2 s old.
    Fine,
    /// The bytes of the record with this offset of the same partition, again.
    Copy {
        of: i64,
    },
    Broken(Fault),
    /// 2 to 60 s old.
    Late,
    /// 20 to 40 minutes old.
    TooLate,
    /// Its device's clock is hours ahead.
    Ahead,
    /// Held by the gateway, for up to two hours.
    Backlog,
}

impl Kind {
    pub const NAMES: [&'static str; 7] = ["fine", "copy", "broken", "late", "too_late", "ahead", "backlog"];

    pub(super) fn place(self) -> usize {
        match self {
            Self::Fine => 0,
            Self::Copy { .. } => 1,
            Self::Broken(_) => 2,
            Self::Late => 3,
            Self::TooLate => 4,
            Self::Ahead => 5,
            Self::Backlog => 6,
        }
    }

    pub fn name(self) -> &'static str {
        Self::NAMES[self.place()]
    }

    /// Whether it says something that no record before it said.
    pub fn is_news(self) -> bool {
        !matches!(self, Self::Copy { .. } | Self::Broken(_))
    }
}

/// A record, lent until the next one is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub feed: Feed,
    pub partition: u16,
    pub offset: i64,
    pub arrival_ms: i64,
    /// The report's id.
    pub key: &'a [u8],
    /// Without a line end.
    pub payload: &'a [u8],
    pub kind: Kind,
    /// What the payload says; of a broken record, what it should have said.
    pub report: Report,
}

impl Record<'_> {
    /// When it says it happened; a broken one says nothing that can be read.
    pub(super) fn event_ms(&self) -> Option<i64> {
        match self.kind {
            Kind::Broken(_) => None,
            _ => Some(self.report.event_ms),
        }
    }
}
