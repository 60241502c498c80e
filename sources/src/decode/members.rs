//! The members of a record that a topic has a use for.

use std::fmt;

use greenwave_model::topic::{Field, Form};
use greenwave_model::{RejectReason, TopicSpec};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value as Json;

use super::fallback::not_read;
use super::slots::Refusal;

/// What every event has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Common {
    Id,
    Device,
    Timestamp,
    Latitude,
    Longitude,
}

impl Common {
    const COUNT: usize = 5;

    /// As it stands in the reason of a reject.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Device => "device_id",
            Self::Timestamp => "timestamp",
            Self::Latitude => "latitude",
            Self::Longitude => "longitude",
        }
    }
}

/// Values as found; null where absent.
pub(super) struct Members {
    common: [Json; Common::COUNT],
    /// In the order of the topic's fields, with the factor that makes a number ours.
    pub(super) fields: Vec<(Json, f64)>,
}

impl Members {
    pub(super) fn common(&self, which: Common) -> &Json {
        &self.common[which as usize]
    }
}

/// The members of a record. A byte order mark before it is passed over.
pub(super) fn read(bytes: &[u8], spec: &'static TopicSpec) -> Result<Members, Refusal> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Refusal::new(RejectReason::NotUtf8, format!("no UTF-8 at byte {}", error.valid_up_to())))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Err(Refusal::new(RejectReason::Empty, "no bytes but space"));
    }
    let members =
        Members { common: [const { Json::Null }; Common::COUNT], fields: vec![(Json::Null, 1.0); spec.fields.len()] };
    let mut reader = Reader { spec, members, refusal: None };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_any(&mut reader).and_then(|()| json.end());
    match (read, reader.refusal) {
        // Members are taken as they are: only the record itself can be of a wrong type.
        (Err(error), _) if error.is_data() => Err(Refusal::new(RejectReason::WrongType, "the record is not an object")),
        (Err(error), _) if error.to_string().starts_with("recursion limit") => {
            Err(Refusal::new(RejectReason::TooDeep, "nested deeper than 128"))
        }
        (Err(error), _) => Err(not_read(&error)),
        (Ok(()), Some(refusal)) => Err(refusal),
        (Ok(()), None) => Ok(reader.members),
    }
}

/// Where a member's value goes.
enum Slot {
    Common(Common),
    Location,
    Field(usize, f64),
    Nowhere,
}

struct Reader {
    spec: &'static TopicSpec,
    members: Members,
    /// The first thing wrong with the members themselves.
    refusal: Option<Refusal>,
}

impl Reader {
    fn fill(&mut self, slot: &Slot, value: Json) {
        let (place, name) = match slot {
            Slot::Common(which) => (&mut self.members.common[*which as usize], which.name()),
            Slot::Field(at, factor) => {
                let (place, unit) = &mut self.members.fields[*at];
                if !value.is_null() {
                    *unit = *factor;
                }
                (place, self.spec.fields[*at].name)
            }
            Slot::Location => return self.location(value),
            Slot::Nowhere => return,
        };
        if value.is_null() {
            return;
        }
        if !place.is_null() {
            let refusal = Refusal::new(RejectReason::DuplicateKey, format!("{name} is given twice"));
            self.refusal.get_or_insert(refusal);
            return;
        }
        *place = value;
    }

    /// `[latitude, longitude]`, or an object with both.
    fn location(&mut self, value: Json) {
        match value {
            Json::Null => {}
            Json::Array(pair) if pair.len() == 2 => {
                let both = [Common::Latitude, Common::Longitude].into_iter().zip(pair);
                both.for_each(|(which, value)| self.fill(&Slot::Common(which), value));
            }
            Json::Object(parts) => {
                for (name, value) in parts {
                    if let slot @ Slot::Common(Common::Latitude | Common::Longitude) = slot(self.spec, &name) {
                        self.fill(&slot, value);
                    }
                }
            }
            _ => {
                let refusal = Refusal::new(RejectReason::WrongType, "location is not a latitude and a longitude");
                self.refusal.get_or_insert(refusal);
            }
        }
    }
}

fn slot(spec: &TopicSpec, name: &str) -> Slot {
    match name {
        "id" => return Slot::Common(Common::Id),
        "device_id" | "deviceId" => return Slot::Common(Common::Device),
        "timestamp" => return Slot::Common(Common::Timestamp),
        "latitude" | "lat" => return Slot::Common(Common::Latitude),
        "longitude" | "lon" | "lng" => return Slot::Common(Common::Longitude),
        "location" => return Slot::Location,
        _ => {}
    }
    let factor = |field: &Field| match field.form {
        _ if field.name == name || field.aliases.contains(&name) => Some(1.0),
        Form::Number { unit: Some((other, factor)), .. } if other == name => Some(factor),
        _ => None,
    };
    let found = spec.fields.iter().enumerate().find_map(|(at, field)| factor(field).map(|factor| (at, factor)));
    found.map_or(Slot::Nowhere, |(at, factor)| Slot::Field(at, factor))
}

impl<'a> Visitor<'a> for &mut Reader {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(slot) = map.next_key_seed(NameReader(self.spec))? {
            match slot {
                Slot::Nowhere => drop(map.next_value::<IgnoredAny>()?),
                slot => self.fill(&slot, map.next_value()?),
            }
        }
        Ok(())
    }
}

struct NameReader(&'static TopicSpec);

impl<'a> DeserializeSeed<'a> for NameReader {
    type Value = Slot;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Slot, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameReader {
    type Value = Slot;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Slot, E> {
        Ok(slot(self.0, name))
    }
}
