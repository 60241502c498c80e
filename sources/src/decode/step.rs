//! One value of a record, read where it stands. The scanner finds out which values come in which order; the template
//! repeats it for the next record.

use super::cursor::Cursor;
use super::direction;
use super::event::{Event, KMH_PER_MPH, latitude_in_range, longitude_in_range, speed_in_range};
use super::fields::Field;
use super::timestamp::Times;

/// What stands at one place of a record, and what it is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    IdText,
    IdDigits,
    DeviceText,
    DeviceDigits,
    RoadText,
    RoadDigits,
    VehicleType,
    TimeText,
    TimeNumber,
    SpeedKmh,
    SpeedMph,
    Degrees,
    Compass,
    Latitude,
    Longitude,
    OtherText,
    OtherNumber,
}

impl Step {
    pub(super) const COUNT: usize = Self::OtherNumber as usize + 1;

    /// How a text is taken for `field`; `None` where it would be of the wrong type.
    pub(super) fn text(field: Option<Field>) -> Option<Self> {
        Some(match field {
            None => Self::OtherText,
            Some(Field::Id) => Self::IdText,
            Some(Field::Device) => Self::DeviceText,
            Some(Field::Road) => Self::RoadText,
            Some(Field::VehicleType) => Self::VehicleType,
            Some(Field::Timestamp) => Self::TimeText,
            Some(Field::Direction) => Self::Compass,
            Some(_) => return None,
        })
    }

    /// How a number is taken for `field`.
    pub(super) fn number(field: Option<Field>) -> Option<Self> {
        Some(match field {
            None => Self::OtherNumber,
            Some(Field::Id) => Self::IdDigits,
            Some(Field::Device) => Self::DeviceDigits,
            Some(Field::Road) => Self::RoadDigits,
            Some(Field::Timestamp) => Self::TimeNumber,
            Some(Field::SpeedKmh) => Self::SpeedKmh,
            Some(Field::SpeedMph) => Self::SpeedMph,
            Some(Field::Direction) => Self::Degrees,
            Some(Field::Latitude) => Self::Latitude,
            Some(Field::Longitude) => Self::Longitude,
            Some(Field::VehicleType | Field::Location) => return None,
        })
    }

    /// Reads the value into `event`. A text's opening quote has been taken, its closing quote stays. `usual` is the
    /// length of such a text in other records, 0 where nobody knows.
    #[inline(always)]
    pub(super) fn take<'a>(
        self,
        cursor: &mut Cursor<'a>,
        usual: usize,
        times: &mut Times,
        event: &mut Event<'a>,
    ) -> Option<()> {
        match self {
            Self::IdText => event.id = cursor.string_body(usual)?,
            Self::IdDigits => event.id = cursor.digits()?,
            Self::DeviceText => event.device = not_empty(cursor.name_body(usual)?)?,
            Self::DeviceDigits => event.device = cursor.digits()?,
            Self::RoadText => event.road = cursor.name_body(usual)?,
            Self::RoadDigits => event.road = cursor.digits()?,
            Self::VehicleType => event.vehicle_type = cursor.string_body(usual)?,
            Self::TimeText => event.event_ms = time(cursor, usual, times)?,
            Self::TimeNumber => event.event_ms = super::timestamp::epoch(cursor.number()?)?,
            Self::SpeedKmh => event.speed_kmh = within(cursor.number()?, speed_in_range)?,
            Self::SpeedMph => event.speed_kmh = within(cursor.number()? * KMH_PER_MPH, speed_in_range)?,
            Self::Degrees => event.direction_deg = direction::degrees(cursor.number()?)?,
            Self::Compass => event.direction_deg = compass(cursor.string_body(usual)?)?,
            Self::Latitude => event.latitude = within(cursor.number()?, latitude_in_range)?,
            Self::Longitude => event.longitude = within(cursor.number()?, longitude_in_range)?,
            Self::OtherText => drop(cursor.string_body(usual)?),
            Self::OtherNumber => drop(cursor.number()?),
        }
        Some(())
    }
}

#[inline(always)]
fn within(value: f64, in_range: impl Fn(f64) -> bool) -> Option<f64> {
    in_range(value).then_some(value)
}

/// A time of the usual length need not be looked over twice: what is a time is a plain string.
#[inline(always)]
fn time(cursor: &mut Cursor<'_>, usual: usize, times: &mut Times) -> Option<i64> {
    if let Some(ms) = cursor.quoted(usual).and_then(|text| times.text(text)) {
        cursor.at += usual;
        return Some(ms);
    }
    times.text(cursor.string_body(0)?.as_bytes())
}

#[inline(always)]
fn not_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// An empty text says nothing.
#[inline(always)]
fn compass(text: &str) -> Option<f64> {
    if text.is_empty() { Some(f64::NAN) } else { direction::compass(text) }
}
