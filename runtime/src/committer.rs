//! The committer: makes manifests real, one after the other, and hands what they list to the lake.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use greenwave_model::CrashPoint;
use greenwave_sinks::kafka::{DeadLetters, LetterError};
use greenwave_sinks::lake::{self, Commit, Lake, LakeError, Table};

use crate::background;
use crate::fate::Fate;
use crate::generation::{ALIVE_EVERY, Generation};
use crate::group_offsets::GroupOffsets;
use crate::manifest::{Manifest, StagedRun};
use crate::progress::Progress;
use crate::store::Store;
use crate::{RunError, collect};

/// Between tries of a lake that refuses. Ticks and checkpoints go on meanwhile.
const LAKE_RETRY: Duration = Duration::from_secs(1);
/// At the end of a run there is nothing left to go on with: after this long the error is told.
pub(crate) const PATIENCE_AT_END: Duration = Duration::from_secs(20);
/// A cut that waits longer for its dead letters is told.
const LETTERS_LATE: Duration = Duration::from_secs(3);
/// How often a cut that waits is looked after.
const LOOK_AROUND: Duration = Duration::from_millis(200);

/// What has become durable.
#[derive(Debug)]
pub enum Durable {
    Manifest {
        tick: u64,
        took: Duration,
    },
    /// Every table holds all its rows up to the tick.
    Lake {
        tick: u64,
        took: Duration,
    },
}

/// Rows to be committed: per table all runs not known committed, up to the tick.
pub struct LakeJob {
    pub tick: u64,
    pub staged: BTreeMap<String, Vec<StagedRun>>,
}

/// What the leader and the threads that work for it know of each other.
#[derive(Default)]
struct Leading {
    thread: OnceLock<Thread>,
    /// No more cuts will come.
    is_ending: AtomicBool,
}

impl Leading {
    fn tell(&self, outbox: &Sender<Durable>, durable: Durable) -> bool {
        let is_heard = outbox.send(durable).is_ok();
        self.thread.get().inspect(|thread| thread.unpark());
        is_heard
    }
}

pub struct Committer {
    manifests: Sender<Box<Manifest>>,
    lake: Option<Sender<LakeJob>>,
    pub done: Receiver<Durable>,
    leader: Arc<Leading>,
    threads: Vec<JoinHandle<()>>,
}

impl Committer {
    pub fn start(
        store: &Store,
        generation: &Generation,
        lake: Option<(Lake, Vec<Table>)>,
        offsets: Option<GroupOffsets>,
        letters: Option<Arc<DeadLetters>>,
        fate: &Arc<Fate>,
        progress: &Arc<Progress>,
    ) -> Self {
        let leader = Arc::new(Leading::default());
        let (outbox, done) = unbounded();
        let (manifests, inbox) = unbounded();
        let writer = ManifestWriter {
            store: store.clone(),
            generation: generation.clone(),
            letters,
            leader: leader.clone(),
            fate: fate.clone(),
            signed: Instant::now(),
        };
        let manifest_outbox = outbox.clone();
        let mut threads = vec![std::thread::spawn(move || writer.run(inbox, offsets, &manifest_outbox))];
        let lake = lake.map(|(lake, tables)| {
            let (leader, store, fate, progress) = (leader.clone(), store.clone(), fate.clone(), progress.clone());
            let (jobs, inbox) = unbounded::<LakeJob>();
            threads.push(background::spawn("lake", move || {
                let mut writer =
                    LakeWriter { store, lake, tables, leader: leader.clone(), fate: fate.clone(), progress };
                for job in inbox {
                    let (tick, started) = (job.tick, Instant::now());
                    match writer.commit(job) {
                        Ok(()) if leader.tell(&outbox, Durable::Lake { tick, took: started.elapsed() }) => {}
                        Ok(()) => return,
                        Err(error) => return fate.fail(error.into()),
                    }
                }
            }));
            jobs
        });
        Self { manifests, lake, done, leader, threads }
    }

    /// The calling thread leads: it is woken when something has become durable.
    pub fn led_from_here(&self) {
        let _ = self.leader.thread.set(std::thread::current());
    }

    /// The run is to end: who refuses rows or letters is not waited for without end.
    pub fn ending(&self) {
        self.leader.is_ending.store(true, Ordering::Release);
    }

    pub fn manifest(&self, manifest: Manifest) {
        let _ = self.manifests.send(Box::new(manifest));
    }

    pub fn lake(&self, job: LakeJob) {
        if let Some(lake) = &self.lake {
            let _ = lake.send(job);
        }
    }

    pub fn has_lake(&self) -> bool {
        self.lake.is_some()
    }

