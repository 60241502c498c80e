//! Bytes that are no event: each becomes one reject with its reason and its bytes, and hurts no other record.

use greenwave_model::Batch;
use greenwave_model::RejectReason::{self, *};
use greenwave_sources::decode::{DecodeSettings, GpsDecoder, Stage};

use crate::outcome::{EIGHT, LINE, decoder, event, outcome, outcome_of, reading, reject};

#[track_caller]
fn refused(payload: impl AsRef<[u8]>, reason: RejectReason) {
    let reject = reject(payload.as_ref());
    assert_eq!(reject.reason, reason, "{}", reject.detail);
    assert_eq!(reject.bytes, payload.as_ref());
    assert_eq!((reject.offset, reject.timestamp_ms), (42, Some(EIGHT + 5)));
    assert!(!reject.detail.is_empty() && reject.detail.len() < 400, "{}", reject.detail);
}

#[test]
fn empty() {
    for payload in ["", " ", "\n", "\r\n\t ", "\u{FEFF}", "\u{FEFF} "] {
        refused(payload, Empty);
    }
}

#[test]
fn truncated_at_every_byte() {
    for end in 1..LINE.len() {
        refused(&LINE[..end], NotJson);
    }
    let spelled = event(&[], r#""heading":"North-East","note":{"a":["\u00e9",1e3,true,null]}"#);
    for end in 1..spelled.len() {
        refused(&spelled[..end], NotJson);
    }
}

#[test]
fn wrongly_typed() {
    for other in ["true", "{}", "[]", "[1]"] {
        for name in ["id", "device_id", "timestamp", "speed", "heading", "vehicle_type", "road_id"] {
            refused(event(&[name], &format!(r#""{name}":{other}"#)), WrongType);
        }
        for (name, counterpart) in [("lat", "lon"), ("longitude", "latitude")] {
            refused(event(&["location"], &format!(r#""{name}":{other},"{counterpart}":1"#)), WrongType);
        }
    }
    for (name, value) in [
        ("speed", r#""27.6""#),
        ("speed", r#""""#),
        ("location", r#""51.5,-0.1""#),
        ("location", "51.5"),
        ("location", "true"),
        ("location", "[]"),
        ("location", "[51.5]"),
        ("location", "[51.5,-0.1,30]"),
        ("location", r#"["51.5",-0.1]"#),
        ("location", "[51.5,[1]]"),
        ("location", r#"{"lat":"51.5","lon":1}"#),
        ("vehicle_type", "5"),
        ("heading", r#""sideways""#),
    ] {
        refused(event(&[name], &format!(r#""{name}":{value}"#)), WrongType);
    }
    for record in ["[]", "5", "true", "null", "\"text\"", r#"[{"device_id":"a"}]"#] {
        refused(record, WrongType);
    }
}

#[test]
fn missing_or_null() {
    for name in ["device_id", "timestamp", "speed", "location"] {
        refused(event(&[name], ""), MissingField);
        refused(event(&[name], &format!(r#""{name}":null"#)), MissingField);
    }
    for location in ["{}", r#"{"lat":1}"#, r#"{"lon":1}"#, r#"{"lat":null,"lon":1}"#, "[null,1]"] {
        refused(event(&["location"], &format!(r#""location":{location}"#)), MissingField);
    }
    refused("{}", MissingField);
}

#[test]
fn not_json() {
    for value in [
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "01",
        "01.5",
        "-00.5",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x10",
        "'5'",
        "5,,",
        "",
        "tru",
        "nulll",
    ] {
        refused(event(&["speed"], &format!(r#""speed":{value}"#)), NotJson);
        refused(event(&[], &format!(r#""other":{value}"#)), NotJson);
    }
    for tail in ["x", "{}", ",", "}", "\0", "\u{a0}"] {
        refused(format!("{LINE}{tail}"), NotJson);
    }
    for line in [
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "[1,2",
        "\"",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "veh-1;2026-03-02;27.6",
        "<event/>",
    ] {
        refused(line, NotJson);
    }
    reading(format!(" \t\r\n{LINE} \n"));
    reading(format!("\u{FEFF}{LINE}"));
}

#[test]
fn deeply_nested() {
    let nested = |levels: usize, open: &str, close: &str| {
        event(&[], &format!(r#""other":{}1{}"#, open.repeat(levels), close.repeat(levels)))
    };
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        reading(nested(63, open, close));
        for levels in [64, 65, 1_000, 100_000] {
            refused(nested(levels, open, close), TooDeep);
        }
    }
    for bytes in ["[".repeat(200_000), r#"{"location":"#.repeat(50_000), "[{\"a\":".repeat(50_000)] {
        refused(bytes, TooDeep);
    }
    refused(event(&["location"], &format!(r#""location":{}1{}"#, "[".repeat(64), "]".repeat(64))), TooDeep);
}

#[test]
fn not_utf8() {
    let in_device = LINE.as_bytes().iter().map(|&byte| if byte == b'h' { 0xFF } else { byte }).collect::<Vec<u8>>();
    refused(in_device, NotUtf8);
    refused(b"\xff\xfe{\0}\0", NotUtf8);
    refused([LINE.as_bytes(), b"\xc3"].concat(), NotUtf8);
    for bad in [&b"\xc3("[..], b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\x80", b"\x80"] {
        for member in ["device_id", "other", "vehicle_type"] {
            let line = event(&["device_id"], &format!(r#""{member}":"xxyy""#));
            let (before, after) = line.as_bytes().split_at(line.len() - 4);
            refused([before, bad, after].concat(), NotUtf8);
        }
    }
}

#[test]
fn duplicate_keys() {
    for (name, value) in
        [("speed", "27.6"), ("speed", "null"), ("device_id", r#""Vehicle1""#), ("timestamp", "5"), ("location", "null")]
    {
        refused(event(&[], &format!(r#""{name}":{value}"#)), DuplicateKey);
    }
    for more in [
        r#""deviceId":"Vehicle1""#,
        r#""speed_mph":10"#,
        r#""latitude":51.5874"#,
        r#""heading":1,"direction":1"#,
        r#""road_id":1,"segment_id":1"#,
        r#""vehicle_type":"a","vehicleType":"a""#,
        r#""id":"a","id":"a""#,
        r#""id":"","\u0069d":"a""#,
    ] {
        refused(event(&[], more), DuplicateKey);
    }
    refused(event(&["location"], r#""location":{"lat":1,"latitude":1,"lon":2}"#), DuplicateKey);
    refused(event(&["location"], r#""location":{"lat":1,"lat":1,"lon":2}"#), DuplicateKey);
    reading(event(&[], r#""make":1,"make":2"#));
    reading(event(&[], r#""heading":null,"direction":1"#));
    reading(event(&[], r#""road_id":"","segment_id":1"#));
}

#[test]
fn positions_off_the_globe() {
    for location in ["[90.0001,0]", "[-90.0001,0]", "[0,180.0001]", "[0,-181]", "[-1e300,0]", "[51587400,-127800]"] {
        refused(event(&["location"], &format!(r#""location":{location}"#)), OutOfRange);
    }
}

#[test]
fn speeds_and_numbers_out_of_range() {
    for speed in ["-0.1", "-40", "400", "1e10", "1e999", "-1e999"] {
        refused(event(&["speed"], &format!(r#""speed":{speed}"#)), OutOfRange);
    }
    refused(event(&["speed"], &format!(r#""speed":{}"#, "9".repeat(400))), OutOfRange);
    refused(event(&[], r#""other":1e999"#), OutOfRange);
}

#[test]
fn names_that_no_redis_key_can_hold() {
    let too_long = format!("{:?}", "x".repeat(257));
    for name in [
        r#""a:b""#,
        r#""a\nb""#,
        r#""\u0000""#,
        "\"a\u{7f}\"",
        "\"\u{85}\"",
        too_long.as_str(),
        "1e300",
        "18446744073709551616",
    ] {
        refused(event(&["device_id"], &format!(r#""device_id":{name}"#)), OutOfRange);
        refused(event(&[], &format!(r#""road_id":{name}"#)), OutOfRange);
    }
    refused(event(&["device_id"], r#""device_id":"""#), OutOfRange);
    assert_eq!(reading(event(&["device_id"], &format!(r#""device_id":"{}""#, "x".repeat(256)))).device.len(), 256);
}

#[test]
fn years_1970_and_2100() {
    for time in [
        r#""1970-01-01T00:00:00""#,
        r#""1999-12-31T23:59:59.999""#,
        r#""2100-01-01T00:00:00""#,
        "0",
        "4102444800",
        "-5",
        "4102444800000",
        r#""0""#,
        "1e18",
        "20260302",
    ] {
        refused(event(&["timestamp"], &format!(r#""timestamp":{time}"#)), BadTimestamp);
    }
    for (time, ms) in [("2000-01-01T00:00:00", 946_684_800_000), ("2099-12-31T23:59:59.999", 4_102_444_799_999)] {
        assert_eq!(reading(event(&["timestamp"], &format!(r#""timestamp":"{time}""#))).event_ms, ms);
    }
}

#[test]
fn dates_of_no_calendar() {
    for time in [
        "",
        "yesterday",
        "2026-02-30T08:00:00",
        "2026-03-02T25:00:00",
        "2026-03-02",
        "02/03/2026 08:00",
        "2026-03-02T08:00:00\\u005A5",
    ] {
        refused(event(&["timestamp"], &format!(r#""timestamp":"{time}""#)), BadTimestamp);
    }
    reading(event(&["timestamp"], r#""timestamp":"2026-03-02T08:00:00\u005A""#));
}

#[test]
fn ten_megabytes() {
    let big = event(&[], &format!(r#""other":"{}""#, "x".repeat(10 << 20)));
    for first in [Stage::Template, Stage::Scanner, Stage::Fallback] {
        let mut batch = Batch::default();
        decoder(first).decode(big.as_bytes(), 9, None, &mut batch);
        let reject = batch.rejects.pop().unwrap();
        assert_eq!((reject.reason, reject.bytes.len(), reject.timestamp_ms), (TooLarge, 64 << 10, None));
        assert!(big.as_bytes().starts_with(&reject.bytes));
    }
    let settings = DecodeSettings { record_bytes_max: usize::MAX, ..DecodeSettings::default() };
    let mut batch = Batch::default();
    GpsDecoder::new(settings).decode(big.as_bytes(), 9, None, &mut batch);
    assert_eq!((batch.readings.len(), batch.rejects.len()), (1, 0));
}

#[test]
fn the_limit_on_bytes_is_inclusive() {
    let settings = DecodeSettings { record_bytes_max: LINE.len(), ..DecodeSettings::default() };
    let mut decoder = GpsDecoder::new(settings);
    let mut batch = Batch::default();
    decoder.decode(LINE.as_bytes(), 1, None, &mut batch);
    decoder.decode(format!("{LINE} ").as_bytes(), 2, None, &mut batch);
    assert_eq!((batch.readings.len(), batch.rejects.len()), (1, 1));
    assert_eq!((batch.rejects[0].reason, batch.rejects[0].bytes.len()), (TooLarge, LINE.len() + 1));
}

#[test]
fn a_bad_record_does_not_hurt_the_next() {
    let mut decoder = decoder(Stage::Template);
    let expected = outcome(LINE);
    let bad = [&b""[..], b"{", b"\xff", &LINE.as_bytes()[..100], b"{\"speed\":1,\"speed\":2}", b"[]"];
    for bad in bad.iter().cycle().take(60) {
        assert!(outcome_of(&mut decoder, bad).reason().is_some());
        assert_eq!(outcome_of(&mut decoder, LINE.as_bytes()), expected);
    }
    assert!(decoder.taken_by(Stage::Template) >= 50, "the form was kept");
}

#[test]
fn the_detail_names_the_field_and_the_value() {
    for (line, detail) in [
        (event(&["speed"], r#""speed":412.5"#), "speed 412.5 is not in 0 to 400"),
        (event(&["speed"], r#""speed":"27.6""#), "speed is text, not a number"),
        (event(&["device_id"], ""), "device_id is missing"),
        (event(&["location"], r#""location":[91,0]"#), "latitude 91 is not in -90 to 90"),
        (event(&[], r#""heading":"up""#), r#"direction "up" is no point of the compass"#),
        (event(&[], r#""speed_mph":1"#), "speed_mph is given twice"),
        ("[1]".into(), "the record is an array, not an object"),
    ] {
        assert_eq!(reject(line).detail, detail);
    }
}
