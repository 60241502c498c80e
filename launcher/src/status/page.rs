//! The page for people. `docs/operating.md` explains each line.

use std::collections::BTreeMap;

use greenwave_model::iso;
use greenwave_runtime::Counters;
use greenwave_runtime::status::{Durable, Inquiry, Partition, PartitionState, Process, State, Status};
use greenwave_sinks::objects::Location;

use super::words::{count, some, span};

/// More partitions than a screen has lines are told as a number; `--output json` has them all.
const PARTITIONS_SHOWN: usize = 20;

pub fn lines(found: &Inquiry, state: &Location) -> Vec<String> {
    let mut lines = vec![headline(found, state)];
    match (&found.live, &found.durable) {
        (Some(live), durable) => lines.extend(of_process(live, durable.as_ref())),
        (None, Some(durable)) => lines.extend(of_checkpoint(durable)),
        (None, None) if found.process.is_some() => lines.push(line("checkpoint", "none yet".into())),
        (None, None) => {}
    }
    lines
}

fn headline(found: &Inquiry, state: &Location) -> String {
    let job = &found.job;
    let Some(process) = &found.process else {
        let kind = if matches!(state, Location::Folder(_)) { "folder" } else { "store" };
        return format!("{job} has never run with the state {kind} {state}; is it another --name, or another state?");
    };
    let who = format!("generation {}, pid {} on {}", process.generation, process.pid, process.host);
    let since = iso::zulu(process.started_ms);
    match found.state {
        State::Running => match &process.http {
            Some(http) => format!("{job} is running: {who}, since {since}, http://{http}"),
            None => format!("{job} is running: {who}, since {since}; it has no http address, so this is all it tells"),
        },
        State::Unreachable => unreachable(found, process),
        State::Stopped => format!("{job} is not running: {who}, started {since}, has ended"),
        State::Killed | State::NeverRan => format!(
            "{job} is not running: {who}, started {since}, is gone without an end; the next start goes on from the checkpoint"
        ),
    }
}

fn unreachable(found: &Inquiry, process: &Process) -> String {
    let why = found.unreachable.as_deref().unwrap_or("no answer");
    format!(
        "{} does not answer: generation {}, pid {} on {} has it; {why}",
        found.job, process.generation, process.pid, process.host
    )
}

fn line(label: &str, text: String) -> String {
    format!("  {label:<12} {text}")
}

fn tick(live: &Status) -> String {
    match live.tick.age_s {
        None if live.tick.tick == 0 => "none yet".into(),
        age_s => {
            let age = age_s.map_or(String::new(), |age_s| format!(", {} ago", span(age_s)));
            format!("{}{age}; views at {}", live.tick.tick, iso::zulu(live.tick.now_ms))
        }
    }
}

fn of_process(live: &Status, durable: Option<&Durable>) -> Vec<String> {
    let mut lines = vec![
        line("ready", live.unready.as_ref().map_or("yes".into(), |why| format!("no: {why}"))),
        line("waits for", if live.waits_for.is_empty() { "nothing".into() } else { live.waits_for.join("; ") }),
        line("tick", tick(live)),
        line("checkpoint", checkpoint(live)),
        line("speed layer", speed(live)),
        line("lake", lake(live, durable)),
    ];
    lines.extend(records(&live.counters));
    lines.push(line("memory", format!("{} MB", live.resident_memory_bytes >> 20)));
    lines.extend(watermarks(live));
    lines.extend(partitions(&live.partitions, live.at_ms));
    lines
}

fn checkpoint(live: &Status) -> String {
    let checkpoint = &live.checkpoint;
    let mut text = match checkpoint.tick {
        0 => format!("none yet, {} after the start", span(checkpoint.age_s)),
        tick if checkpoint.took_s > 0.0 => {
            let (age, took_ms) = (span(checkpoint.age_s), checkpoint.took_s * 1e3);
            format!("cut {} at tick {tick}, {age} ago, manifest in {took_ms:.0} ms", live.counters.cuts)
        }
        tick => format!("cut {} at tick {tick}, of an earlier process", live.counters.cuts),
    };
    if let Some(open_s) = checkpoint.open_s {
        text.push_str(&format!("; the next is being written for {}", span(open_s)));
    }
    if let Some(why) = &checkpoint.down {
        text.push_str(&format!("; the state store does not answer: {why}"));
    }
    text
}

fn speed(live: &Status) -> String {
    let speed = &live.speed;
    match (speed.kind.as_str(), speed.age_s, &speed.down) {
        ("none", ..) => "none".into(),
        (kind, _, Some(why)) => format!("{kind} is down: {why}; readers see tick {}", speed.tick),
        (kind, Some(age_s), None) => format!("{kind} shows tick {}, {} ago", speed.tick, span(age_s)),
        (kind, None, None) => format!("{kind} shows nothing yet"),
    }
}

fn lake(live: &Status, durable: Option<&Durable>) -> String {
    let Some(lake) = &live.lake else { return "none".into() };
    let mut text = match (lake.tick, lake.age_s) {
        (0, None) => "nothing yet".to_owned(),
        (tick, None) => format!("tick {tick}, by an earlier process"),
        (tick, Some(age_s)) => format!("tick {tick}, {} ago, took {:.2} s", span(age_s), lake.took_s),
    };
    if let Some(rows) = durable.map(|durable| durable.lake_rows_waiting).filter(|rows| *rows > 0) {
        text.push_str(&format!("; {} rows wait for the next commit", count(rows)));
    }
    if let Some(why) = &lake.down {
        text.push_str(&format!("; it does not take rows: {why}"));
    }
    text
}