    pub fn stop(self) {
        drop((self.manifests, self.lake, self.done));
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

struct ManifestWriter {
    store: Store,
    generation: Generation,
    letters: Option<Arc<DeadLetters>>,
    leader: Arc<Leading>,
    fate: Arc<Fate>,
    /// When the last sign of life was given.
    signed: Instant,
}

impl ManifestWriter {
    fn run(mut self, inbox: Receiver<Box<Manifest>>, offsets: Option<GroupOffsets>, outbox: &Sender<Durable>) {
        if let Err(error) = self.write(inbox, offsets.as_ref(), outbox) {
            self.fate.fail(error);
        }
        if let Some(offsets) = offsets {
            offsets.stop();
        }
    }

    fn write(
        &mut self,
        inbox: Receiver<Box<Manifest>>,
        offsets: Option<&GroupOffsets>,
        outbox: &Sender<Durable>,
    ) -> Result<(), RunError> {
        loop {
            match inbox.recv_timeout(ALIVE_EVERY.saturating_sub(self.signed.elapsed())) {
                Ok(manifest) => {
                    let started = Instant::now();
                    self.await_letters()?;
                    CrashPoint::PartsComplete.pass();
                    manifest.commit(&self.store)?;
                    CrashPoint::ManifestWritten.pass();
                    if let Some((offsets, binding)) = offsets.zip(manifest.binding.as_ref()) {
                        offsets.checkpoint(binding);
                    }
                    let tick = manifest.tick().unwrap_or(0);
                    if !self.leader.tell(outbox, Durable::Manifest { tick, took: started.elapsed() }) {
                        return Ok(());
                    }
                    CrashPoint::ManifestTold.pass();
                    if let Err(error) = collect::garbage(&self.store) {
                        tracing::warn!(%error, "old checkpoints stay in the state store until the next one");
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.sign()?;
        }
    }

    fn sign(&mut self) -> Result<(), RunError> {
        if self.signed.elapsed() >= ALIVE_EVERY {
            self.generation.sign_of_life(&self.store)?;
            self.signed = Instant::now();
        }
        Ok(())
    }

    /// Rejects that a cut covers are with the broker before the cut is real: no restart sends them after that.
    fn await_letters(&mut self) -> Result<(), RunError> {
        let Some(letters) = self.letters.clone() else { return Ok(()) };
        let (started, mut acknowledged) = (Instant::now(), None::<Receiver<()>>);
        let (mut ending, mut told) = (None::<Instant>, false);
        loop {
            match acknowledged.as_ref().map(|heard| heard.recv_timeout(LOOK_AROUND)) {
                None => acknowledged = letters.flush(LOOK_AROUND),
                Some(Ok(())) => break,
                Some(Err(RecvTimeoutError::Timeout)) => {}
                Some(Err(RecvTimeoutError::Disconnected)) => return Err(LetterError::Ended.into()),
            }
            self.sign()?;
            if self.leader.is_ending.load(Ordering::Acquire) {
                ending.get_or_insert_with(Instant::now);
            }
            if self.fate.has_failed() || ending.is_some_and(|since| since.elapsed() > PATIENCE_AT_END) {
                return Err(letters.unacknowledged().into());
            }
            if started.elapsed() > LETTERS_LATE && !std::mem::replace(&mut told, true) {
                tracing::warn!(why = %letters.why(), "dead letters are not taken, and the cut waits for them");
            }
        }
        if told {
            tracing::info!("dead letters are taken again");
        }
        Ok(())
    }
}

struct LakeWriter {
    store: Store,
    lake: Lake,
    tables: Vec<Table>,
    leader: Arc<Leading>,
    fate: Arc<Fate>,
    progress: Arc<Progress>,
}

impl LakeWriter {
    fn commit(&mut self, job: LakeJob) -> Result<(), LakeError> {
        let mut ending: Option<Instant> = None;
        let mut told = false;
        for (name, runs) in &job.staged {
            while let Err(error) = self.commit_table(name, runs, job.tick) {
                if self.leader.is_ending.load(Ordering::Acquire) {
                    ending.get_or_insert_with(Instant::now);
                }
                let is_lost = matches!(error, LakeError::Run { .. });
                if is_lost || ending.is_some_and(|since| since.elapsed() > PATIENCE_AT_END) || self.fate.has_failed() {
                    return Err(error);
                }
                if !std::mem::replace(&mut told, true) {
                    self.progress.lake_down(Some(error.to_string()));
                    tracing::warn!(table = name, %error, "lake does not take rows, trying again");
                }
                std::thread::sleep(LAKE_RETRY);
            }
        }
        if told {
            self.progress.lake_down(None);
            tracing::info!(tick = job.tick, "lake takes rows again");
        }
        CrashPoint::LakeUntold.pass();
        Ok(())
    }

    fn commit_table(&mut self, name: &str, runs: &[StagedRun], tick: u64) -> Result<(), LakeError> {
        let Some(table) = self.tables.iter().find(|table| table.name == name) else { return Ok(()) };
        let committed = self.lake.committed(name)?;
        let wanted = runs.iter().filter(|run| Some(run.tick) > committed && run.tick <= tick);
        let store = &self.store;
        let read = wanted.map(|staged| {
            let unread = |fact: String| LakeError::Run { fact: format!("{}: {fact}", staged.object) };
            let content =
                store.get(&staged.object).map_err(|cause| LakeError::broken("read", &staged.object, cause))?;
            let content = content.ok_or_else(|| unread("it is gone".into()))?;
            if crc32fast::hash(&content) != staged.crc32 {
                return Err(unread("its checksum is not the one in the manifest".into()));
            }
            Ok((staged.date.clone(), staged.tick, lake::decode(content)?))
        });
        match self.lake.commit(table, tick, read)? {
            Commit::Written { version, files, rows, .. } => {
                tracing::debug!(table = name, tick, version, files, rows, "lake commit");
            }
            Commit::Already | Commit::Empty => {}
        }
        Ok(())
    }
}
