//! The leader, on worker 0: mints bindings, gathers the parts of a cut, commits its manifest and then its lake rows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenwave_model::{Binding, CrashPoint};
use greenwave_sinks::speed::{Speed, ToSpeed};
use greenwave_sources::Standing;
use timely::dataflow::operators::probe::Handle as ProbeHandle;

use crate::committer::{Committer, Durable, LakeJob};
use crate::control::{CutParts, FromLeader, OperatorPart, ToLeader};
use crate::generation::wall_ms;
use crate::manifest::{Counters, Kind, Manifest, OperatorState};
use crate::mint::{Mint, Moment};
use crate::progress::{Look, Progress};

/// Between two looks at how everything stands.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Rows waiting for the lake are committed at the latest when they are this many bytes.
const LAKE_BYTES_MAX: u64 = 128 << 20;

/// A cut between its binding and its manifest.
struct OpenCut {
    binding: Binding,
    parts: Vec<CutParts>,
}

/// What of a job the leader keeps to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub workers: usize,
    /// Cuts from one lake commit to the next.
    pub lake_every: u32,
    pub run_for: Option<Duration>,
}

pub struct Leader {
    pub mint: Mint,
    pub manifest: Manifest,
    pub committer: Committer,
    pub speed: Arc<Speed>,
    pub progress: Arc<Progress>,
    limits: Limits,
    started: Instant,
    first_bound: Option<Instant>,
    in_flight: VecDeque<u64>,
    /// The tick bound before.
    last_tick: u64,
    /// The tick that refills the dataflow.
    refill: Option<u64>,
    looked: Option<Instant>,
    /// When the last cut was bound.
    cut_bound: Instant,
    cut: Option<OpenCut>,
    /// The manifest being written.
    writing: Option<Manifest>,
    lake_busy: bool,
    lake_tick: u64,
    cuts_since_lake: u32,
    finishing: bool,
}

impl Leader {
    pub fn new(
        mint: Mint,
        manifest: Manifest,
        committer: Committer,
        speed: Arc<Speed>,
        progress: Arc<Progress>,
        limits: Limits,
    ) -> Self {
        Self {
            last_tick: manifest.tick().unwrap_or(0),
            refill: manifest.tick(),
            looked: None,
            cut_bound: Instant::now(),
            in_flight: manifest.tick().into_iter().collect(),
            mint,
            manifest,
            committer,
            speed,
            progress,
            limits,
            started: Instant::now(),
            first_bound: None,
            cut: None,
            writing: None,
            lake_busy: false,
            lake_tick: 0,
            cuts_since_lake: u32::MAX,
            finishing: false,
        }
    }

    /// Ends with everything durable; the totals since the job's first start.
    pub fn end(self) -> Counters {
        self.committer.stop();
        self.manifest.counters
    }

    pub fn hear(&mut self, message: ToLeader) {
        match message {
            ToLeader::Offer(offer) => self.mint.offer(offer),
            ToLeader::Standing { partition, at_end, next, fault } => {
                let mono_ms = self.mono_ms();
                self.mint.standing(Standing { partition, at_end, next, fault }, mono_ms);
            }
            ToLeader::Ends(ends) => ends.into_iter().for_each(|(partition, end)| self.mint.log_end(partition, end)),
            ToLeader::Parts(parts) => self.gather(parts),
        }
    }

    /// Does what can be done now; the orders are broadcast.
    pub fn step(&mut self, probe: &ProbeHandle<u64>, stopping: bool) -> Vec<FromLeader> {
        while let Ok(durable) = self.committer.done.try_recv() {
            self.made_durable(durable);
        }
        while self.in_flight.front().is_some_and(|tick| !probe.less_equal(tick)) {
            self.in_flight.pop_front();
        }
        let mut orders = vec![];
        while let Some(binding) = self.mint.next(self.moment(stopping)) {
            orders.push(self.bound(binding));
        }
        if self.mint.is_done() || self.moment(stopping).ending {
            self.committer.ending();
        }
        self.feed_lake();
        self.look(stopping);
        if self.is_finished() && !std::mem::replace(&mut self.finishing, true) {
            orders.push(FromLeader::Finish);
        }
        orders
    }

