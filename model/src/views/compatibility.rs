//! The keys of an older job, for readers that look them up: the newest event under each, as its producer wrote it.
//!
//! Six families, one view each. Values are strings of JSON with the producer's names; texts are as reported, numbers in
//! our units, times in UTC. An event of `gps_data` carries neither its id nor `vehicle_type`: its decoder leaves them
//! out of what flows.

use std::fmt::Debug;
use std::io::Write;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value as Json, json};

use super::{key, value};
use crate::event::GpsReading;
use crate::ids::Name;
use crate::iso;
use crate::topic::{Form, Observation, Value};
use crate::topics::{GPS, TOPICS, place};
use crate::view::{Cell, Cells, Current, Kind, ViewRow, ViewSpec};

/// Every family there is.
pub const COMPATIBILITY: &[&ViewSpec] = &[
    &Compatible::<Realtime>::SPEC,
    &Compatible::<Vehicles>::SPEC,
    &Compatible::<Positions>::SPEC,
    &Compatible::<Emergencies>::SPEC,
    &Compatible::<Stations>::SPEC,
    &Compatible::<Cameras>::SPEC,
];

/// Keys with one prefix.
pub trait Family: Clone + PartialEq + Debug + Send + Sync + 'static {
    const NAME: &'static str;
    const PREFIX: &'static str;
    /// A key stays this long after its newest event arrived.
    const KEPT_MS: i64;
    /// The id of the operator that keeps the newest events.
    const LATEST_ID: &'static str;
}

macro_rules! family {
    ($(#[$about:meta])* $family:ident, $name:literal, $prefix:literal, $seconds:literal) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $family {}

        impl Family for $family {
            const NAME: &'static str = concat!("compatibility_", $name);
            const PREFIX: &'static str = $prefix;
            const KEPT_MS: i64 = $seconds * 1_000;
            const LATEST_ID: &'static str = concat!("compatibility_", $name, "_latest");
        }
    };
}

family!(
    /// The newest event of a device, of whatever topic.
    Realtime, "realtime", "realtime:", 3_600
);
family!(
    /// The newest of `vehicle_data` of a device.
    Vehicles, "vehicles", "vehicles:", 3_600
);
family!(
    /// The newest of `gps_data` of a device.
    Positions, "gps", "gps:", 1_800
);
family!(
    /// The newest active incident that a device has reported. One that is resolved later stays.
    Emergencies, "emergencies", "emergencies:active:", 7_200
);
family!(
    /// The newest of `weather_data` at a place.
    Stations, "weather", "weather:", 1_800
);
family!(
    /// The newest of `traffic_camera_data` of a camera.
    Cameras, "traffic", "traffic:", 600
);

/// An event under a key of a family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Compatible<F: Family> {
    pub event: Observation,
    #[serde(skip)]
    family: PhantomData<F>,
}

impl<F: Family> Compatible<F> {
    /// Which of several copies came first is no matter of the content.
    pub fn new(event: Observation) -> Self {
        Self { event: Observation { fingerprint: 0, ..event }, family: PhantomData }
    }
}

/// The values of a reading of `gps_data`, in this order.
const OF_GPS: [&str; 3] = ["speed", "direction", "road_id"];

/// A reading in the form of the other topics' events.
pub fn observation(reading: GpsReading) -> Observation {
    let direction = if reading.direction_deg.is_nan() { Value::Absent } else { Value::Number(reading.direction_deg) };
    let road = if reading.road.is_empty() { Value::Absent } else { Value::Text(reading.road) };
    Observation {
        topic: place(&GPS),
        record: reading.record,
        fingerprint: reading.fingerprint,
        id: Name::default(),
        device: reading.device,
        event_ms: reading.event_ms,
        arrival_ms: reading.arrival_ms,
        latitude: reading.latitude,
        longitude: reading.longitude,
        values: Box::new([Value::Number(reading.speed_kmh), direction, road]),
    }
}

/// `{lat}_{lon}`, each number as the older job's language writes it.
///
/// ```
/// # use greenwave_model::views::compatibility::place_key;
/// assert_eq!(place_key(51.5874, -0.1278), "51.5874_-0.1278");
/// assert_eq!(place_key(51.0, -0.00005), "51.0_-5e-05");
/// ```
pub fn place_key(latitude: f64, longitude: f64) -> Name {
    let text = |degrees: f64| match format!("{degrees:e}").split_once("e-") {
        Some((digits, power)) if power.parse().is_ok_and(|power: u32| power > 4) => format!("{digits}e-{power:0>2}"),
        _ => format!("{degrees:?}"),
    };
    format!("{}_{}", text(latitude), text(longitude)).into()
}

impl<F: Family> ViewRow for Compatible<F> {
    const SPEC: ViewSpec = ViewSpec {
        name: F::NAME,
        columns: &[key("key", Kind::Text), value("event", Kind::Text)],
        current: Current::Compatibility(F::PREFIX),
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.event.arrival_ms + F::KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        match value {
            Some(row) => out.cell(Cell::Text(&json_of(&row.event).to_string())),
            None => out.cell(Cell::Null),
        }
    }

    fn contract_json(&self, _key: &Name, out: &mut Vec<u8>) {
        write!(out, "{}", json_of(&self.event)).expect("memory takes all");
    }
}

/// What the event says, what it leaves out being left out.
fn json_of(event: &Observation) -> Json {
    let mut object = Map::new();
    if !event.id.is_empty() {
        object.insert("id".into(), json!(event.id));
    }
    object.insert("device_id".into(), json!(event.device));
    object.insert("timestamp".into(), json!(iso::naive(event.event_ms)));
    object.insert("location".into(), json!([event.latitude, event.longitude]));
    let topic = TOPICS.get(usize::from(event.topic)).copied().unwrap_or(&GPS);
    let fields: Vec<(&str, Form)> = match event.topic == place(&GPS) {
        true => OF_GPS.iter().map(|name| (*name, Form::Text)).collect(),
        false => topic.fields.iter().map(|field| (field.name, field.form)).collect(),
    };
    for ((name, form), value) in fields.into_iter().zip(&event.values) {
        let value = match value {
            Value::Absent => continue,
            Value::Number(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
            Value::Text(text) if form == Form::Json => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            Value::Text(text) if name == "year" => text.parse::<i64>().map_or_else(|_| json!(text), Json::from),
            Value::Text(text) => json!(text),
        };
        object.insert(producers(name).into(), value);
    }
    Json::Object(object)
}

/// What producers call a field of ours.
fn producers(name: &str) -> &str {
    match name {
        "air_quality_index" => "airQualityIndex",
        "incident_id" => "incidentId",
        other => other,
    }
}
