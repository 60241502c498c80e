//! One worker's loop: batches in, offers out; bindings in, rows out; cuts staged.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use greenwave_model::{Batch, Binding, Clock, GpsReading, Observation};
use greenwave_operators::graph::Inputs;
use greenwave_operators::state::{StateRow, States};
use greenwave_sinks::kafka::{DeadLetters, Letters};
use greenwave_sinks::lake::{RawRows, RejectRows, cut_row};
use greenwave_sinks::speed::{Speed, ToSpeed};
use greenwave_sources::{Budget, FromSource};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::operators::Input;
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::worker::Worker as TimelyWorker;

use crate::Build;
use crate::committer::PATIENCE_AT_END;
use crate::control::{Control, FromLeader, ToLeader};
use crate::fate::Fate;
use crate::held::Held;
use crate::landing::Landing;
use crate::leader::Leader;
use crate::manifest::Counters;
use crate::mint::Offer;
use crate::stager::{CutJob, Stager, ToStager};

/// Raw rows and rejects are handed to staging when they reach this size, so that a long cut does not hold them all.
const RAW_BYTES_MAX: usize = 32 << 20;
/// How long one try to hand something over waits before the run's fate is looked at.
const HAND_OVER: Duration = Duration::from_millis(100);

type Handle<D> = InputHandle<u64, CapacityContainerBuilder<Vec<D>>>;

/// What the lake's `raw/_cuts` says of every cut beside its binding.
pub struct Plan {
    pub settings_json: String,
    pub plan_hash: String,
}

/// Everything a worker is given.
pub struct Equipment {
    pub build: Build,
    pub restored: Option<Binding>,
    pub state: BTreeMap<String, Vec<StateRow>>,
    pub saving: bool,
    pub with_lake: bool,
    pub batches: Receiver<FromSource>,
    pub budget: Arc<Budget>,
    pub stager: Stager,
    pub speed: Arc<Speed>,
    pub letters: Option<Arc<DeadLetters>>,
    pub fate: Arc<Fate>,
    pub plan: Arc<Plan>,
    /// On worker 0.
    pub leader: Option<Leader>,
}

/// What a worker leaves behind.
pub struct Remains {
    pub leader: Option<Leader>,
    pub rows: Vec<(&'static str, usize)>,
    pub restore_differences: u64,
}

/// A tick that has been emitted and not yet processed by every worker.
struct Emitted {
    binding: Arc<Binding>,
    counters: Counters,
}

struct Worker {
    index: usize,
    control: Control,
    states: States,
    landing: Landing,
    probe: ProbeHandle<u64>,
    gps: Handle<GpsReading>,
    observations: Handle<Observation>,
    clock: Handle<Clock>,
    held: Held,
    raw: RawRows,
    rejects: RejectRows,
    counters: Counters,
    emitted: VecDeque<Emitted>,
    cuts_emitted: u64,
    cuts_staged: u64,
    equipment: Equipment,
}

/// Runs until the leader says that everything is durable, or until the run has failed.
pub fn run(timely: &mut TimelyWorker, equipment: Equipment) -> Remains {
    if let Some(leader) = &equipment.leader {
        leader.committer.led_from_here();
    }
    let control = Control::build(timely);
    let dataflow = timely.next_dataflow_index();
    let mut worker = Worker::build(timely, control, equipment);
    worker.restore();
    let mut finished = false;
    while !finished && !worker.equipment.fate.has_failed() {
        worker.take_batches();
        worker.lead();
        finished = worker.follow();
        worker.settle();
        worker.control.flush();
        timely.step_or_park(Some(worker.patience()));
    }
    let Worker { states, equipment, index: _, control, gps, observations, clock, .. } = worker;
    drop((control, gps, observations, clock));
    equipment.stager.stop();
    timely.drop_dataflow(dataflow);
    timely.drop_dataflow(dataflow - 1);
    Remains { leader: equipment.leader, rows: states.rows(), restore_differences: states.restore_differences() }
}

impl Worker {
    fn build(timely: &mut TimelyWorker, control: Control, mut equipment: Equipment) -> Self {
        let (index, peers) = (timely.index(), timely.peers());
        let state = std::mem::take(&mut equipment.state);
        let states = match &equipment.restored {
            None => States::new(index, peers, equipment.saving),
            Some(_) => States::restored(index, peers, equipment.saving, state),
        };
        let (landing, probe) = (Landing::default(), ProbeHandle::new());
        let restored = equipment.restored.as_ref().map(|binding| binding.tick);
        let (gps, observations, clock) = timely.dataflow_named("city", |scope| {
            let (gps, readings) = scope.new_input();
            let (observations, observed) = scope.new_input();
            let (clock, clocks) = scope.new_input();
            let outputs = (equipment.build)(Inputs { gps: readings, observations: observed, clock: clocks }, &states);
            landing.attach(outputs, equipment.speed.clone(), restored, &probe);
            (gps, observations, clock)
        });
        Self {
            index,
            control,
            states,
            landing,
            probe,
            gps,
            observations,
            clock,
            held: Held::default(),
            raw: RawRows::default(),
            rejects: RejectRows::default(),
            counters: Counters::default(),
            emitted: VecDeque::new(),
            cuts_emitted: 0,
            cuts_staged: 0,
            equipment,
        }
    }

