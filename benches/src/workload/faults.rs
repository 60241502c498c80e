//! Broken records: what producers send when something is wrong with them, each kind made from a sound report.

use greenwave_model::RejectReason;

use super::line;
use super::report::Report;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Empty,
    Truncated,
    NotJson,
    NotANumber,
    NotUtf8,
    TooDeep,
    SaidTwice,
    NoDevice,
    NoPlace,
    NullSpeed,
    SpeedIsText,
    PlaceIsText,
    OffTheGlobe,
    NegativeSpeed,
    TooFast,
    Year1970,
    Year2100,
    NoTime,
}

impl Fault {
    pub const ALL: [Self; 18] = [
        Self::Empty,
        Self::Truncated,
        Self::NotJson,
        Self::NotANumber,
        Self::NotUtf8,
        Self::TooDeep,
        Self::SaidTwice,
        Self::NoDevice,
        Self::NoPlace,
        Self::NullSpeed,
        Self::SpeedIsText,
        Self::PlaceIsText,
        Self::OffTheGlobe,
        Self::NegativeSpeed,
        Self::TooFast,
        Self::Year1970,
        Self::Year2100,
        Self::NoTime,
    ];

    pub fn reason(self) -> RejectReason {
        match self {
            Self::Empty => RejectReason::Empty,
            Self::Truncated | Self::NotJson | Self::NotANumber => RejectReason::NotJson,
            Self::NotUtf8 => RejectReason::NotUtf8,
            Self::TooDeep => RejectReason::TooDeep,
            Self::SaidTwice => RejectReason::DuplicateKey,
            Self::NoDevice | Self::NoPlace | Self::NullSpeed => RejectReason::MissingField,
            Self::SpeedIsText | Self::PlaceIsText => RejectReason::WrongType,
            Self::OffTheGlobe | Self::NegativeSpeed | Self::TooFast => RejectReason::OutOfRange,
            Self::Year1970 | Self::Year2100 | Self::NoTime => RejectReason::BadTimestamp,
        }
    }

    pub fn write(self, bytes: &mut Vec<u8>, report: &Report) {
        let start = bytes.len();
        line::write(bytes, report);
        let whole = String::from_utf8(bytes.split_off(start)).expect("a report is ASCII");
        match self {
            Self::Empty => {}
            Self::Truncated => bytes.extend_from_slice(&whole.as_bytes()[..whole.len() * 3 / 4]),
            Self::NotJson => bytes.extend_from_slice(b"GPRMC,080000.25,A,5130.007,N,00000.040,W,16.5,0.9"),
            Self::NotUtf8 => {
                let broken = whole.replacen("veh-", "v\u{1}\u{1}-", 1).into_bytes();
                bytes.extend(broken.into_iter().map(|byte| if byte == 1 { 0xff } else { byte }));
            }
            Self::TooDeep => {
                let nested = format!("\"extra\":{}{},\"speed\"", "[".repeat(70), "]".repeat(70));
                bytes.extend_from_slice(whole.replacen("\"speed\"", &nested, 1).as_bytes());
            }
            Self::SaidTwice => bytes.extend_from_slice(whole.replacen("{", "{\"speed\":1.0,", 1).as_bytes()),
            Self::NotANumber => replace(bytes, &whole, "speed", "NaN"),
            Self::NoDevice => bytes.extend_from_slice(whole.replacen("\"device_id\"", "\"colour\"", 1).as_bytes()),
            Self::NoPlace => bytes.extend_from_slice(whole.replacen("\"location\"", "\"nowhere\"", 1).as_bytes()),
            Self::NullSpeed => replace(bytes, &whole, "speed", "null"),
            Self::SpeedIsText => replace(bytes, &whole, "speed", "\"fast\""),
            Self::PlaceIsText => {
                let place = whole.replacen("\"location\":[", "\"location\":\"here\",\"was\":[", 1);
                bytes.extend_from_slice(place.as_bytes());
            }
            Self::OffTheGlobe => {
                bytes.extend_from_slice(whole.replacen("\"location\":[", "\"location\":[9", 1).as_bytes());
            }
            Self::NegativeSpeed => replace(bytes, &whole, "speed", "-3.5"),
            Self::TooFast => replace(bytes, &whole, "speed", "412.5"),
            Self::Year1970 => replace(bytes, &whole, "timestamp", "\"1970-01-01T00:00:12.000\""),
            Self::Year2100 => replace(bytes, &whole, "timestamp", "\"2100-01-01T00:00:00.000\""),
            Self::NoTime => replace(bytes, &whole, "timestamp", "\"yesterday\""),
        }
    }
}

/// Puts another value in a member's place. Members of a report other than `location` hold no comma.
fn replace(bytes: &mut Vec<u8>, whole: &str, member: &str, value: &str) {
    let name = format!("\"{member}\":");
    let start = whole.find(&name).expect("a report has all its members") + name.len();
    let end = start + whole[start..].find(',').expect("the member is not the last");
    bytes.extend_from_slice(&whole.as_bytes()[..start]);
    bytes.extend_from_slice(value.as_bytes());
    bytes.extend_from_slice(&whole.as_bytes()[end..]);
}

#[cfg(test)]
mod tests {
    use greenwave_model::Batch;
    use greenwave_sources::decode::{DecodeSettings, GpsDecoder};

    use super::*;

    #[test]
    fn the_decoder_rejects_each_for_its_reason() {
        let report = Report {
            id: [7, 9],
            vehicle: 42,
            event_ms: 1_772_438_400_250,
            speed_e1: 305,
            latitude_e5: 5_130_007,
            longitude_e5: -40,
            heading_e1: 9,
            vehicle_type: 1,
            segment: Some(9_999),
        };
        for fault in Fault::ALL {
            let (mut bytes, mut batch) = (Vec::new(), Batch::default());
            fault.write(&mut bytes, &report);
            assert!(!bytes.contains(&b'\n'));
            GpsDecoder::new(DecodeSettings::default()).decode(&bytes, 0, None, &mut batch);
            let reasons: Vec<_> = batch.rejects.iter().map(|reject| reject.reason).collect();
            assert_eq!(reasons, [fault.reason()], "{fault:?}: {}", String::from_utf8_lossy(&bytes));
        }
    }
}
