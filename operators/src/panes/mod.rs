//! Panes: reports fold into one-minute panes per road; windows are panes side by side.
//!
//! in    reports of roads at tick t, any order of event times
//! out   at ticks that publish the change of each road's current window, old and new; where such a tick is a cut or its
//!       watermark ends a minute, one upsert per changed window before that; a retirement when a window's state is freed
//! state per road and pane the totals of reports and of cameras, the newest report and, where devices are counted, who sent reports; pane p is
//!       freed at the first cut whose last cut's watermark passes p + 5 min + correction horizon
//! late  inside the horizon a correction like any other change; a closed pane takes nothing (`lateness` has told it)
//! moves by slice of the road in `road_current`, so one worker owns all panes of a road
//! fails never

mod current;
mod devices;
mod pane;
mod windows;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use greenwave_model::views::{ROAD_KEPT_MS, RoadCurrent, RoadTraffic};
use greenwave_model::{Change, Clock, Name, ViewRow, vnode};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};
use timely::dataflow::Stream;

use crate::free_flow::FreeFlow;
use crate::keyed::{Keyed, NONE};
use crate::packed::{self, Slices};
use crate::publish::Upsert;
use crate::reports::RoadReport;
use crate::state::{Saved, StateRow, States};
use crate::tick::{self, Closed, Durable, Rows, TickOperator};

pub use pane::{HOPPING_S, PANE_MS, TUMBLING_S, WINDOW_PANES, closed};

use pane::{Pane, RoadState, freed, pane_of};

/// What decides the answers of [`Panes`].
#[derive(Clone, Debug)]
pub struct PanesSettings {
    pub correction_horizon_ms: i64,
    pub clock_skew_ms: i64,
    pub count_devices: bool,
    pub free_flow: Arc<FreeFlow>,
    /// Without, only the current window of each road is given out.
    pub all_windows: bool,
}

/// The change of a road's current window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentChange {
    /// The slice of the road in `road_current`.
    pub vnode: u8,
    pub road: Name,
    pub old: Option<RoadCurrent>,
    pub new: Option<RoadCurrent>,
}

impl CurrentChange {
    pub fn into_upsert(self) -> Upsert<RoadCurrent> {
        let change = self.new.map_or(Change::Retire, Change::Set);
        Upsert { vnode: self.vnode, key: self.road, change }
    }
}

/// Keeps panes and gives out windows.
///
/// ```
/// use greenwave_model::{Change, Clock, Position, RecordRef};
/// use greenwave_operators::panes::{Panes, PanesSettings};
/// use greenwave_operators::{reports::RoadReport, tick::{Closed, Rows, TickOperator}};
/// let clock = Clock { tick: 1, is_cut: true, publishes: true, restored: false, watermark_ms: 0, now_ms: 70_000,
///                     cut_watermark_ms: Clock::NEVER, cut_now_ms: Clock::NEVER };
/// let at = |event_ms| RoadReport { road: "A40".into(), device: [7, 7], record: RecordRef::new(0, event_ms), event_ms,
///     arrival_ms: 70_000, speed_kmh: 30.0, position: Position::new(51.0, 7.0), by_camera: false, displaces: false };
///
/// let mut panes = Panes::new(PanesSettings { correction_horizon_ms: 600_000, clock_skew_ms: 10_000,
///                                            count_devices: true, free_flow: Default::default(), all_windows: true });
/// let (mut out, mut current) = (Rows::default(), Rows::default());
/// panes.fold(&clock, vec![at(0), at(59_999), at(60_000)], &mut out, &mut current);
/// while panes.close(&clock, &mut out, &mut current) == Closed::Partly {}
/// let mut windows: Vec<_> = out.take().into_iter().map(|upsert| match upsert.change {
///     Change::Set(row) => (upsert.key.window_s, upsert.key.window_start_ms / 60_000, row.totals.reports, row.vehicles),
///     _ => panic!(),
/// }).collect();
/// windows.sort();
/// assert_eq!(windows[..2], [(60, 0, 2, Some(1)), (60, 1, 1, Some(1))]);
/// assert_eq!(windows[2], (300, -4, 2, Some(1)));
/// assert_eq!(windows[3..], [-3, -2, -1, 0].map(|start| (300, start, 3, Some(1))).into_iter()
///     .chain([(300, 1, 1, Some(1))]).collect::<Vec<_>>());
/// assert_eq!(current.take()[0].new.as_ref().map(|row| row.window_start_ms), Some(-180_000));
/// ```
pub struct Panes {
    settings: PanesSettings,
    roads: Keyed<Name, RoadState>,
    /// Roads whose current window is to be looked at.
    touched: Vec<u32>,
    /// Roads with something new since the last cut.
    unsettled: Vec<u32>,
    /// Roads with a pane in the future, by the event time that makes it eligible.
    future: BinaryHeap<Reverse<(i64, u32)>>,
    /// Copies that displace a counted one. They wait for the end of the tick, where that one surely is.
    copies: Vec<RoadReport>,
    found: Vec<u32>,
    /// The minute that the watermark had reached when windows were given out last.
    minute: i64,
    stage: Stage,
    slices: Slices,
}

