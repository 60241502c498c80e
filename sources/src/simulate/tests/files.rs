//! The truth against the bytes in the files, with nothing but a JSON parser.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use greenwave_model::iso;
use serde_json::Value;

use super::super::{City, Folder, PartitionNames, SimulateError, Tally, Truth};
use super::minutes;

fn write(folder: &Path) -> Result<Tally, SimulateError> {
    let mut city = City::new(minutes(3))?;
    let mut out = Folder::create(folder, &city)?;
    let mut truth = Truth::create(&folder.join("truth"), &city, PartitionNames::Files)?;
    let mut tally = Tally::default();
    while let Some(record) = city.next() {
        out.write(&record)?;
        truth.write(&record)?;
        tally.count(&record);
    }
    out.finish()?;
    truth.finish(&city, tally.last_arrival_ms)?;
    Ok(tally)
}

fn text(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

fn rows(folder: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = text(folder, name);
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned));
    let header: Vec<String> = lines.next().unwrap().collect();
    lines.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

#[test]
fn the_truth_is_what_the_files_say() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let tally = write(folder).unwrap();
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for topic in ["gps", "vehicle", "camera", "weather", "emergency"] {
        for part in 0..4 {
            let name = format!("{topic}/part-{part:05}.jsonl");
            lines.insert(name.clone(), text(folder, &name).lines().map(str::to_owned).collect());
        }
    }
    assert_eq!(lines.values().map(Vec::len).sum::<usize>() as u64, tally.records);

    let truth = folder.join("truth");
    let mut sound = BTreeMap::new();
    let mut records = 0;
    for row in text(&truth, "records.jsonl").lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let offset = row["offset"].as_u64().unwrap() as usize;
        let file = &lines[row["partition"].as_str().unwrap()];
        records += 1;
        match row["kind"].as_str().unwrap() {
            "broken" => assert!(row["reason"].is_string()),
            "copy" => assert_eq!(file[row["copy_of"].as_u64().unwrap() as usize], file[offset]),
            _ => {
                let said: Value = serde_json::from_str(&file[offset]).unwrap();
                assert_eq!(said["id"], row["id"]);
                let event = iso::naive(row["event_ms"].as_i64().unwrap());
                assert_eq!(said["timestamp"], event + "000");
                if row["topic"] == "gps_data" {
                    sound.insert((row["partition"].as_str().unwrap().to_owned(), offset.to_string()), said);
                }
            }
        }
    }
    assert_eq!(records, tally.records);

    let mut minutes: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for row in rows(&truth, "vehicles.csv") {
        let said = sound.remove(&(row["partition"].clone(), row["offset"].clone())).unwrap();
        let either = |usual: &str, variant: &str| said[usual].as_str().or(said[variant].as_str()).unwrap().to_owned();
        assert_eq!(either("device_id", "deviceId"), row["vehicle"]);
        assert_eq!(either("road_id", "roadId"), row["road"]);
        let speed: f64 = row["speed_kmh"].parse().unwrap();
        assert_eq!(said["speed"].as_f64(), Some(speed));
        let minute = iso::zulu(row["event_ms"].parse::<i64>().unwrap() / 60_000 * 60_000);
        minutes.entry((row["road"].clone(), minute)).or_default().push(speed);
    }
    assert!(sound.is_empty(), "every sound report is in vehicles.csv");
    for row in rows(&truth, "road_minutes.csv") {
        let speeds = minutes.remove(&(row["road"].clone(), row["minute"].clone())).unwrap();
        assert_eq!(speeds.len().to_string(), row["reports"]);
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
        assert!((mean - row["mean_speed_kmh"].parse::<f64>().unwrap()).abs() < 1e-9);
    }
    assert!(minutes.is_empty(), "every minute of every road is told");
}

#[test]
fn what_does_not_move_is_told_too() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).unwrap();
    let truth = folder.path().join("truth");
    let roads = rows(&truth, "roads.csv");
    let free_flow = rows(folder.path(), "segments.csv");
    assert_eq!(roads.len(), 4 * 40 * 39);
    for (road, segment) in roads.iter().zip(&free_flow) {
        assert_eq!((&road["road"], &road["free_flow_kmh"]), (&segment["segment_id"], &segment["free_flow"]));
    }
    assert_eq!(rows(&truth, "weather.csv").len() / 20, 3);
    let incidents = rows(&truth, "incidents.csv");
    assert!((2..10).contains(&incidents.len()), "{}", incidents.len());
    for incident in incidents {
        assert!(
            incident["active_at"] < incident["responding_at"] && incident["responding_at"] < incident["resolved_at"]
        );
    }
}

#[test]
fn a_folder_with_records_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).unwrap();
    let told = write(folder.path()).unwrap_err();
    assert!(matches!(told, SimulateError::FolderInUse { .. }), "{told}");
    assert!(told.to_string().contains("records in gps/"), "{told}");
}

#[test]
fn what_a_run_left_that_never_began_is_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let city = City::new(minutes(1)).unwrap();
    for _ in 0..2 {
        Folder::create(folder.path(), &city).unwrap();
        Truth::create(&folder.path().join("truth"), &city, PartitionNames::Files).unwrap();
    }
}
