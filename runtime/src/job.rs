//! A job from start to end: take the next generation, restore, run the workers, make everything durable.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use greenwave_model::topics::TOPICS;
use greenwave_model::{Binding, PartitionBound, PartitionKey, ViewSpec};
use greenwave_operators::state::States;
use greenwave_sinks::kafka::{DeadLetters, LetterError, LetterSettings};
use greenwave_sinks::lake::{Lake, LakeError, Owner, Table};
use greenwave_sinks::speed::{FromSpeed, Replica, Speed, SpeedError, SpeedSettings};
use greenwave_sources::{Answer, Budget, Fault, Link, Position, SourceError, folder, kafka};
use serde::Serialize;

use crate::Build;
use crate::background;
use crate::committer::Committer;
use crate::fate::Fate;
use crate::generation::{Generation, GenerationError, wall_ms};
use crate::group_offsets::GroupOffsets;
use crate::leader::Leader;
use crate::manifest::{Manifest, ManifestError};
use crate::mint::{Ledger, Mint, Pace};
use crate::progress::{Identity, Progress};
use crate::restore::{self, Plan};
use crate::stager::{StageError, Stager};
use crate::status::{Http, HttpError, HttpSettings};
use crate::store::{Store, StoreError};
use crate::worker::{self, Equipment, Remains};

/// Decoded payload bytes that may wait for their tick, per worker. A tick of a folder takes a quarter of it at most.
const BUDGET_BYTES: usize = 128 << 20;
/// The same of a run with a pace, which is not to be read far ahead of its time.
const PACED_BUDGET_BYTES: usize = 16 << 20;
/// Batches between a source thread and its worker.
const BATCHES_WAITING_MAX: usize = 256;
/// The speed layer is given this long to take the last tick.
const SPEED_DRAIN: Duration = Duration::from_secs(10);

pub enum Input {
    Kafka(kafka::KafkaSettings),
    Folder(folder::FolderSettings),
}

/// A table joined from a file, known by its content.
#[derive(Clone, Debug)]
pub struct Reference {
    pub name: String,
    pub hash: String,
    pub bytes: Bytes,
}

/// The reference table that says which simulated city an input is: its records follow from it.
pub const CITY: &str = "simulate";

impl Reference {
    pub fn new(name: &str, text: String) -> Self {
        let hash = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()));
        Self { name: name.into(), hash, bytes: text.into() }
    }
}

/// Everything a run needs, checked.
pub struct Job {
    pub name: String,
    pub workers: usize,
    pub input: Input,
    pub speed: SpeedSettings,
    /// Where every reject goes beside the lake.
    pub dead_letters: Option<LetterSettings>,
    /// A folder; `None`: no lake.
    pub lake: Option<String>,
    /// A folder; `None`: nothing outlives the process.
    pub state: Option<PathBuf>,
    pub tick: Duration,
    pub checkpoint: Duration,
    pub idle_after: Duration,
    pub lake_every: u32,
    pub out_of_orderness_ms: i64,
    pub run_for: Option<Duration>,
    /// Event time that passes in one unit of real time, for an input that ends; `None`: as fast as it goes.
    pub pace: Option<f64>,
    pub take_over: bool,
    /// Where to tell how the job is; `None`: nowhere.
    pub http: Option<HttpSettings>,
    pub dataflow: &'static str,
    pub views: &'static [&'static ViewSpec],
    /// Settings that decide answers, as a JSON object.
    pub settings: String,
    pub references: Vec<Reference>,
    pub build: Build,
}