/// How far the end of a tick has got.
#[derive(Clone, Copy)]
enum Stage {
    Open,
    /// Of a cut: roads from this slot on are to be settled.
    Settling(u32),
    Giving {
        windows: bool,
    },
}

/// Roads dealt with before the operators behind have their turn: their windows are still in the core's cache then.
const ROADS_AT_ONCE: usize = 128;

impl Panes {
    pub fn new(settings: PanesSettings) -> Self {
        Self {
            settings,
            roads: Keyed::new(),
            touched: Vec::new(),
            unsettled: Vec::new(),
            future: BinaryHeap::new(),
            copies: Vec::new(),
            found: Vec::new(),
            minute: pane_of(Clock::NEVER),
            stage: Stage::Open,
            slices: Slices::default(),
        }
    }

    fn road(&mut self, name: &Name) -> u32 {
        self.roads.find(name).unwrap_or_else(|| {
            let free_flow_kmh = self.settings.free_flow.get(name);
            let vnode = vnode(RoadCurrent::SPEC.name, name);
            self.roads.insert(name.clone(), RoadState::new(vnode, free_flow_kmh))
        })
    }

    fn touch(&mut self, slot: u32) {
        let road = &mut self.roads.at(slot).1;
        if !road.touched {
            road.touched = true;
            self.touched.push(slot);
        }
        if !road.unsettled {
            road.unsettled = true;
            self.unsettled.push(slot);
        }
    }

    fn count(&mut self, clock: &Clock, report: &RoadReport, found: u32) {
        if closed(report.event_ms, self.settings.correction_horizon_ms, clock) {
            return;
        }
        let slot = if found == NONE { self.road(&report.road) } else { found };
        let (name, road) = self.roads.at(slot);
        road.count(name, report, self.settings.count_devices);
        self.touch(slot);
    }

    /// Has the panes of roads loaded, the newest first.
    fn warm(&self, slots: &[u32]) {
        let roads = slots.iter().filter_map(|slot| if *slot == NONE { None } else { self.roads.get(*slot) });
        let newest = roads.filter_map(|(_, road)| road.panes.last());
        std::hint::black_box(newest.fold(0, |warm, pane| warm | pane.pane));
    }

    /// Has the places of devices loaded.
    fn warm_devices(&self, reports: &[RoadReport], slots: &[u32]) {
        let known = slots.iter().map(|slot| if *slot == NONE { None } else { self.roads.get(*slot) });
        let roads = known.clone().flatten();
        std::hint::black_box(roads.fold(false, |warm, (_, road)| warm | road.devices.is_empty()));
        let places = reports.iter().zip(known);
        std::hint::black_box(places.fold(false, |warm, (report, road)| {
            warm | road.is_some_and(|(_, road)| road.devices.touch(report.device))
        }));
    }

    /// Looks at current windows, and gives out all that changed if that is due.
    fn give_touched(
        &mut self,
        clock: &Clock,
        windows: bool,
        out: &mut Rows<Upsert<RoadTraffic>>,
        side: &mut Rows<CurrentChange>,
    ) {
        let horizon_ms = clock.now_ms.saturating_add(self.settings.clock_skew_ms);
        let some = self.touched.split_off(self.touched.len().saturating_sub(ROADS_AT_ONCE));
        self.warm(&some);
        for slot in some {
            let (name, road) = self.roads.at(slot);
            road.touched = false;
            for pane in road.panes.iter_mut().filter(|pane| pane.touched && pane.totals.reports > 0) {
                if pane.min_event_ms > horizon_ms && pane.awaited_ms != pane.min_event_ms {
                    pane.awaited_ms = pane.min_event_ms;
                    self.future.push(Reverse((pane.min_event_ms, slot)));
                }
            }
            if windows {
                windows::changed(name, road, self.settings.count_devices, |upsert| out.give(upsert));
                road.panes.iter_mut().for_each(|pane| pane.touched = false);
                road.touched_from = i64::MAX;
            }
            current::renew(name, road, clock, &self.settings, side);
            self.drop_if_empty(slot);
        }
    }

