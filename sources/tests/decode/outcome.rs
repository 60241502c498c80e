//! What became of one record, in a form that compares bit for bit, and the record most tests start from.

use greenwave_model::{Batch, GpsRaw, GpsReading, Reject, RejectReason};
use greenwave_sources::decode::{DecodeSettings, GpsDecoder, Stage};

/// 2026-03-02T08:00:00Z
pub const EIGHT: i64 = 1_772_438_400_000;

pub const LINE: &str = concat!(
    r#"{"id":"0b5c2f1e-77aa-4c11-9d02-9f00aa12bb34","device_id":"veh-000123","timestamp":"2026-03-02T08:00:00.123","#,
    r#""speed":27.6,"location":[51.58740,-0.12780],"heading":123.4,"vehicle_type":"private","segment_id":1234}"#
);

#[derive(Clone, Debug)]
pub enum Outcome {
    Reading { reading: GpsReading, id: String, vehicle_type: String },
    Reject(Reject),
}

/// Readings are compared by the bits of their numbers, NaN and -0 included.
impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Reading { reading: left, id: left_id, vehicle_type: left_type },
                Self::Reading { reading: right, id: right_id, vehicle_type: right_type },
            ) => {
                let numbers = |reading: &GpsReading| {
                    [reading.speed_kmh, reading.latitude, reading.longitude, reading.direction_deg].map(f64::to_bits)
                };
                let rest = |reading: &GpsReading| GpsReading {
                    speed_kmh: 0.0,
                    latitude: 0.0,
                    longitude: 0.0,
                    direction_deg: 0.0,
                    ..reading.clone()
                };
                numbers(left) == numbers(right)
                    && rest(left) == rest(right)
                    && (left_id, left_type) == (right_id, right_type)
            }
            (Self::Reject(left), Self::Reject(right)) => left == right,
            _ => false,
        }
    }
}

impl Outcome {
    pub fn reason(&self) -> Option<RejectReason> {
        match self {
            Self::Reading { .. } => None,
            Self::Reject(reject) => Some(reject.reason),
        }
    }
}

pub fn decoder(first: Stage) -> GpsDecoder {
    GpsDecoder::starting_at(first, DecodeSettings::default())
}

/// Puts one record through `decoder`. Fails unless it became exactly one reading with its raw row, or one reject.
pub fn outcome_of(decoder: &mut GpsDecoder, payload: &[u8]) -> Outcome {
    let mut batch = Batch { partition: 3, raw: Some(GpsRaw::default()), ..Batch::default() };
    decoder.decode(payload, 42, Some(EIGHT + 5), &mut batch);
    let raw = batch.raw.unwrap();
    assert_eq!((raw.id.len(), raw.vehicle_type.len()), (batch.readings.len(), batch.readings.len()));
    assert_eq!(batch.readings.len() + batch.rejects.len(), 1);
    match (batch.readings.pop(), batch.rejects.pop()) {
        (Some(reading), _) => {
            Outcome::Reading { reading, id: raw.id.get(0).to_owned(), vehicle_type: raw.vehicle_type.get(0).to_owned() }
        }
        (None, reject) => Outcome::Reject(reject.unwrap()),
    }
}

/// The outcome that every stage agrees on: with cold caches, again, and when other forms have been learned before.
pub fn outcome(payload: impl AsRef<[u8]>) -> Outcome {
    let payload = payload.as_ref();
    let expected = outcome_of(&mut decoder(Stage::Fallback), payload);
    for first in [Stage::Scanner, Stage::Template] {
        for learned in ["", LINE, &event(&[], "")] {
            let mut decoder = decoder(first);
            outcome_of(&mut decoder, learned.as_bytes());
            for again in 0..3 {
                let shown = String::from_utf8_lossy(&payload[..payload.len().min(500)]);
                assert_eq!(outcome_of(&mut decoder, payload), expected, "{first:?} after {learned}, {again}: {shown}");
            }
        }
    }
    expected
}

#[track_caller]
pub fn reading(payload: impl AsRef<[u8]>) -> GpsReading {
    match outcome(payload) {
        Outcome::Reading { reading, .. } => reading,
        Outcome::Reject(reject) => panic!("{}: {}", reject.reason.as_str(), reject.detail),
    }
}

#[track_caller]
pub fn reject(payload: impl AsRef<[u8]>) -> Reject {
    match outcome(payload) {
        Outcome::Reject(reject) => reject,
        Outcome::Reading { reading, .. } => panic!("accepted: {reading:?}"),
    }
}

/// An event with the required members but those named in `without`, and `more` members behind them.
pub fn event(without: &[&str], more: &str) -> String {
    let required = [
        ("device_id", r#""device_id":"Vehicle1""#),
        ("timestamp", r#""timestamp":"2026-03-02T08:00:00""#),
        ("speed", r#""speed":27.6"#),
        ("location", r#""location":[51.5874,-0.1278]"#),
    ];
    let members = required.iter().filter(|(name, _)| !without.contains(name)).map(|&(_, member)| member);
    let all: Vec<&str> = members.chain(Some(more).filter(|more| !more.is_empty())).collect();
    format!("{{{}}}", all.join(","))
}
