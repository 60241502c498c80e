//! Publish: deltas, rows, revisions and finality of a view with windows.

use std::collections::BTreeMap;

use greenwave_model::views::{CameraTotals, RoadTotals, RoadTraffic, WindowKey};
use greenwave_model::{Change, Clock};
use greenwave_operators::States;
use greenwave_operators::publish::{Upsert, publish};
use timely::dataflow::operators::{Concat, vec::Map};

use crate::laws::random::Clocks;
use crate::laws::twins::{PublishTwin, Times, shown};
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

type Row = Upsert<RoadTraffic>;

#[derive(Clone)]
struct Publish;

/// The content after some rows, and the keys of which the last thing heard is a removal.
fn content(rows: impl Iterator<Item = Row>) -> BTreeMap<WindowKey, Change<RoadTraffic>> {
    rows.map(|row| (row.key, row.change)).collect()
}

impl Subject for Publish {
    type Row = Row;
    const ORDERED: bool = true;

    fn build<'s>(&self, rows: Ticked<'s, Row>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        let (deltas, rows) = publish(rows, clock, states);
        deltas.flat_map(|batch| shown(&*batch, false)).concat(rows.flat_map(|batch| shown(&*batch, true)))
    }

    fn of_tick(&self, rows: Vec<Row>) -> Vec<Row> {
        content(rows.into_iter()).into_iter().map(|(key, change)| Upsert::new(key, change)).collect()
    }

    fn history(&self, random: &mut Random) -> History<Row> {
        let mut clocks = Clocks::new(random);
        let mut there = BTreeMap::new();
        let cut = |number| {
            clocks.step(random, number == 0);
            let count = random.below(60);
            let mut rows = Vec::new();
            for _ in 0..count {
                let minutes = random.within(-2, 3) * 60_000;
                let key = WindowKey {
                    road: random.pick(&["A40", "B227"]).into(),
                    window_s: random.pick(&[60, 300]),
                    window_start_ms: clocks.start_ms.div_euclid(60_000) * 60_000 + minutes,
                };
                let mut totals = RoadTotals::NONE;
                totals.observe(random.below(3) as f64);
                let value =
                    RoadTraffic { totals, cameras: CameraTotals::default(), vehicles: None, free_flow_kmh: None };
                let change = match random.below(8) {
                    0 if there.get(&key) == Some(&true) => Change::Remove,
                    1 if there.get(&key) == Some(&true) => Change::Retire,
                    _ => Change::Set(value),
                };
                there.insert(key.clone(), matches!(change, Change::Set(_)));
                rows.push(Upsert::new(key, change));
            }
            Cut { rows, watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        };
        (0..10).map(cut).collect()
    }

    fn twin(&self, history: &History<Row>) -> Vec<Vec<String>> {
        let mut twin = PublishTwin::default();
        let cut = |number: usize| {
            let all = content(history[..=number].iter().flat_map(|cut| cut.rows.clone()));
            let removed = |text: &str| {
                all.iter().any(|(key, change)| {
                    let named = format!("road_traffic/{}/{}/{}", key.road, key.window_s, key.window_start_ms);
                    named == text && *change == Change::Remove
                })
            };
            let set = all.iter().filter_map(|(key, change)| match change {
                Change::Set(value) => Some((key.clone(), value.clone())),
                Change::Remove | Change::Retire => None,
            });
            twin.cut::<RoadTraffic>(set, Times::of(history, number), removed)
        };
        (0..history.len()).map(cut).collect()
    }

    fn refill(&self, history: &History<Row>, cuts: usize) -> Vec<Row> {
        let all = content(history[..cuts].iter().flat_map(|cut| cut.rows.clone()));
        let set = all.into_iter().filter(|(_, change)| matches!(change, Change::Set(_)));
        set.map(|(key, change)| Upsert::new(key, change)).collect()
    }
}

#[test]
fn publish_obeys_the_laws() {
    obeys(Publish);
}
