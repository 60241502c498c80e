//! Speeds: the current speed of each road as a differential collection, arranged by road for whatever joins it.
//!
//! in    the changes of roads' current windows
//! out   ((road, speed), tick, −1) for what a road had, +1 for what it has; speeds are the bits of km/h
//! state the arrangement. Never saved, refilled from the whole content of what comes before; freed with the roads
//! late  no matter here
//! moves by hash of the road
//! fails never

use differential_dataflow::AsCollection;
use differential_dataflow::operators::arrange::{Arranged, TraceAgent};
use differential_dataflow::trace::implementations::ValSpine;
use greenwave_model::Name;
use greenwave_model::views::RoadCurrent;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::{Stream, channels::pact::Pipeline, operators::Operator};

use crate::panes::CurrentChange;

/// Road → bits of its speed.
pub type SpeedsByRoad<'s> = Arranged<'s, TraceAgent<ValSpine<Name, u64, u64, isize>>>;

/// An update of the collection of (road, bits of the speed).
pub type SpeedUpdate = ((Name, u64), u64, isize);

fn bits(row: &Option<RoadCurrent>) -> Option<u64> {
    row.as_ref().map(|row| row.totals.average_kmh().to_bits())
}

/// What a change makes of the collection. Nothing, if the speed is the same.
///
/// ```
/// use greenwave_model::{Position, views::{CameraTotals, RoadCurrent, RoadTotals}};
/// use greenwave_operators::{panes::CurrentChange, speeds::updates};
/// let at = |speed_kmh| {
///     let mut totals = RoadTotals::NONE;
///     totals.observe(speed_kmh);
///     Some(RoadCurrent { window_s: 300, window_start_ms: 0, totals, cameras: CameraTotals::default(), vehicles: None,
///         free_flow_kmh: None, newest_event_ms: 0, arrival_ms: 0, position: Position::default(), weather_factor: None })
/// };
/// let change = CurrentChange { vnode: 0, road: "A40".into(), old: at(30.0), new: at(20.0) };
/// let (old, new) = (("A40".into(), 30f64.to_bits()), ("A40".into(), 20f64.to_bits()));
/// assert_eq!(updates(change, 7).collect::<Vec<_>>(), [(old, 7, -1), (new, 7, 1)]);
/// ```
pub fn updates(change: CurrentChange, tick: u64) -> impl Iterator<Item = SpeedUpdate> {
    let (old, new) = (bits(&change.old), bits(&change.new));
    let (old, new) = if old == new { (None, None) } else { (old, new) };
    let old = old.map(|old| ((change.road.clone(), old), tick, -1));
    old.into_iter().chain(new.map(|new| ((change.road, new), tick, 1)))
}

/// The speeds of all roads that have a current window.
pub fn speeds<'s>(changes: Stream<'s, u64, Vec<CurrentChange>>) -> SpeedsByRoad<'s> {
    let updates = changes.unary::<CapacityContainerBuilder<Vec<SpeedUpdate>>, _, _, _>(Pipeline, "speeds", |_, _| {
        |input, output| {
            input.for_each(|capability, changes| {
                let tick = *capability.time();
                let updates = changes.drain(..).flat_map(|change| updates(change, tick));
                output.session(&capability).give_iterator(updates);
            });
        }
    });
    updates.as_collection().arrange_by_key_named("speeds")
}
