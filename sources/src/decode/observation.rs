//! Bytes → [`Observation`] or [`Reject`](greenwave_model::Reject), by the fields of a topic.

use greenwave_model::topic::{Field, Form};
use greenwave_model::{Batch, Name, Observation, RecordRef, RejectReason, TopicSpec, Value};
use serde_json::Value as Json;
use xxhash_rust::xxh3::xxh3_128;

use super::event::{latitude_in_range, longitude_in_range, name_fits};
use super::members::{Common, Members, read};
use super::slots::{Refusal, no_time, quoted};
use super::timestamp::{Times, epoch};
use super::{DecodeSettings, Place, RECORD_BYTES_LIMIT, direction, reject};

/// Decodes one source thread's events of one topic.
#[derive(Debug)]
pub struct ObservationDecoder {
    topic: u8,
    spec: &'static TopicSpec,
    settings: DecodeSettings,
    times: Times,
    scratch: Vec<u8>,
}

impl ObservationDecoder {
    pub fn new(topic: u8, spec: &'static TopicSpec, settings: DecodeSettings) -> Self {
        let times = Times::new(settings.zone_offset_min);
        Self { topic, spec, settings, times, scratch: Vec::new() }
    }

    /// Appends one observation or one reject.
    pub fn decode(&mut self, payload: &[u8], offset: i64, timestamp_ms: Option<i64>, batch: &mut Batch) {
        let place = Place { offset, timestamp_ms };
        match self.observation(payload, RecordRef::new(batch.partition, offset), timestamp_ms.unwrap_or(0)) {
            Ok(observation) => batch.observations.push(observation),
            Err(refusal) => batch.rejects.push(reject(refusal, payload, &place)),
        }
    }

    fn observation(&mut self, payload: &[u8], record: RecordRef, arrival_ms: i64) -> Result<Observation, Refusal> {
        let limit = self.settings.record_bytes_max.min(RECORD_BYTES_LIMIT);
        if payload.len() > limit {
            let detail = format!("{} bytes are more than {limit}", payload.len());
            return Err(Refusal::new(RejectReason::TooLarge, detail));
        }
        let members = read(payload, self.spec)?;
        let fields = self.spec.fields.iter().zip(&members.fields);
        let values = fields.map(|(field, given)| value(field, given)).collect::<Result<_, _>>()?;
        let mut observation = Observation {
            topic: self.topic,
            record,
            fingerprint: 0,
            id: self.id(&members)?,
            device: device(&members)?,
            event_ms: self.time(&members)?,
            arrival_ms,
            latitude: coordinate(&members, Common::Latitude, latitude_in_range, 90)?,
            longitude: coordinate(&members, Common::Longitude, longitude_in_range, 180)?,
            values,
        };
        if self.settings.fingerprint && !observation.id.is_empty() {
            observation.fingerprint = fingerprint(&observation, &mut self.scratch);
        }
        Ok(observation)
    }

    fn id(&self, members: &Members) -> Result<Name, Refusal> {
        as_text(members.common(Common::Id)).ok_or_else(|| wrong_type("id", "text"))
    }

    fn time(&mut self, members: &Members) -> Result<i64, Refusal> {
        match members.common(Common::Timestamp) {
            Json::Null => Err(missing("timestamp")),
            Json::String(text) => self.times.text(text.as_bytes()).ok_or_else(|| no_time(&quoted(text))),
            Json::Number(number) => number.as_f64().and_then(epoch).ok_or_else(|| no_time(&number.to_string())),
            _ => Err(wrong_type("timestamp", "text or a number")),
        }
    }
}

fn device(members: &Members) -> Result<Name, Refusal> {
    match members.common(Common::Device) {
        Json::Null => Err(missing("device_id")),
        given => name("device_id", given),
    }
}

