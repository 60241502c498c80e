//! The folder reader against a slow twin: the same blocks in the same order with the same clocks, whoever reads.

#![allow(clippy::unwrap_used)]

mod world;

use std::fs;

use greenwave_model::RejectReason;
use greenwave_sources::folder::BLOCK_LINES;
use world::{Sent, World, by_twin, report};

const T0: i64 = 1_772_438_400_000;

/// Lines of one file: a report every `step_ms`, every 97th of them broken, every 31st late.
fn lines(seed: i64, count: usize, from_ms: i64, step_ms: i64) -> Vec<String> {
    let line = |row: i64| match row {
        row if row % 97 == 13 => "{\"id\":".to_owned(),
        row if row % 31 == 7 => report(&format!("{seed}-{row}"), from_ms + row * step_ms - 40_000),
        row => report(&format!("{seed}-{row}"), from_ms + row * step_ms),
    };
    (0..count as i64).map(line).collect()
}

fn text(lines: &[String]) -> Vec<u8> {
    (lines.join("\n") + "\n").into_bytes()
}

/// Four files beside each other, two that follow them, an empty one and one without any event.
fn city() -> World {
    let world = World::new();
    for file in 0..4 {
        let count = 9_000 + file * 1_500;
        world.put(
            &format!("gps/part-{file}.jsonl"),
            &text(&lines(file as i64, count, T0 + file as i64, 20 + file as i64 * 3)),
        );
    }
    world.put("gps_data/late/a.json", &text(&lines(7, 8_192, T0 + 3_600_000, 10)));
    world.put("gps_data/late/b.ndjson", &text(&lines(8, 5_000, T0 + 7_200_000, 10)));
    world.put("gps/empty.jsonl", b"");
    world.put("gps/nothing.jsonl", b"{\n\n[]\n");
    world
}

#[test]
fn any_number_of_threads_sends_what_the_twin_computes() {
    let world = city();
    let expected = by_twin(&world, &world.beginnings());
    assert!(expected.len() > 15);
    for threads in [1, 2, 3, 8] {
        let sent = world.read(threads, 64 << 20, &world.beginnings());
        assert_eq!(sent.len(), expected.len(), "{threads} threads");
        for (place, (ours, twin)) in sent.iter().zip(&expected).enumerate() {
            assert_eq!(ours, twin, "block {place}, {threads} threads");
        }
    }
}

#[test]
fn a_run_resumes_from_every_block() {
    let world = city();
    let whole = by_twin(&world, &world.beginnings());
    // Every seventh, so that each file is left in the middle of what was read at once.
    for done in (0..=whole.len()).step_by(7) {
        let positions = world.positions_after(&whole[..done]);
        let sent = world.read(2, 64 << 20, &positions);
        assert!(sent == whole[done..], "resumed after {done} blocks");
    }
}

#[test]
fn a_leader_that_takes_whole_ticks_gets_them_and_never_more_waits_than_may() {
    let world = city();
    let expected = by_twin(&world, &world.beginnings());
    let sent = world.read_in_ticks(3, 100_000, 50_000);
    assert!(sent == expected);
}

#[test]
fn plain_gzip_and_zstd_give_the_same_rows() {
    let bytes = text(&lines(1, 10_000, T0, 50));
    let sent: Vec<Vec<Sent>> = ["jsonl", "jsonl.gz", "jsonl.zst"]
        .map(|ending| {
            let world = World::new();
            world.put(&format!("gps/a.{ending}"), &bytes);
            world.read(2, 64 << 20, &world.beginnings())
        })
        .into();
    assert_eq!(
        sent[0].iter().map(|block| block.batch.readings.len() + block.batch.rejects.len()).sum::<usize>(),
        10_000
    );
    assert!(sent[0] == sent[1] && sent[0] == sent[2]);
}

#[test]
fn members_and_frames_may_follow_each_other() {
    let halves = [text(&lines(1, 3_000, T0, 50)), text(&lines(2, 3_000, T0 + 150_000, 50))];
    for ending in ["gz", "zst"] {
        let world = World::new();
        let joined: Vec<u8> = halves.iter().flat_map(|half| world::compressed(half, ending)).collect();
        world.put_bytes(&format!("gps/a.jsonl.{ending}"), &joined);
        let sent = world.read(1, 64 << 20, &world.beginnings());
        assert_eq!(sent.last().unwrap().batch.end, 6_000, "{ending}");
    }
}

#[test]
fn lines_end_in_every_usual_way() {
    let (a, b) = (report("a", T0), report("b", T0 + 1_000));
    let table: [(&str, String, usize, usize); 7] = [
        ("no newline at the end", format!("{a}\n{b}"), 2, 0),
        ("newline at the end", format!("{a}\n{b}\n"), 2, 0),
        ("carriage returns", format!("{a}\r\n{b}\r\n"), 2, 0),
        ("a blank line between", format!("{a}\n\n{b}\n"), 2, 1),
        ("blank lines around", format!("\n{a}\n{b}\n\r\n\n"), 2, 3),
        ("only a newline", "\n".to_owned(), 0, 1),
        ("nothing", String::new(), 0, 0),
    ];
    for (case, bytes, readings, empty) in table {
        let world = World::new();
        world.put("gps/a.jsonl", bytes.as_bytes());
        let sent = world.read(1, 1 << 20, &world.beginnings());
        assert_eq!(sent.len(), 1, "{case}");
        let batch = &sent[0].batch;
        assert_eq!((batch.readings.len(), batch.rejects.len()), (readings, empty), "{case}");
        assert!(batch.rejects.iter().all(|reject| reject.reason == RejectReason::Empty), "{case}");
        assert_eq!((batch.start, batch.end, batch.finished), (0, (readings + empty) as i64, true), "{case}");
    }
}

