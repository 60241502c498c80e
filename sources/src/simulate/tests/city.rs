//! What arrives of a city.

use std::collections::BTreeMap;

use greenwave_model::Batch;

use super::super::flow::rush;
use super::super::incidents::Status;
use super::super::report::Said;
use super::super::settings::{Disorder, Settings};
use super::super::sky::Sky;
use super::super::world::World;
use super::super::{Feed, Kind};
use super::{arrived, json, minutes};
use crate::decode::{DecodeSettings, GpsDecoder};

#[test]
fn disorders_come_in_the_shares_asked_for() {
    let disorder =
        Disorder { out_of_order: 0.1, late: 0.03, too_late: 0.01, copies: 0.02, broken: 0.04, variants: 0.05 };
    let quiet = Settings { vehicles: 300, cameras: 0, gateway_vehicles: 0, clock_ahead_ms: 0, ..minutes(45) };
    let records = arrived(Settings { disorder, ..quiet });
    assert!(records.len() > 300_000);
    assert!(records.is_sorted_by_key(|record| record.arrival_ms));
    for (name, asked) in [("late", 0.03), ("too_late", 0.01), ("copy", 0.02), ("broken", 0.04), ("fine", 0.90)] {
        let found = records.iter().filter(|record| record.kind.name() == name).count();
        let found = found as f64 / records.len() as f64;
        assert!((found / asked - 1.0).abs() < 0.08, "{name}: {found}");
    }
    for record in &records {
        let age_ms = record.arrival_ms - record.event_ms;
        let ages = match record.kind {
            Kind::Fine => 0..2_000,
            Kind::Late => 2_000..60_000,
            Kind::TooLate => 1_200_000..2_400_000,
            Kind::Copy { .. } => 1..70_000,
            Kind::Broken(_) => 0..1,
            Kind::Ahead | Kind::Backlog => unreachable!("neither was asked for"),
        };
        assert!(ages.contains(&age_ms), "{record:?}");
    }
    let variants = records.iter().filter(|record| record.payload.windows(8).any(|text| text == b"deviceId")).count();
    assert!((variants as f64 / records.len() as f64 / 0.05 - 1.0).abs() < 0.1, "{variants}");
}

#[test]
fn offsets_count_every_partition_from_nought() {
    let mut ends = BTreeMap::new();
    for record in arrived(minutes(1)) {
        let end = ends.entry((record.feed, record.partition)).or_insert(0);
        assert_eq!(record.offset, *end);
        *end += 1;
    }
    assert_eq!(ends.keys().filter(|(feed, _)| *feed == Feed::Gps).count(), 4);
}

#[test]
fn a_copy_is_byte_for_byte_the_record_it_names() {
    let mut firsts = BTreeMap::new();
    let mut copies = 0;
    for record in arrived(minutes(2)) {
        if let Kind::Copy { of } = record.kind {
            let first: &Vec<u8> = &firsts[&(record.feed, record.partition, of)];
            assert_eq!(*first, record.payload);
            copies += 1;
        }
        firsts.insert((record.feed, record.partition, record.offset), record.payload);
    }
    assert!(copies > 300);
}

#[test]
fn the_decoder_takes_what_is_sound_and_refuses_what_is_broken() {
    let mut decoder = GpsDecoder::new(DecodeSettings::default());
    let disorder = Disorder { broken: 0.05, variants: 0.3, ..Disorder::default() };
    let mut faults = BTreeMap::new();
    for record in arrived(Settings { disorder, ..minutes(2) }).iter().filter(|record| record.feed == Feed::Gps) {
        let mut batch = Batch::default();
        decoder.decode(&record.payload, record.offset, None, &mut batch);
        if let Kind::Broken(fault) = record.kind {
            assert_eq!(batch.rejects[0].reason.as_str(), fault.reason(), "{}", record.payload.escape_ascii());
            *faults.entry(fault).or_insert(0) += 1;
        } else {
            assert_eq!(batch.readings.len(), 1, "{}", record.payload.escape_ascii());
            assert_eq!(batch.readings[0].event_ms, record.event_ms);
            assert!(batch.readings[0].road.starts_with("R-"));
        }
    }
    assert_eq!(faults.len(), 5);
    assert!(faults.values().all(|count| *count > 100), "{faults:?}");
}

#[test]
fn every_topic_is_sent_as_its_producers_send_it() {
    let fields = [
        (Feed::Gps, "id device_id timestamp speed location direction vehicle_type road_id"),
        (Feed::Vehicle, "id device_id timestamp location speed direction make model year fuel_type"),
        (
            Feed::Camera,
            "id device_id camera_id timestamp location snapshot direction speed road_id vehicle_count detections",
        ),
        (
            Feed::Weather,
            "id device_id timestamp location temperature weather_condition humidity wind_speed precipitation \
             airQualityIndex pm25 pm10 no2 o3 co",
        ),
        (
            Feed::Emergency,
            "id device_id incidentId incident_type timestamp location status severity description road_id",
        ),
    ];
    let records = arrived(Settings { disorder: Disorder::NONE, ..minutes(2) });
    for (feed, wanted) in fields {
        let mut wanted: Vec<&str> = wanted.split_whitespace().collect();
        wanted.sort();
        let of_feed: Vec<_> = records.iter().filter(|record| record.feed == feed).collect();
        assert!(of_feed.len() >= 20, "{feed:?}: {}", of_feed.len());
        for record in of_feed {
            let value = json(record);
            let mut found: Vec<&String> = value.as_object().unwrap().keys().collect();
            found.sort();
            assert_eq!(found, wanted);
            assert_eq!(value["id"].as_str().unwrap(), record.key);
        }
    }
}