/// The last line of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub records: u64,
    pub accepted: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub late: u64,
    pub too_late: u64,
    pub ticks: u64,
    pub cuts: u64,
    pub seconds: f64,
    pub peak_rss_bytes: u64,
    pub views: BTreeMap<String, u64>,
    pub state_rows: BTreeMap<String, u64>,
    pub restored_tick: Option<u64>,
    pub restore_differences: u64,
    /// Stopped by a signal.
    #[serde(skip)]
    pub drained: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Generation(#[from] GenerationError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Speed(#[from] SpeedError),
    #[error(transparent)]
    Letters(#[from] LetterError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(
        "cannot go on: redis knows generation {by} of this job, and this process is older; only one process may run a job"
    )]
    Fenced { by: u64 },
    #[error(
        "cannot resume job {job} from its checkpoint: {changes}; put it back, or start under another --name with its own state and lake"
    )]
    PlanChanged { job: String, changes: String },
    #[error(
        "cannot restore from {object} in the state store {place}: {why}; restore it from a backup, or start under another --name"
    )]
    Damaged { object: String, place: String, why: String },
    #[error(
        "cannot resume job {job}: table {table} of the lake has its rows up to tick {lake}, and {state}; put the state back that belongs to this lake, or choose another lake or --name"
    )]
    LakeAhead { job: String, table: String, lake: u64, state: String },
    #[error(
        "cannot resume job {job}: table {table} of the lake lacks rows that were committed ({lake}, and the checkpoint knows tick {known}); put the lake back, or start under another --name with its own state and lake"
    )]
    LakeBehind { job: String, table: String, lake: String, known: u64 },
    #[error(
        "cannot write to a lake: job {job} has run without one, and the lake would lack those rows; go on with lake=none, or start under another --name"
    )]
    LakeHole { job: String },
    #[error(
        "cannot resume job {job}: its checkpoint is of another simulated city; give `input` the settings it began with, or start under another --name with its own state and lake"
    )]
    OtherCity { job: String },
    #[error("cannot run the dataflow: {0}; this is a defect of greenwave, please report it")]
    Engine(String),
}

impl RunError {
    /// 2: the person at the keyboard can mend it; 75: another process has the job; 1: anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fenced { .. } | Self::Manifest(ManifestError::Fenced { .. }) => 75,
            Self::Speed(SpeedError::Fenced { .. }) => 75,
            Self::Generation(GenerationError::Lost { .. }) => 75,
            Self::Generation(GenerationError::Alive { .. }) | Self::PlanChanged { .. } | Self::OtherCity { .. } => 2,
            Self::LakeAhead { .. } | Self::LakeBehind { .. } | Self::LakeHole { .. } => 2,
            Self::Store(StoreError::Open { .. } | StoreError::NotConditional { .. }) => 2,
            Self::Http(_) => 2,
            Self::Source(error) if error.answer() == Answer::Stop(Fault::Settings) => 2,
            Self::Letters(error) if error.is_of_settings() => 2,
            Self::Lake(LakeError::OtherHistory { .. }) => 2,
            Self::Lake(LakeError::Foreign { .. } | LakeError::Address { .. } | LakeError::Schema { .. }) => 2,
            Self::Speed(SpeedError::OtherHistory { .. }) => 2,
            Self::Speed(SpeedError::Foreign { .. } | SpeedError::Evicting { .. } | SpeedError::Settings { .. }) => 2,
            _ => 1,
        }
    }
}