/// As of the last checkpoint.
fn records(counters: &Counters) -> Vec<String> {
    let mut lines = vec![line(
        "records",
        format!(
            "{} durable: {} accepted ({} of them late), {} duplicates, {} too late, {} rejected",
            count(counters.records),
            count(counters.accepted()),
            count(counters.late),
            count(counters.duplicates),
            count(counters.too_late),
            count(counters.rejected),
        ),
    )];
    let reasons = counters.rejects.iter().filter(|(_, number)| *number > 0);
    let reasons: Vec<String> =
        reasons.map(|(reason, number)| format!("{} {}", reason.as_str(), count(number))).collect();
    if !reasons.is_empty() {
        lines.push(line("rejected", reasons.join(", ")));
    }
    lines
}

fn watermarks(live: &Status) -> Vec<String> {
    let mut lines = vec![];
    if !live.watermarks.is_empty() {
        lines.push(format!("\n  {:<24} {:<25} {:<9} held by", "topic", "complete up to", "behind"));
    }
    for (topic, watermark) in &live.watermarks {
        let (at, behind) = (iso::zulu(watermark.watermark_ms), span(watermark.lag_s));
        let holder = watermark.held_by.as_deref().unwrap_or("nobody: all are idle or read");
        lines.push(format!("  {topic:<24} {at:<25} {behind:<9} {holder}"));
    }
    lines
}

/// How many are in which state, and those that are behind or idle.
fn partitions(all: &[Partition], at_ms: i64) -> Vec<String> {
    let number = |state| all.iter().filter(|partition| partition.state == state).count();
    let states = PartitionState::ALL.map(|state| (number(state), state.as_str()));
    let states: Vec<String> =
        states.iter().filter(|(number, _)| *number > 0).map(|(number, state)| format!("{number} {state}")).collect();
    let waiting: u64 = all.iter().filter_map(|partition| partition.lag_records).sum();
    let waiting = if waiting > 0 { format!("; {} records wait", count(waiting)) } else { String::new() };
    let mut lines = vec![format!("\n  {}: {}{waiting}", some(all.len(), "partition"), states.join(", "))];
    let mut shown: Vec<&Partition> = all.iter().filter(|partition| partition.since_ms.is_some()).collect();
    shown.sort_by_key(|partition| (partition.state, partition.since_ms));
    lines.extend(shown.iter().take(PARTITIONS_SHOWN).map(|partition| standing(partition, at_ms)));
    if shown.len() > PARTITIONS_SHOWN {
        lines.push(format!("  and {} more; --output json has them all", shown.len() - PARTITIONS_SHOWN));
    }
    lines
}

fn standing(partition: &Partition, at_ms: i64) -> String {
    let since_ms = partition.since_ms.unwrap_or(at_ms);
    let for_ = span((at_ms - since_ms).max(0) as f64 / 1e3);
    let mut text =
        format!("  {:<24} {:<6} since {} ({for_})", partition.name(), partition.state.as_str(), iso::zulu(since_ms));
    if let Some(records) = partition.lag_records.filter(|_| partition.state == PartitionState::Behind) {
        text.push_str(&format!(", {} records wait", count(records)));
    }
    if let Some(lag_s) = partition.lag_s.filter(|_| partition.state == PartitionState::Behind) {
        text.push_str(&format!(", {} behind", span(lag_s)));
    }
    if let Some(fault) = &partition.fault {
        text.push_str(&format!(": {fault}"));
    }
    text
}

/// All that is known without a process.
fn of_checkpoint(durable: &Durable) -> Vec<String> {
    let age = durable.age_s.map_or(String::new(), |age_s| format!(", {} ago", span(age_s)));
    let checkpoint =
        format!("cut {} at tick {}{age}; views at {}", durable.cuts, durable.tick, iso::zulu(durable.now_ms));
    let mut lines = vec![line("checkpoint", checkpoint)];
    let is_without = durable.lake.is_empty() && durable.lake_rows_waiting == 0;
    let lake = durable.lake.values().max();
    let lake = lake.map_or("no rows are known to be there".to_owned(), |tick| format!("rows up to tick {tick}"));
    let waiting = match durable.lake_rows_waiting {
        0 => String::new(),
        rows => format!("; {} rows wait, or came in just before the end", count(rows)),
    };
    lines.push(line("lake", if is_without { "none".into() } else { lake + &waiting }));
    lines.extend(records(&durable.counters));
    lines.extend(topics(durable));
    lines
}

fn topics(durable: &Durable) -> Vec<String> {
    let mut taken: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    for partition in &durable.partitions {
        let entry = taken.entry(&partition.key.topic).or_default();
        *entry = (entry.0 + 1, entry.1 + partition.end - partition.start);
    }
    let mut lines = vec![format!("\n  {:<24} {:<25} taken", "topic", "complete up to")];
    for (topic, (partitions, offsets)) in taken {
        let at = durable.watermarks_ms.get(topic).map_or("not known yet".to_owned(), |at| iso::zulu(*at));
        let offsets = count(offsets.max(0) as u64);
        lines.push(format!("  {topic:<24} {at:<25} {offsets} offsets of {}", some(partitions, "partition")));
    }
    lines
}
