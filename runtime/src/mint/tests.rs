//! Minting by table: what is offered, when it is asked, what is bound.

use std::collections::BTreeMap;

use greenwave_model::{Binding, Name, PartitionBound, PartitionClock, PartitionKey};
use greenwave_sources::Standing;

use super::*;

const PACE: Pace = Pace { tick_ms: 50, checkpoint_ms: 10_000, idle_after_ms: 30_000 };

fn table(partitions: usize) -> Vec<PartitionBound> {
    let bound = |number: usize| PartitionBound {
        key: PartitionKey { topic: "gps_data".into(), partition: Name::new(number.to_string()) },
        start: 0,
        end: 0,
        clock: PartitionClock::default(),
        last_arrival_ms: None,
        idle_since_ms: None,
        finished: false,
    };
    (0..partitions).map(bound).collect()
}

fn live(partitions: usize) -> Mint {
    Mint::live(Ledger::new(1, None, table(partitions), (vec![], 0), BTreeMap::new(), 10_000), PACE)
}

/// An offer that follows whatever is bound.
fn offer(partition: u16, end: i64, clock_ms: i64) -> Offer {
    let clock = PartitionClock { now_ms: Some(clock_ms), last_five: vec![clock_ms; 5] };
    Offer { partition, start: 0, end, clock, last_arrival_ms: Some(clock_ms), bytes: 200, finished: false }
}

fn at(mono_ms: u64) -> Moment {
    Moment { wall_ms: 1_000_000 + mono_ms as i64, mono_ms, in_flight: 0, may_cut: true, ending: false }
}

fn ends(binding: &Binding) -> Vec<i64> {
    binding.partitions.iter().map(|partition| partition.end).collect()
}

#[test]
fn a_tick_takes_what_is_offered_and_numbers_begin_at_the_generation() {
    let mut mint = live(2);
    mint.offer(offer(0, 10, 500_000));
    mint.offer(offer(1, 7, 500_500));
    let binding = mint.next(at(60)).expect("a tick is due");
    assert_eq!((binding.tick, ends(&binding)), (1 << 32, vec![10, 7]));
    assert_eq!(binding.watermark_ms["gps_data"], 490_000);
    assert!(mint.next(at(61)).is_none(), "the next tick is not due");
}

#[test]
fn a_partition_without_a_clock_holds_the_watermark_until_it_is_idle() {
    let mut mint = live(2);
    mint.offer(offer(0, 10, 500_000));
    assert_eq!(mint.next(at(60)).expect("due").view_watermark_ms(), None);
    mint.standing(Standing { partition: 1, at_end: true, next: 0, fault: None }, 60);
    mint.offer(offer(0, 11, 500_100));
    assert_eq!(mint.next(at(20_000)).expect("due").view_watermark_ms(), None, "not idle yet");
    mint.offer(offer(0, 12, 500_200));
    let binding = mint.next(at(30_061)).expect("due");
    assert_eq!(binding.view_watermark_ms(), Some(490_200));
    assert!(binding.partitions[1].idle_since_ms.is_some());
}

#[test]
fn a_partition_behind_a_dead_broker_is_not_idle() {
    let mut mint = live(2);
    mint.standing(Standing { partition: 1, at_end: true, next: 0, fault: Some("broker down".into()) }, 0);
    mint.offer(offer(0, 10, 500_000));
    assert_eq!(mint.next(at(90_000)).expect("due").view_watermark_ms(), None);
}

#[test]
fn no_partition_runs_ahead_of_the_slowest_by_more_than_the_alignment() {
    let mut mint = live(2);
    mint.offer(offer(1, 5, 100_000));
    mint.next(at(60)).expect("due");
    for minute in 1..=10 {
        mint.offer(offer(0, minute * 10, 100_000 + minute * 60_000));
    }
    let binding = mint.next(at(120)).expect("due");
    assert_eq!(ends(&binding), [30, 5], "one offer beyond the limit, then it waits");
    mint.offer(offer(1, 6, 400_000));
    assert_eq!(ends(&mint.next(at(180)).expect("due")), [80, 6]);
}

