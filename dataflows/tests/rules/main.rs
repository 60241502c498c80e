//! The rules that decide answers, one test each, on the whole city.
#![allow(clippy::unwrap_used)]

mod run;
mod wire_forms;

use greenwave_model::topics::{CAMERA, INCIDENT, VEHICLE, WEATHER};
use greenwave_model::views::{Rule, Severity, Watches};
use greenwave_model::{GpsReading, Value};
use run::{Cut, EIGHT, Settings, Shown, gps, other, text};

const MINUTE: i64 = 60_000;

fn cut(at_ms: i64, gps: Vec<GpsReading>) -> Cut {
    Cut { now_ms: EIGHT + at_ms, watermark_ms: EIGHT + at_ms - 10_000, gps, observations: Vec::new() }
}

/// A column of a row of a view.
#[track_caller]
fn column<'s>(shown: &'s Shown, view: &str, key: &str, column: &str) -> &'s str {
    let row = shown.get(view).and_then(|rows| rows.get(key));
    row.unwrap_or_else(|| panic!("{view} has no {key}: {:?}", shown.get(view)))[column].as_str()
}

fn has(shown: &Shown, view: &str, key: &str) -> bool {
    shown.get(view).is_some_and(|rows| rows.contains_key(key))
}

#[test]
fn rule_1_the_current_window_ends_with_the_newest_report_that_is_not_beyond_the_clock() {
    let ahead = GpsReading { arrival_ms: EIGHT + 10_500, ..gps(2, "fast clock", "A40", 60 * MINUTE, 5.0) };
    let shown = Settings::new().run(vec![
        cut(20_000, vec![gps(1, "bus", "A40", 10_000, 50.0), ahead]),
        cut(9 * MINUTE, vec![]),
        cut(11 * MINUTE, vec![]),
        cut(60 * MINUTE, vec![]),
    ]);
    // The window it claims is in road_traffic at once.
    let claimed = format!("A40/60/{}", EIGHT + 60 * MINUTE);
    assert_eq!(column(&shown[0], "road_traffic", &claimed, "average_speed"), "5");
    assert_eq!(column(&shown[0], "road_current", "A40", "average_speed"), "50");
    assert_eq!(column(&shown[0], "road_current", "A40", "window_start"), (-4 * MINUTE).to_string());
    assert!(has(&shown[1], "road_current", "A40"));
    assert!(has(&shown[2], "road_current", "A40"), "the cut before was not yet ten minutes after");
    // Ten minutes after its last report arrived, as far as the cut before knows.
    assert!(!has(&shown[3], "road_current", "A40"), "{:?}", shown[3].get("road_current"));
}

#[test]
fn rule_2_newest_wins_by_event_time_then_topic_then_record() {
    let vehicle = |offset, at_ms, speed| other(&VEHICLE, offset, "Vehicle1", at_ms, &[("speed", Value::Number(speed))]);
    let first = Cut {
        observations: vec![vehicle(1, 10_000, 11.0)],
        ..cut(20_000, vec![gps(2, "Vehicle1", "A40", 10_000, 22.0)])
    };
    let same_time = cut(30_000, vec![gps(1, "Vehicle1", "A40", 10_000, 33.0)]);
    let newer = Cut { observations: vec![vehicle(2, 10_001, 44.0)], ..cut(40_000, vec![]) };
    let older = cut(50_000, vec![gps(9, "Vehicle1", "A40", 9_999, 55.0)]);
    let shown = Settings::new().run(vec![first, same_time, newer, older]);
    let speeds: Vec<_> = shown.iter().map(|shown| column(shown, "vehicle_locations", "Vehicle1", "speed")).collect();
    assert_eq!(speeds, ["22", "33", "44", "44"]);
}

