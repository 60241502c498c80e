//! The fallback's parts of an event, as found, and the verdict on them with its reason.

use std::borrow::Cow;

use greenwave_model::RejectReason;

use super::direction;
use super::event::{Event, KMH_PER_MPH, latitude_in_range, longitude_in_range, name_fits, speed_in_range};
use super::fields::{Field, Spelling};
use super::timestamp::{Times, epoch};
use super::value::Value;

/// Characters of a text that a reason quotes.
const QUOTED_MAX: usize = 64;
/// Below this an f64 still tells neighbouring whole numbers apart.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Why a record is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: RejectReason,
    pub(super) detail: String,
}

impl Refusal {
    pub(super) fn new(reason: RejectReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    fn wrong_type(field: Field, value: &Value<'_>, wanted: &str) -> Self {
        let detail = format!("{} is {}, not {wanted}", field.name(), value.noun());
        Self::new(RejectReason::WrongType, detail)
    }
}

pub(super) struct Slots<'a> {
    /// By part; null where absent.
    values: [Value<'a>; Field::PARTS],
    in_mph: bool,
    /// Spellings met, in the event and in its location.
    met: [u32; 2],
    /// The first thing wrong with the members themselves.
    refusal: Option<Refusal>,
}

impl<'a> Slots<'a> {
    pub(super) fn new() -> Self {
        Self { values: [const { Value::Null }; Field::PARTS], in_mph: false, met: [0; 2], refusal: None }
    }

    pub(super) fn member(&mut self, spelling: Spelling, value: Value<'a>, in_location: bool) {
        if self.meet(spelling, in_location) {
            self.fill(spelling.field, value);
        }
    }

    /// An element of a location that is an array.
    pub(super) fn element(&mut self, index: usize, value: Value<'a>) {
        match index {
            0 => self.fill(Field::Latitude, value),
            1 => self.fill(Field::Longitude, value),
            _ => {}
        }
    }

    /// The location as a whole; what was inside has been filled.
    pub(super) fn location(&mut self, spelling: Spelling, value: &Value<'a>) {
        self.meet(spelling, false);
        match value {
            Value::Null | Value::Object | Value::Array(2) => {}
            Value::Array(count) => {
                let detail = format!("location has {count} elements, not a latitude and a longitude");
                self.refuse(Refusal::new(RejectReason::WrongType, detail));
            }
            other => self.refuse(Refusal::wrong_type(Field::Location, other, "a position")),
        }
    }

    fn meet(&mut self, spelling: Spelling, in_location: bool) -> bool {
        let met = &mut self.met[usize::from(in_location)];
        let is_new = *met & spelling.bit == 0;
        *met |= spelling.bit;
        if !is_new {
            self.refuse_twice(spelling.field);
        }
        is_new
    }

    fn fill(&mut self, field: Field, value: Value<'a>) {
        match &value {
            Value::Null => return,
            Value::Text(text) if text.is_empty() && field.is_optional() => return,
            _ => {}
        }
        if self.values[field.part()] != Value::Null {
            return self.refuse_twice(field);
        }
        self.in_mph |= field == Field::SpeedMph;
        self.values[field.part()] = if field.is_name() { self.number_as_name(field, value) } else { value };
    }