#[test]
fn the_watermark_and_the_clock_never_go_back() {
    let mut mint = live(1);
    mint.offer(offer(0, 1, 500_000));
    let first = mint.next(at(5_000)).expect("due");
    mint.offer(offer(0, 2, 400_000));
    let moment = Moment { wall_ms: 0, ..at(6_000) };
    let second = mint.next(moment).expect("due");
    assert_eq!((second.now_ms, second.view_watermark_ms()), (first.now_ms, first.view_watermark_ms()));
}

#[test]
fn a_cut_waits_for_the_manifest_before_it_and_the_last_tick_is_a_cut() {
    let mut mint = live(1);
    mint.offer(offer(0, 1, 500_000));
    assert!(!mint.next(at(60)).expect("due").is_cut);
    let late = Moment { may_cut: false, ..at(20_000) };
    assert!(!mint.next(late).expect("a heartbeat").is_cut);
    assert!(mint.next(at(20_100)).expect("due").is_cut);
    let ending = Moment { ending: true, ..at(20_110) };
    assert!(mint.next(Moment { may_cut: false, ..ending }).is_none());
    assert!(mint.next(ending).expect("at once").is_cut);
    assert!(mint.is_done() && mint.next(at(90_000)).is_none());
}

#[test]
fn ticks_that_readers_have_seen_are_bound_again_as_they_were() {
    let mut first = live(1);
    first.offer(offer(0, 10, 500_000));
    let seen = first.next(at(60)).expect("due");
    let ledger = Ledger::new(2, None, table(1), (vec![seen.clone()], 0), BTreeMap::new(), 10_000);
    let mut mint = Mint::live(ledger, PACE);
    mint.offer(offer(0, 4, 499_000));
    assert!(mint.next(at(60)).is_none(), "its records are not all there");
    mint.offer(offer(0, 14, 501_000));
    assert_eq!(mint.next(at(61)).expect("covered"), seen);
    let fresh = mint.next(at(200)).expect("due");
    assert_eq!((fresh.tick, ends(&fresh)), (2 << 32, vec![14]), "the rest of a batch that straddles the end");
}

#[test]
fn a_recorded_cut_is_bound_again_in_pieces_that_tell_nobody_anything() {
    let cut = |tick, end, before: &Binding| Binding { tick, is_cut: true, cut: before.as_cut(), ..bound(end) };
    let restored = cut(10, 0, &bound(0));
    let recorded = cut(13, 30, &restored);
    let repeats = (vec![recorded.clone()], 13);
    let mut mint = Mint::live(Ledger::new(2, Some(&restored), table(1), repeats, BTreeMap::new(), 10_000), PACE);
    let large = |start, end| Offer { start, bytes: 13 << 20, ..offer(0, end, 500_000) };
    mint.offer(large(0, 10));
    let piece = mint.next(at(60)).expect("as much as is worth a tick");
    assert_eq!((piece.tick, piece.is_cut, piece.publishes, ends(&piece)), (11, false, false, vec![10]));
    mint.offer(offer(0, 20, 500_000));
    assert!(mint.next(at(61)).is_none(), "too little");
    mint.offer(large(20, 25));
    assert_eq!(mint.next(at(62)).expect("enough").tick, 12);
    mint.offer(large(25, 28));
    assert!(mint.next(at(63)).is_none(), "no number is left for a piece");
    mint.offer(offer(0, 35, 500_000));
    assert_eq!(mint.next(at(64)).expect("covered"), recorded);
    assert_eq!(mint.next(at(200)).expect("due").tick, 2 << 32);
}

/// What a tick of the first partition binds.
fn bound(end: i64) -> Binding {
    let mut mint = live(1);
    mint.offer(offer(0, end, 500_000));
    mint.next(at(60)).expect("due")
}

