//! The three stages against one another, on generated records, on damaged ones, and on any bytes at all.

use greenwave_sources::decode::Stage;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::{Union, ValueTree};
use proptest::test_runner::TestRunner;

use crate::outcome::{Outcome, decoder, outcome, outcome_of};

/// Records of one form that a decoder sees in a row.
const LINES: usize = 4;

/// One JSON value of a member, for each of the lines.
type Values = Vec<String>;

/// Mostly one form for all lines, each with a weight; sometimes one of its own for each.
fn values(forms: Vec<(u32, BoxedStrategy<String>)>) -> BoxedStrategy<Values> {
    let mixed = vec(Union::new_weighted(forms.clone()), LINES).boxed();
    let alike = forms.into_iter().map(|(weight, form)| (10 * weight, vec(form, LINES).boxed()));
    Union::new_weighted(alike.chain([(5, mixed)]).collect()).boxed()
}

fn pattern(regex: &'static str) -> BoxedStrategy<String> {
    regex.boxed()
}

fn one_of(values: &[&'static str]) -> BoxedStrategy<String> {
    select(values.to_vec()).prop_map(String::from).boxed()
}

fn text(strategy: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    strategy.prop_map(|text| serde_json::to_string(&text).unwrap()).boxed()
}

fn odd_number() -> BoxedStrategy<String> {
    prop_oneof![
        "-?[1-9][0-9]{0,22}(\\.[0-9]{1,22})?",
        "-?[0-9]{1,4}(\\.[0-9]{0,3})?([eE][-+]?[0-9]{1,3})?",
        one_of(&["0", "-0", "-0.0", "0.0", "1.", "-", "null", "true", "\"5\"", "NaN", "5e-324"]),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<f64>().prop_map(|number| format!("{number}")),
        any::<i64>().prop_map(|number| number.to_string()),
    ]
    .boxed()
}

fn number() -> Vec<(u32, BoxedStrategy<String>)> {
    vec![
        (8, pattern("[1-9][0-9]?\\.[0-9]{1,6}")),
        (3, pattern("[1-9]?[0-9]")),
        (3, pattern("[1-9][0-9]?\\.[0-9]{12,20}")),
        (1, odd_number()),
    ]
}

fn name() -> Vec<(u32, BoxedStrategy<String>)> {
    vec![
        (12, text("veh-[0-9]{6}")),
        (6, pattern("[1-9][0-9]{0,4}")),
        (2, text("[a-zé ]{1,40}")),
        (1, text(any::<String>())),
        (1, text("[a-z]{250,260}")),
        (1, pattern("\"[a-c:\\\\\"nu0-9]{0,6}\"")),
        (1, odd_number()),
    ]
}

fn time() -> Vec<(u32, BoxedStrategy<String>)> {
    let two = |limit: u32| (0..limit).prop_map(|number| format!("{number:02}"));
    let iso = (1998..2103u32, two(14), two(33), one_of(&["T", " ", "t", "x"]), two(25), two(61), two(61));
    let loose = (iso, "(\\.[0-9]{0,11})?", "Z?([-+][0-2][0-9](:?[0-6][0-9])?)?").prop_map(|(iso, fraction, zone)| {
        let (year, month, day, t, hour, minute, second) = iso;
        format!("\"{year}-{month}-{day}{t}{hour}:{minute}:{second}{fraction}{zone}\"")
    });
    vec![
        (9, pattern("\"2026-0[1-9]-[12][0-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{3}\"")),
        (4, pattern("\"2026-0[1-9]-[12][0-9][T ][01][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[-+]0[0-9]:?30)?\"")),
        (1, loose.boxed()),
        (2, pattern("177[0-9]{7}([0-9]{3}|[0-9]{6})?(\\.[0-9]{1,9})?")),
        (1, pattern("\"177[0-9]{7}([0-9]{3}|[0-9]{6})?(\\.[0-9]{1,3})?\"")),
        (1, odd_number()),
    ]
}

fn direction() -> Vec<(u32, BoxedStrategy<String>)> {
    vec![
        (6, pattern("[1-3]?[0-9]\\.[0-9]")),
        (2, one_of(&["\"North-East\"", "\"NNW\"", "\"south\"", "\"\"", "null"])),
        (1, pattern("\"[NnSs]?(orth)?[- ]?[NnEeSsWw]?(east|EAST)?\"")),
        (1, odd_number()),
    ]
}

fn position() -> Vec<(u32, BoxedStrategy<String>)> {
    let degrees = || prop_oneof![30 => "-?[1-8][0-9]\\.[0-9]{5}", 30 => "-?[1-8]\\.[0-9]{1,16}", 1 => odd_number()];
    let pair = |form: fn(String, String) -> String| (degrees(), degrees()).prop_map(move |(a, b)| form(a, b)).boxed();
    vec![
        (8, pair(|lat, lon| format!("[{lat},{lon}]"))),
        (2, pair(|lat, lon| format!("[ {lat} , {lon}]"))),
        (3, pair(|lat, lon| format!(r#"{{"lat":{lat},"lng": {lon}}}"#))),
        (3, pair(|lat, lon| format!(r#"{{ "longitude" :{lon},"id":"x","latitude":{lat} }}"#))),
        (1, other()),
    ]
}

fn other() -> BoxedStrategy<String> {
    let flat = prop_oneof![
        4 => text("[a-z]{0,20}"),
        1 => text("[a-z \"\\\\\n]{0,20}"),
        4 => Union::new_weighted(number()),
        2 => one_of(&["true", "false", "null"]),
    ];
    let nested = (flat.clone(), flat.clone()).prop_map(|(a, b)| format!(r#"{{"a":[{a},{b}],"a":{{}}}}"#));
    prop_oneof![15 => flat, 1 => nested].boxed()
}

type Member = (&'static str, Values);

fn member(names: &[&'static str], forms: Vec<(u32, BoxedStrategy<String>)>) -> BoxedStrategy<Member> {
    (select(names.to_vec()), values(forms)).boxed()
}

fn required() -> impl Strategy<Value = Vec<Member>> {
    let speed = member(&["speed", "speed_mph", "speed_kmh"], number());
    let at = [["latitude", "longitude"], ["lat", "lon"], ["lat", "lng"]];
    let flat = (select(at.to_vec()), values(number()), values(number()))
        .prop_map(|([latitude, longitude], north, east)| vec![(latitude, north), (longitude, east)]);
    let position = prop_oneof![4 => member(&["location"], position()).prop_map(|member| vec![member]), 1 => flat];
    (member(&["device_id", "deviceId"], name()), member(&["timestamp"], time()), speed, position).prop_map(
        |(device, time, speed, mut members)| {
            members.extend([device, time, speed]);
            members
        },
    )
}

/// Each of the optional members or not; sometimes others that are not wanted, or there already.
fn optional() -> impl Strategy<Value = Vec<Member>> {
    let wanted = (
        member(&["id"], name()),
        member(&["heading", "direction"], direction()),
        member(&["vehicle_type", "vehicleType"], vec![(1, text("[a-z]{0,12}"))]),
        member(&["road_id", "roadId", "segment_id", "segmentId"], name()),
        member(&["make", "model", "", "näme", "deviceID", "ID"], vec![(1, other())]),
    )
        .prop_map(|(id, direction, kind, road, other)| vec![id, direction, kind, road, other])
        .prop_flat_map(|members| subsequence(members, 0..=5));
    let odd = prop_oneof![
        member(&["lat", "longitude", "lng", "speed", "location", "heading"], vec![(1, one_of(&["null"]))]),
        member(&["lat", "latitude", "lon", "longitude", "deviceId", "id"], number()),
        member(&["a", "b", "c"], vec![(1, other())]),
    ];
    let odd = prop_oneof![8 => Just(vec![]), 1 => vec(odd.clone(), 1..3), 1 => vec(odd, 1..40)];
    (wanted, odd).prop_map(|(wanted, odd)| [wanted, odd].concat())
}

/// Members in any order, each under any of its names, with any spaces: lines of one form with values of their own.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let spaces = prop_oneof![3 => Just([""; 4]), 1 => Just(["", " ", " ", ""]), 1 => Just([" ", "\t", "\n ", "\r\n"])];
    (required(), optional(), spaces)
        .prop_map(|(required, optional, spaces)| ([required, optional].concat(), spaces))
        .prop_flat_map(|(members, spaces)| (Just(members).prop_shuffle(), Just(spaces)))
        .prop_map(|(members, spaces)| (0..LINES).map(|line| joined(&members, spaces, line)).collect())
}

fn joined(members: &[Member], [open, colon, comma, close]: [&str; 4], line: usize) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, values)| format!("\"{name}\"{open}:{colon}{}{open}", values[line])).collect();
    format!("{open}{{{comma}{}}}{close}", members.join(&format!(",{comma}")))
}

/// One decoder of each kind sees all the lines in turn, and all of them agree on each.
fn agree(lines: &[impl AsRef<[u8]>]) -> Vec<Outcome> {
    let [mut template, mut scanner, mut fallback] = [Stage::Template, Stage::Scanner, Stage::Fallback].map(decoder);
    let agree = |line: &[u8]| {
        let expected = outcome_of(&mut fallback, line);
        assert_eq!(outcome_of(&mut scanner, line), expected, "scanner: {}", String::from_utf8_lossy(line));
        assert_eq!(outcome_of(&mut template, line), expected, "template: {}", String::from_utf8_lossy(line));
        expected
    };
    lines.iter().map(AsRef::as_ref).map(agree).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_one_reading_or_one_reject(payload in vec(any::<u8>(), 0..200)) {
        outcome(payload);
    }

    #[test]
    fn any_text_is_one_reading_or_one_reject(payload in "[\\{\\}\\[\\]\",:a-e0-9 .\\\\-]{0,60}") {
        outcome(payload);
    }

    #[test]
    fn generated_records_are_the_same_in_every_stage(lines in lines()) {
        agree(&lines);
    }

    #[test]
    fn damaged_records_are_the_same_in_every_stage(
        lines in lines(),
        damage in vec((any::<prop::sample::Index>(), 0..3u8, prop_oneof![any::<u8>(), select(b"\"\\{}[],:.-eE0 \n".to_vec())]), 1..4),
    ) {
        let mut damaged = lines[0].clone().into_bytes();
        for (place, kind, byte) in damage {
            let at = place.index(damaged.len());
            match kind {
                0 => damaged[at] = byte,
                1 => damaged.insert(at, byte),
                _ => drop(damaged.remove(at)),
            }
            if damaged.is_empty() {
                break;
            }
        }
        agree(&[lines[0].as_bytes(), lines[0].as_bytes(), &damaged, &damaged, lines[1].as_bytes()]);
    }
}

/// Otherwise the tests above would compare rejects with rejects.
#[test]
fn generated_records_reach_every_stage() {
    let mut runner = TestRunner::deterministic();
    let strategy = lines();
    let (mut accepted, mut taken, mut reasons) = (0, [0; 3], std::collections::BTreeSet::new());
    for _ in 0..1_000 {
        let lines = strategy.new_tree(&mut runner).unwrap().current();
        let mut decoder = decoder(Stage::Template);
        for line in &lines {
            let outcome = outcome_of(&mut decoder, line.as_bytes());
            accepted += u32::from(outcome.reason().is_none());
            reasons.extend(outcome.reason());
        }
        for (taken, stage) in taken.iter_mut().zip([Stage::Template, Stage::Scanner, Stage::Fallback]) {
            *taken += decoder.taken_by(stage);
        }
    }
    assert!(accepted > 2_000, "{accepted} of 4000 accepted");
    assert!(taken.iter().all(|&taken| taken > 300), "template, scanner, fallback: {taken:?}");
    assert!(reasons.len() >= 6, "{reasons:?}");
}
