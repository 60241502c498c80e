//! A simulated city read as a folder, against the folder that it would have written: block for block.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenwave_model::{Batch, PartitionClock};
use greenwave_sources::decode::DecodeSettings;
use greenwave_sources::folder::{self, FolderSettings, Origin};
use greenwave_sources::simulate::{City, Folder, Settings};
use greenwave_sources::{Budget, FromSource, Link, Position};

const DEADLINE: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings { seed: 7, vehicles: 300, run_for_ms: Some(12 * 60_000), partitions: [3; 5], ..Settings::default() }
}

fn open(origin: &Origin) -> (FolderSettings, Arc<folder::Folder>) {
    let settings = FolderSettings { origin: origin.clone(), decode: DecodeSettings::default() };
    let folder = folder::open(&settings).unwrap();
    (settings, folder)
}

/// Where a job stands that has taken these blocks.
fn after(origin: &Origin, taken: &[Batch]) -> Vec<Position> {
    let position = |(number, key)| {
        let clock = PartitionClock::default();
        Position { number, key, next: Some(0), clock, finished: false }
    };
    let mut positions: Vec<Position> = (0..).zip(open(origin).1.partitions()).map(position).collect();
    for batch in taken {
        let position = &mut positions[usize::from(batch.partition)];
        (position.next, position.finished) = (Some(batch.end), batch.finished);
        position.clock = batch.clock.clone();
    }
    positions
}

/// The blocks that are sent, up to so many.
fn read(origin: &Origin, threads: usize, positions: &[Position], most: usize) -> Vec<Batch> {
    let (settings, folder) = open(origin);
    let (sender, heard) = crossbeam_channel::bounded(4);
    let (budget, stop) = (Arc::new(Budget::new(64 << 20)), Arc::new(AtomicBool::new(false)));
    let link = Link { sender, wake: Arc::new(|| {}), budget: budget.clone(), stop: stop.clone() };
    let start = |_| folder::start(&folder, settings.clone(), positions, link.clone());
    let readers: Vec<_> = (0..threads).map(start).collect();
    drop(link);
    let mut blocks = vec![];
    while blocks.len() < most {
        match heard.recv_timeout(DEADLINE) {
            Ok(FromSource::Batch(batch)) => {
                budget.release(batch.bytes);
                blocks.push(batch);
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) if error.is_disconnected() => break,
            Err(_) => panic!("nothing came for {DEADLINE:?}, after {} blocks", blocks.len()),
        }
    }
    stop.store(true, Ordering::Release);
    drop(heard);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    blocks
}

/// Everything in a block, as it prints: NaN is a value here.
fn assert_same(ours: &[Batch], expected: &[Batch], case: &str) {
    assert_eq!(ours.len(), expected.len(), "{case}");
    for (place, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        assert!(ours.raw == expected.raw, "{case}: raw rows of block {place}");
        assert_eq!(format!("{ours:?}"), format!("{expected:?}"), "{case}: block {place}");
    }
}

#[test]
fn a_city_is_read_as_the_folder_it_would_have_written() {
    let home = tempfile::tempdir().unwrap();
    let mut city = City::new(settings()).unwrap();
    let mut out = Folder::create(home.path(), &city).unwrap();
    let mut records = 0;
    while let Some(record) = city.next() {
        out.write(&record).unwrap();
        records += 1;
    }
    out.finish().unwrap();
    let (written, made) = (Origin::Path(home.path().to_owned()), Origin::City(settings()));
    let expected = read(&written, 2, &after(&written, &[]), usize::MAX);
    assert_eq!(expected.iter().map(|batch| batch.end - batch.start).sum::<i64>(), records);

    let firsts = |origin| {
        let (_, folder) = open(origin);
        let of = |place: usize| (folder.partitions()[place].to_string(), folder.first_event_ms(place));
        (0..folder.partitions().len()).map(of).collect::<Vec<_>>()
    };
    assert_eq!(firsts(&made), firsts(&written));
    for threads in [1, 2, 4] {
        let blocks = read(&made, threads, &after(&made, &[]), usize::MAX);
        assert_same(&blocks, &expected, &format!("{threads} threads"));
    }
    for taken in [1, expected.len() / 3, expected.len() - 1] {
        let blocks = read(&made, 2, &after(&made, &expected[..taken]), usize::MAX);
        assert_same(&blocks, &expected[taken..], &format!("gone on after {taken}"));
    }
    let endless = Origin::City(Settings { run_for_ms: None, ..settings() });
    let most = expected.len() / 2;
    assert_same(&read(&endless, 2, &after(&endless, &[]), most), &expected[..most], "without an end");
}

#[test]
fn a_city_watched_for_longer_goes_on_and_a_finished_one_does_not() {
    let (short, long) =
        (Origin::City(settings()), Origin::City(Settings { run_for_ms: Some(15 * 60_000), ..settings() }));
    let taken = read(&short, 2, &after(&short, &[]), usize::MAX);
    let ends: Vec<_> =
        after(&short, &taken).into_iter().map(|position| (position.key, position.next.unwrap())).collect();
    assert_eq!(open(&short).1.go_on(&ends).unwrap(), []);
    assert_eq!(open(&long).1.go_on(&ends).unwrap().len(), ends.len());
}

#[test]
fn a_sparse_topic_is_not_far_ahead_of_a_dense_one() {
    let made = Origin::City(settings());
    let partitions = open(&made).1.partitions();
    let (mut weather_ms, mut widest_ms) = (None, 0);
    for batch in read(&made, 2, &after(&made, &[]), usize::MAX) {
        match partitions[usize::from(batch.partition)].topic.as_str() {
            "weather_data" => weather_ms = batch.event_times_ms().max().max(weather_ms),
            "gps_data" => {
                let ahead_ms = weather_ms.zip(batch.clock.now_ms).map(|(weather, gps)| weather - gps);
                widest_ms = widest_ms.max(ahead_ms.unwrap_or(0));
            }
            _ => {}
        }
    }
    // A partition has a report every nine seconds, and its clock is the median of five.
    assert!((1..90_000).contains(&widest_ms), "{widest_ms} ms ahead");
}