fn folder(files: &[&[i64]], pace: Option<f64>) -> Mint {
    let ledger = Ledger::new(1, None, table(files.len()), (vec![], 0), BTreeMap::new(), 10_000);
    let mut mint = Mint::folder(ledger, files.iter().map(|blocks| blocks.first().copied()).collect(), pace);
    for (file, blocks) in files.iter().enumerate() {
        for (block, clock_ms) in blocks.iter().enumerate() {
            let finished = block + 1 == blocks.len();
            mint.offer(Offer { finished, ..offer(file as u16, 4_096 * (block as i64 + 1), *clock_ms) });
        }
    }
    mint
}

#[test]
fn a_folder_is_read_by_the_lowest_clock_and_reads_no_clock_itself() {
    let early: Vec<i64> = (0..20).map(|block| 1_000 + block * 100).collect();
    let mut mint = folder(&[&[5_000, 6_000], &early], None);
    let first = mint.next(at(0)).expect("sixteen blocks are there");
    assert_eq!(ends(&first), [0, 16 * 4_096]);
    assert_eq!((first.now_ms, first.view_watermark_ms()), (2_500, Some(2_500 - 10_000)));
    let last = mint.next(Moment { wall_ms: 9, ..at(0) }).expect("the rest");
    assert!(last.is_cut && mint.is_done());
    assert_eq!((ends(&last), last.now_ms), (vec![2 * 4_096, 20 * 4_096], 6_000));
    assert_eq!(last.view_watermark_ms(), first.view_watermark_ms(), "the end of the input moves no watermark");
}

#[test]
fn every_eighth_tick_of_a_folder_is_a_cut() {
    let blocks: Vec<i64> = (0..16 * 20).collect();
    let mut mint = folder(&[&blocks], None);
    let cuts: Vec<bool> = std::iter::from_fn(|| mint.next(at(0))).map(|binding| binding.is_cut).collect();
    let expected: Vec<bool> = (1..=20).map(|tick| tick % 8 == 0 || tick == 20).collect();
    assert_eq!(cuts, expected);
}

#[test]
fn a_stopped_folder_run_mints_no_cut_of_its_own() {
    let blocks: Vec<i64> = (0..40).collect();
    let mut mint = folder(&[&blocks], None);
    assert!(!mint.next(at(0)).expect("due").is_cut);
    assert!(mint.next(Moment { ending: true, ..at(0) }).is_none());
    assert!(mint.is_done(), "what was read since the last cut is read again by the next run");
}

#[test]
fn a_pace_delays_bindings_and_has_more_of_them() {
    let blocks: Vec<i64> = (0..32).map(|block| block * 1_000).collect();
    let mut paced = folder(&[&blocks], Some(10.0));
    let first = paced.next(at(0)).expect("the first tick is due at once");
    assert_eq!((first.now_ms, first.publishes), (5_000, true), "half a second at ten times real time");
    assert!(paced.next(at(499)).is_none(), "5 s of events take half a second");
    assert_eq!(paced.next(at(500)).expect("its time has come").now_ms, 10_000);
}

#[test]
fn cuts_are_where_the_bytes_put_them_whatever_the_pace() {
    // Many lines a second; 4,096 every 5 s, of which two minutes make a cut; and 4,096 an hour.
    for (block_ms, cut_blocks) in [(1, 128), (5_000, 24), (3_600_000, 1)] {
        let blocks: Vec<i64> = (0..300).map(|block| block * block_ms).collect();
        let cuts = |pace| {
            let mut mint = folder(&[&blocks], pace);
            let ticks = (0..1_000).filter_map(|hour| mint.next(at(hour * 3_600_000)));
            ticks.filter(|tick| tick.is_cut).map(|tick| ends(&tick)[0] / 4_096).collect::<Vec<_>>()
        };
        let unpaced = cuts(None);
        assert_eq!(unpaced, cuts(Some(60.0)), "a block in {block_ms} ms");
        let between = unpaced[1] - unpaced[0];
        assert_eq!(between, cut_blocks, "a block in {block_ms} ms: {unpaced:?}");
    }
}