    /// Refills the dataflow at the tick of the checkpoint.
    fn restore(&mut self) {
        let Some(binding) = self.equipment.restored.take() else { return };
        let tick = binding.tick;
        self.advance_to(tick);
        self.clock.send(Clock { restored: true, ..binding.clock() });
        self.advance_to(tick + 1);
        let counters = Counters::default();
        self.emitted.push_back(Emitted { binding: Arc::new(Binding { is_cut: false, ..binding }), counters });
    }

    fn advance_to(&mut self, tick: u64) {
        self.gps.advance_to(tick);
        self.observations.advance_to(tick);
        self.clock.advance_to(tick);
    }

    fn take_batches(&mut self) {
        while let Ok(message) = self.equipment.batches.try_recv() {
            match message {
                FromSource::Batch(batch) => {
                    self.control.say(ToLeader::Offer(Offer::from(&batch)));
                    self.held.push(batch);
                }
                FromSource::Standing(standing) => self.control.say(ToLeader::Standing {
                    partition: standing.partition,
                    at_end: standing.at_end,
                    next: standing.next,
                    fault: standing.fault,
                }),
                FromSource::Ends(ends) => self.control.say(ToLeader::Ends(ends)),
                FromSource::Failed(error) => self.equipment.fate.fail(error.into()),
            }
        }
    }

    fn lead(&mut self) {
        let Some(leader) = &mut self.equipment.leader else { return };
        for message in self.control.heard.borrow_mut().drain(..) {
            leader.hear(message);
        }
        for order in leader.step(&self.probe, self.equipment.fate.is_stopping()) {
            self.control.order(order);
        }
    }

    /// Does what the leader said; true when there is nothing more to do.
    fn follow(&mut self) -> bool {
        loop {
            let order = self.control.told.borrow_mut().pop_front();
            match order {
                Some(FromLeader::Bind(binding)) => self.emit(*binding),
                Some(FromLeader::Finish) => return true,
                None => return false,
            }
        }
    }

    /// Lets exactly the rows of the tick into the dataflow.
    fn emit(&mut self, binding: Binding) {
        self.advance_to(binding.tick);
        self.clock.send(binding.clock());
        for mut batch in self.held.take(&binding.partitions) {
            self.equipment.budget.release(batch.bytes);
            self.counters.records += (batch.events() + batch.rejects.len()) as u64;
            self.counters.rejected += batch.rejects.len() as u64;
            batch.rejects.iter().for_each(|reject| self.counters.rejects.count(reject.reason));
            self.keep_raw(&batch, &binding);
            self.post_rejects(&mut batch, &binding);
            self.gps.send_batch(&mut batch.readings);
            self.observations.send_batch(&mut batch.observations);
        }
        self.advance_to(binding.tick + 1);
        let mut counters = Counters::default();
        if binding.is_cut {
            self.hand_over_raw(binding.tick);
            self.cuts_emitted += 1;
            counters = std::mem::take(&mut self.counters);
        }
        self.emitted.push_back(Emitted { binding: Arc::new(binding), counters });
    }