#[test]
fn a_file_of_whole_blocks_ends_with_a_full_one() {
    let world = World::new();
    world.put("gps/a.jsonl", &text(&lines(1, 2 * BLOCK_LINES as usize, T0, 1)));
    let sent = world.read(2, 64 << 20, &world.beginnings());
    let ends: Vec<(i64, bool)> = sent.iter().map(|block| (block.batch.end, block.batch.finished)).collect();
    assert_eq!(ends, [(BLOCK_LINES, false), (2 * BLOCK_LINES, true)]);
}

#[test]
fn a_huge_line_is_one_reject_and_its_neighbours_are_unharmed() {
    let huge = "x".repeat(10 << 20);
    for ending in ["\n", "\r\n"] {
        let world = World::new();
        let bytes = [report("a", T0), huge.clone(), report("b", T0 + 1)].join(ending);
        world.put("gps/a.jsonl.zst", bytes.as_bytes());
        world.put("gps/b.jsonl", bytes.as_bytes());
        for block in world.read(1, 64 << 20, &world.beginnings()) {
            let reject = &block.batch.rejects[0];
            assert_eq!((reject.offset, reject.reason, reject.bytes.len()), (1, RejectReason::TooLarge, 64 << 10));
            assert_eq!(reject.detail, format!("{} bytes are more than {}", 10 << 20, 1 << 20));
            assert_eq!(block.batch.readings.iter().map(|row| row.record.offset()).collect::<Vec<_>>(), [0, 2]);
        }
    }
}

#[test]
fn a_damaged_file_is_named_with_its_place() {
    let bytes = text(&lines(1, 60_000, T0, 50));
    for ending in ["gz", "zst"] {
        let whole = world::compressed(&bytes, ending);
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle..middle + 64].fill(0xA5);
        for (case, damaged) in [("truncated", &whole[..whole.len() * 2 / 3]), ("overwritten", &flipped[..])] {
            let world = World::new();
            world.put_bytes(&format!("gps/a.jsonl.{ending}"), damaged);
            let error = world.failure(2);
            assert!(
                error.contains("cannot decompress") && error.contains(&format!("gps/a.jsonl.{ending} at byte ")),
                "{case} {ending}: {error}"
            );
        }
        let world = World::new();
        world.put_bytes(&format!("gps/a.jsonl.{ending}"), b"");
        assert!(world.open().unwrap_err().to_string().contains("truncated"), "empty {ending}");
    }
}

#[test]
fn a_folder_that_cannot_be_read_says_what_is_expected() {
    let world = World::new();
    fs::write(world.path().join("gps.jsonl"), report("a", T0)).unwrap();
    let error = world.open().unwrap_err().to_string();
    assert!(error.contains("gps_data or gps") && error.contains("no sub-folder at all"), "{error}");
    world.put("segments/a.json", b"{}");
    let error = world.open().unwrap_err().to_string();
    assert!(error.contains("but segments"), "{error}");
    fs::create_dir(world.path().join("gps")).unwrap();
    fs::write(world.path().join("gps/notes.txt"), "x").unwrap();
    let error = world.open().unwrap_err().to_string();
    assert!(error.contains("gps holds no files of records (.json, .jsonl, .ndjson"), "{error}");
    let nowhere = World::new();
    fs::remove_dir(nowhere.path()).unwrap();
    assert!(nowhere.open().unwrap_err().to_string().contains("cannot read the input folder"));
}

#[test]
fn partitions_are_sorted_by_path_and_know_their_first_event() {
    let world = World::new();
    world.put("gps_data/a.json", &text(&[report("a", T0 + 5)]));
    world.put("gps/z/b.jsonl", &text(&["broken".into(), report("b", T0 + 7)]));
    world.put("gps/c.jsonl.gz", b"no event\n");
    world.put("gps/.hidden.jsonl", b"");
    let folder = world.open().unwrap();
    let names: Vec<String> = folder.partitions().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["gps_data[gps/c.jsonl.gz]", "gps_data[gps/z/b.jsonl]", "gps_data[gps_data/a.json]"]);
    assert_eq!([0, 1, 2, 3].map(|place| folder.first_event_ms(place)), [None, Some(T0 + 7), Some(T0 + 5), None]);
}

#[test]
fn a_file_that_shrank_or_went_is_not_resumed() {
    let world = World::new();
    world.put("gps/a.jsonl", &text(&lines(1, 100, T0, 50)));
    let mut positions = world.beginnings();
    positions[0].next = Some(BLOCK_LINES);
    let error = world.failure_at(1, &positions);
    assert!(error.contains("cannot resume at line 1024") && error.contains("it has 100 lines"), "{error}");
    positions[0].key.partition = "gps/b.jsonl".into();
    assert!(world.failure_at(1, &positions).contains("gps/b.jsonl: it was part of the job"));
}

#[test]
fn readers_end_when_they_are_stopped() {
    let world = city();
    world.stop_early(3);
}