#[test]
fn a_tick_of_long_lines_ends_with_its_bytes() {
    let mut mint = folder(&[], None);
    if let Mint::Folder { ledger, .. } = &mut mint {
        *ledger = Ledger::new(1, None, table(1), (vec![], 0), BTreeMap::new(), 10_000);
    }
    for block in 0..4 {
        mint.offer(Offer { start: block * 10, bytes: 20 << 20, ..offer(0, (block + 1) * 10, 1_000) });
    }
    assert_eq!(ends(&mint.next(at(0)).expect("two blocks are 40 MB")), [20]);
    assert_eq!(ends(&mint.next(at(0)).expect("and two more")), [40]);
}

#[test]
fn offers_of_two_workers_may_cross() {
    let mut mint = folder(&[], None);
    if let Mint::Folder { ledger, .. } = &mut mint {
        *ledger = Ledger::new(1, None, table(1), (vec![], 0), BTreeMap::new(), 10_000);
    }
    mint.offer(Offer { start: 4_096, finished: true, ..offer(0, 5_000, 2_000) });
    assert!(mint.next(at(0)).is_none(), "the first block is still being decoded");
    mint.offer(offer(0, 4_096, 1_000));
    assert_eq!(ends(&mint.next(at(0)).expect("both are there")), [5_000]);
}

#[test]
fn a_sparse_file_moves_the_clock_no_further_than_the_others_are() {
    let dense: Vec<i64> = (0..40).map(|block| 1_000 + block * 100).collect();
    let mut mint = folder(&[&[900_000], &dense], None);
    let mut sparse = mint.next(at(0)).expect("sixteen blocks are there");
    assert_eq!(sparse.now_ms, 2_500, "where the dense file is");
    while let Some(next) = mint.next(at(0)) {
        sparse = next;
    }
    assert_eq!((sparse.now_ms, sparse.is_cut), (900_000, true), "at the end everything has been read");
}

/// The first topic's only partition, and one of a second topic.
fn two_topics() -> Vec<PartitionBound> {
    let mut table = table(2);
    table[1].key.topic = "weather_data".into();
    table
}

#[test]
fn a_topic_that_is_silent_holds_nobody() {
    let ledger = Ledger::new(1, None, two_topics(), (vec![], 0), BTreeMap::new(), 10_000);
    let mut mint = Mint::live(ledger, PACE);
    mint.offer(offer(0, 10, 1_000_000));
    mint.offer(offer(1, 10, 1_000_000));
    assert_eq!(mint.next(at(60)).expect("due").view_watermark_ms(), Some(990_000));
    mint.standing(Standing { partition: 1, at_end: true, next: 10, fault: None }, 60);
    mint.offer(offer(0, 20, 1_025_000));
    assert_eq!(mint.next(at(25_000)).expect("due").view_watermark_ms(), Some(990_000), "not yet silent for long");
    mint.offer(offer(0, 30, 1_040_000));
    let binding = mint.next(at(40_000)).expect("due");
    assert_eq!(binding.watermark_ms["weather_data"], 1_030_000, "taken along");
    assert_eq!(binding.view_watermark_ms(), Some(1_030_000));
}

#[test]
fn a_topic_that_begins_late_takes_nothing_back() {
    let ledger = Ledger::new(1, None, two_topics(), (vec![], 0), BTreeMap::new(), 10_000);
    let mut mint = Mint::live(ledger, PACE);
    mint.standing(Standing { partition: 1, at_end: true, next: 0, fault: None }, 0);
    mint.offer(offer(0, 10, 1_031_000));
    assert!(mint.next(at(60)).is_some());
    mint.offer(offer(0, 20, 1_040_000));
    assert_eq!(mint.next(at(40_000)).expect("due").view_watermark_ms(), Some(1_030_000));
    mint.offer(offer(1, 10, 1_020_000));
    assert_eq!(mint.next(at(40_100)).expect("due").view_watermark_ms(), Some(1_030_000));
}