#[test]
fn rule_3_one_report_counts_once() {
    let cuts = || {
        let vehicle =
            other(&VEHICLE, 1, "Vehicle1", 10_000, &[("speed", Value::Number(11.0)), ("road_id", text("A40"))]);
        let camera = |offset, speed| {
            let fields = [("camera_id", text("Camera331")), ("speed", Value::Number(speed)), ("road_id", text("A40"))];
            other(&CAMERA, offset, "Vehicle1", 10_000, &fields)
        };
        let silent =
            other(&CAMERA, 3, "Vehicle1", 10_000, &[("camera_id", text("Camera331")), ("road_id", text("A40"))]);
        let observations = vec![vehicle, camera(1, 90.0), camera(2, 70.0), silent];
        vec![Cut { observations, ..cut(20_000, vec![gps(1, "Vehicle1", "A40", 10_000, 22.0)]) }]
    };
    let figures = |topics: &[&'static str]| {
        let shown = Settings::new().speed_from(topics).run(cuts()).remove(0);
        let columns = ["average_speed", "report_count", "vehicle_count", "camera_speed", "camera_count"];
        columns.map(|name| column(&shown, "road_current", "A40", name).to_owned())
    };
    assert_eq!(figures(&["gps_data"]), ["22", "1", "1", "80", "2"]);
    assert_eq!(figures(&["vehicle_data"]), ["11", "1", "1", "80", "2"]);
    // Who wants both says so.
    assert_eq!(figures(&["gps_data", "vehicle_data"]), ["16.5", "2", "1", "80", "2"]);
}

#[test]
fn rule_4_average_speed_is_the_mean_of_reports_and_says_so() {
    let readings =
        vec![gps(1, "a", "A40", 10_000, 10.0), gps(2, "a", "A40", 11_000, 10.0), gps(3, "b", "A40", 12_000, 40.0)];
    let shown = Settings::new().run(vec![cut(20_000, readings)]).remove(0);
    assert_eq!(column(&shown, "road_current", "A40", "average_speed"), "20");
    assert_eq!(column(&shown, "road_current", "A40", "speed_basis"), "report_mean");
}

#[test]
fn rule_5_level_by_share_of_free_flow_and_hotspots_by_loss_then_name() {
    let speeds = [("a", 71.0), ("b", 70.0), ("c", 40.0), ("d", 20.0), ("e", 20.0), ("unknown", 26.0)];
    let readings = (1..).zip(speeds).map(|(offset, (road, kmh))| gps(offset, road, road, 10_000, kmh)).collect();
    let table = ["a", "b", "c", "d", "e"].map(|road| (road, 100.0));
    let shown = Settings::new().free_flow(&table).run(vec![cut(20_000, readings)]).remove(0);
    let levels = speeds.map(|(road, _)| column(&shown, "road_current", road, "congestion_level").to_owned());
    assert_eq!(levels, ["light", "moderate", "heavy", "severe", "severe", "moderate"]);
    let ranks = ["1", "2", "3", "4", "5"].map(|rank| column(&shown, "hotspots", rank, "road_id").to_owned());
    assert_eq!(ranks, ["d", "e", "c", "b", "a"]);
    assert!(!has(&shown, "hotspots", "6"));
}

#[test]
fn rule_6_the_summary_counts_what_is_live_and_makes_nothing_up() {
    let incident = |id, status| other(&INCIDENT, 1, id, 10_000, &[("incident_id", text(id)), ("status", text(status))]);
    let observations = vec![incident("one", "Active"), incident("two", "Resolved")];
    let readings =
        vec![gps(1, "a", "slow", 10_000, 10.0), gps(2, "b", "fast", 10_000, 90.0), gps(3, "b", "fast", 11_000, 110.0)];
    let shown = Settings::new().run(vec![
        cut(1_000, vec![]),
        Cut { observations, ..cut(20_000, readings) },
        cut(55_000, vec![]),
    ]);
    let figures = |shown: &Shown| {
        let names =
            ["total_vehicles", "active_emergencies", "average_city_speed", "congested_roads", "roads_reporting"];
        names.map(|name| column(shown, "city_summary", "summary", name).to_owned())
    };
    assert_eq!(figures(&shown[0]), ["0", "0", "0", "0", "0"]);
    assert_eq!(figures(&shown[1]), ["2", "1", "70", "1", "2"]);
    // Written again while nothing changes: what a reader finds expires after a minute.
    assert_eq!(column(&shown[2], "city_summary", "summary", "timestamp"), "55000");
}

#[test]
fn rule_7_contract_readers_find_naive_times() {
    let shown = Settings::new().run(vec![cut(20_000, vec![gps(1, "bus", "A40", 10_250, 50.0)])]).remove(0);
    for (view, key) in [("vehicle_locations", "bus"), ("road_current", "A40")] {
        let json: serde_json::Value = serde_json::from_str(column(&shown, view, key, "contract")).unwrap();
        assert_eq!(json["timestamp"], "2026-03-02T08:00:10.250", "{view}");
    }
}

