//! Takeover and restore: the highest manifest under a new generation, and its rows on their new owners.

use std::collections::BTreeMap;

use greenwave_model::{Binding, CrashPoint, PartitionBound, PartitionClock, PartitionKey, group_of};
use greenwave_operators::state::StateRow;

use crate::RunError;
use crate::generation::Generation;
use crate::manifest::{Counters, Kind, Manifest};
use crate::store::Store;

/// What must not change under a job's state.
pub struct Plan {
    pub job: String,
    pub hash: String,
    /// Settings that decide answers, as JSON.
    pub settings: String,
}

/// What a start finds and has looked through before it writes anything.
pub struct Found<T> {
    /// The takeover record: the manifest that can be restored, or that of a job which starts.
    pub manifest: Manifest,
    /// What was made of it.
    pub made: T,
    /// Cuts that were made durable after it and cannot be restored: the run goes through them once more.
    pub recorded: Vec<Binding>,
}

const HISTORY: &str = "history";

/// What tells this state's lake and speed layer from those of another state of the job: drawn once, before anything else
/// is written.
pub fn history(store: &Store) -> Result<String, RunError> {
    let drawn = format!("{:016x}", crate::nonce());
    if store.get(HISTORY)?.is_none() {
        store.create(HISTORY, drawn.into())?;
    }
    let content = store.get(HISTORY)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&content).into_owned())
}

/// The manifest that a start would go on from.
pub fn highest(store: &Store, plan: &Plan) -> Result<Manifest, RunError> {
    let highest = Manifest::highest(store)?;
    if let Some(manifest) = &highest {
        refuse_changed_plan(manifest, plan)?;
    }
    Ok(highest.unwrap_or_else(|| fresh(plan)))
}

