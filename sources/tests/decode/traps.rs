//! The forms that known producers send, one test a trap, and every name a field goes by.

use greenwave_model::{Batch, RejectReason};
use greenwave_sources::decode::{DecodeSettings, GpsDecoder};

use crate::outcome::{EIGHT, LINE, Outcome, event, outcome, reading, reject};

#[test]
fn the_generators_line() {
    let Outcome::Reading { reading, id, vehicle_type } = outcome(LINE) else { panic!() };
    assert_eq!((id.as_str(), vehicle_type.as_str()), ("0b5c2f1e-77aa-4c11-9d02-9f00aa12bb34", "private"));
    assert_eq!((reading.device.as_str(), reading.road.as_str()), ("veh-000123", "1234"));
    assert_eq!((reading.event_ms, reading.arrival_ms), (EIGHT + 123, EIGHT + 5));
    assert_eq!((reading.speed_kmh, reading.direction_deg), (27.6, 123.4));
    assert_eq!((reading.latitude, reading.longitude), (51.5874, -0.1278));
    assert_eq!((reading.record.partition(), reading.record.offset()), (3, 42));
    assert_ne!(reading.fingerprint, 0);
}

#[test]
fn trap_2_direction_is_text_but_means_degrees() {
    for (given, degrees) in [
        (r#""North-East""#, 45.0),
        (r#""north east""#, 45.0),
        (r#""NNE""#, 22.5),
        (r#""west-north-west""#, 292.5),
        ("359.9", 359.9),
        ("360", 0.0),
        ("-90", 270.0),
        ("720.0", 0.0),
    ] {
        for name in ["direction", "heading"] {
            assert_eq!(reading(event(&[], &format!(r#""{name}":{given}"#))).direction_deg, degrees, "{given}");
        }
    }
    for absent in ["null", r#""""#] {
        assert!(reading(event(&[], &format!(r#""direction":{absent}"#))).direction_deg.is_nan());
    }
    assert!(reading(event(&[], "")).direction_deg.is_nan());
    for (given, reason) in [
        (r#""up""#, RejectReason::WrongType),
        (r#""123.4""#, RejectReason::WrongType),
        ("true", RejectReason::WrongType),
        ("720.5", RejectReason::OutOfRange),
        ("-361", RejectReason::OutOfRange),
    ] {
        assert_eq!(reject(event(&[], &format!(r#""direction":{given}"#))).reason, reason, "{given}");
    }
}

#[test]
fn trap_3_a_clock_far_ahead_of_arrival_is_no_reason_to_reject() {
    let ahead = event(&["timestamp"], r#""timestamp":"2026-03-02T12:00:00""#);
    assert_eq!(reading(ahead).event_ms, EIGHT + 4 * 3_600_000);
}

#[test]
fn trap_4_a_vehicle_may_jump_kilometres_between_events() {
    let far = event(&["location"], r#""location":[52.4862,-1.8904]"#);
    assert_eq!(reading(event(&[], "")).device, reading(far).device);
}

#[test]
fn trap_5_the_producers_own_record_decodes() {
    let line = r#"{"id": "5a5b3c1c-3c6c-4f7e-9a39-1f2a60b3a1d4", "device_id": "Vehicle1",
        "timestamp": "2026-11-21T05:23:57.748800", "speed": 28.764213467912736, "direction": "North-East",
        "vehicle_type": "private", "location": [51.622736283746, -0.19752837465]}"#;
    let reading = reading(line);
    assert_eq!(reading.event_ms, 1_795_238_637_748);
    assert_eq!((reading.speed_kmh, reading.direction_deg), (28.764213467912736, 45.0));
    assert_eq!((reading.latitude, reading.longitude), (51.622736283746, -0.19752837465));
    assert_eq!(reading.road, "");
}

#[test]
fn trap_7_naive_timestamps_are_in_the_zone_of_the_source() {
    let settings = DecodeSettings { zone_offset_min: 60, ..DecodeSettings::default() };
    let mut batch = Batch::default();
    let mut decoder = GpsDecoder::new(settings);
    for text in ["2026-03-02T09:00:00", "2026-03-02 09:00:00.000", "2026-03-02T08:00:00Z", "2026-03-02T10:00:00+02:00"]
    {
        let line = event(&["timestamp"], &format!(r#""timestamp":"{text}""#));
        decoder.decode(line.as_bytes(), 0, None, &mut batch);
        assert_eq!(batch.readings.pop().unwrap().event_ms, EIGHT, "{text}");
    }
    assert_eq!(reading(event(&[], "")).event_ms, EIGHT, "UTC without a setting");
}

#[test]
fn trap_7_epochs_are_told_apart_by_magnitude() {
    for (given, after_ms) in [
        ("1772438400", 0),
        ("1772438400.5", 500),
        ("1772438400.123456", 123),
        ("1772438400123", 123),
        ("1772438400123456", 123),
        (r#""1772438400""#, 0),
        (r#""1772438400.25""#, 250),
        (r#""1772438400123""#, 123),
        (r#""1772438400123999""#, 123),
        ("1.7724384e9", 0),
    ] {
        let line = event(&["timestamp"], &format!(r#""timestamp":{given}"#));
        assert_eq!(reading(line).event_ms, EIGHT + after_ms, "{given}");
    }
}

#[test]
fn every_name_of_the_device() {
    for name in ["device_id", "deviceId"] {
        assert_eq!(reading(event(&["device_id"], &format!(r#""{name}":"bus 7/α""#))).device, "bus 7/α");
        assert_eq!(reading(event(&["device_id"], &format!(r#""{name}":"bus \u00377""#))).device, "bus 77");
        assert_eq!(reading(event(&["device_id"], &format!(r#""{name}":7043"#))).device, "7043");
        assert_eq!(reading(event(&["device_id"], &format!(r#""{name}":-7"#))).device, "-7");
        assert_eq!(reading(event(&["device_id"], &format!(r#""{name}":7043.0"#))).device, "7043");
        assert_eq!(
            reading(event(&["device_id"], &format!(r#""{name}":18446744073709551615"#))).device,
            "18446744073709551615"
        );
    }
    let long = "a device whose name is longer than twenty-three bytes";
    assert_eq!(reading(event(&["device_id"], &format!(r#""device_id":"{long}""#))).device, long);
}

#[test]
fn every_name_of_the_road() {
    for name in ["road_id", "roadId", "segment_id", "segmentId"] {
        for (given, road) in
            [(r#""A40""#, "A40"), ("1234", "1234"), ("0", "0"), ("12.5", "12.5"), (r#""""#, ""), ("null", "")]
        {
            assert_eq!(reading(event(&[], &format!(r#""{name}":{given}"#))).road, road, "{name} {given}");
        }
    }
}

#[test]
fn every_form_of_the_position() {
    for position in [
        r#""location":[51.5874,-0.1278]"#,
        r#""location": [ 51.5874 , -0.1278 ] "#,
        r#""location":{"latitude":51.5874,"longitude":-0.1278,"address":{"street":"Strand"}}"#,
        r#""location":{"lat":51.5874,"lon":-0.1278,"id":"x","speed":"fast"}"#,
        r#""location":{"lng":-0.1278,"lat":51.5874}"#,
        r#""latitude":51.5874,"longitude":-0.1278"#,
        r#""location":null,"lat":51.5874,"lon":-0.1278"#,
        r#""location":{"address":"Strand"},"lat":51.5874,"lng":-0.1278"#,
        r#""location":[5158740e-5,-1278E-4]"#,
    ] {
        let reading = reading(event(&["location"], position));
        assert_eq!((reading.latitude, reading.longitude), (51.5874, -0.1278), "{position}");
    }
    for edge in ["[90,180]", "[-90,-180]", "[-0.0,0]"] {
        reading(event(&["location"], &format!(r#""location":{edge}"#)));
    }
}

#[test]
fn every_unit_of_speed() {
    for (given, kmh) in [
        (r#""speed":0"#, 0.0),
        (r#""speed":399.999"#, 399.999),
        (r#""speed_kmh":27"#, 27.0),
        (r#""speed_mph":30.0"#, 30.0 * 1.609344),
        (r#""speed":null,"speed_mph":248.5"#, 248.5 * 1.609344),
    ] {
        assert_eq!(reading(event(&["speed"], given)).speed_kmh, kmh, "{given}");
    }
    for too_fast in [r#""speed":400"#, r#""speed_mph":248.6"#, r#""speed_kmh":1e3"#] {
        assert_eq!(reject(event(&["speed"], too_fast)).reason, RejectReason::OutOfRange, "{too_fast}");
    }
}

#[test]
fn every_name_of_the_vehicle_type_and_absent_ids() {
    for name in ["vehicle_type", "vehicleType"] {
        let Outcome::Reading { vehicle_type, .. } = outcome(event(&[], &format!(r#""{name}":"taxi""#))) else {
            panic!()
        };
        assert_eq!(vehicle_type, "taxi");
    }
    for (member, expected) in
        [(r#""id":77"#, "77"), (r#""id":"e:1""#, "e:1"), (r#""id":"""#, ""), (r#""id":null"#, ""), ("", "")]
    {
        let Outcome::Reading { id, reading, .. } = outcome(event(&[], member)) else { panic!("{member}") };
        assert_eq!(id, expected);
        assert_eq!(reading.fingerprint == 0, expected.is_empty(), "{member}");
    }
}

#[test]
fn unknown_members_are_ignored() {
    let more = r#""make":"Toyota","year":2024,"make":[{"a":[1,2,{"b":null}]}],"ok":true,"no":false,"x":-1.5e3,"y":"\ud83d\ude00""#;
    assert_eq!(outcome(event(&[], more)), outcome(event(&[], "")));
}

#[test]
fn the_fingerprint_is_of_the_content_not_of_its_form() {
    let same = [
        r#"{"id":"e1","device_id":"7","timestamp":"2026-03-02T08:00:00","speed":50.0,"location":[1,2],"road_id":"9"}"#,
        r#"{"segmentId":9,"latitude":1.0,"longitude":2e0,"speed_kmh":5e1,"timestamp":1772438400,"deviceId":7,"id":"e1"}"#,
        r#"{"speed":50,"id":"\u00651","device_id":"7","timestamp":"2026-03-02 10:00:00+02:00","location":{"lat":1,"lng":2},"roadId":"9"}"#,
    ];
    let prints: Vec<u128> = same.iter().map(|line| reading(line).fingerprint).collect();
    assert!(prints.iter().all(|&print| print == prints[0] && print != 0), "{prints:?}");
    for (from, to) in [
        ("\"e1\"", "\"e2\""),
        ("\"7\"", "\"8\""),
        ("08:00:00", "08:00:00.001"),
        ("50.0", "50.1"),
        ("[1,", "[1.5,"),
        (",2]", ",2.5]"),
        ("\"9\"", "\"\""),
        ("}", ",\"heading\":0}"),
        ("}", ",\"vehicle_type\":\"9\"}"),
    ] {
        assert_ne!(reading(same[0].replacen(from, to, 1)).fingerprint, prints[0], "{from} → {to}");
    }
}

#[test]
fn settings_leave_out_what_nobody_wants() {
    let settings = DecodeSettings { with_raw: false, fingerprint: false, ..DecodeSettings::default() };
    let mut batch = Batch::default();
    GpsDecoder::new(settings).decode(LINE.as_bytes(), 7, None, &mut batch);
    assert_eq!((batch.readings[0].fingerprint, batch.readings[0].arrival_ms), (0, 0));
    assert_eq!(batch.raw, None);
    let mut batch = Batch::default();
    GpsDecoder::new(DecodeSettings::default()).decode(LINE.as_bytes(), 7, None, &mut batch);
    assert_eq!(batch.raw.unwrap().vehicle_type.get(0), "private");
}

#[test]
fn long_names_are_shared() {
    let line = event(&["device_id"], r#""device_id":"a device whose name is longer than twenty-three bytes""#);
    let (mut decoder, mut batch) = (GpsDecoder::new(DecodeSettings::default()), Batch::default());
    for offset in 0..3 {
        decoder.decode(line.as_bytes(), offset, None, &mut batch);
    }
    let places: Vec<*const u8> = batch.readings.iter().map(|reading| reading.device.as_ptr()).collect();
    assert!(places.iter().all(|&place| place == places[0]));
}
