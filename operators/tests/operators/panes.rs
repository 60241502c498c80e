//! Panes: every window of every road, with and without distinct devices.

use std::sync::Arc;

use greenwave_model::{Change, Clock, RecordRef};
use greenwave_operators::panes::{PanesSettings, panes};
use greenwave_operators::reports::{Reporter, RoadReport};
use greenwave_operators::{Accepted, FreeFlow, States};
use timely::dataflow::operators::{Concat, vec::Map};

use crate::laws::random::Clocks;
use crate::laws::twins::{Counted, PanesTwin, Times, reading};
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

const SKEW_MS: i64 = 10_000;

#[derive(Clone)]
struct Panes {
    horizon_ms: i64,
    count_devices: bool,
}

impl Subject for Panes {
    type Row = RoadReport;
    /// A copy never comes before the one it displaces.
    const ORDERED: bool = true;

    fn build<'s>(&self, rows: Ticked<'s, RoadReport>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        let settings = PanesSettings {
            correction_horizon_ms: self.horizon_ms,
            clock_skew_ms: SKEW_MS,
            count_devices: self.count_devices,
            free_flow: Arc::new(FreeFlow::new([("A40".into(), 100.0)])),
            all_windows: true,
        };
        let (windows, currents) = panes(rows, clock, settings, states);
        let windows = windows.map(|upsert| {
            let (key, value) = (upsert.key, upsert.change);
            let key = format!("window {:?}", (key.road.as_str(), key.window_s, key.window_start_ms));
            Shown::Put(key, if let Change::Set(value) = value { Some(format!("{value:?}")) } else { None })
        });
        windows.concat(
            currents.map(|change| {
                Shown::Put(format!("current {}", change.road), change.new.map(|value| format!("{value:?}")))
            }),
        )
    }

    fn history(&self, random: &mut Random) -> History<RoadReport> {
        let mut clocks = Clocks::new(random);
        let mut reporter = Reporter::new(true);
        let cut = |number| {
            clocks.step(random, number == 0);
            let count = if random.one_in(5) { 0 } else { random.below(40) };
            let rows = (0..count).flat_map(|_| {
                let offset = random.below(1 << 40) as i64;
                let accepted = Accepted::first(reading(random, &clocks, offset, self.horizon_ms, SKEW_MS));
                let mut row = reporter.reports(accepted).0.expect("every position lies in a cell");
                row.by_camera = random.one_in(4);
                let copy = random.one_in(5).then(|| RoadReport {
                    record: RecordRef::new(row.record.partition(), row.record.offset() / 2),
                    arrival_ms: clocks.arrival_ms(random),
                    displaces: true,
                    ..row.clone()
                });
                std::iter::once(row).chain(copy)
            });
            Cut { rows: rows.collect(), watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        };
        (0..9).map(cut).collect()
    }

    fn twin(&self, history: &History<RoadReport>) -> Vec<Vec<String>> {
        let mut twin = PanesTwin {
            horizon_ms: self.horizon_ms,
            skew_ms: SKEW_MS,
            count_devices: self.count_devices,
            free_flow: [("A40".into(), 100.0)].into(),
            reports: Vec::new(),
        };
        let cut = |(number, cut): (usize, &Cut<RoadReport>)| {
            let (windows, currents) = twin.cut(counted(&cut.rows).into_iter(), Times::of(history, number));
            let windows = windows.iter().map(|((road, window_s, start), value)| {
                format!("window {:?} = {value:?}", (road.as_str(), window_s, start))
            });
            let currents = currents.iter().map(|(road, value)| format!("current {road} = {value:?}"));
            let mut lines: Vec<String> = windows.chain(currents).collect();
            lines.sort();
            lines
        };
        history.iter().enumerate().map(cut).collect()
    }
}

/// A copy stands in for the report before it.
fn counted(rows: &[RoadReport]) -> Vec<Counted> {
    let mut counted: Vec<Counted> = Vec::new();
    for row in rows {
        let RoadReport { road, device, record, event_ms, arrival_ms, speed_kmh, position, by_camera, displaces } =
            row.clone();
        if displaces {
            counted.pop();
        }
        let device = format!("{device:?}").into();
        counted.push(Counted { road, device, record, event_ms, arrival_ms, speed_kmh, position, by_camera });
    }
    counted
}

#[test]
fn panes_obey_the_laws() {
    obeys(Panes { horizon_ms: 120_000, count_devices: true });
}

#[test]
fn panes_obey_the_laws_without_a_horizon() {
    obeys(Panes { horizon_ms: 0, count_devices: false });
}

/// Longer than the masks of devices reach.
#[test]
fn panes_obey_the_laws_with_a_horizon_of_two_hours() {
    obeys(Panes { horizon_ms: 7_200_000, count_devices: true });
}