#[test]
fn every_way_to_go_wrong_leaves_no_event_in_any_topic() {
    let disorder = Disorder { broken: 1.0, out_of_order: 0.0, late: 0.0, too_late: 0.0, ..Disorder::default() };
    for record in arrived(Settings { disorder, gateway_vehicles: 0, clock_ahead_ms: 0, ..minutes(2) }) {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(&record.payload) else { continue };
        let latitude = value["location"][0].as_f64().or(value["latitude"].as_f64()).unwrap();
        let broken = value["device_id"].as_str().or(value["deviceId"].as_str()).is_none()
            || value["timestamp"].as_str().unwrap().starts_with("1970")
            || value["speed"].as_f64().is_some_and(|speed| speed >= 400.0)
            || latitude > 90.0;
        assert!(broken, "{value}");
    }
}

#[test]
fn one_clock_is_ahead_and_one_gateway_uploads_two_hours_at_once() {
    let records = arrived(minutes(3));
    let (mut ahead, mut backlog) = (vec![], vec![]);
    for record in &records {
        match record.kind {
            Kind::Ahead => ahead.push(record),
            Kind::Backlog => backlog.push(record),
            _ => {}
        }
    }
    assert!(ahead.len() > 30);
    for record in ahead {
        assert_eq!(json(record)["device_id"].as_str().or(json(record)["deviceId"].as_str()), Some("veh-000005"));
        assert_eq!(record.event_ms - record.arrival_ms, 3 * 3_600_000);
    }
    assert!((7_000..11_000).contains(&backlog.len()), "{}", backlog.len());
    assert!(backlog.iter().all(|record| record.arrival_ms == backlog[0].arrival_ms));
    let oldest_ms = backlog.iter().map(|record| record.arrival_ms - record.event_ms).max().unwrap();
    assert!((7_100_000..=7_200_000).contains(&oldest_ms), "{oldest_ms}");
}

#[test]
fn an_incident_is_active_then_responded_to_then_resolved() {
    let mut told: BTreeMap<String, Vec<(i64, String)>> = BTreeMap::new();
    for record in arrived(Settings { disorder: Disorder::NONE, cameras: 0, vehicles: 10, ..minutes(120) }) {
        if record.feed == Feed::Emergency {
            let value = json(&record);
            let (incident, status) = (value["incidentId"].as_str().unwrap(), value["status"].as_str().unwrap());
            told.entry(incident.to_owned()).or_default().push((record.event_ms, status.to_owned()));
        }
    }
    let mut whole = 0;
    for statuses in told.values_mut() {
        statuses.sort();
        let mut row: Vec<&str> = statuses.iter().map(|(_, status)| status.as_str()).collect();
        row.dedup();
        let wanted = ["Active", "Responding", "Resolved"];
        assert!(wanted.windows(row.len()).any(|part| part == row), "{row:?}");
        whole += usize::from(row == wanted);
    }
    assert!(whole >= 20, "{whole} of {}", told.len());
}

#[test]
fn incidents_slow_their_road_and_what_leads_there_and_nothing_else() {
    let settings = Settings { incidents: 10, side: 8, vehicles: 500, ..Settings::default() };
    let (mut world, sky) = (World::new(&settings), Sky::new(settings.seed));
    let roads = world.roads().clone();
    // Sum of speeds as a share of those without incidents: on the road itself, next to it, elsewhere.
    let mut sums = [(0.0, 0u32); 3];
    for _ in 0..400_000 {
        let report = world.next();
        let Said::Gps(drive) = report.said else { continue };
        let active = world.incidents().iter().filter(|it| it.status(report.event_ms) == Some(Status::Active));
        let active: Vec<u32> = active.filter(|incident| incident.severity >= 2).map(|incident| incident.road).collect();
        let near = |road: u32| roads.before(road).any(|before| before == drive.road);
        let place = if active.contains(&drive.road) { 0 } else { 2 - usize::from(active.iter().any(|&it| near(it))) };
        let road = roads.get(drive.road);
        let usual = f64::from(road.free_flow_e2) / 100.0 * (1.0 - road.load * rush(report.event_ms))
            / sky.condition(report.event_ms).travel_time_factor();
        sums[place].0 += f64::from(drive.speed_e1) / 10.0 / usual;
        sums[place].1 += 1;
    }
    let [on, near, elsewhere] = sums.map(|(sum, count)| sum / f64::from(count));
    assert!(on < 0.35, "{on}");
    assert!((on + 0.2..elsewhere - 0.1).contains(&near), "{on} {near} {elsewhere}");
    assert!((0.85..1.02).contains(&elsewhere), "{elsewhere}");
}

#[test]
fn a_rate_is_met() {
    for (rate, vehicles) in [(5_000.0, 2_000), (100.0, 500)] {
        let settings = Settings { rate: Some(rate), vehicles, gateway_vehicles: 0, ..minutes(5) };
        let found = arrived(settings).len() as f64 / 300.0;
        assert!((found / rate - 1.0).abs() < 0.05, "{found} instead of {rate}");
    }
}

#[test]
fn a_city_that_cannot_be_is_refused_with_what_to_change() {
    let told = |settings: Settings| super::City::new(settings).err().unwrap().to_string();
    let slow = told(Settings { rate: Some(30.0), vehicles: 100_000, ..Settings::default() });
    assert!(slow.contains("give a rate from 2104"), "{slow}");
    let disorder = Disorder { late: 0.9, broken: 0.9, ..Disorder::default() };
    assert!(told(Settings { disorder, ..Settings::default() }).contains("from 0 to 1"));
    assert!(told(Settings { vehicles: 3, ..Settings::default() }).contains("give 7 to"));
}
