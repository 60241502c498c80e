//! The fallback's reading of JSON: scalars are kept as they are, arrays and objects only as what they were, and the
//! members of the event and of its location go to their slots.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::fields::{Field, Spelling, spelling};
use super::slots::Slots;

/// Arrays and objects inside one another, the event itself included.
pub(super) const DEPTH_MAX: u32 = 64;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool,
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Array(usize),
    Object,
}

impl Value<'_> {
    /// For a sentence: `speed is text`.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a truth value",
            Self::Unsigned(_) | Self::Signed(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Array(_) => "an array",
            Self::Object => "an object",
        }
    }

    pub(super) fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Unsigned(number) => Some(number as f64),
            Self::Signed(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            _ => None,
        }
    }
}

/// Reads one value, and what is inside it as its role says.
pub(super) struct ValueReader<'s, 'a> {
    pub(super) role: Role<'s, 'a>,
    /// Arrays and objects around this value.
    pub(super) depth: u32,
    /// Set when anything stood too deep; the error that is then returned says no more.
    pub(super) too_deep: &'s Cell<bool>,
}

pub(super) enum Role<'s, 'a> {
    Record(&'s mut Slots<'a>),
    Location(&'s mut Slots<'a>),
    /// Nobody asks for what is inside.
    Plain,
}

impl ValueReader<'_, '_> {
    fn check_depth<E: Error>(&self) -> Result<(), E> {
        if self.depth < DEPTH_MAX {
            return Ok(());
        }
        self.too_deep.set(true);
        Err(E::custom("too deep"))
    }
}

impl<'a> DeserializeSeed<'a> for ValueReader<'_, 'a> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Value<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for ValueReader<'_, 'a> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'a>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'a>, E> {
        Ok(Value::Bool)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'a>, E> {
        Ok(Value::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'a>, E> {
        Ok(Value::Signed(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'a>, E> {
        Ok(Value::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut seq: S) -> Result<Value<'a>, S::Error> {
        self.check_depth()?;
        let (depth, too_deep) = (self.depth + 1, self.too_deep);
        let mut count = 0;
        while let Some(value) = seq.next_element_seed(ValueReader { role: Role::Plain, depth, too_deep })? {
            if let Role::Location(slots) = &mut self.role {
                slots.element(count, value);
            }
            count += 1;
        }
        Ok(Value::Array(count))
    }

    fn visit_map<M: MapAccess<'a>>(mut self, mut map: M) -> Result<Value<'a>, M::Error> {
        self.check_depth()?;
        let (depth, too_deep) = (self.depth + 1, self.too_deep);
        while let Some(spelling) = map.next_key_seed(NameReader)? {
            match (&mut self.role, spelling) {
                (Role::Record(slots), Some(spelling)) if spelling.field == Field::Location => {
                    let role = Role::Location(slots);
                    let value = map.next_value_seed(ValueReader { role, depth, too_deep })?;
                    slots.location(spelling, &value);
                }
                (Role::Record(slots), Some(spelling)) => {
                    let value = map.next_value_seed(ValueReader { role: Role::Plain, depth, too_deep })?;
                    slots.member(spelling, value, false);
                }
                (Role::Location(slots), Some(spelling)) if spelling.field.is_coordinate() => {
                    let value = map.next_value_seed(ValueReader { role: Role::Plain, depth, too_deep })?;
                    slots.member(spelling, value, true);
                }
                _ => {
                    map.next_value_seed(ValueReader { role: Role::Plain, depth, too_deep })?;
                }
            }
        }
        Ok(Value::Object)
    }
}

/// A member's name, as far as anybody reads it.
struct NameReader;

impl<'a> DeserializeSeed<'a> for NameReader {
    type Value = Option<Spelling>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Option<Spelling>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameReader {
    type Value = Option<Spelling>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<Spelling>, E> {
        Ok(spelling(name.as_bytes()))
    }
}
