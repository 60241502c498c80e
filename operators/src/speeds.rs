//! Speeds: the current speed of each road as updates of a differential collection.
//!
//! in    the changes of roads' current windows
//! out   ((road, speed), tick, −1) for what a road had when the last updates were given out, +1 for what it has; speeds
//!       are the bits of km/h
//! state changes that wait; none at a cut, so nothing is saved
//! late  no matter here
//! moves nothing
//! fails never
//!
//! Differential's cost follows the updates it is given, whatever the number of events behind them. A tick that spans
//! more than a second of the clock is not news from now but work on a backlog: its changes wait for the cut.

use greenwave_model::views::RoadCurrent;
use greenwave_model::{Clock, Name};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use timely::dataflow::{Stream, channels::pact::Pipeline};

use crate::panes::CurrentChange;
use crate::tick::{self, Rows, TickOperator};

/// A tick that moves the clock by no more is given out at once.
const FRESH_MS: i64 = 1_000;

/// An update of the collection of (road, bits of the speed).
pub type SpeedUpdate = ((Name, u64), u64, isize);

/// Gives out speeds.
///
/// ```
/// use greenwave_model::{Clock, views::{RoadCurrent, RoadTotals}};
/// use greenwave_operators::{panes::CurrentChange, speeds::Speeds, tick::{Rows, TickOperator}};
/// let clock = |tick, now_ms, is_cut| Clock { tick, is_cut, restored: false, watermark_ms: 0, now_ms, cut_watermark_ms: 0, cut_now_ms: 0 };
/// let at = |speed_kmh| {
///     let mut totals = RoadTotals::NONE;
///     totals.observe(speed_kmh);
///     Some(RoadCurrent { window_s: 300, window_start_ms: 0, totals, vehicles: None, free_flow_kmh: None, newest_event_ms: 0, arrival_ms: 0 })
/// };
/// let change = |old, new| CurrentChange { vnode: 0, road: "A40".into(), old, new };
///
/// let mut speeds = Speeds::default();
/// let (mut out, mut none) = (Rows::default(), Rows::default());
/// speeds.fold(&clock(1, 500, false), vec![change(None, at(30.0))], &mut out, &mut none);
/// speeds.close(&clock(1, 500, false), &mut out, &mut none);
/// assert_eq!(out.take(), [(("A40".into(), 30f64.to_bits()), 1, 1)]);
/// speeds.fold(&clock(2, 60_000, false), vec![change(at(30.0), at(20.0))], &mut out, &mut none);
/// speeds.close(&clock(2, 60_000, false), &mut out, &mut none);
/// assert_eq!(out.take(), []);                              // a minute in one tick: waits
/// speeds.fold(&clock(3, 120_000, true), vec![change(at(20.0), None)], &mut out, &mut none);
/// speeds.close(&clock(3, 120_000, true), &mut out, &mut none);
/// assert_eq!(out.take(), [(("A40".into(), 30f64.to_bits()), 3, -1)]);
/// ```
#[derive(Default)]
pub struct Speeds {
    /// Per changed road, what was given out last and what it is now.
    waiting: HashMap<Name, (Option<u64>, Option<u64>), FxBuildHasher>,
    last_now_ms: Option<i64>,
}

fn bits(row: &Option<RoadCurrent>) -> Option<u64> {
    row.as_ref().map(|row| row.totals.average_kmh().to_bits())
}

impl TickOperator for Speeds {
    type In = CurrentChange;
    type Out = SpeedUpdate;
    type Side = ();
    const NAME: &'static str = "speeds";

    fn fold(&mut self, _: &Clock, rows: Vec<CurrentChange>, _: &mut Rows<SpeedUpdate>, _: &mut Rows<()>) {
        for change in rows {
            self.waiting.entry(change.road).or_insert((bits(&change.old), None)).1 = bits(&change.new);
        }
    }

    fn close(&mut self, clock: &Clock, out: &mut Rows<SpeedUpdate>, _: &mut Rows<()>) {
        let fresh = self.last_now_ms.is_none_or(|last| clock.now_ms.saturating_sub(last) <= FRESH_MS);
        self.last_now_ms = Some(clock.now_ms);
        if !(clock.is_cut || clock.restored || fresh) {
            return;
        }
        for (road, (old, new)) in self.waiting.drain() {
            if old != new {
                old.into_iter().for_each(|old| out.give(((road.clone(), old), clock.tick, -1)));
                new.into_iter().for_each(|new| out.give(((road.clone(), new), clock.tick, 1)));
            }
        }
    }
}

/// The speeds of all roads that have a current window.
pub fn speeds<'s>(
    changes: Stream<'s, u64, Vec<CurrentChange>>,
    clock: Stream<'s, u64, Vec<Clock>>,
) -> Stream<'s, u64, Vec<SpeedUpdate>> {
    tick::run(changes, clock, Pipeline, Speeds::default()).0
}