    /// The thread it runs on works, though it waits for somebody.
    pub fn waits(&self) {
        self.progress.came_round();
    }

    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.mint.patience_ms(self.mono_ms()))
    }

    /// Tells how everything stands, when it is time.
    fn look(&mut self, stopping: bool) {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        let (at, moment) = (Instant::now(), self.moment(stopping));
        self.looked = Some(at);
        self.progress.looked(Look {
            at,
            partitions: self.mint.facts(moment).into(),
            wait: self.mint.wait(moment),
            cut_open: (!moment.may_cut).then_some(self.cut_bound),
            is_restored: self.refill.is_none_or(|refill| !self.in_flight.contains(&refill)),
            is_ending: moment.ending || self.mint.is_done(),
            is_live: self.mint.is_live(),
        });
    }

    fn moment(&self, stopping: bool) -> Moment {
        let over = self.limits.run_for.zip(self.first_bound).is_some_and(|(limit, since)| since.elapsed() >= limit);
        Moment {
            wall_ms: wall_ms(),
            mono_ms: self.mono_ms(),
            in_flight: self.in_flight.len(),
            may_cut: self.cut.is_none() && self.writing.is_none(),
            ending: stopping || over,
        }
    }

    fn mono_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn bound(&mut self, binding: Binding) -> FromLeader {
        self.first_bound.get_or_insert_with(Instant::now);
        let tick = binding.tick;
        self.in_flight.push_back(tick);
        self.progress.bound(&binding);
        let records: i64 = binding.partitions.iter().map(|partition| partition.end - partition.start).sum();
        tracing::debug!(tick, is_cut = binding.is_cut, records, now_ms = binding.now_ms, "tick bound");
        let is_repeat = binding.generation < self.manifest.generation;
        if is_repeat { CrashPoint::RepeatBound } else { CrashPoint::TickBound }.pass();
        let json = serde_json::to_string(&binding).expect("plain data with text keys");
        self.speed.send(ToSpeed::Bound {
            tick,
            before: std::mem::replace(&mut self.last_tick, tick),
            binding: json.into(),
            now_ms: binding.now_ms,
        });
        if binding.is_cut {
            self.cut_bound = Instant::now();
            self.cut = Some(OpenCut { binding: binding.clone(), parts: vec![] });
        }
        FromLeader::Bind(Box::new(binding))
    }

    fn gather(&mut self, parts: CutParts) {
        let Some(cut) = &mut self.cut else { return };
        debug_assert_eq!(parts.tick, cut.binding.tick);
        cut.parts.push(parts);
        if cut.parts.len() == self.limits.workers {
            let manifest = self.next_manifest();
            self.committer.manifest(manifest.clone());
            self.writing = Some(manifest);
        }
    }

    fn next_manifest(&mut self) -> Manifest {
        let OpenCut { binding, parts } = self.cut.take().expect("called when a cut has all its parts");
        let mut next = Manifest {
            seq: self.manifest.seq + 1,
            kind: Kind::Checkpoint,
            nonce: crate::nonce(),
            binding: Some(binding),
            is_unstaged: self.manifest.is_unstaged || !self.committer.has_lake(),
            ..self.manifest.clone()
        };
        let mut ops: BTreeMap<String, Vec<OperatorPart>> = BTreeMap::new();
        for parts in parts {
            next.counters.add(&parts.counters);
            for part in parts.operators {
                ops.entry(part.id.clone()).or_default().push(part);
            }
            for (table, run) in parts.runs {
                next.staged.entry(table).or_default().push(run);
            }
        }
        let before = &self.manifest.ops;
        next.ops = ops.into_iter().map(|(id, parts)| (id.clone(), state_of(before.get(&id), parts))).collect();
        next.counters.cuts += 1;
        let lake_tick = self.lake_tick;
        next.staged.values_mut().for_each(|runs| runs.retain(|run| run.tick > lake_tick));
        next.staged.retain(|_table, runs| !runs.is_empty());
        next
    }

    fn made_durable(&mut self, durable: Durable) {
        match durable {
            Durable::Manifest { tick, took } => {
                if let Some(manifest) = self.writing.take() {
                    // The lake may have moved on while it was written.
                    let lake = std::mem::replace(&mut self.manifest, manifest).lake;
                    self.manifest.lake.extend(lake);
                }
                self.speed.send(ToSpeed::Durable { tick });
                self.cuts_since_lake = self.cuts_since_lake.saturating_add(1);
                self.progress.checkpoint(&self.manifest, took);
            }
            Durable::Lake { tick, took } => {
                self.lake_busy = false;
                self.lake_tick = tick;
                self.manifest.note_lake(tick);
                self.progress.lake(tick, took);
            }
        }
    }

    /// Gives the lake what the last manifest lists, when it is time and the lake is free.
    fn feed_lake(&mut self) {
        let Some(tick) = self.manifest.tick() else { return };
        if self.lake_busy || self.lake_tick >= tick || !self.committer.has_lake() {
            return;
        }
        let bytes: u64 = self.manifest.staged.values().flatten().map(|run| run.bytes).sum();
        let last = self.mint.is_done();
        if last || self.cuts_since_lake >= self.limits.lake_every || bytes >= LAKE_BYTES_MAX {
            self.lake_busy = true;
            self.cuts_since_lake = 0;
            self.committer.lake(LakeJob { tick, staged: self.manifest.staged.clone() });
        }
    }

    fn is_finished(&self) -> bool {
        let lake_done = !self.committer.has_lake() || self.lake_tick >= self.manifest.tick().unwrap_or(0);
        self.mint.is_done()
            && self.in_flight.is_empty()
            && self.cut.is_none()
            && self.writing.is_none()
            && !self.lake_busy
            && lake_done
    }
}

/// One operator's state from what every worker wrote, and parts of earlier cuts that any of them still needs.
fn state_of(before: Option<&OperatorState>, parts: Vec<OperatorPart>) -> OperatorState {
    let schema = parts.iter().map(|part| part.schema).max().unwrap_or(0);
    let keep_from_tick = parts.iter().map(|part| part.keep_from_tick).min().unwrap_or(0);
    let kept = before.into_iter().flat_map(|before| &before.parts).filter(|part| part.tick >= keep_from_tick).cloned();
    let parts = kept.chain(parts.into_iter().filter_map(|part| part.part)).collect();
    OperatorState { schema, parts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Part;

    #[test]
    fn a_worker_without_old_rows_does_not_free_those_of_another() {
        let stored = |tick| Part { object: format!("{tick}"), tick, rows: 1, bytes: 1, crc32: 0 };
        let part = |keep_from_tick| OperatorPart { id: "dedup".into(), schema: 1, keep_from_tick, part: None };
        let before = OperatorState { schema: 1, parts: vec![stored(3), stored(5), stored(7)] };
        for order in [[9, 5], [5, 9]] {
            let state = state_of(Some(&before), order.map(part).into());
            assert_eq!(state.parts, [stored(5), stored(7)], "workers answer {order:?}");
        }
        assert!(state_of(Some(&before), vec![part(9)]).parts.is_empty(), "it has written all it needs");
    }
}
