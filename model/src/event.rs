//! Events as the dataflow and the lake see them, and the batches that bring them.

use std::fmt::Debug;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::ids::{Name, RecordRef};
use crate::topic::Observation;

/// What every event has, whatever its topic.
pub trait Event: Clone + PartialEq + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Whose copies are looked for together: the name of the state that remembers them.
    const COPIES_ID: &'static str;

    fn record(&self) -> RecordRef;
    fn event_ms(&self) -> i64;
    fn arrival_ms(&self) -> i64;
    /// 128 bits of the canonical content, record and arrival apart; 0 where the event carries no id.
    fn fingerprint(&self) -> u128;
    /// Once copies are told apart the fingerprint has done its work, and its place may say something else.
    fn set_fingerprint(&mut self, number: u128);
}

/// One accepted GPS report. Every part has been checked for range by the decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpsReading {
    pub record: RecordRef,
    /// 128 bits of the canonical content, record and arrival apart; 0 where the event carries no id.
    pub fingerprint: u128,
    pub device: Name,
    /// The event's own road name; empty where it has none.
    pub road: Name,
    pub event_ms: i64,
    /// Kafka's record timestamp; from a folder, the file's clock at this line.
    pub arrival_ms: i64,
    pub speed_kmh: f64,
    pub latitude: f64,
    pub longitude: f64,
    /// Degrees, 0 ≤ d < 360; NaN where the event has none.
    pub direction_deg: f64,
}

impl Event for GpsReading {
    const COPIES_ID: &'static str = "dedup";

    #[inline]
    fn record(&self) -> RecordRef {
        self.record
    }

    #[inline]
    fn event_ms(&self) -> i64 {
        self.event_ms
    }

    fn arrival_ms(&self) -> i64 {
        self.arrival_ms
    }

    #[inline]
    fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    #[inline]
    fn set_fingerprint(&mut self, number: u128) {
        self.fingerprint = number;
    }
}

impl Event for Observation {
    const COPIES_ID: &'static str = "dedup_observations";

    fn record(&self) -> RecordRef {
        self.record
    }

    fn event_ms(&self) -> i64 {
        self.event_ms
    }

    fn arrival_ms(&self) -> i64 {
        self.arrival_ms
    }

    fn fingerprint(&self) -> u128 {
        self.fingerprint
    }

    fn set_fingerprint(&mut self, number: u128) {
        self.fingerprint = number;
    }
}

/// Texts of one column, laid end to end: row `i` is `bytes[ends[i-1]..ends[i]]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextColumn {
    pub bytes: Vec<u8>,
    pub ends: Vec<u32>,
}

impl TextColumn {
    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len() as u32);
    }

    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        std::str::from_utf8(&self.bytes[start..self.ends[row] as usize]).unwrap_or("")
    }

    /// Keeps the first `rows` rows and returns the others.
    pub fn split_off(&mut self, rows: usize) -> Self {
        let cut = if rows == 0 { 0 } else { self.ends[rows - 1] };
        let bytes = self.bytes.split_off(cut as usize);
        let ends = self.ends.split_off(rows).into_iter().map(|end| end - cut).collect();
        Self { bytes, ends }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

/// What only the lake wants of a GPS event, row for row beside its [`GpsReading`]s. Empty text stands for absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpsRaw {
    pub id: TextColumn,
    pub vehicle_type: TextColumn,
}

/// Why a record is no event. The kind is counted and queried; the detail is for the person who mends the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    Empty,
    TooLarge,
    NotUtf8,
    NotJson,
    TooDeep,
    DuplicateKey,
    MissingField,
    WrongType,
    OutOfRange,
    BadTimestamp,
}

impl RejectReason {
    pub const ALL: [Self; 10] = [
        Self::Empty,
        Self::TooLarge,
        Self::NotUtf8,
        Self::NotJson,
        Self::TooDeep,
        Self::DuplicateKey,
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::BadTimestamp,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::DuplicateKey => "duplicate_key",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::OutOfRange => "out_of_range",
            Self::BadTimestamp => "bad_timestamp",
        }
    }
}

/// A record that is no event: where it stands, why, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub offset: i64,
    /// Kafka's record timestamp; `None` from a folder.
    pub timestamp_ms: Option<i64>,
    pub reason: RejectReason,
    /// Lowercase, names the field and the value: `speed 412.5 is not in 0 to 400`.
    pub detail: String,
    pub bytes: Vec<u8>,
}