#[test]
fn it_is_told_what_keeps_records_from_being_bound() {
    let mut mint = live(2);
    assert_eq!(mint.wait(at(60)), None);
    mint.offer(offer(0, 5, 500_000));
    mint.offer(offer(1, 5, 100_000));
    mint.next(at(60)).expect("due");
    mint.offer(offer(0, 6, 500_100));
    assert_eq!(ends(&mint.next(at(120)).expect("due")), [5, 5], "the other one is too far back");
    let slowest = PartitionKey { topic: "gps_data".into(), partition: "1".into() };
    assert_eq!(mint.wait(at(120)), Some(Wait::Slowest { partition: slowest }));
    mint.offer(offer(1, 6, 499_000));
    assert_eq!(mint.wait(at(120)), None);
    assert_eq!(mint.wait(Moment { in_flight: 2, ..at(120) }), Some(Wait::Workers { ticks: 2 }));
    assert_eq!(mint.wait(Moment { may_cut: false, ..at(20_000) }), Some(Wait::Cut));
    assert_eq!(mint.wait(at(20_000)), None, "the cut is due, and can be made");
}

#[test]
fn it_is_told_what_the_next_tick_of_a_folder_waits_for() {
    let blocks: Vec<i64> = (0..32).map(|block| block * 1_000).collect();
    let mut mint = folder(&[&blocks], Some(100.0));
    mint.next(at(0)).expect("the first tick is due at once");
    assert_eq!(mint.next(at(0)), None);
    assert_eq!(mint.wait(at(0)), Some(Wait::Pace));
    assert_eq!(mint.facts(at(0))[0].end, 16 * 4_096, "what waits for its time is not bound");
    let held = Moment { may_cut: false, ..at(60_000) };
    assert_eq!((mint.next(held), mint.wait(held)), (None, Some(Wait::Cut)), "the last tick is a cut");
    assert!(mint.next(at(60_000)).is_some());
    assert_eq!(mint.wait(at(60_000)), None, "it has ended");
}

#[test]
fn a_partition_is_behind_from_the_moment_it_was_caught_up_last() {
    let mut mint = live(1);
    let facts = |mint: &mut Mint, mono_ms| mint.facts(at(mono_ms)).remove(0);
    mint.log_end(0, 10);
    let known = facts(&mut mint, 3_000);
    assert_eq!((known.behind_since_ms, known.lag_records), (Some(1_000_000), Some(10)), "since the start");
    mint.offer(offer(0, 10, 500_000));
    mint.next(at(3_060)).expect("due");
    let known = facts(&mut mint, 3_100);
    assert_eq!((known.behind_since_ms, known.lag_records), (None, Some(0)));
    mint.log_end(0, 12);
    mint.offer(offer(0, 15, 500_100));
    let known = facts(&mut mint, 4_000);
    assert_eq!((known.behind_since_ms, known.lag_records), (Some(1_003_100), Some(5)), "more is offered than was told");
    mint.next(at(4_060)).expect("due");
    let fault = Some("broker a:1 is down".to_owned());
    mint.standing(Standing { partition: 0, at_end: true, next: 15, fault: fault.clone() }, 4_100);
    let known = facts(&mut mint, 5_000);
    assert_eq!((known.behind_since_ms, known.fault), (Some(1_003_100), fault), "nobody knows what it has missed");
    mint.standing(Standing { partition: 0, at_end: true, next: 15, fault: None }, 6_000);
    assert_eq!(facts(&mut mint, 6_000).behind_since_ms, None);
}