#[test]
fn rule_8_the_nearest_station_makes_the_weather_of_the_current_window_alone() {
    let station = |offset, name, latitude, condition| {
        let fields = [("temperature", Value::Number(4.0)), ("weather_condition", text(condition))];
        greenwave_model::Observation { latitude, ..other(&WEATHER, offset, name, 10_000, &fields) }
    };
    let first =
        vec![station(1, "near", 51.6, "Rain"), station(2, "nearer", 51.55, "Clear"), station(3, "far", 51.9, "Snow")];
    let late = gps(2, "truck", "A40", -4 * MINUTE, 10.0);
    let fog = greenwave_model::Observation { event_ms: EIGHT + 30_000, ..station(4, "nearer", 51.55, "Fog") };
    let away = greenwave_model::Observation { latitude: 51.0, ..station(5, "x", 51.0, "Snow") };
    let settings = || Settings::new();
    let shown = settings().run(vec![
        Cut { observations: first, ..cut(20_000, vec![gps(1, "bus", "A40", 10_000, 50.0)]) },
        Cut { observations: vec![fog], ..cut(40_000, vec![late]) },
    ]);
    assert_eq!(column(&shown[0], "road_current", "A40", "weather_factor"), "1");
    assert_eq!(column(&shown[1], "road_current", "A40", "weather_factor"), "1.5");
    // A closed window that is corrected knows no weather, only its report.
    let closed = format!("A40/60/{}", EIGHT - 4 * MINUTE);
    assert_eq!(column(&shown[1], "road_traffic", &closed, "average_speed"), "10");
    assert!(!shown[1]["road_traffic"][&closed].contains_key("weather_factor"));
    let alone = Cut { observations: vec![away], ..cut(20_000, vec![gps(1, "bus", "A40", 10_000, 50.0)]) };
    assert_eq!(column(&settings().run(vec![alone])[0], "road_current", "A40", "weather_factor"), "");
}

#[test]
fn rule_9_alerts_fire_on_open_windows_and_are_corrected() {
    let rule =
        |name: &'static str, watches, at_least| Rule { name: name.into(), watches, at_least, severity: Severity::High };
    let rules = vec![rule("gridlock", Watches::CongestionLevel, 3.0), rule("delay", Watches::RouteDelay, 400.0)];
    let settings = Settings::new().free_flow(&[("A40", 100.0)]).routes(&[("ring", "A40", 1_000.0)]).rules(rules);
    let shown = settings.run(vec![
        cut(10_000, vec![]),
        cut(20_000, vec![gps(1, "a", "A40", 15_000, 10.0)]),
        cut(30_000, vec![gps(2, "b", "A40", 16_000, 190.0)]),
        cut(
            40_000,
            vec![
                gps(3, "c", "A40", 17_000, 0.0),
                gps(4, "d", "A40", 18_000, 0.0),
                gps(5, "e", "A40", 19_000, 0.0),
                gps(6, "f", "A40", 19_000, 0.0),
                gps(7, "g", "A40", 19_000, 0.0),
                gps(8, "h", "A40", 19_000, 0.0),
                gps(9, "i", "A40", 19_000, 0.0),
                gps(10, "j", "A40", 19_000, 0.0),
            ],
        ),
    ]);
    let episode = format!("gridlock/A40/{}", EIGHT + 10_000);
    let state = |shown: &Shown| {
        ["state", "value", "opened_at", "cleared_at"].map(|name| column(shown, "alerts", &episode, name).to_owned())
    };
    assert!(shown[0].get("alerts").is_none_or(|alerts| alerts.is_empty()));
    assert_eq!(state(&shown[1]), ["open", "3", "20000", ""]);
    // A late report shows that the road was not that slow after all.
    assert_eq!(state(&shown[2]), ["cleared", "", "20000", "30000"]);
    // Back within five minutes: the same episode.
    assert_eq!(state(&shown[3]), ["open", "3", "20000", ""]);
    // 1 km at 20 km/h takes 180 s, 144 s more than at free flow: too little for the other rule.
    assert_eq!(column(&shown[3], "routes", "ring", "delay_s"), "144");
    assert_eq!(shown[3]["alerts"].len(), 1);
}
