//! The laws every operator keeps, and the harness that puts one to them.
//!
//! At every cut, with 1, 2 and 4 workers, rows fed on all of them: what an operator shows equals what its slow twin
//! shows; permuting the rows of a tick or dividing the cut into other ticks changes neither that nor the state; and a
//! run that is stopped at a cut and restored, at another number of workers, goes on as if it had not been.

#![allow(dead_code)]

pub mod episodes;
pub mod random;
mod run;
pub mod travel;
pub mod twins;

use std::collections::BTreeMap;
use std::fmt::Debug;

use greenwave_model::Clock;
use greenwave_operators::States;
use timely::ExchangeData;
use timely::dataflow::Stream;

pub use random::Random;
use run::{Ran, Restored, Store, run};

/// What an operator lets be seen.
#[derive(Clone, Debug)]
pub enum Shown {
    /// Counted with its sign; what is left at a cut is a line of the cut.
    Line(String, i64),
    /// A keyed value that stands until it changes. At most one per key and tick.
    Put(String, Option<String>),
    /// A line of the cut in which it is given. Given twice it is two lines.
    Row(String),
}

/// The rows between two cuts and what the cut binds.
#[derive(Clone, Debug)]
pub struct Cut<R> {
    pub rows: Vec<R>,
    pub watermark_ms: i64,
    pub now_ms: i64,
}

pub type History<R> = Vec<Cut<R>>;

/// A stream of rows with a tick each.
pub type Ticked<'s, T> = Stream<'s, u64, Vec<T>>;

/// An operator under the laws.
pub trait Subject: Clone + Send + Sync + 'static {
    type Row: ExchangeData + Clone + Sync + Debug;

    fn build<'s>(&self, rows: Ticked<'s, Self::Row>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown>;

    fn history(&self, random: &mut Random) -> History<Self::Row>;

    /// The slow twin: the sorted lines of each cut.
    fn twin(&self, history: &History<Self::Row>) -> Vec<Vec<String>>;

    /// What the operator before this one would emit at the restored tick, after that many cuts.
    fn refill(&self, _history: &History<Self::Row>, _cuts: usize) -> Vec<Self::Row> {
        Vec::new()
    }

    /// Rows of a cut must not overtake each other from tick to tick.
    const ORDERED: bool = false;

    /// The rows of one tick as the operator before this one would give them.
    fn of_tick(&self, rows: Vec<Self::Row>) -> Vec<Self::Row> {
        rows
    }
}

/// A tick as it is fed: its clock, and each row with the worker it is fed on.
#[derive(Clone, Debug)]
pub struct Tick<R> {
    pub clock: Clock,
    pub rows: Vec<(usize, R)>,
}

/// The ticks of each cut.
pub type Plan<R> = Vec<Vec<Tick<R>>>;

/// A cut's own number is a tick's too; the numbers have gaps.
fn tick_number(cut: usize, tick: usize) -> u64 {
    (cut as u64 + 1) * 1_000 + tick as u64 * 7
}

/// Divides every cut into ticks at random. Watermark and clock move towards the cut's in steps.
fn divide<S: Subject>(subject: &S, history: &History<S::Row>, random: &mut Random) -> Plan<S::Row> {
    let mut plan = Vec::new();
    let (mut watermark_ms, mut now_ms) = (None::<i64>, None::<i64>);
    for (number, cut) in history.iter().enumerate() {
        let ticks = 1 + random.below(4) as usize;
        let mut places: Vec<usize> = cut.rows.iter().map(|_| random.below(ticks as u64) as usize).collect();
        if S::ORDERED {
            places.sort_unstable();
        }
        let towards = |from: Option<i64>, to: i64, tick: usize| {
            let from = from.unwrap_or(to - 5_000).min(to);
            if tick + 1 == ticks { to } else { from + (to - from) * tick as i64 / ticks as i64 }
        };
        let divided = (0..ticks).map(|tick| {
            let of_tick = cut.rows.iter().zip(&places).filter(|(_, place)| **place == tick);
            let rows = subject.of_tick(of_tick.map(|(row, _)| row.clone()).collect());
            let clock = Clock {
                tick: tick_number(number, tick),
                is_cut: tick + 1 == ticks,
                publishes: tick + 1 == ticks || random.below(2) == 0,
                restored: false,
                watermark_ms: towards(watermark_ms, cut.watermark_ms, tick),
                now_ms: towards(now_ms, cut.now_ms, tick),
                cut_watermark_ms: watermark_ms.unwrap_or(Clock::NEVER),
                cut_now_ms: now_ms.unwrap_or(Clock::NEVER),
            };
            Tick { clock, rows: rows.into_iter().map(|row| (0, row)).collect() }
        });
        plan.push(divided.collect());
        (watermark_ms, now_ms) = (Some(cut.watermark_ms), Some(cut.now_ms));
    }
    plan
}

/// The same ticks with their rows in another order, fed on other workers.
fn permute<R>(mut plan: Plan<R>, random: &mut Random, workers: usize) -> Plan<R> {
    for tick in plan.iter_mut().flatten() {
        random.shuffle(&mut tick.rows);
        tick.rows.iter_mut().for_each(|(worker, _)| *worker = random.below(workers as u64) as usize);
    }
    plan
}

