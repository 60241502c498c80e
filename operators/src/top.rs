//! Top: the roads that lose the largest share of their free-flow speed, by rank.
//!
//! in    the collection of roads' speeds; the free-flow table, each worker its share
//! out   one upsert per changed rank and tick: the road there, or its removal when fewer roads are left
//! state differential's own: the table, roads by bucket, the best of each bucket. Never saved, refilled
//!       from the whole content of what comes before. Freed with the roads
//! late  a late change of a speed is a change
//! moves by hash of the road, by bucket, and the best of all buckets to one worker
//! fails never

use std::collections::BTreeMap;

use differential_dataflow::{AsCollection, VecCollection};
use greenwave_model::views::{HOTSPOTS, Hotspot};
use greenwave_model::{Change, Clock, Name, ViewRow, vnode};
use timely::dataflow::{
    Scope, Stream,
    operators::{ToStream, vec::Delay},
};

use crate::free_flow::FreeFlow;
use crate::publish::Upsert;
use crate::speeds::SpeedsByRoad;
use crate::state::States;
use crate::tick::{self, Closed, Rows, TickOperator};

/// Roads are ranked within a bucket first. About a hundred roads each in a city of ten thousand.
const BUCKETS: u8 = 64;

/// A road with its score, worst first: the score's place in the total order of numbers, turned round; then the road,
/// which settles ties; then the bits of its speed and of its free-flow speed.
type Scored = (i64, Name, u64, u64);

/// Numbers in the order of `total_cmp`, largest first.
fn descending(number: f64) -> i64 {
    let bits = number.to_bits() as i64;
    !(bits ^ ((bits >> 63) as u64 >> 1) as i64)
}

fn scored(road: &Name, speed: u64, free_flow: u64) -> Scored {
    let (average_kmh, free_flow_kmh) = (f64::from_bits(speed), f64::from_bits(free_flow));
    let hotspot = Hotspot { road: road.clone(), average_kmh, free_flow_kmh };
    (descending(hotspot.congestion()), hotspot.road, speed, free_flow)
}

/// The free-flow table as a collection, spread over the workers.
fn free_flows<'s>(
    scope: Scope<'s, u64>,
    table: &FreeFlow,
    states: &States,
) -> VecCollection<'s, u64, (Name, u64), isize> {
    let (worker, workers) = (states.worker(), states.workers());
    let mine = |road: &Name| usize::from(vnode(Hotspot::SPEC.name, road)) % workers == worker;
    let share: Vec<_> = table.iter().filter(|(road, _)| mine(road)).collect();
    let updates: Vec<_> = share.into_iter().map(|(road, kmh)| ((road.clone(), kmh.to_bits()), 0, 1)).collect();
    updates.to_stream(scope).container::<Vec<_>>().as_collection()
}

/// The rank, from 1, of each of the roads with the largest scores.
fn ranked<'s>(
    speeds: SpeedsByRoad<'s>,
    free_flows: VecCollection<'s, u64, (Name, u64), isize>,
) -> VecCollection<'s, u64, (u32, Scored), isize> {
    let by_bucket = speeds.join_core(free_flows.arrange_by_key_named("free flow"), |road, speed, free_flow| {
        Some((vnode(Hotspot::SPEC.name, road) % BUCKETS, scored(road, *speed, *free_flow)))
    });
    let of_buckets = by_bucket.reduce_named("top of bucket", |_, roads, top| {
        top.extend(roads.iter().take(HOTSPOTS as usize).map(|(road, _)| ((*road).clone(), 1)));
    });
    let of_all = of_buckets.map(|(_, road)| ((), road)).reduce_named("top of all", |(), roads, top| {
        let ranks = (1..=HOTSPOTS).zip(roads);
        top.extend(ranks.map(|(rank, (road, _))| ((rank, (*road).clone()), 1)));
    });
    of_all.map(|((), ranked)| ranked)
}

/// An update of the ranks' collection.
pub type RankUpdate = ((u32, Scored), u64, isize);

/// Turns a tick's updates of ranks into upserts.
///
/// ```
/// use greenwave_model::{Change, Clock};
/// use greenwave_operators::{tick::{Rows, TickOperator}, top::Ranks};
/// let clock = Clock { tick: 7, is_cut: false, publishes: true, restored: false, watermark_ms: 0, now_ms: 0, cut_watermark_ms: 0, cut_now_ms: 0 };
/// let road = |name: &str| (0, name.into(), 10f64.to_bits(), 100f64.to_bits());
/// let mut ranks = Ranks::default();
/// let (mut out, mut none) = (Rows::default(), Rows::default());
/// ranks.fold(&clock, vec![((1, road("A1")), 7, -1), ((2, road("A2")), 7, -1), ((1, road("A2")), 7, 1)], &mut out, &mut none);
/// ranks.close(&clock, &mut out, &mut none);
/// let upserts = out.take();
/// assert!(matches!(&upserts[0].change, Change::Set(row) if row.road == "A2" && row.congestion() == 0.9));
/// assert_eq!((upserts[1].key, &upserts[1].change), (2, &Change::Remove));
/// ```
#[derive(Default)]
pub struct Ranks {
    changed: BTreeMap<u32, BTreeMap<Scored, isize>>,
}

impl TickOperator for Ranks {
    type In = RankUpdate;
    type Out = Upsert<Hotspot>;
    type Side = ();
    const NAME: &'static str = "ranks";

    fn fold(&mut self, _: &Clock, rows: Vec<RankUpdate>, _: &mut Rows<Upsert<Hotspot>>, _: &mut Rows<()>) {
        for ((rank, road), _, diff) in rows {
            *self.changed.entry(rank).or_default().entry(road).or_default() += diff;
        }
    }

    fn close(&mut self, _: &Clock, out: &mut Rows<Upsert<Hotspot>>, _: &mut Rows<()>) -> Closed {
        for (rank, roads) in std::mem::take(&mut self.changed) {
            let gone = roads.values().any(|diff| *diff < 0);
            let there = roads.into_iter().find(|(_, diff)| *diff > 0);
            let change = match there {
                Some(((_, road, speed, free_flow), _)) => Change::Set(Hotspot {
                    road,
                    average_kmh: f64::from_bits(speed),
                    free_flow_kmh: f64::from_bits(free_flow),
                }),
                None if gone => Change::Remove,
                None => continue,
            };
            out.give(Upsert::new(rank, change));
        }
        Closed::Whole
    }
}

/// The worst roads by rank. Without a table there are none.
pub fn top<'s>(
    speeds: SpeedsByRoad<'s>,
    clock: Stream<'s, u64, Vec<Clock>>,
    table: &FreeFlow,
    states: &States,
) -> Stream<'s, u64, Vec<Upsert<Hotspot>>> {
    let ranked = ranked(speeds, free_flows(clock.scope(), table, states));
    // Differential answers several ticks in one container, sent at the time of the first.
    let at_their_ticks = ranked.inner.delay(|(_, tick, _), _| *tick);
    let by_rank = tick::by_vnode(|((rank, _), _, _): &RankUpdate| rank_slice(*rank));
    tick::run(at_their_ticks, clock, by_rank, Ranks::default()).0
}

fn rank_slice(rank: u32) -> u8 {
    let mut text = String::new();
    Hotspot::key_text(&rank, &mut text);
    vnode(Hotspot::SPEC.name, &text)
}