fn coordinate(members: &Members, which: Common, in_range: fn(f64) -> bool, limit: u32) -> Result<f64, Refusal> {
    let name = which.name();
    let given = members.common(which);
    let degrees = match given {
        Json::Null => return Err(missing(name)),
        given => given.as_f64().ok_or_else(|| wrong_type(name, "a number"))?,
    };
    let detail = || format!("{name} {degrees} is not in -{limit} to {limit}");
    if in_range(degrees) { Ok(degrees) } else { Err(Refusal::new(RejectReason::OutOfRange, detail())) }
}

/// What a member says of a field.
fn value(field: &Field, (given, factor): &(Json, f64)) -> Result<Value, Refusal> {
    if given.is_null() || (given.as_str() == Some("") && !field.is_required) {
        return if field.is_required { Err(missing(field.name)) } else { Ok(Value::Absent) };
    }
    Ok(match field.form {
        Form::Name => Value::Text(name(field.name, given)?),
        Form::Text => Value::Text(as_text(given).ok_or_else(|| wrong_type(field.name, "text"))?),
        Form::Json => Value::Text(given.to_string().into()),
        Form::Number { least, most, .. } => {
            let number = given.as_f64().ok_or_else(|| wrong_type(field.name, "a number"))? * factor;
            if !(least..=most).contains(&number) {
                let detail = format!("{} {number} is not in {least} to {most}", field.name);
                return Err(Refusal::new(RejectReason::OutOfRange, detail));
            }
            Value::Number(number)
        }
        Form::Direction => Value::Number(degrees(field, given)?),
    })
}

fn degrees(field: &Field, given: &Json) -> Result<f64, Refusal> {
    match (given, given.as_f64()) {
        (Json::String(text), _) => direction::compass(text).ok_or_else(|| {
            let detail = format!("{} {} is no point of the compass", field.name, quoted(text));
            Refusal::new(RejectReason::WrongType, detail)
        }),
        (_, Some(number)) => direction::degrees(number).ok_or_else(|| {
            Refusal::new(RejectReason::OutOfRange, format!("{} {number} is not in -360 to 720", field.name))
        }),
        _ => Err(wrong_type(field.name, "degrees or a point of the compass")),
    }
}

fn name(field: &str, given: &Json) -> Result<Name, Refusal> {
    let text = as_text(given).ok_or_else(|| wrong_type(field, "a name"))?;
    if name_fits(&text) {
        return Ok(text);
    }
    let detail = format!("{field} {} is empty, or has a colon, a control character or over 256 bytes", quoted(&text));
    Err(Refusal::new(RejectReason::OutOfRange, detail))
}

/// A number or truth value becomes its text; nothing becomes an empty one.
fn as_text(given: &Json) -> Option<Name> {
    match given {
        Json::Null => Some(Name::default()),
        Json::String(text) => Some(text.as_str().into()),
        Json::Number(_) | Json::Bool(_) => Some(given.to_string().into()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

fn missing(name: &str) -> Refusal {
    Refusal::new(RejectReason::MissingField, format!("{name} is missing"))
}

fn wrong_type(name: &str, wanted: &str) -> Refusal {
    Refusal::new(RejectReason::WrongType, format!("{name} is not {wanted}"))
}

/// The hash of every part, texts with their length before them. Checkpoints keep these numbers: a change of this form
/// forgets them.
fn fingerprint(observation: &Observation, scratch: &mut Vec<u8>) -> u128 {
    scratch.clear();
    scratch.push(observation.topic);
    let mut text = |text: &str| {
        scratch.extend_from_slice(&(text.len() as u32).to_le_bytes());
        scratch.extend_from_slice(text.as_bytes());
    };
    text(&observation.id);
    text(&observation.device);
    for value in &observation.values {
        match value {
            Value::Absent => text(""),
            Value::Text(given) => text(given),
            // −0 is 0.
            Value::Number(number) => text(&(number + 0.0).to_bits().to_string()),
        }
    }
    scratch.extend_from_slice(&observation.event_ms.to_le_bytes());
    for degrees in [observation.latitude, observation.longitude] {
        scratch.extend_from_slice(&(degrees + 0.0).to_bits().to_le_bytes());
    }
    xxh3_128(scratch).max(1)
}
