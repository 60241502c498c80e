//! The last stage: serde_json, for every record the others leave. It alone says why a record is no event.

use std::cell::Cell;

use greenwave_model::RejectReason;
use serde::de::DeserializeSeed;

use super::slots::{Refusal, Slots};
use super::value::{DEPTH_MAX, Role, Value, ValueReader};

/// The members of a record. A byte order mark before it is passed over.
pub(super) fn read(bytes: &[u8]) -> Result<Slots<'_>, Refusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Refusal::new(RejectReason::NotUtf8, format!("no UTF-8 at byte {}", error.valid_up_to())))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        return Err(Refusal::new(RejectReason::Empty, "no bytes but space"));
    }
    let too_deep = Cell::new(false);
    let mut slots = Slots::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let reader = ValueReader { role: Role::Record(&mut slots), depth: 0, too_deep: &too_deep };
    let value = reader.deserialize(&mut json).and_then(|value| json.end().map(|()| value));
    match value {
        Ok(Value::Object) => Ok(slots),
        Ok(other) => {
            Err(Refusal::new(RejectReason::WrongType, format!("the record is {}, not an object", other.noun())))
        }
        Err(_) if too_deep.get() => Err(Refusal::new(RejectReason::TooDeep, format!("nested deeper than {DEPTH_MAX}"))),
        Err(error) => Err(not_read(&error)),
    }
}

pub(super) fn not_read(error: &serde_json::Error) -> Refusal {
    let detail = error.to_string();
    // The one error that is about a value: grammatical, but beyond f64.
    let reason =
        if detail.starts_with("number out of range") { RejectReason::OutOfRange } else { RejectReason::NotJson };
    Refusal::new(reason, detail)
}
