//! Summary: totals over other views, from how each of them changes.
//!
//! in    changes of the totals
//! out   at every cut the summary with the clock of the cut; at other ticks that publish, if a total has changed or the
//!       last one given out is half a minute old. Vehicles and incidents are those of the last cut
//! state none that is saved: at the restored tick every operator before this one gives out all it holds
//! late  no matter here
//! moves each worker's sum of a tick to the one worker that adds them up
//! fails never

use greenwave_model::views::{CitySummary, Level, RoadCurrent, SUMMARY};
use greenwave_model::{Change, Clock, Name, ViewRow, group_of, vnode};
use timely::dataflow::{Stream, channels::pact::Pipeline};

use crate::panes::CurrentChange;
use crate::publish::Upsert;
use crate::tick::{self, Closed, Rows, TickOperator};

/// Given out again after this long, for readers of a value that expires.
const AGAIN_MS: i64 = 30_000;

/// What the change of a road's current window does to the totals.
///
/// ```
/// use greenwave_model::{Position, views::{CameraTotals, RoadCurrent, RoadTotals}};
/// use greenwave_operators::{panes::CurrentChange, summary::of_road};
/// let at = |speed_kmh| {
///     let mut totals = RoadTotals::NONE;
///     totals.observe(speed_kmh);
///     Some(RoadCurrent { window_s: 300, window_start_ms: 0, totals, cameras: CameraTotals::default(), vehicles: None,
///         free_flow_kmh: Some(100.0), newest_event_ms: 0, arrival_ms: 0, position: Position::default(), weather_factor: None })
/// };
/// let by = of_road(CurrentChange { vnode: 0, road: "A40".into(), old: at(80.0), new: at(30.0) });
/// assert_eq!((by.roads, by.congested_roads, by.reports, by.speed_sum_e6), (0, 1, 0, -50_000_000));
/// ```
pub fn of_road(change: CurrentChange) -> CitySummary {
    let mut by = CitySummary::default();
    let mut count = |row: Option<RoadCurrent>, sign| {
        let Some(row) = row else { return };
        let level = Level::of(row.totals.average_kmh(), row.free_flow_kmh);
        by.roads += sign;
        by.congested_roads += sign * i64::from(level >= Level::Heavy);
        by.reports += sign * i64::from(row.totals.reports);
        by.speed_sum_e6 += sign * row.totals.speed_sum_e6;
    };
    count(change.new, 1);
    count(change.old, -1);
    by
}

/// Adds up one worker's changes of a tick.
#[derive(Default)]
struct Sum(CitySummary);

impl TickOperator for Sum {
    type In = CitySummary;
    type Out = CitySummary;
    type Side = ();
    const NAME: &'static str = "summary of a worker";

    fn fold(&mut self, _: &Clock, rows: Vec<CitySummary>, _: &mut Rows<CitySummary>, _: &mut Rows<()>) {
        rows.iter().for_each(|by| self.0.add(by));
    }

    fn close(&mut self, _: &Clock, out: &mut Rows<CitySummary>, _: &mut Rows<()>) -> Closed {
        let sum = std::mem::take(&mut self.0);
        if sum != CitySummary::default() {
            out.give(sum);
        }
        Closed::Whole
    }
}

/// The totals, and the summary given out last.
struct Summary {
    /// The clock reaches every worker; only the one that owns the key has anything to say.
    is_owner: bool,
    totals: CitySummary,
    given: Option<CitySummary>,
}

impl Summary {
    fn is_news(&self, now: &CitySummary) -> bool {
        let is_as_now = |given: &CitySummary| CitySummary { now_ms: now.now_ms, ..given.clone() } == *now;
        self.given.as_ref().is_none_or(|given| !is_as_now(given) || now.now_ms >= given.now_ms + AGAIN_MS)
    }
}

impl TickOperator for Summary {
    type In = CitySummary;
    type Out = Upsert<CitySummary>;
    type Side = ();
    const NAME: &'static str = "summary";

    fn fold(&mut self, _: &Clock, rows: Vec<CitySummary>, _: &mut Rows<Self::Out>, _: &mut Rows<()>) {
        rows.iter().for_each(|by| self.totals.add(by));
    }

    fn close(&mut self, clock: &Clock, out: &mut Rows<Self::Out>, _: &mut Rows<()>) -> Closed {
        let mut now = CitySummary { now_ms: clock.now_ms, ..self.totals.clone() };
        let at_cut = clock.is_cut || clock.restored;
        if !at_cut {
            let given = self.given.as_ref();
            (now.vehicles, now.incidents) = given.map_or((0, 0), |given| (given.vehicles, given.incidents));
        }
        if self.is_owner && (at_cut || (clock.publishes && self.is_news(&now))) {
            self.given = Some(now.clone());
            out.give(Upsert::new(Name::new_static(SUMMARY), Change::Set(now)));
        }
        Closed::Whole
    }
}

/// The summary of a city, of how its totals change on every worker.
pub fn summary<'s>(
    changes: Stream<'s, u64, Vec<CitySummary>>,
    clock: Stream<'s, u64, Vec<Clock>>,
) -> Stream<'s, u64, Vec<Upsert<CitySummary>>> {
    let (sums, _) = tick::run(changes, clock.clone(), Pipeline, Sum::default());
    let slice = vnode(CitySummary::SPEC.name, SUMMARY);
    let worker = clock.scope().worker();
    let is_owner = usize::from(group_of(slice)) % worker.peers() == worker.index();
    let summary = Summary { is_owner, totals: CitySummary::default(), given: None };
    tick::run(sums, clock, tick::by_vnode(move |_: &CitySummary| slice), summary).0
}
