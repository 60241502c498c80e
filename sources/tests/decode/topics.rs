//! The topics that are described by fields: the records of known producers, every way to be refused, and a topic of
//! somebody else's.

use greenwave_model::topic::{Field, Form};
use greenwave_model::topics::{CAMERA, INCIDENT, TOPICS, VEHICLE, WEATHER, named};
use greenwave_model::{Batch, Observation, Reject, RejectReason, TopicSpec};
use greenwave_sources::decode::{DecodeSettings, Decoders, ObservationDecoder};
use proptest::prelude::*;

use crate::outcome::EIGHT;

fn decode(topic: &TopicSpec, payload: &[u8]) -> Result<Observation, Reject> {
    let mut batch = Batch { partition: 3, ..Batch::default() };
    let mut decoders = Decoders::new(DecodeSettings::default());
    decoders.decode(named(topic.name).unwrap(), payload, 42, Some(EIGHT + 5), &mut batch);
    assert_eq!(batch.observations.len() + batch.rejects.len(), 1);
    batch.observations.pop().ok_or_else(|| batch.rejects.remove(0))
}

/// What every event has, with some members more.
fn event(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        r#"{{"id":"e-1","device_id":"Vehicle1","timestamp":"2026-03-02T08:00:00","location":[51.5,-0.25]{comma}{members}}}"#
    )
}

fn observed(topic: &TopicSpec, members: &str) -> Observation {
    decode(topic, event(members).as_bytes()).unwrap_or_else(|reject| panic!("{members}: {reject:?}"))
}

fn refused(topic: &TopicSpec, members: &str) -> (RejectReason, String) {
    let reject = decode(topic, event(members).as_bytes()).expect_err(members);
    (reject.reason, reject.detail)
}

#[test]
fn the_vehicle_of_the_old_producer() {
    let vehicle = observed(
        &VEHICLE,
        r#""speed":27.6,"direction":"North-East","make":"Toyota","model":"Camry","year":2024,"fuel_type":"Hybrid""#,
    );
    assert_eq!((vehicle.id.as_str(), vehicle.device.as_str()), ("e-1", "Vehicle1"));
    assert_eq!((vehicle.event_ms, vehicle.arrival_ms), (EIGHT, EIGHT + 5));
    assert_eq!((vehicle.latitude, vehicle.longitude), (51.5, -0.25));
    assert_eq!((vehicle.number(&VEHICLE, "speed"), vehicle.number(&VEHICLE, "direction")), (27.6, 45.0));
    assert_eq!((vehicle.text(&VEHICLE, "make").as_str(), vehicle.text(&VEHICLE, "year").as_str()), ("Toyota", "2024"));
    assert_eq!((vehicle.record.partition(), vehicle.record.offset()), (3, 42));
    assert_ne!(vehicle.fingerprint, 0);
}

