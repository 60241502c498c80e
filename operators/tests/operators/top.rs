//! Speeds and top: differential's part, refilled after a restore.

use std::collections::BTreeMap;

use greenwave_model::views::RoadCurrent;
use greenwave_model::{Change, Clock, Name, Position};
use greenwave_operators::panes::CurrentChange;
use greenwave_operators::{FreeFlow, States, speeds::speeds, top::top};
use timely::dataflow::operators::vec::Map;

use crate::currents;
use crate::laws::random::Clocks;
use crate::laws::twins::hotspots;
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

#[derive(Clone)]
struct Top;

fn free_flow() -> BTreeMap<Name, f64> {
    (0..40).map(|road| (format!("road {road}").into(), [30.0, 50.0, 100.0][road % 3])).collect()
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

    fn of_tick(&self, rows: Vec<CurrentChange>) -> Vec<CurrentChange> {
        currents::merged(rows.into_iter()).collect()
    }

    fn history(&self, random: &mut Random) -> History<CurrentChange> {
        let mut clocks = Clocks::new(random);
        let mut standing: BTreeMap<Name, RoadCurrent> = BTreeMap::new();
        let cut = |number| {
            clocks.step(random, number == 0);
            let rows = (0..random.below(80)).map(|_| {
                let road: Name = format!("road {}", random.below(50)).into();
                let speed_kmh = random.below(12) as f64 * 5.0;
                let new = (!random.one_in(3)).then(|| currents::current(speed_kmh, Position::default()));
                currents::change(road, new, &mut standing)
            });
            Cut { rows: rows.collect(), watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        };
        (0..6).map(cut).collect()
    }

    fn twin(&self, history: &History<CurrentChange>) -> Vec<Vec<String>> {
        let cut = |number: usize| {
            let speeds = currents::speeds(&history[..=number]);
            hotspots(&speeds, &free_flow()).iter().map(|(rank, row)| format!("{rank:02} = {row:?}")).collect()
        };
        (0..history.len()).map(cut).collect()
    }

    fn refill(&self, history: &History<CurrentChange>, cuts: usize) -> Vec<CurrentChange> {
        currents::refill(&history[..cuts])
    }
}

#[test]
fn top_obeys_the_laws() {
    obeys(Top);
}