    /// A name may come as a number; its decimal text is the name.
    fn number_as_name(&mut self, field: Field, value: Value<'a>) -> Value<'a> {
        Value::Text(Cow::Owned(match value {
            Value::Unsigned(number) => number.to_string(),
            Value::Signed(number) => number.to_string(),
            Value::Float(number) if number.abs() < WHOLE_MAX => (number + 0.0).to_string(),
            Value::Float(number) => {
                let detail = format!("{} {number:e} is more than 64 bits hold exactly; send it as text", field.name());
                self.refuse(Refusal::new(RejectReason::OutOfRange, detail));
                return value;
            }
            other => return other,
        }))
    }

    fn refuse_twice(&mut self, field: Field) {
        self.refuse(Refusal::new(RejectReason::DuplicateKey, format!("{} is given twice", field.name())));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.refusal.get_or_insert(refusal);
    }

    /// The event, if all its parts are there and in range.
    pub(super) fn event(&self, times: &mut Times) -> Result<Event<'_>, Refusal> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        Ok(Event {
            device: self.device()?,
            event_ms: self.time(times)?,
            latitude: self.coordinate(Field::Latitude, latitude_in_range, 90)?,
            longitude: self.coordinate(Field::Longitude, longitude_in_range, 180)?,
            speed_kmh: self.speed()?,
            direction_deg: self.direction()?,
            vehicle_type: self.text(Field::VehicleType)?,
            road: self.road()?,
            id: self.text(Field::Id)?,
        })
    }

    fn required(&self, field: Field) -> Result<&Value<'a>, Refusal> {
        match &self.values[field.part()] {
            Value::Null => Err(Refusal::new(RejectReason::MissingField, format!("{} is missing", field.name()))),
            value => Ok(value),
        }
    }

    fn text(&self, field: Field) -> Result<&str, Refusal> {
        match &self.values[field.part()] {
            Value::Null => Ok(""),
            Value::Text(text) => Ok(text),
            other => Err(Refusal::wrong_type(field, other, "text")),
        }
    }

    fn number(&self, field: Field) -> Result<f64, Refusal> {
        let value = self.required(field)?;
        value.as_f64().ok_or_else(|| Refusal::wrong_type(field, value, "a number"))
    }

    fn device(&self) -> Result<&str, Refusal> {
        self.required(Field::Device)?;
        let device = self.text(Field::Device)?;
        if device.is_empty() {
            return Err(Refusal::new(RejectReason::OutOfRange, "device_id is empty"));
        }
        fitting(Field::Device, device)
    }

    fn road(&self) -> Result<&str, Refusal> {
        let road = self.text(Field::Road)?;
        if road.is_empty() { Ok(road) } else { fitting(Field::Road, road) }
    }

    fn time(&self, times: &mut Times) -> Result<i64, Refusal> {
        let value = self.required(Field::Timestamp)?;
        match (value, value.as_f64()) {
            (Value::Text(text), _) => times.text(text.as_bytes()).ok_or_else(|| no_time(&quoted(text))),
            (_, Some(number)) => epoch(number).ok_or_else(|| no_time(&number.to_string())),
            _ => Err(Refusal::wrong_type(Field::Timestamp, value, "text or a number")),
        }
    }

    fn coordinate(&self, field: Field, in_range: fn(f64) -> bool, limit: u32) -> Result<f64, Refusal> {
        let degrees = self.number(field)?;
        if in_range(degrees) {
            return Ok(degrees);
        }
        let detail = format!("{} {degrees} is not in -{limit} to {limit}", field.name());
        Err(Refusal::new(RejectReason::OutOfRange, detail))
    }

    fn speed(&self) -> Result<f64, Refusal> {
        let given = self.number(Field::SpeedKmh)?;
        let kmh = if self.in_mph { given * KMH_PER_MPH } else { given };
        if speed_in_range(kmh) {
            return Ok(kmh);
        }
        Err(Refusal::new(RejectReason::OutOfRange, format!("speed {kmh} is not in 0 to 400")))
    }

    fn direction(&self) -> Result<f64, Refusal> {
        let value = &self.values[Field::Direction.part()];
        match (value, value.as_f64()) {
            (Value::Null, _) => Ok(f64::NAN),
            (Value::Text(text), _) => direction::compass(text).ok_or_else(|| {
                let detail = format!("direction {} is no point of the compass", quoted(text));
                Refusal::new(RejectReason::WrongType, detail)
            }),
            (_, Some(given)) => direction::degrees(given).ok_or_else(|| {
                Refusal::new(RejectReason::OutOfRange, format!("direction {given} is not in -360 to 720"))
            }),
            _ => Err(Refusal::wrong_type(Field::Direction, value, "degrees or a point of the compass")),
        }
    }
}

fn fitting(field: Field, text: &str) -> Result<&str, Refusal> {
    if name_fits(text) {
        return Ok(text);
    }
    let detail = format!("{} {} has a colon, a control character or over 256 bytes", field.name(), quoted(text));
    Err(Refusal::new(RejectReason::OutOfRange, detail))
}

pub(super) fn no_time(given: &str) -> Refusal {
    let detail = format!("timestamp {given} is neither ISO-8601 nor an epoch of the years 2000 to 2099");
    Refusal::new(RejectReason::BadTimestamp, detail)
}

pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