#[test]
fn the_camera_of_the_old_producer_without_its_picture() {
    let camera = observed(
        &CAMERA,
        r#""camera_id":"Camera331","snapshot":"Base64EncodedString","direction":"North-East","speed":1.738"#,
    );
    assert_eq!(camera.text(&CAMERA, "camera_id"), "Camera331");
    assert_eq!(camera.number(&CAMERA, "speed"), 1.738);
    let seen = observed(&CAMERA, r#""cameraId":7,"detections":[{"class":"bus","count":2}]"#);
    assert_eq!(seen.text(&CAMERA, "camera_id"), "7");
    assert_eq!(seen.text(&CAMERA, "detections"), r#"[{"class":"bus","count":2}]"#);
    assert!(seen.number(&CAMERA, "speed").is_nan());
}

#[test]
fn the_weather_of_the_old_producer() {
    let weather = observed(
        &WEATHER,
        r#""temperature":-3.5,"weather_condition":"Fog","humidity":81,"wind_speed":12.5,"precipitation":0,"airQualityIndex":468.9"#,
    );
    let number = |name| weather.number(&WEATHER, name);
    assert_eq!([number("temperature"), number("humidity"), number("air_quality_index")], [-3.5, 81.0, 468.9]);
    assert_eq!(weather.text(&WEATHER, "weather_condition"), "Fog");
    let other = observed(&WEATHER, r#""temperature":1,"weatherCondition":"Rain","windSpeed":3,"pm25":12.1"#);
    assert_eq!(other.text(&WEATHER, "weather_condition"), "Rain");
    assert_eq!((other.number(&WEATHER, "wind_speed"), other.number(&WEATHER, "pm25")), (3.0, 12.1));
}

#[test]
fn the_incident_of_the_old_producer() {
    let incident = observed(
        &INCIDENT,
        r#""incidentId":"i-9","incident_type":"Breakdown","status":"Resolved","description":"a text""#,
    );
    assert_eq!(incident.text(&INCIDENT, "incident_id"), "i-9");
    assert_eq!(incident.text(&INCIDENT, "incident_type"), "Breakdown");
    assert_eq!(incident.text(&INCIDENT, "severity"), "");
}

#[test]
fn every_name_and_alias_of_every_field_is_read() {
    for topic in TOPICS.iter().filter(|topic| !topic.fields.is_empty()) {
        for field in topic.fields {
            for name in [&[field.name], field.aliases].concat() {
                let others = topic.fields.iter().filter(|other| other.is_required && other.name != field.name);
                let mut members: Vec<String> = others.map(|other| format!(r#""{}":1"#, other.name)).collect();
                members.push(format!(r#""{name}":1"#));
                let read = observed(topic, &members.join(","));
                let is_there = if field.is_number() {
                    read.number(topic, field.name) == 1.0
                } else {
                    read.text(topic, field.name) == "1"
                };
                assert!(is_there, "{} {name}: {read:?}", topic.name);
            }
        }
    }
}

#[test]
fn positions_and_devices_go_by_their_other_names() {
    for place in [
        r#""latitude":51.5,"longitude":-0.25"#,
        r#""lat":51.5,"lng":-0.25"#,
        r#""location":{"lat":51.5,"lon":-0.25}"#,
        r#""location":{"latitude":51.5,"longitude":-0.25,"address":"a street"}"#,
    ] {
        let text = format!(r#"{{"deviceId":5,"timestamp":1772438400,"speed_mph":10,{place}}}"#);
        let vehicle = decode(&VEHICLE, text.as_bytes()).unwrap();
        assert_eq!((vehicle.latitude, vehicle.longitude, vehicle.event_ms), (51.5, -0.25, EIGHT), "{place}");
        assert_eq!((vehicle.device.as_str(), vehicle.number(&VEHICLE, "speed")), ("5", 16.09344));
        assert_eq!(vehicle.fingerprint, 0, "an event without an id is no copy of another");
    }
}

#[test]
fn what_is_no_event_says_why() {
    use RejectReason::*;
    let table: &[(&str, RejectReason, &str)] = &[
        (r#""make":"Toyota""#, MissingField, "speed is missing"),
        (r#""speed":null"#, MissingField, "speed is missing"),
        (r#""speed":"12""#, WrongType, "speed is not a number"),
        (r#""speed":400"#, OutOfRange, "speed 400 is not in 0 to"),
        (r#""speed":-1"#, OutOfRange, "speed -1 is not in 0 to"),
        (r#""speed":1,"speed_kmh":2"#, DuplicateKey, "speed is given twice"),
        (r#""speed":1,"lat":2"#, DuplicateKey, "latitude is given twice"),
        (r#""speed":1,"direction":"up""#, WrongType, "no point of the compass"),
        (r#""speed":1,"road_id":"a:b""#, OutOfRange, "has a colon"),
        (r#""speed":1,"make":[1]"#, WrongType, "make is not text"),
    ];
    for (members, reason, detail) in table {
        let told = refused(&VEHICLE, members);
        assert_eq!(told.0, *reason, "{members}: {told:?}");
        assert!(told.1.contains(detail), "{members}: {told:?}");
    }
    let whole: &[(&[u8], RejectReason)] = &[
        (b"", Empty),
        (b" \t", Empty),
        (b"\xff{", NotUtf8),
        (b"{", NotJson),
        (b"[1]", WrongType),
        (b"null", WrongType),
        (br#"{"speed":1,"timestamp":"2026-03-02T08:00:00","device_id":"a"}"#, MissingField),
        (br#"{"speed":1,"timestamp":"soon","device_id":"a","lat":1,"lon":1}"#, BadTimestamp),
        (br#"{"speed":1,"timestamp":"2026-03-02T08:00:00","device_id":"","lat":1,"lon":1}"#, OutOfRange),
        (br#"{"speed":1,"timestamp":"2026-03-02T08:00:00","device_id":"a","lat":91,"lon":1}"#, OutOfRange),
        (br#"{"speed":1,"timestamp":"2026-03-02T08:00:00","device_id":"a","location":[1]}"#, WrongType),
    ];
    for (payload, reason) in whole {
        let reject = decode(&VEHICLE, payload).expect_err("no event");
        assert_eq!(reject.reason, *reason, "{:?}: {}", String::from_utf8_lossy(payload), reject.detail);
        assert_eq!(reject.bytes, *payload);
    }
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert!(matches!(decode(&VEHICLE, deep.as_bytes()), Err(Reject { reason: MissingField | TooDeep, .. })));
}

#[test]
fn copies_are_known_by_content_and_not_by_form() {
    let one = observed(&WEATHER, r#""temperature":0,"humidity":50"#);
    let same = observed(&WEATHER, r#""humidity":5e1,"temperature":-0.0,"nobody_reads":"this""#);
    let other = observed(&WEATHER, r#""temperature":0.5,"humidity":50"#);
    assert_eq!(one.fingerprint, same.fingerprint);
    assert_ne!(one.fingerprint, other.fingerprint);
}

/// What `docs/extending.md` says a new topic takes.
#[test]
fn a_topic_of_somebody_elses_is_a_description() {
    static PARKING: TopicSpec = TopicSpec {
        name: "parking_data",
        aliases: &["parking"],
        fields: &[
            Field::required("free_places", &["free"], Form::number(0.0, 10_000.0)),
            Field::optional("operator", &[], Form::Text),
        ],
    };
    let mut decoder = ObservationDecoder::new(9, &PARKING, DecodeSettings::default());
    let mut batch = Batch::default();
    decoder.decode(event(r#""free":12,"operator":"the city""#).as_bytes(), 0, None, &mut batch);
    decoder.decode(event(r#""free":-1"#).as_bytes(), 1, None, &mut batch);
    let parking = &batch.observations[0];
    assert_eq!((parking.topic, parking.number(&PARKING, "free_places")), (9, 12.0));
    assert_eq!(parking.text(&PARKING, "operator"), "the city");
    assert_eq!(batch.rejects[0].detail, "free_places -1 is not in 0 to 10000");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_bytes_are_too_much(bytes in prop::collection::vec(any::<u8>(), 0..200), place in 0usize..5) {
        let mut batch = Batch::default();
        Decoders::new(DecodeSettings::default()).decode(place, &bytes, 0, None, &mut batch);
        prop_assert_eq!(batch.events() + batch.rejects.len(), 1);
    }

    #[test]
    fn no_record_with_a_byte_changed_is_too_much(at in 0usize..90, byte in any::<u8>(), place in 0usize..5) {
        let mut bytes = event(r#""speed":1,"camera_id":"c","temperature":1,"incident_id":"i""#).into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        let mut batch = Batch::default();
        Decoders::new(DecodeSettings::default()).decode(place, &bytes, 0, None, &mut batch);
        prop_assert_eq!(batch.events() + batch.rejects.len(), 1);
    }
}
