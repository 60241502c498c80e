//! Puts what the leader and the workers say into order: a tick is ready once it is bound and every worker completed it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use greenwave_model::Deltas;

/// A tick with everything that belongs to it.
#[derive(Debug)]
pub(super) struct Tick {
    pub tick: u64,
    /// The tick bound before it.
    pub before: u64,
    pub binding: Arc<str>,
    pub now_ms: i64,
    pub deltas: Vec<Arc<dyn Deltas>>,
}

#[derive(Debug)]
pub(super) struct Inbox {
    /// By worker: it has handed over every delta up to here.
    complete: Vec<u64>,
    bound: VecDeque<Tick>,
    deltas: BTreeMap<u64, Vec<Arc<dyn Deltas>>>,
}

impl Inbox {
    pub fn new(workers: usize) -> Self {
        Self { complete: vec![0; workers.max(1)], bound: VecDeque::new(), deltas: BTreeMap::new() }
    }

    pub fn bound(&mut self, tick: Tick) {
        debug_assert!(self.bound.back().is_none_or(|last| last.tick < tick.tick), "ticks are bound in order");
        self.bound.push_back(tick);
    }

    pub fn deltas(&mut self, tick: u64, deltas: Arc<dyn Deltas>) {
        self.deltas.entry(tick).or_default().push(deltas);
    }

    pub fn complete(&mut self, worker: usize, tick: u64) {
        debug_assert!(worker < self.complete.len(), "worker {worker} of {}", self.complete.len());
        if let Some(reached) = self.complete.get_mut(worker) {
            *reached = tick.max(*reached);
        }
    }

    /// The ticks that became ready, in order.
    pub fn take_ready(&mut self) -> Vec<Tick> {
        let complete = self.complete.iter().copied().min().unwrap_or(0);
        let count = self.bound.iter().take_while(|tick| tick.tick <= complete).count();
        let mut ready: Vec<Tick> = self.bound.drain(..count).collect();
        for tick in &mut ready {
            while let Some(entry) = self.deltas.first_entry().filter(|entry| *entry.key() <= tick.tick) {
                tick.deltas.append(&mut entry.remove());
            }
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(number: u64) -> Tick {
        Tick { tick: number, before: number - 1, binding: "{}".into(), now_ms: 0, deltas: vec![] }
    }

    #[test]
    fn a_tick_is_ready_when_bound_and_completed_by_all() {
        let mut inbox = Inbox::new(2);
        inbox.complete(0, 2);
        inbox.complete(1, 1);
        assert!(inbox.take_ready().is_empty());
        (1..4).for_each(|number| inbox.bound(tick(number)));
        let ready = |inbox: &mut Inbox| inbox.take_ready().iter().map(|tick| tick.tick).collect::<Vec<_>>();
        assert_eq!(ready(&mut inbox), [1]);
        inbox.complete(1, 9);
        assert_eq!(ready(&mut inbox), [2]);
        assert!(ready(&mut inbox).is_empty());
    }
}
