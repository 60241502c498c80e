//! Runs a plan on timely workers, and keeps what a runtime would keep.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greenwave_model::{Clock, group_of};
use greenwave_operators::tick::received;
use greenwave_operators::{Saved, SavedPart, StateRow, States, standing};
use timely::dataflow::operators::{Input, Inspect, Probe, probe::Handle};

use super::{Plan, Shown, Subject};

/// The state a runtime would have at a cut: per operator its parts, by the tick they were saved at.
#[derive(Clone, Debug, Default)]
pub struct Store(BTreeMap<&'static str, BTreeMap<u64, Vec<StateRow>>>);

impl Store {
    fn commit(&mut self, tick: u64, parts: Vec<SavedPart>) {
        let mut keep: BTreeMap<&'static str, u64> = BTreeMap::new();
        for SavedPart { id, saved, .. } in parts {
            let Saved { rows, keep_from_tick } = saved;
            self.0.entry(id).or_default().entry(tick).or_default().extend(rows);
            let least = keep.entry(id).or_insert(keep_from_tick);
            *least = keep_from_tick.min(*least);
        }
        for (id, keep_from) in keep {
            let parts = self.0.get_mut(id).expect("it was just added");
            *parts = parts.split_off(&keep_from);
        }
    }

    fn of_worker(&self, worker: usize, workers: usize) -> BTreeMap<String, Vec<StateRow>> {
        let mine = |row: &&StateRow| usize::from(group_of(row.vnode)) % workers == worker;
        let rows_of = |parts: &BTreeMap<u64, Vec<StateRow>>| parts.values().flatten().filter(mine).cloned().collect();
        self.0.iter().map(|(id, parts)| ((*id).to_owned(), rows_of(parts))).collect()
    }

    /// Every entry as a line, sorted: what two runs must agree on.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![];
        for (id, parts) in &self.0 {
            let rows: Vec<StateRow> = parts.values().flatten().cloned().collect();
            if id.starts_with("dedup") {
                // The key of such a row names the tick of its cut, which differs between divisions; its clock does not.
                let prints = rows.iter().flat_map(|row| row.value.chunks(16).map(move |print| (row, print)));
                lines.extend(prints.map(|(row, print)| format!("{id} {} {:?} {print:?}", row.vnode, &row.key[8..])));
            } else {
                let entries = standing(&rows);
                lines.extend(entries.map(|(vnode, key, value)| format!("{id} {vnode} {key:?} {value:?}")));
            }
        }
        lines.sort();
        lines
    }
}

pub struct Restored<R> {
    pub clock: Clock,
    pub store: Store,
    pub refill: Vec<R>,
}

pub struct Ran {
    pub shown: Vec<(u64, Shown)>,
    /// After each cut.
    pub stores: Vec<Store>,
    pub differences: u64,
}

#[derive(Default)]
struct Seen {
    shown: Vec<(u64, Shown)>,
    parts: BTreeMap<u64, Vec<SavedPart>>,
    differences: u64,
}

pub fn run<S: Subject>(subject: &S, plan: Plan<S::Row>, workers: usize, restored: Option<Restored<S::Row>>) -> Ran {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let cuts: Vec<u64> = plan.iter().map(|cut| cut.last().expect("a cut has a tick").clock.tick).collect();
    let mut store = restored.as_ref().map(|restored| restored.store.clone()).unwrap_or_default();
    let shared = (subject.clone(), Arc::new(plan), Arc::new(restored), Arc::clone(&seen));
    let guards = timely::execute(timely::Config::process(workers), move |worker| {
        let (subject, plan, restored, seen) = &shared;
        work(worker, subject, plan, restored.as_ref().as_ref(), seen);
    });
    for outcome in guards.expect("threads start").join() {
        outcome.expect("no worker panics");
    }
    let mut seen = std::mem::take(&mut *seen.lock().expect("no worker panicked"));
    let stores = cuts.into_iter().map(|cut| {
        store.commit(cut, seen.parts.remove(&cut).unwrap_or_default());
        store.clone()
    });
    Ran { stores: stores.collect(), shown: seen.shown, differences: seen.differences }
}

/// A worker with nothing to do leaves the core to the others.
const PARK: Option<Duration> = Some(Duration::from_millis(1));
const WAIT: Duration = Duration::from_secs(60);

fn work<S: Subject>(
    worker: &mut timely::worker::Worker,
    subject: &S,
    plan: &Plan<S::Row>,
    restored: Option<&Restored<S::Row>>,
    seen: &Arc<Mutex<Seen>>,
) {
    let (index, peers) = (worker.index(), worker.peers());
    let states = match restored {
        Some(restored) => States::restored(index, peers, true, restored.store.of_worker(index, peers)),
        None => States::new(index, peers, true),
    };
    let probe = Handle::new();
    let (mut rows_in, mut clock_in) = worker.dataflow::<u64, _, _>(|scope| {
        let (rows_in, rows) = scope.new_input::<Vec<S::Row>>();
        let (clock_in, clock) = scope.new_input::<Vec<Clock>>();
        let seen = Arc::clone(seen);
        let shown = subject.build(if peers == 1 { rows } else { received(rows) }, clock, &states).inspect_batch(
            move |tick, shown| {
                let shown = shown.iter().map(|what| (*tick, what.clone()));
                seen.lock().expect("no worker panicked").shown.extend(shown);
            },
        );
        shown.probe_with(&probe);
        (rows_in, clock_in)
    });

    if let Some(Restored { clock, refill, .. }) = restored {
        rows_in.advance_to(clock.tick);
        clock_in.advance_to(clock.tick);
        clock_in.send(*clock);
        refill.iter().skip(index).step_by(peers).for_each(|row| rows_in.send(row.clone()));
    }
    for tick in plan.iter().flatten() {
        let clock = tick.clock;
        rows_in.advance_to(clock.tick);
        clock_in.advance_to(clock.tick);
        clock_in.send(clock);
        tick.rows.iter().filter(|(at, _)| *at == index).for_each(|(_, row)| rows_in.send(row.clone()));
        rows_in.flush();
        clock_in.flush();
        // Ticks of a cut are in flight together, now and then.
        if clock.tick % 2 == 0 {
            worker.step();
        }
        if clock.is_cut {
            rows_in.advance_to(clock.tick + 1);
            clock_in.advance_to(clock.tick + 1);
            let deadline = Instant::now() + WAIT;
            worker.step_or_park_while(PARK, || {
                let waits = probe.less_than(&(clock.tick + 1));
                assert!(
                    !waits || Instant::now() < deadline,
                    "worker {index} of {peers}: cut {} is not passed after {WAIT:?}, the frontier is {:?}",
                    clock.tick,
                    probe.with_frontier(|frontier| frontier.to_vec())
                );
                waits
            });
            let parts = states.take_saved(clock.tick);
            seen.lock().expect("no worker panicked").parts.entry(clock.tick).or_default().extend(parts);
        }
    }
    seen.lock().expect("no worker panicked").differences += states.restore_differences();
}
