//! What is fixed about a topic: its names, the fields of its events, the ranges they must keep.
//!
//! One description serves the decoder, the lake's `raw/<topic>` and the dataflow. Every event has an id, a device, a time
//! and a position besides the fields listed here.

use serde::{Deserialize, Serialize};

use crate::ids::{Name, RecordRef};

#[derive(Debug)]
pub struct TopicSpec {
    pub name: &'static str,
    /// Other names: of sub-folders of an input folder, and of the topic at older producers.
    pub aliases: &'static [&'static str],
    pub fields: &'static [Field],
}

/// One field of a topic's events.
#[derive(Debug)]
pub struct Field {
    /// As it is called in the lake and in the reason of a reject.
    pub name: &'static str,
    /// Other names that producers give it.
    pub aliases: &'static [&'static str],
    pub form: Form,
    pub is_required: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A text that may come as a number, and becomes part of a key: short, without colon and control characters.
    Name,
    /// A text; a number or truth value becomes its text.
    Text,
    /// A number, `least` and `most` included. It may be called by another name in another unit: the factor makes it ours.
    Number { least: f64, most: f64, unit: Option<(&'static str, f64)> },
    /// Degrees or a point of the compass.
    Direction,
    /// Any JSON, kept as its text.
    Json,
}

impl Field {
    pub const fn required(name: &'static str, aliases: &'static [&'static str], form: Form) -> Self {
        Self { name, aliases, form, is_required: true }
    }

    pub const fn optional(name: &'static str, aliases: &'static [&'static str], form: Form) -> Self {
        Self { name, aliases, form, is_required: false }
    }

    /// Whether the lake keeps it as a number.
    pub fn is_number(&self) -> bool {
        matches!(self.form, Form::Number { .. } | Form::Direction)
    }
}

impl Form {
    pub const fn number(least: f64, most: f64) -> Self {
        Self::Number { least, most, unit: None }
    }
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Absent,
    Text(Name),
    Number(f64),
}

/// One accepted event of a topic that is described by fields. Every part has been checked for range by the decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Place of the topic in [`crate::topics::TOPICS`].
    pub topic: u8,
    pub record: RecordRef,
    /// 128 bits of the canonical content, record and arrival apart; 0 where the event carries no id.
    pub fingerprint: u128,
    /// Empty where absent.
    pub id: Name,
    pub device: Name,
    pub event_ms: i64,
    /// Kafka's record timestamp; from a folder, the file's clock at this line.
    pub arrival_ms: i64,
    pub latitude: f64,
    pub longitude: f64,
    /// In the order of the topic's fields.
    pub values: Box<[Value]>,
}

impl Observation {
    fn value(&self, spec: &TopicSpec, name: &str) -> &Value {
        let place = spec.fields.iter().position(|field| field.name == name);
        debug_assert!(place.is_some(), "{} has no field {name}", spec.name);
        place.and_then(|place| self.values.get(place)).unwrap_or(&Value::Absent)
    }

    /// A field's number; NaN where absent.
    pub fn number(&self, spec: &TopicSpec, name: &str) -> f64 {
        match self.value(spec, name) {
            Value::Number(number) => *number,
            _ => f64::NAN,
        }
    }

    /// A field's text; empty where absent.
    pub fn text(&self, spec: &TopicSpec, name: &str) -> Name {
        match self.value(spec, name) {
            Value::Text(text) => text.clone(),
            _ => Name::default(),
        }
    }
}