/// A partition's clock: the running maximum of the median of its last five values of
/// min(event time, arrival + skew), in offset order. One record, or one device in a crowd, moves nothing.
///
/// ```
/// # use greenwave_model::PartitionClock;
/// let mut clock = PartitionClock::default();
/// for at in [1_000, 2_000, 9_999_000, 3_000, 4_000] {
///     clock.observe(at);
/// }
/// assert_eq!(clock.now_ms, Some(3_000));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionClock {
    pub now_ms: Option<i64>,
    /// The last values, oldest first, at most five.
    pub last_five: Vec<i64>,
}

impl PartitionClock {
    /// Takes the next value in offset order. Until five have come, the median is the lower middle of those there.
    pub fn observe(&mut self, value_ms: i64) {
        if self.last_five.len() == 5 {
            self.last_five.rotate_left(1);
            self.last_five[4] = value_ms;
        } else {
            self.last_five.push(value_ms);
        }
        let mut sorted = [0i64; 5];
        let n = self.last_five.len();
        sorted[..n].copy_from_slice(&self.last_five);
        sorted[..n].sort_unstable();
        let median = sorted[(n - 1) / 2];
        self.now_ms = Some(self.now_ms.map_or(median, |now| now.max(median)));
    }
}

/// Every event of a run of offsets `start..end` of one partition, decoded. What a source thread hands to its worker,
/// and, without its rows, what the worker offers to the leader.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub partition: u16,
    pub start: i64,
    pub end: i64,
    /// The partition's clock after the last row.
    pub clock: PartitionClock,
    pub last_arrival_ms: Option<i64>,
    /// Payload bytes read, for the limits on memory.
    pub bytes: usize,
    /// The partition ends here (a file's last batch).
    pub finished: bool,
    /// Rows carry Kafka's own timestamp as arrival; false for folders, whose lake rows have none.
    pub timestamped: bool,
    pub readings: Vec<GpsReading>,
    /// Filled only when a lake wants it; then as long as `readings`.
    pub raw: Option<GpsRaw>,
    /// Of every topic but `gps_data`; a batch is of one topic.
    pub observations: Vec<Observation>,
    pub rejects: Vec<Reject>,
}

impl Batch {
    /// Accepted events.
    pub fn events(&self) -> usize {
        self.readings.len() + self.observations.len()
    }

    /// In offset order.
    pub fn event_times_ms(&self) -> impl DoubleEndedIterator<Item = i64> {
        let readings = self.readings.iter().map(|reading| reading.event_ms);
        readings.chain(self.observations.iter().map(|observation| observation.event_ms))
    }

    /// The event taken last, if it is beyond the first `events`.
    #[inline]
    pub fn newer_event_ms(&self, events: usize) -> Option<i64> {
        if self.events() == events {
            return None;
        }
        let reading = self.readings.last().map(|reading| reading.event_ms);
        reading.or_else(|| self.observations.last().map(|observation| observation.event_ms))
    }

    /// Keeps the rows before offset `end` and returns a batch of the others. The clock stays with the rest: that of the
    /// head is in the binding that asked for the split.
    pub fn split_off(&mut self, end: i64) -> Self {
        let rows = self.readings.partition_point(|reading| reading.record.offset() < end);
        let observations = self.observations.partition_point(|observation| observation.record.offset() < end);
        let rejects = self.rejects.partition_point(|reject| reject.offset < end);
        let raw = self
            .raw
            .as_mut()
            .map(|raw| GpsRaw { id: raw.id.split_off(rows), vehicle_type: raw.vehicle_type.split_off(rows) });
        let rest = Self {
            start: end,
            readings: self.readings.split_off(rows),
            observations: self.observations.split_off(observations),
            rejects: self.rejects.split_off(rejects),
            raw,
            clock: self.clock.clone(),
            bytes: 0,
            ..*self
        };
        self.end = end;
        self.finished = false;
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_column_splits_between_rows() {
        for at in 0..=3 {
            let mut head = TextColumn::default();
            ["one", "", "three"].iter().for_each(|text| head.push(text));
            let rest = head.split_off(at);
            let texts: Vec<_> = (0..at).map(|row| head.get(row)).chain((0..3 - at).map(|row| rest.get(row))).collect();
            assert_eq!(texts, ["one", "", "three"]);
        }
    }
}