/// Creates the takeover record: all of the highest manifest that `load` can restore, under the new generation, once
/// `check` has nothing against the highest of all. A manifest that a dying process finishes meanwhile is adopted.
pub fn take_over<T>(
    store: &Store,
    generation: &Generation,
    plan: &Plan,
    first: Manifest,
    mut check: impl FnMut(&Manifest) -> Result<(), RunError>,
    mut load: impl FnMut(&Manifest) -> Result<T, RunError>,
) -> Result<Found<T>, RunError> {
    loop {
        let (mut known, used) = Manifest::known(store)?;
        if let Some(highest) = known.first() {
            refuse_changed_plan(highest, plan)?;
            refuse_lost_generations(store, highest, generation)?;
        } else {
            known.push(first.clone());
        }
        check(&known[0])?;
        let (found, made, recorded) = restorable(known, &mut load)?;
        let manifest = Manifest {
            seq: used + 1,
            kind: Kind::Takeover,
            generation: generation.number,
            nonce: crate::nonce(),
            ..found
        };
        CrashPoint::TakeoverReady.pass();
        match manifest.commit(store) {
            Ok(()) => {
                CrashPoint::TakeoverRecorded.pass();
                return Ok(Found { manifest, made, recorded });
            }
            Err(crate::manifest::ManifestError::Fenced { .. }) if newest_generation(store)? == generation.number => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The first of the manifests, the highest first, that can be restored; and the cuts that others have recorded after it.
fn restorable<T>(
    known: Vec<Manifest>,
    load: &mut impl FnMut(&Manifest) -> Result<T, RunError>,
) -> Result<(Manifest, T, Vec<Binding>), RunError> {
    let mut damage = None;
    for (at, manifest) in known.iter().enumerate() {
        let made = match load(manifest) {
            Ok(made) => made,
            Err(error @ RunError::Damaged { .. }) => {
                tracing::warn!(%error, tick = manifest.tick(), "a checkpoint is damaged, trying the one before");
                damage.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Some(recorded) = recorded(manifest.tick(), &known) {
            return Ok((known.into_iter().nth(at).expect("it was found there"), made, recorded));
        }
    }
    Err(damage.unwrap_or_else(|| RunError::Engine("cuts that were recorded do not follow each other".into())))
}

/// The cuts after a tick that any manifest has recorded; `None` if one is missing between them.
fn recorded(restored: Option<u64>, known: &[Manifest]) -> Option<Vec<Binding>> {
    let later = known.iter().filter_map(|manifest| manifest.binding.clone());
    let later: BTreeMap<u64, Binding> =
        later.filter(|binding| Some(binding.tick) > restored).map(|binding| (binding.tick, binding)).collect();
    let mut before = restored.unwrap_or(0);
    let follows = later.values().all(|binding| std::mem::replace(&mut before, binding.tick) == binding.cut.tick);
    follows.then(|| later.into_values().collect())
}

fn newest_generation(store: &Store) -> Result<u64, RunError> {
    Ok(crate::generation::numbers(store)?.last().copied().unwrap_or(0))
}

fn fresh(plan: &Plan) -> Manifest {
    Manifest {
        seq: 0,
        kind: Kind::Takeover,
        generation: 0,
        nonce: 0,
        is_unstaged: false,
        binding: None,
        settings: plan.settings.clone(),
        plan_hash: plan.hash.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        ops: BTreeMap::new(),
        staged: BTreeMap::new(),
        lake: BTreeMap::new(),
        counters: Counters::default(),
        from: None,
    }
}

/// Ticks are numbered by generation: an older number would count them again.
fn refuse_lost_generations(store: &Store, manifest: &Manifest, ours: &Generation) -> Result<(), RunError> {
    if manifest.generation < ours.number {
        return Ok(());
    }
    Err(RunError::Damaged {
        object: format!("generation {}", manifest.generation),
        place: store.place().into(),
        why: format!("the highest number in its folder `gen` is below that ({})", ours.number),
    })
}

fn refuse_changed_plan(manifest: &Manifest, plan: &Plan) -> Result<(), RunError> {
    if manifest.plan_hash == plan.hash {
        return Ok(());
    }
    let parse = |text: &str| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text).unwrap_or_default();
    let (before, after) = (parse(&manifest.settings), parse(&plan.settings));
    let mut changes = vec![];
    for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
        let (old, new) = (before.get(key), after.get(key));
        if old != new {
            let text = |value: Option<&serde_json::Value>| value.map_or("absent".into(), ToString::to_string);
            changes.push(format!("{key} was {} and is {}", text(old), text(new)));
        }
    }
    let changes = if changes.is_empty() { "the dataflow itself changed".into() } else { changes.join(", ") };
    Err(RunError::PlanChanged { job: plan.job.clone(), changes })
}

/// One worker's rows, by operator id.
pub type Rows = BTreeMap<String, Vec<StateRow>>;

/// The rows of every operator, on the worker that owns their group.
pub fn load_state(store: &Store, manifest: &Manifest, workers: usize) -> Result<Vec<Rows>, RunError> {
    let mut owned: Vec<Rows> = (0..workers).map(|_| Rows::new()).collect();
    for (id, operator) in &manifest.ops {
        for part in &operator.parts {
            let damaged =
                |why: String| RunError::Damaged { object: part.object.clone(), place: store.place().into(), why };
            let content = store.get(&part.object)?.ok_or_else(|| damaged("it is gone".into()))?;
            if crc32fast::hash(&content) != part.crc32 {
                return Err(damaged("its checksum is not the one in the manifest".into()));
            }
            crate::parts::decode(content, |row| {
                let worker = usize::from(group_of(row.vnode)) % workers;
                owned[worker].entry(id.clone()).or_default().push(row);
            })
            .map_err(|error| damaged(error.to_string()))?;
            CrashPoint::StatePartLoaded.pass();
        }
    }
    Ok(owned)
}

/// Ticks that readers have already seen and that follow the restored cut.
pub fn repeats(restored: Option<&Binding>, listed: &[(u64, String)]) -> Result<Vec<Binding>, RunError> {
    let cut = restored.map_or(0, |binding| binding.tick);
    let ahead = listed.iter().filter(|(tick, _)| restored.is_none() || *tick > cut);
    let parsed = ahead.map(|(tick, json)| {
        let why = |error: serde_json::Error| RunError::Damaged {
            object: format!("the binding of tick {tick}"),
            place: "redis, list `ticks` of the job".into(),
            why: error.to_string(),
        };
        serde_json::from_str::<Binding>(json).map_err(why)
    });
    let mut repeats = parsed.collect::<Result<Vec<_>, _>>()?;
    repeats.sort_by_key(|binding| binding.tick);
    repeats.dedup_by_key(|binding| binding.tick);
    if repeats.first().is_some_and(|first| first.cut.tick != cut) {
        tracing::warn!(cut, "ticks listed in redis do not follow the restored checkpoint; they are not repeated");
        repeats.clear();
    }
    Ok(repeats)
}

/// The partition table: what the cut knows in its order, then what repeated ticks brought, then what is new.
pub fn partition_table(
    restored: Option<&Binding>,
    repeats: &[Binding],
    found: &[PartitionKey],
    first_offset: impl FnOnce(&[PartitionKey]) -> Result<Vec<i64>, RunError>,
) -> Result<Vec<PartitionBound>, RunError> {
    let mut table = restored.map(|binding| binding.partitions.clone()).unwrap_or_default();
    for bound in repeats.last().map(|binding| &binding.partitions[..]).unwrap_or_default().iter().skip(table.len()) {
        table.push(unread(bound.key.clone(), bound.start));
    }
    let known = |key: &PartitionKey, table: &[PartitionBound]| table.iter().any(|bound| bound.key == *key);
    let fresh: Vec<PartitionKey> = found.iter().filter(|key| !known(key, &table)).cloned().collect();
    if !fresh.is_empty() {
        let starts = first_offset(&fresh)?;
        table.extend(fresh.into_iter().zip(starts).map(|(key, start)| unread(key, start)));
    }
    Ok(table)
}

fn unread(key: PartitionKey, start: i64) -> PartitionBound {
    let clock = PartitionClock::default();
    PartitionBound { key, start, end: start, clock, last_arrival_ms: None, idle_since_ms: None, finished: false }
}
