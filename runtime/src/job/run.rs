//! A job from start to end: take the next generation, restore, run the workers, make everything durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use greenwave_model::{CrashPoint, ViewSpec};
use greenwave_operators::state::States;
use greenwave_sinks::kafka::DeadLetters;
use greenwave_sinks::lake::{Lake, Table};
use greenwave_sinks::objects::Location;
use greenwave_sinks::speed::{Replica, Speed, SpeedSettings};

use super::input::{Opened, positions};
use super::sinks::{listen_to_speed, open_lake, refuse_other_city, refuse_other_lake, speed_settings, start_speed};
use super::threads::{Shared, run_workers};
use super::{Job, RunError, Summary};
use crate::background;
use crate::committer::Committer;
use crate::fate::Fate;
use crate::generation::{Generation, wall_ms};
use crate::leader::{Leader, Limits};
use crate::manifest::Manifest;
use crate::memory;
use crate::mint::Ledger;
use crate::progress::{Identity, Progress};
use crate::restore::{self, Plan};
use crate::savepoint;
use crate::status::{Http, HttpError};
use crate::store::{Store, StoreError};
use crate::waiting::Waiting;
use crate::worker::{self, Remains};

/// The speed layer is given this long to take the last tick.
const SPEED_DRAIN: Duration = Duration::from_secs(10);

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
    let input = Opened::open(&job.input)?;
    let letters = job.dead_letters.clone().map(DeadLetters::open).transpose()?.map(Arc::new);
    let store = open_store(&job, tokio.handle().clone())?;
    let plan = plan(&job);
    if let Some((from, state)) = job.from.as_ref().zip(job.state.as_ref()) {
        savepoint::adopt(&store, &job.name, state, from)?;
    }
    let first = highest(&store, &job, &plan)?;
    let history = restore::history(&store)?;
    let lake = open_lake(&job, &history, tokio.handle())?;
    let generation = Generation::take(&store, &job.name, job.take_over, http.as_ref().map(Http::address))?;
    progress.generation(generation.number);
    let (name, ours) = (job.name.clone(), generation.clone());
    let taken = Taken { begun, input, letters, store: store.clone(), plan, first, history, lake, generation };
    taken.go_on(job, fate, progress, watch).map_err(|error| ours.cause(&store, &name, error))
}

/// A generation that is ours, and what was opened before it was taken.
struct Taken {
    begun: Instant,
    input: Opened,
    letters: Option<Arc<DeadLetters>>,
    store: Store,
    plan: Plan,
    first: Manifest,
    history: String,
    lake: Option<(Lake, Vec<Table>)>,
    generation: Generation,
}

impl Taken {
    fn go_on(
        self,
        job: Job,
        fate: &Arc<Fate>,
        progress: &Arc<Progress>,
        watch: impl FnOnce(Arc<Replica>),
    ) -> Result<Summary, RunError> {
        let Self { begun, input, letters, store, plan, first, history, mut lake, generation } = self;
        let (events, speed_heard) = crossbeam_channel::unbounded();
        let (speed, claim) =
            start_speed(speed_settings(&job, history, &first), generation.number, job.workers, events)?;
        CrashPoint::RedisClaimed.pass();
        let restore::Found { manifest, made: states, recorded } = restore::take_over(
            &store,
            &generation,
            &plan,
            first,
            |highest| refuse_other_lake(&job.name, lake.as_mut(), highest),
            |manifest| restore::load_state(&store, manifest, job.workers),
        )?;
        progress.restored(&manifest);
        let store = waited_for(store, &job, fate, progress);
        watch(speed.replica());

        let restored = manifest.binding.clone();
        let last = recorded.last().map(|binding| binding.tick);
        let visible = restore::repeats(recorded.last().or(restored.as_ref()), &claim.unwrap_or_default())?;
        let repeats = [recorded, visible].concat();
        let table = input.table(restored.as_ref(), &repeats)?;
        let positions = positions(&table);
        let references = job.references.iter().map(|table| (table.name.clone(), table.hash.clone())).collect();
        let repeats = (repeats, last.unwrap_or(0));
        let ledger =
            Ledger::new(generation.number, restored.as_ref(), table, repeats, references, job.out_of_orderness_ms);
        let speed = Arc::new(speed);
        let offsets = input.group_offsets(&job.name);
        let committer = Committer::start(&store, &generation, lake, offsets, letters.clone(), fate, progress);
        let limits = Limits { workers: job.workers, lake_every: job.lake_every, run_for: job.run_for };
        let mint = input.mint(ledger, &job);
        let leader = Leader::new(mint, manifest, committer, speed.clone(), progress.clone(), limits);
        let shared = Shared {
            restored: restored.clone(),
            positions,
            input,
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
            is_paced: job.pace.is_some(),
            states: Mutex::new(states),
            leader: Mutex::new(Some(leader)),
        };
        let listener = listen_to_speed(speed_heard, progress.clone(), fate.clone());
        let remains = run_workers(Arc::new(shared))?;
        let restored_tick = restored.map(|binding| binding.tick);
        Ending { job, speed, listener, generation, store, restored_tick, begun }.end(remains, fate, progress)
    }
}