/// Runs the job to its end. `watch` gets the embedded copy of the speed layer once there is one.
pub fn run(
    job: Job,
    fate: &Arc<Fate>,
    progress: &Arc<Progress>,
    watch: impl FnOnce(Arc<Replica>),
) -> Result<Summary, RunError> {
    let begun = Instant::now();
    let http = seen_from_here(&job, progress)?;
    let tokio = storage_threads()?;
    let found = Found::open(&job.input)?;
    let letters = job.dead_letters.clone().map(DeadLetters::open).transpose()?.map(Arc::new);
    let store = open_store(&job, tokio.handle().clone())?;
    let plan = plan(&job);
    let first = highest(&store, &job, &plan)?;
    let history = restore::history(&store)?;
    let mut lake = open_lake(&job, &history, tokio.handle())?;
    let generation = Generation::take(&store, &job.name, job.take_over, http.as_ref().map(Http::address))?;
    progress.generation(generation.number);
    let (events, speed_heard) = crossbeam_channel::unbounded();
    let (speed, claim) = start_speed(speed_settings(&job, history, &first), generation.number, job.workers, events)?;
    let restore::Found { manifest, made: state } =
        restore::take_over(&store, &generation, &job.name, &plan, first, |manifest| {
            refuse_other_lake(&job.name, lake.as_mut(), manifest)?;
            restore::load_state(&store, manifest, job.workers)
        })?;
    progress.restored(&manifest);
    watch(speed.replica());

    let restored = manifest.binding.clone();
    let repeats = restore::repeats(restored.as_ref(), &claim.unwrap_or_default())?;
    let table = found.table(restored.as_ref(), &repeats)?;
    let references = job.references.iter().map(|table| (table.name.clone(), table.hash.clone())).collect();
    let positions = positions(&table);
    let ledger = Ledger::new(generation.number, restored.as_ref(), table, repeats, references, job.out_of_orderness_ms);
    let speed = Arc::new(speed);
    let offsets = found.group_offsets(&job.name);
    let committer = Committer::start(&store, &generation, lake, offsets, letters.clone(), fate, progress);
    let mint = found.mint(ledger, &job);
    let leader = Leader::new(
        mint,
        manifest,
        committer,
        speed.clone(),
        progress.clone(),
        job.workers,
        job.lake_every,
        job.run_for,
    );
    let shared = Shared {
        restored: restored.clone(),
        positions,
        found,
        store: store.clone(),
        generation: generation.number,
        speed: speed.clone(),
        letters,
        fate: fate.clone(),
        plan: Arc::new(worker::Plan { settings_json: plan.settings, plan_hash: plan.hash }),
        build: job.build.clone(),
        saving: job.state.is_some(),
        with_lake: job.lake.is_some(),
        workers: job.workers,
        budget_bytes: if job.pace.is_some() { PACED_BUDGET_BYTES } else { BUDGET_BYTES },
        states: Mutex::new(state),
        leader: Mutex::new(Some(leader)),
    };
    let listener = listen_to_speed(speed_heard, progress.clone(), fate.clone());
    let remains = run_workers(Arc::new(shared))?;
    end(job, remains, speed, listener, &generation, &store, fate, progress, restored.map(|binding| binding.tick), begun)
}

/// The run says what it is, and can be asked how it is.
fn seen_from_here(job: &Job, progress: &Arc<Progress>) -> Result<Option<Http>, HttpError> {
    let speed = match job.speed {
        SpeedSettings::Redis(_) => "redis",
        SpeedSettings::Memory => "memory",
        SpeedSettings::None => "none",
    };
    progress.begins(Identity { job: job.name.clone(), started_ms: wall_ms(), speed, has_lake: job.lake.is_some() });
    job.http.as_ref().map(|settings| Http::start(settings, progress.clone())).transpose()
}

/// What the stores of state and lake run on.
fn storage_threads() -> Result<tokio::runtime::Runtime, RunError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let threads = builder.worker_threads(1).enable_all().on_thread_start(background::yield_cores).build();
    threads.map_err(|error| RunError::Engine(error.to_string()))
}

fn open_store(job: &Job, tokio: tokio::runtime::Handle) -> Result<Store, StoreError> {
    match &job.state {
        Some(path) => Store::folder(path, &job.name, tokio),
        None => Store::memory(&job.name, tokio),
    }
}

fn open_lake(job: &Job, history: &str, tokio: &tokio::runtime::Handle) -> Result<Option<(Lake, Vec<Table>)>, RunError> {
    let Some(url) = &job.lake else { return Ok(None) };
    let mut lake = Lake::open(url, Owner { job: &job.name, history }, tokio.clone())?;
    for reference in &job.references {
        lake.put_reference(&reference.name, &reference.hash, reference.bytes.clone())?;
    }
    let mut tables = vec![Table::rejects(), Table::dropped(), Table::cuts()];
    tables.extend(TOPICS.iter().map(|topic| Table::raw(topic)));
    tables.extend(job.views.iter().map(|view| Table::view(view)));
    Ok(Some((lake, tables)))
}