    /// Roads with a pane that was in the future and is no longer.
    fn arrive(&mut self, clock: &Clock) {
        let horizon_ms = clock.now_ms.saturating_add(self.settings.clock_skew_ms);
        while self.future.peek().is_some_and(|Reverse((event_ms, _))| *event_ms <= horizon_ms) {
            let Some(Reverse((_, slot))) = self.future.pop() else { break };
            // The slot may have been given to another road since: looking at that one changes nothing.
            if self.roads.get(slot).is_some() {
                self.touch(slot);
            }
        }
    }

    /// At a cut arrivals are settled.
    fn settle_arrivals(&mut self, clock: &Clock) {
        for slot in std::mem::take(&mut self.unsettled) {
            let road = &mut self.roads.at(slot).1;
            road.unsettled = false;
            for pane in road.panes.iter_mut().filter(|pane| pane.newest.arrival_ms > clock.now_ms) {
                (pane.newest.arrival_ms, pane.unsaved) = (clock.now_ms, true);
            }
            // Its arrival may be known better than at the tick that gave it out.
            if !road.touched {
                road.touched = true;
                self.touched.push(slot);
            }
        }
    }

    /// Roads with windows that have changed since the cut.
    fn touch_unsettled(&mut self) {
        for &slot in &self.unsettled {
            let road = &mut self.roads.at(slot).1;
            if road.touched_from < i64::MAX && !road.touched {
                road.touched = true;
                self.touched.push(slot);
            }
        }
    }

    /// At a cut panes are freed, and current windows leave.
    fn free(&mut self, slot: u32, clock: &Clock, out: &mut Rows<Upsert<RoadTraffic>>, side: &mut Rows<CurrentChange>) {
        if self.roads.get(slot).is_none() {
            return;
        }
        let (name, road) = self.roads.at(slot);
        let (horizon_ms, vnode) = (self.settings.correction_horizon_ms, road.vnode);
        let gone = |pane| self.slices.gone(vnode, &(&*name, Some(pane)));
        windows::free(name, road, clock, horizon_ms, self.settings.all_windows.then_some(out), gone);
        let leaves = road.current.as_ref().is_some_and(|row| {
            row.arrival_ms + ROAD_KEPT_MS <= clock.cut_now_ms || freed(pane_of(row.newest_event_ms), horizon_ms, clock)
        });
        if road.touched {
            return;
        }
        if leaves {
            current::renew(name, road, clock, &self.settings, side);
        }
        self.drop_if_empty(slot);
    }

    fn drop_if_empty(&mut self, slot: u32) {
        let road = &self.roads.at(slot).1;
        if road.panes.is_empty() && !road.unsettled {
            debug_assert!(road.current.is_none());
            let (name, road) = self.roads.remove(slot);
            self.slices.gone(road.vnode, &(name, None::<i64>));
        }
    }

    fn begin_to_close(
        &mut self,
        clock: &Clock,
        out: &mut Rows<Upsert<RoadTraffic>>,
        side: &mut Rows<CurrentChange>,
    ) -> Stage {
        let minute = pane_of(clock.watermark_ms);
        if clock.restored {
            self.minute = minute;
            self.give_everything(clock, out, side);
            return Stage::Open;
        }
        for copy in std::mem::take(&mut self.copies) {
            self.count(clock, &copy, NONE);
        }
        if !clock.publishes {
            return Stage::Open;
        }
        self.arrive(clock);
        let minute_ends = minute > std::mem::replace(&mut self.minute, minute);
        if clock.is_cut {
            self.settle_arrivals(clock);
            return Stage::Settling(0);
        }
        let windows = minute_ends && self.settings.all_windows;
        if windows {
            self.touch_unsettled();
        }
        Stage::Giving { windows }
    }

    fn give_everything(&mut self, clock: &Clock, out: &mut Rows<Upsert<RoadTraffic>>, side: &mut Rows<CurrentChange>) {
        let horizon_ms = clock.now_ms.saturating_add(self.settings.clock_skew_ms);
        for slot in 0..self.roads.slots() {
            if self.roads.get(slot).is_none() {
                continue;
            }
            let (name, road) = self.roads.at(slot);
            if self.settings.all_windows {
                windows::all(name, road, self.settings.count_devices, |upsert| out.give(upsert));
            }
            if let Some(current) = road.current.as_deref().cloned() {
                side.give(CurrentChange { vnode: road.vnode, road: name.clone(), old: None, new: Some(current) });
            }
            let ahead = road.panes.iter().filter(|pane| pane.totals.reports > 0 && pane.min_event_ms > horizon_ms);
            self.future.extend(ahead.map(|pane| Reverse((pane.min_event_ms, slot))));
        }
    }
}

impl TickOperator for Panes {
    type In = RoadReport;
    type Out = Upsert<RoadTraffic>;
    type Side = CurrentChange;
    const NAME: &'static str = "panes";

