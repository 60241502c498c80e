//! Speeds and top: differential's part, refilled after a restore.

use std::collections::BTreeMap;

use greenwave_model::views::{CameraTotals, RoadCurrent, RoadTotals};
use greenwave_model::{Change, Clock, Name, Position};
use greenwave_operators::panes::CurrentChange;
use greenwave_operators::{FreeFlow, States, speeds::speeds, top::top};
use timely::dataflow::operators::vec::Map;

use crate::laws::random::Clocks;
use crate::laws::twins::hotspots;
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

#[derive(Clone)]
struct Top;

fn free_flow() -> BTreeMap<Name, f64> {
    (0..40).map(|road| (format!("road {road}").into(), [30.0, 50.0, 100.0][road % 3])).collect()
}

fn current(speed_kmh: f64) -> RoadCurrent {
    let mut totals = RoadTotals::NONE;
    totals.observe(speed_kmh);
    let (window_start_ms, newest_event_ms, arrival_ms) = (0, 0, 0);
    RoadCurrent {
        window_s: 300,
        window_start_ms,
        totals,
        cameras: CameraTotals::default(),
        vehicles: None,
        free_flow_kmh: None,
        newest_event_ms,
        arrival_ms,
        position: Position::default(),
        weather_factor: None,
    }
}

fn content(cuts: &[Cut<CurrentChange>]) -> BTreeMap<Name, Option<RoadCurrent>> {
    cuts.iter().flat_map(|cut| &cut.rows).map(|row| (row.road.clone(), row.new.clone())).collect()
}

impl Subject for Top {
    type Row = CurrentChange;
    const ORDERED: bool = true;

    fn build<'s>(
        &self,
        rows: Ticked<'s, CurrentChange>,
        clock: Ticked<'s, Clock>,
        states: &States,
    ) -> Ticked<'s, Shown> {
        let speeds = speeds(rows);
        top(speeds, clock, &FreeFlow::new(free_flow()), states).map(|upsert| {
            let value = if let Change::Set(value) = upsert.change { Some(format!("{value:?}")) } else { None };
            Shown::Put(format!("{:02}", upsert.key), value)
        })
    }

    /// One change per road and tick: from what it was before the tick to what it is after.
    fn of_tick(&self, rows: Vec<CurrentChange>) -> Vec<CurrentChange> {
        let mut of_roads: BTreeMap<Name, CurrentChange> = BTreeMap::new();
        for row in rows {
            let new = row.new.clone();
            of_roads.entry(row.road.clone()).or_insert(row).new = new;
        }
        of_roads.into_values().collect()
    }

    fn history(&self, random: &mut Random) -> History<CurrentChange> {
        let mut clocks = Clocks::new(random);
        let mut standing: BTreeMap<Name, RoadCurrent> = BTreeMap::new();
        let cut = |number| {
            clocks.step(random, number == 0);
            let rows = (0..random.below(80)).map(|_| {
                let road: Name = format!("road {}", random.below(50)).into();
                let new = (!random.one_in(3)).then(|| current(random.below(12) as f64 * 5.0));
                let old = standing.remove(&road);
                standing.extend(new.clone().map(|new| (road.clone(), new)));
                CurrentChange { vnode: 0, road, old, new }
            });
            Cut { rows: rows.collect(), watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        };
        (0..6).map(cut).collect()
    }

    fn twin(&self, history: &History<CurrentChange>) -> Vec<Vec<String>> {
        let cut = |number: usize| {
            let speeds = content(&history[..=number]).into_iter();
            let speeds = speeds.filter_map(|(road, row)| Some((road, row?.totals.average_kmh()))).collect();
            hotspots(&speeds, &free_flow()).iter().map(|(rank, row)| format!("{rank:02} = {row:?}")).collect()
        };
        (0..history.len()).map(cut).collect()
    }

    fn refill(&self, history: &History<CurrentChange>, cuts: usize) -> Vec<CurrentChange> {
        let changes = content(&history[..cuts]).into_iter().filter(|(_, new)| new.is_some());
        changes.map(|(road, new)| CurrentChange { vnode: 0, road, old: None, new }).collect()
    }
}

#[test]
fn top_obeys_the_laws() {
    obeys(Top);
}