/// Rows at or below a tick that a table has reached are taken for its own: a job that counts ticks anew would lose them.
/// A table that has not reached what was committed has lost rows that nothing would write again.
fn refuse_other_lake(job: &str, lake: Option<&mut (Lake, Vec<Table>)>, manifest: &Manifest) -> Result<(), RunError> {
    let restored = manifest.tick();
    let Some((lake, tables)) = lake else { return Ok(()) };
    if manifest.is_unstaged {
        return Err(RunError::LakeHole { job: job.to_owned() });
    }
    for table in tables {
        let (job, table, reached) = (job.to_owned(), table.name.clone(), lake.committed(&table.name)?);
        if let Some(&known) = manifest.lake.get(&table).filter(|known| Some(**known) > reached) {
            let lake = reached.map_or("there is no such table".into(), |tick| format!("it is at tick {tick}"));
            return Err(RunError::LakeBehind { job, table, lake, known });
        }
        if let Some(lake) = reached.filter(|reached| Some(*reached) > restored) {
            let state =
                restored.map_or("there is no checkpoint".into(), |tick| format!("the checkpoint is of tick {tick}"));
            return Err(RunError::LakeAhead { job, table, lake, state });
        }
    }
    Ok(())
}

/// The manifest to go on from, if it is of this job and this city.
fn highest(store: &Store, job: &Job, plan: &Plan) -> Result<Manifest, RunError> {
    let first = restore::highest(store, &job.name, plan)?;
    refuse_other_city(job, &first)?;
    Ok(first)
}

/// Offsets of one city mean nothing in another.
fn refuse_other_city(job: &Job, manifest: &Manifest) -> Result<(), RunError> {
    let Some(binding) = &manifest.binding else { return Ok(()) };
    match job.references.iter().find(|reference| reference.name == CITY) {
        Some(ours) if binding.references.get(CITY) != Some(&ours.hash) => {
            Err(RunError::OtherCity { job: job.name.clone() })
        }
        _ => Ok(()),
    }
}

type Listed = Vec<(u64, String)>;

/// What a claim of the speed layer says of us.
fn speed_settings(job: &Job, history: String, manifest: &Manifest) -> SpeedSettings {
    let mut settings = job.speed.clone();
    if let SpeedSettings::Redis(redis) = &mut settings {
        redis.history = history;
        redis.restored = manifest.tick().unwrap_or(0);
        redis.take_over = job.take_over;
    }
    settings
}

/// A speed layer that does not answer stops nothing: its values appear when it returns.
fn start_speed(
    settings: SpeedSettings,
    generation: u64,
    workers: usize,
    events: crossbeam_channel::Sender<FromSpeed>,
) -> Result<(Speed, Option<Listed>), RunError> {
    match Speed::start(settings.clone(), generation, workers, events.clone()) {
        Ok((speed, claim)) => Ok((speed, claim.map(|claim| claim.ticks))),
        Err(error @ SpeedError::Unreachable { .. }) => {
            tracing::warn!(%error, "speed layer is down, going on without it until it returns");
            Ok((Speed::start_unclaimed(settings, generation, workers, events)?, None))
        }
        Err(error) => Err(error.into()),
    }
}

/// Dataflow, operators and settings that decide answers. Input, tick and worker count are no part of it.
fn plan(job: &Job) -> Plan {
    let build = job.build.clone();
    let operators = timely::execute_directly(move |worker| {
        worker.dataflow::<u64, _, _>(|scope| {
            use timely::dataflow::operators::Input;
            let states = States::new(0, 1, false);
            let (_gps, gps) = scope.new_input();
            let (_observations, observations) = scope.new_input();
            let (_clock, clock) = scope.new_input();
            let _outputs = build(greenwave_operators::graph::Inputs { gps, observations, clock }, &states);
            states.ids()
        })
    });
    let mut text = format!("{}\n{}\n", job.dataflow, job.settings);
    for (id, schema) in operators {
        text.push_str(&format!("{id} {schema}\n"));
    }
    let hash = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()));
    Plan { hash, settings: job.settings.clone() }
}