    fn fold(&mut self, clock: &Clock, rows: Vec<RoadReport>, _: &mut Rows<Self::Out>, _: &mut Rows<CurrentChange>) {
        let mut found = std::mem::take(&mut self.found);
        self.roads.find_all(&rows, |report| &report.road, &mut found);
        self.warm(&found);
        if self.settings.count_devices {
            self.warm_devices(&rows, &found);
        }
        for (report, slot) in rows.into_iter().zip(&found) {
            if report.displaces {
                self.copies.push(report);
            } else {
                self.count(clock, &report, *slot);
            }
        }
        self.found = found;
    }

    fn close(&mut self, clock: &Clock, out: &mut Rows<Self::Out>, side: &mut Rows<CurrentChange>) -> Closed {
        self.stage = match self.stage {
            Stage::Open => self.begin_to_close(clock, out, side),
            Stage::Settling(from) => {
                let to = self.roads.slots().min(from + ROADS_AT_ONCE as u32);
                (from..to).for_each(|slot| self.free(slot, clock, out, side));
                if to < self.roads.slots() {
                    Stage::Settling(to)
                } else {
                    Stage::Giving { windows: self.settings.all_windows }
                }
            }
            Stage::Giving { windows } => {
                self.give_touched(clock, windows, out, side);
                if self.touched.is_empty() { Stage::Open } else { Stage::Giving { windows } }
            }
        };
        if matches!(self.stage, Stage::Open) { Closed::Whole } else { Closed::Partly }
    }
}

/// An entry per pane with who reported in it, and one per road without a pane, its current window.
type Entry<P, C, D> = (Option<P>, Option<C>, D);

impl Durable for Panes {
    const ID: &'static str = "road_panes";
    const SCHEMA: u32 = 4;

    fn save(&mut self, clock: &Clock) -> Saved {
        let mut cut = self.slices.cut(clock.tick);
        let mut wanted = Vec::new();
        for (name, road) in self.roads.iter_mut() {
            wanted.clear();
            wanted.extend(road.panes.iter().filter(|pane| cut.wants(road.vnode, pane.unsaved)).map(|pane| pane.pane));
            let panes = road.panes.iter_mut().filter(|pane| wanted.binary_search(&pane.pane).is_ok());
            for (pane, devices) in panes.zip(&road.devices.of_panes(&wanted)) {
                pane.unsaved = false;
                let entry: Entry<&Pane, RoadCurrent, _> = (Some(&*pane), None, Bytes::new(devices));
                cut.entry(road.vnode, true, &(name, Some(pane.pane)), &entry);
            }
            let entry: Entry<Pane, _, _> = (None, road.current.as_deref(), Bytes::new(&[]));
            cut.entry(road.vnode, std::mem::take(&mut road.unsaved), &(name, None::<i64>), &entry);
        }
        cut.finish()
    }

    fn load(&mut self, rows: Vec<StateRow>, saving: bool) {
        self.slices = Slices::restored(&rows, saving);
        let mut devices: Vec<(u32, i64, ByteBuf)> = Vec::new();
        type Key = (Name, Option<i64>);
        for (_, (name, _), (pane, current, seen)) in
            packed::decoded::<Key, Entry<Pane, RoadCurrent, ByteBuf>>(Self::ID, &rows)
        {
            let slot = self.road(&name);
            let road = &mut self.roads.at(slot).1;
            match pane {
                None => (road.current, road.unsaved) = (current.map(Box::new), false),
                Some(pane) => {
                    devices.push((slot, pane.pane, seen));
                    road.panes.push(pane);
                }
            }
        }
        // Masks are counted from a road's first pane.
        devices.sort_unstable_by_key(|(slot, pane, _)| (*slot, *pane));
        for (slot, pane, seen) in devices {
            self.roads.at(slot).1.devices.restore(pane, &seen);
        }
        for slot in 0..self.roads.slots() {
            self.roads.at(slot).1.panes.sort_unstable_by_key(|pane| pane.pane);
        }
    }

    fn live_rows(&self) -> usize {
        self.roads.iter().map(|(_, _, road)| road.panes.len()).sum()
    }
}

/// The windows of each road, and the change of its current one.
pub fn panes<'s>(
    reports: Stream<'s, u64, Vec<RoadReport>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    settings: PanesSettings,
    states: &States,
) -> tick::Ports<'s, Panes> {
    let slot = states.register(Panes::ID, Panes::SCHEMA);
    let by_road = tick::by_vnode(|report: &RoadReport| vnode(RoadCurrent::SPEC.name, &report.road));
    tick::run_durable(reports, clock, by_road, Panes::new(settings), slot)
}