/// What is put away after the workers.
struct Ending {
    job: Job,
    speed: Arc<Speed>,
    listener: JoinHandle<()>,
    generation: Generation,
    store: Store,
    restored_tick: Option<u64>,
    begun: Instant,
}

impl Ending {
    fn end(self, mut remains: Vec<Remains>, fate: &Fate, progress: &Progress) -> Result<Summary, RunError> {
        CrashPoint::WorkersEnded.pass();
        let leader = remains.iter_mut().find_map(|remains| remains.leader.take());
        let counters = leader.map(Leader::end).unwrap_or_default();
        let stopped = Arc::into_inner(self.speed).map(|speed| speed.stop(SPEED_DRAIN));
        let _ = self.listener.join();
        if let Some(error) = fate.error() {
            return Err(error);
        }
        if let Some(Err(error)) = stopped {
            tracing::warn!(%error, "speed layer did not take the last ticks; the next start repeats them");
        }
        CrashPoint::EndNext.pass();
        self.generation.ended(&self.store)?;
        CrashPoint::EndTold.pass();
        let mut state_rows: BTreeMap<String, u64> = BTreeMap::new();
        for (id, rows) in remains.iter().flat_map(|remains| &remains.rows) {
            *state_rows.entry((*id).to_owned()).or_default() += *rows as u64;
        }
        let live = |view: &&ViewSpec| (view.name.to_owned(), state_rows.get(view.name).copied().unwrap_or(0));
        Ok(Summary {
            accepted: counters.accepted(),
            counters,
            ticks: progress.snapshot().ticks,
            seconds: self.begun.elapsed().as_secs_f64(),
            peak_rss_bytes: memory::peak_resident_bytes(),
            views: self.job.views.iter().map(live).collect(),
            state_rows,
            restored_tick: self.restored_tick,
            restore_differences: remains.iter().map(|remains| remains.restore_differences).sum(),
            drained: fate.is_stopping(),
        })
    }
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
        Some(location) => Store::open(location, &job.name, tokio),
        None => Store::memory(&job.name, tokio),
    }
}

/// A store elsewhere comes back, and the run is there when it does. A disk that fails is for this machine to mend.
fn waited_for(store: Store, job: &Job, fate: &Arc<Fate>, progress: &Arc<Progress>) -> Store {
    match &job.state {
        Some(Location::S3(_)) => store.waited_for(Waiting::new(fate, progress)),
        Some(Location::Folder(_)) | None => store,
    }
}

/// The manifest to go on from, if it is of this job and this city.
fn highest(store: &Store, job: &Job, plan: &Plan) -> Result<Manifest, RunError> {
    let first = restore::highest(store, plan)?;
    refuse_other_city(job, &first)?;
    Ok(first)
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
    Plan { job: job.name.clone(), hash, settings: job.settings.clone() }
}
