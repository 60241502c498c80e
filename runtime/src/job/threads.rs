//! The worker threads, each with its reader.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::Receiver;
use greenwave_model::Binding;
use greenwave_sinks::kafka::DeadLetters;
use greenwave_sinks::speed::Speed;
use greenwave_sources::{Budget, FromSource, Link, Position};

use super::RunError;
use super::input::Opened;
use crate::Build;
use crate::fate::Fate;
use crate::leader::Leader;
use crate::restore;
use crate::stager::Stager;
use crate::store::Store;
use crate::worker::{self, Equipment, Remains};

/// Decoded payload bytes that may wait for their tick, per worker. A tick of a folder takes a quarter of it at most.
const BUDGET_BYTES: usize = 128 << 20;
/// The same of a run with a pace, which is not to be read far ahead of its time.
const PACED_BUDGET_BYTES: usize = 16 << 20;
/// Batches between a source thread and its worker.
const BATCHES_WAITING_MAX: usize = 256;

/// What every worker is equipped from.
pub struct Shared {
    pub restored: Option<Binding>,
    pub positions: Vec<Position>,
    pub input: Opened,
    pub store: Store,
    pub generation: u64,
    pub speed: Arc<Speed>,
    pub letters: Option<Arc<DeadLetters>>,
    pub fate: Arc<Fate>,
    pub plan: Arc<worker::Plan>,
    pub build: Build,
    pub saving: bool,
    pub with_lake: bool,
    pub workers: usize,
    pub is_paced: bool,
    /// By worker, until it takes its own.
    pub states: Mutex<Vec<restore::Rows>>,
    pub leader: Mutex<Option<Leader>>,
}

pub fn run_workers(shared: Arc<Shared>) -> Result<Vec<Remains>, RunError> {
    let config = timely::Config::process(shared.workers);
    let guards = timely::execute(config, move |timely| {
        let thread = std::thread::current();
        let wake = Arc::new(move || thread.unpark());
        let stop = Arc::new(AtomicBool::new(false));
        let budget = Arc::new(Budget::new(if shared.is_paced { PACED_BUDGET_BYTES } else { BUDGET_BYTES }));
        let (sender, batches) = crossbeam_channel::bounded(BATCHES_WAITING_MAX);
        let link = Link { sender, wake: wake.clone(), budget: budget.clone(), stop: stop.clone() };
        let reader = shared.input.start(&shared.positions, timely.index(), shared.workers, link);
        let remains = worker::run(timely, shared.equip(timely.index(), batches, budget.clone(), wake));
        stop.store(true, Ordering::Release);
        budget.release(usize::MAX / 2);
        let _ = reader.join();
        remains
    });
    let guards = guards.map_err(RunError::Engine)?;
    guards.join().into_iter().map(|remains| remains.map_err(RunError::Engine)).collect()
}

impl Shared {
    fn equip(
        &self,
        index: usize,
        batches: Receiver<FromSource>,
        budget: Arc<Budget>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Equipment {
        let leader = (index == 0).then(|| self.leader.lock().unwrap_or_else(PoisonError::into_inner).take()).flatten();
        let state = std::mem::take(&mut self.states.lock().unwrap_or_else(PoisonError::into_inner)[index]);
        let (store, fate) = (self.store.clone(), self.fate.clone());
        Equipment {
            build: self.build.clone(),
            restored: self.restored.clone(),
            state,
            saving: self.saving,
            with_lake: self.with_lake,
            batches,
            budget,
            stager: Stager::start(store, self.generation, self.with_lake, fate, move || wake()),
            speed: self.speed.clone(),
            letters: self.letters.clone(),
            fate: self.fate.clone(),
            plan: self.plan.clone(),
            leader,
        }
    }
}