fn positions(table: &[PartitionBound]) -> Vec<Position> {
    let position = |(number, bound): (usize, &PartitionBound)| Position {
        number: number as u16,
        key: bound.key.clone(),
        next: Some(bound.end),
        clock: bound.clock.clone(),
        finished: bound.finished,
    };
    table.iter().enumerate().map(position).collect()
}

/// The input, opened.
enum Found {
    Kafka(kafka::KafkaSettings, Vec<PartitionKey>),
    Folder(folder::FolderSettings, Arc<folder::Folder>),
}

impl Found {
    fn open(input: &Input) -> Result<Self, RunError> {
        Ok(match input {
            Input::Kafka(settings) => Self::Kafka(settings.clone(), kafka::discover(settings)?),
            Input::Folder(settings) => Self::Folder(settings.clone(), folder::open(settings)?),
        })
    }

    fn keys(&self) -> Vec<PartitionKey> {
        match self {
            Self::Kafka(_, keys) => keys.clone(),
            Self::Folder(_, folder) => folder.partitions(),
        }
    }

    fn first_offsets(&self, keys: &[PartitionKey]) -> Result<Vec<i64>, RunError> {
        match self {
            Self::Kafka(settings, _) => Ok(kafka::first_offsets(settings, keys)?),
            Self::Folder(..) => Ok(vec![0; keys.len()]),
        }
    }

    /// Every partition, with what is bound of it.
    fn table(&self, restored: Option<&Binding>, repeats: &[Binding]) -> Result<Vec<PartitionBound>, RunError> {
        let mut table = restore::partition_table(restored, repeats, &self.keys(), |keys| self.first_offsets(keys))?;
        if repeats.is_empty() {
            self.reopen(&mut table)?;
        }
        Ok(table)
    }

    /// What was read to its end and has become longer is read on.
    fn reopen(&self, table: &mut [PartitionBound]) -> Result<(), RunError> {
        let Self::Folder(_, folder) = self else { return Ok(()) };
        let finished = table.iter().filter(|bound| bound.finished);
        let longer = folder.go_on(&finished.map(|bound| (bound.key.clone(), bound.end)).collect::<Vec<_>>())?;
        table.iter_mut().filter(|bound| longer.contains(&bound.key)).for_each(|bound| bound.finished = false);
        Ok(())
    }

    fn group_offsets(&self, job: &str) -> Option<GroupOffsets> {
        match self {
            Self::Kafka(settings, _) => Some(GroupOffsets::start(settings.clone(), job)),
            Self::Folder(..) => None,
        }
    }

    fn mint(&self, ledger: Ledger, job: &Job) -> Mint {
        let pace = Pace {
            tick_ms: job.tick.as_millis() as u64,
            checkpoint_ms: job.checkpoint.as_millis() as u64,
            idle_after_ms: job.idle_after.as_millis() as u64,
        };
        match self {
            Self::Kafka(..) => Mint::live(ledger, pace),
            Self::Folder(_, folder) => {
                let files = folder.partitions();
                let place = |key: &PartitionKey| files.iter().position(|file| file == key);
                let first = |key: &PartitionKey| place(key).and_then(|place| folder.first_event_ms(place));
                let first_event_ms = ledger.slots.iter().map(|slot| first(&slot.bound.key)).collect();
                Mint::folder(ledger, first_event_ms, job.pace)
            }
        }
    }

    fn start(&self, positions: &[Position], worker: usize, workers: usize, link: Link) -> std::thread::JoinHandle<()> {
        match self {
            Self::Kafka(settings, _) => {
                let ours = positions.iter().filter(|position| usize::from(position.number) % workers == worker);
                kafka::start(settings.clone(), ours.cloned().collect(), link)
            }
            Self::Folder(settings, folder) => folder::start(folder, settings.clone(), positions, link),
        }
    }
}

struct Shared {
    restored: Option<Binding>,
    positions: Vec<Position>,
    found: Found,
    store: Store,
    generation: u64,
    speed: Arc<Speed>,
    letters: Option<Arc<DeadLetters>>,
    fate: Arc<Fate>,
    plan: Arc<worker::Plan>,
    build: Build,
    saving: bool,
    with_lake: bool,
    workers: usize,
    budget_bytes: usize,
    /// By worker, until it takes its own.
    states: Mutex<Vec<restore::Rows>>,
    leader: Mutex<Option<Leader>>,
}