    fn keep_raw(&mut self, batch: &Batch, binding: &Binding) {
        if !self.equipment.with_lake {
            return;
        }
        let key = &binding.partitions[usize::from(batch.partition)].key;
        self.raw.append(batch, key);
        self.rejects.append(batch, key);
        if self.raw.bytes() + self.rejects.bytes() >= RAW_BYTES_MAX {
            self.hand_over_raw(binding.tick);
        }
    }

    /// Waits while no dead letters are taken: Kafka is the buffer.
    fn post_rejects(&self, batch: &mut Batch, binding: &Binding) {
        let Some(letters) = self.equipment.letters.as_ref().filter(|_| !batch.rejects.is_empty()) else { return };
        let partition = binding.partitions[usize::from(batch.partition)].key.clone();
        let mut unposted = Letters { partition, rejects: std::mem::take(&mut batch.rejects) };
        let mut stopping = None::<Instant>;
        while !self.equipment.fate.has_failed() {
            match letters.send(unposted, HAND_OVER) {
                Ok(()) => return,
                Err(refused) => unposted = refused,
            }
            self.waits();
            if self.equipment.fate.is_stopping()
                && stopping.get_or_insert_with(Instant::now).elapsed() > PATIENCE_AT_END
            {
                self.equipment.fate.fail(letters.unacknowledged().into());
            }
        }
    }

    fn hand_over_raw(&mut self, tick: u64) {
        let cut = self.cuts_emitted;
        let rejects = self.rejects.finish().map(|rows| ("rejects".to_owned(), rows));
        for (table, rows) in self.raw.finish().into_iter().chain(rejects) {
            self.stage(ToStager::Rows { cut, tick, table, rows });
        }
    }

    /// Waits while staging is behind: that is the back-pressure of a slow store. A failed run has nobody to wait for.
    fn stage(&self, mut work: ToStager) {
        while !self.equipment.fate.has_failed() {
            match self.equipment.stager.jobs.send_timeout(work, HAND_OVER) {
                Ok(()) => return,
                Err(refused) => work = refused.into_inner(),
            }
            self.waits();
        }
    }

    /// Somebody is waited for; the leader, if it is here, is alive.
    fn waits(&self) {
        if let Some(leader) = &self.equipment.leader {
            leader.waits();
        }
    }

    /// Reports ticks that every worker has processed and stages their cuts.
    fn settle(&mut self) {
        while self.emitted.front().is_some_and(|emitted| !self.probe.less_equal(&emitted.binding.tick)) {
            let Some(Emitted { binding, counters }) = self.emitted.pop_front() else { return };
            let (worker, tick) = (self.index, binding.tick);
            self.equipment.speed.send(ToSpeed::Complete { worker, tick });
            if binding.is_cut {
                self.stage_cut(binding, counters);
            }
        }
        while let Ok(parts) = self.equipment.stager.done.try_recv() {
            self.control.say(ToLeader::Parts(parts));
        }
    }

    fn stage_cut(&mut self, binding: Arc<Binding>, counters: Counters) {
        let plan = &self.equipment.plan;
        let cut_row = (self.index == 0 && self.equipment.with_lake).then(|| {
            let json = serde_json::to_string(&*binding).expect("plain data with text keys");
            cut_row(&json, &plan.settings_json, &plan.plan_hash, &binding)
        });
        let job = CutJob {
            cut: self.cuts_staged,
            saved: self.states.take_saved(binding.tick),
            landed: self.landing.take(binding.tick),
            counters,
            cut_row,
            binding,
        };
        self.cuts_staged += 1;
        self.stage(ToStager::Cut(Box::new(job)));
    }

    fn patience(&self) -> Duration {
        self.equipment.leader.as_ref().map_or(Duration::from_millis(100), Leader::patience)
    }
}