/// The lines of each cut, from what was shown in whatever order at each tick.
fn lines<R>(plan: &[Vec<Tick<R>>], ran: &Ran, context: &str) -> Vec<Vec<String>> {
    let mut standing = BTreeMap::new();
    let mut shown: BTreeMap<u64, Vec<&Shown>> = BTreeMap::new();
    ran.shown.iter().for_each(|(tick, what)| shown.entry(*tick).or_default().push(what));
    let mut cuts = Vec::new();
    let mut from = 0;
    for cut in plan {
        let (mut counted, mut lines) = (BTreeMap::new(), Vec::new());
        let end = cut.last().expect("a cut has a tick").clock.tick;
        for (tick, of_tick) in shown.range(from..=end) {
            let mut put = BTreeMap::new();
            for what in of_tick {
                match what {
                    Shown::Line(line, diff) => *counted.entry(line.clone()).or_insert(0) += diff,
                    Shown::Row(line) => lines.push(line.clone()),
                    Shown::Put(key, value) => {
                        let before = put.insert(key.clone(), value.clone());
                        assert!(before.is_none(), "{context}: {key} is put twice at tick {tick}");
                    }
                }
            }
            standing.extend(put);
        }
        standing.retain(|_, value: &mut Option<String>| value.is_some());
        lines.extend(standing.iter().map(|(key, value)| format!("{key} = {}", value.as_deref().unwrap_or("?"))));
        lines.extend(counted.into_iter().filter(|(_, n)| *n != 0).map(|(line, n)| format!("{line} × {n}")));
        lines.sort();
        cuts.push(lines);
        from = end + 1;
    }
    cuts
}

/// Compares cut by cut and names the first lines that differ.
fn same(context: &str, cuts: usize, expected: &[Vec<String>], got: &[Vec<String>]) {
    assert_eq!(expected.len(), got.len(), "{context}: number of cuts");
    for (number, (expected, got)) in expected.iter().zip(got).enumerate() {
        let missing: Vec<_> = expected.iter().filter(|line| !got.contains(line)).take(3).collect();
        let surplus: Vec<_> = got.iter().filter(|line| !expected.contains(line)).take(3).collect();
        assert!(
            expected == got,
            "{context}, cut {}: {} lines expected, {} got\n missing {missing:#?}\n surplus {surplus:#?}",
            number + cuts,
            expected.len(),
            got.len()
        );
    }
}

/// Puts an operator to all laws under one seed.
fn obey<S: Subject>(subject: &S, seed: u64) {
    let mut random = Random::new(seed);
    let history = subject.history(&mut random);
    let expected = subject.twin(&history);
    let mut state: Option<Vec<Vec<String>>> = None;
    for workers in [1, 2, 4] {
        let first = permute(divide(subject, &history, &mut random), &mut random, workers);
        let permuted = permute(first.clone(), &mut random, workers);
        let divided = permute(divide(subject, &history, &mut random), &mut random, workers);
        for (law, plan) in [("twin", &first), ("permutation", &permuted), ("division", &divided)] {
            let context = format!("seed {seed}, {workers} workers, law of {law}");
            let ran = run(subject, plan.clone(), workers, None);
            same(&context, 0, &expected, &lines(plan, &ran, &context));
            let stored: Vec<_> = ran.stores.iter().map(Store::lines).collect();
            same(&format!("{context}, state"), 0, state.get_or_insert_with(|| stored.clone()), &stored);
        }
        let at = 1 + random.below(history.len() as u64 - 1) as usize;
        let others = [1, 2, 4][random.below(3) as usize];
        let plans = (&first, &permute(divided, &mut random, others));
        restore(subject, &history, plans, at, (workers, others), &expected, seed);
    }
}

/// Stops after `at` cuts and goes on at another number of workers.
fn restore<S: Subject>(
    subject: &S,
    history: &History<S::Row>,
    (before, after): (&Plan<S::Row>, &Plan<S::Row>),
    at: usize,
    (workers, others): (usize, usize),
    expected: &[Vec<String>],
    seed: u64,
) {
    let context = format!("seed {seed}, {workers} workers, restored after cut {at} at {others}");
    let stopped = run(subject, before[..at].to_vec(), workers, None);
    let store = stopped.stores.last().expect("there was a cut").clone();
    let clock = before[at - 1].last().expect("a cut has a tick").clock;
    let restored = Restored { clock: Clock { restored: true, ..clock }, store, refill: subject.refill(history, at) };
    let went_on = run(subject, after[at..].to_vec(), others, Some(restored));
    same(&context, at, &expected[at..], &lines(&after[at..], &went_on, &context));
    assert_eq!(went_on.differences, 0, "{context}: differences after the restore");
}

/// Puts an operator to all laws under several dozen seeds.
pub fn obeys<S: Subject>(subject: S) {
    let (first, count) = match std::env::var("GREENWAVE_SEED").map(|seed| seed.parse()) {
        Ok(Ok(seed)) => (seed, 1),
        _ => (1, 40),
    };
    (first..first + count).for_each(|seed| obey(&subject, seed));
}