fn run_workers(shared: Arc<Shared>) -> Result<Vec<Remains>, RunError> {
    let config = timely::Config::process(shared.workers);
    let guards = timely::execute(config, move |timely| {
        let thread = std::thread::current();
        let wake = Arc::new(move || thread.unpark());
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let budget = Arc::new(Budget::new(shared.budget_bytes));
        let (sender, batches) = crossbeam_channel::bounded(BATCHES_WAITING_MAX);
        let link = Link { sender, wake: wake.clone(), budget: budget.clone(), stop: stop.clone() };
        let reader = shared.found.start(&shared.positions, timely.index(), shared.workers, link);
        let remains = worker::run(timely, shared.equip(timely.index(), batches, budget.clone(), wake));
        stop.store(true, std::sync::atomic::Ordering::Release);
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
        batches: crossbeam_channel::Receiver<greenwave_sources::FromSource>,
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

fn listen_to_speed(
    heard: crossbeam_channel::Receiver<FromSpeed>,
    progress: Arc<Progress>,
    fate: Arc<Fate>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for event in heard {
            match event {
                FromSpeed::Visible { tick, at } => {
                    tracing::debug!(tick, "tick visible");
                    progress.visible(tick, at);
                }
                FromSpeed::Fenced { by } => fate.fail(RunError::Fenced { by }),
                FromSpeed::Down { why } => {
                    tracing::warn!(%why, "speed layer is down; the job and the lake go on");
                    progress.speed_down(Some(why));
                }
                FromSpeed::Up => {
                    tracing::info!("speed layer is back");
                    progress.speed_down(None);
                }
            }
        }
    })
}

#[expect(clippy::too_many_arguments, reason = "what is left of a run, put away in one place")]
fn end(
    job: Job,
    mut remains: Vec<Remains>,
    speed: Arc<Speed>,
    listener: std::thread::JoinHandle<()>,
    generation: &Generation,
    store: &Store,
    fate: &Fate,
    progress: &Progress,
    restored_tick: Option<u64>,
    begun: Instant,
) -> Result<Summary, RunError> {
    let leader = remains.iter_mut().find_map(|remains| remains.leader.take());
    let manifest: Option<Manifest> = leader.map(|leader| {
        let Leader { manifest, committer, .. } = leader;
        committer.stop();
        manifest
    });
    let stopped = Arc::into_inner(speed).map(|speed| speed.stop(SPEED_DRAIN));
    let _ = listener.join();
    if let Some(error) = fate.error() {
        return Err(error);
    }
    if let Some(Err(error)) = stopped {
        tracing::warn!(%error, "speed layer did not take the last ticks; the next start repeats them");
    }
    generation.ended(store)?;
    let counters = manifest.map(|manifest| manifest.counters).unwrap_or_default();
    let mut state_rows: BTreeMap<String, u64> = BTreeMap::new();
    for (id, rows) in remains.iter().flat_map(|remains| &remains.rows) {
        *state_rows.entry((*id).to_owned()).or_default() += *rows as u64;
    }
    let live = |view: &&ViewSpec| (view.name.to_owned(), state_rows.get(view.name).copied().unwrap_or(0));
    let now = progress.snapshot();
    Ok(Summary {
        records: counters.records,
        accepted: counters.accepted(),
        duplicates: counters.duplicates,
        rejected: counters.rejected,
        late: counters.late,
        too_late: counters.too_late,
        ticks: now.ticks,
        cuts: counters.cuts,
        seconds: begun.elapsed().as_secs_f64(),
        peak_rss_bytes: peak_rss_bytes(),
        views: job.views.iter().map(live).collect(),
        state_rows,
        restored_tick,
        restore_differences: remains.iter().map(|remains| remains.restore_differences).sum(),
        drained: fate.is_stopping(),
    })
}

/// The high-water mark of resident memory, from /proc/self/status.
fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}
