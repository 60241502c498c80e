//! Reports as the bytes that devices send: one file a topic, field for field as existing producers write them.

mod camera;
mod emergency;
mod gps;
mod json;
mod vehicle;
mod weather;

use memchr::memmem;

use super::random::mix;
use super::record::Fault;
use super::report::{Report, Said};
use super::roads::Roads;
use json::Json;
pub use json::{decimal, fixed, id, padded};

/// Which of the names that producers use for the same field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `device_id`, and `location` as an array.
    Usual,
    /// `deviceId`, and `latitude` beside `longitude`.
    Variant,
}

impl Spelling {
    fn of(self, usual: &'static str, variant: &'static str) -> &'static str {
        match self {
            Self::Usual => usual,
            Self::Variant => variant,
        }
    }
}

/// Replaces what is in `key` and `payload`. The same arguments give the same bytes.
pub fn write(
    report: &Report,
    spelling: Spelling,
    fault: Option<Fault>,
    roads: &Roads,
    key: &mut Vec<u8>,
    payload: &mut Vec<u8>,
) {
    key.clear();
    payload.clear();
    json::id(key, report.number);
    let damaged = fault.map(|fault| before(fault, *report));
    let report = damaged.as_ref().unwrap_or(report);
    let mut json = Json::new(payload, spelling);
    match &report.said {
        Said::Gps(drive) => gps::write(&mut json, key, report, drive, roads),
        Said::Vehicle(drive) => vehicle::write(&mut json, key, report, drive),
        Said::Camera(glance) => camera::write(&mut json, key, report, glance, roads),
        Said::Weather(measured) => weather::write(&mut json, key, report, measured),
        Said::Emergency(incident, status) => emergency::write(&mut json, key, report, incident, *status, roads),
    }
    json.end();
    if let Some(fault) = fault {
        after(fault, payload);
    }
}

/// A value that no device can mean.
fn before(fault: Fault, mut report: Report) -> Report {
    match (fault, &mut report.said) {
        (Fault::OutOfRange, Said::Gps(drive) | Said::Vehicle(drive)) => drive.speed_e1 = 4_125,
        (Fault::OutOfRange, Said::Camera(glance)) => glance.speed_e1 = 4_125,
        (Fault::OutOfRange, _) => report.place.latitude_e5 += 9_000_000,
        (Fault::BadTimestamp, _) => report.event_ms = 12_000,
        _ => {}
    }
    report
}

/// Bytes that are no longer the report.
fn after(fault: Fault, payload: &mut Vec<u8>) {
    match fault {
        Fault::CutOff => payload.truncate(payload.len() * 3 / 4),
        Fault::NotJson => {
            payload.clear();
            payload.extend_from_slice(b"$GPRMC,080000.25,A,5130.007,N,00000.040,W,16.5,0.9");
        }
        Fault::NoDevice => {
            let name = memmem::find(payload, b"\"device").expect("every report names its device");
            payload[name + 1..name + 7].copy_from_slice(b"colour");
        }
        Fault::OutOfRange | Fault::BadTimestamp => {}
    }
}

/// One of a few things, the same for a device for ever.
fn choice<T: Copy>(device: u64, what: u64, from: &[T]) -> T {
    from[(mix(device << 8 | what) % from.len() as u64) as usize]
}
