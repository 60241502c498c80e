//! Savepoints: a named copy of a manifest, whose objects garbage collection leaves alone.

use std::collections::BTreeSet;

use greenwave_sinks::objects::Location;
use serde::{Deserialize, Serialize};

use crate::collect;
use crate::generation;
use crate::manifest::{Kind, Manifest, ManifestError};
use crate::store::{Created, Store, StoreError};

const FOLDER: &str = "savepoints";
/// Looks for a manifest that stays while it is copied: each look costs a checkpoint's time.
const TRIES: usize = 5;

/// A savepoint, as it is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Savepoint {
    pub name: String,
    pub tick: u64,
    /// The time of the views at its cut.
    pub now_ms: i64,
    pub objects: usize,
    pub bytes: u64,
    pub version: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SavepointError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("cannot start a thread: {0}; raise the limit of threads")]
    Threads(std::io::Error),
    #[error(
        "cannot use savepoints: there is no checkpoint of this job in the state store {place}; wait for its first one"
    )]
    NoCheckpoint { place: String },
    #[error("cannot make savepoint {name}: there is one of this name in {place}; choose another name or remove it")]
    Exists { name: String, place: String },
    #[error(
        "cannot make savepoint {name}: checkpoints in {place} are replaced faster than one can be copied; try again"
    )]
    Overtaken { name: String, place: String },
    #[error("cannot use savepoint {name}: there is none of this name in {place}{}", known(names))]
    Missing { name: String, place: String, names: Vec<String> },
    #[error(
        "cannot start job {job} from savepoint {from}: the job has checkpoints of its own; leave --from out to go on with \
         them, or choose another --name"
    )]
    Begun { job: String, from: String },
    #[error(
        "cannot start job {job} from its own savepoint {from}: its lake would hold rows that come again; choose another \
         --name with its own lake"
    )]
    Own { job: String, from: String },
    #[error("cannot use savepoint {name}: its object {object} is gone from {place}; restore it from a backup")]
    Torn { name: String, object: String, place: String },
}

impl SavepointError {
    /// The person at the keyboard can mend it.
    pub fn is_of_use(&self) -> bool {
        !matches!(self, Self::Store(_) | Self::Manifest(_) | Self::Overtaken { .. } | Self::Torn { .. })
    }
}

/// Opens a job's part of the state store for a question from outside.
pub fn look_at<T>(
    state: &Location,
    job: &str,
    question: impl FnOnce(&Store) -> Result<T, SavepointError>,
) -> Result<T, SavepointError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().map_err(SavepointError::Threads)?;
    let store = Store::look(state, job, runtime.handle().clone())?;
    question(&store.ok_or_else(|| SavepointError::NoCheckpoint { place: state.to_string() })?)
}

fn known(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; there are {}", names.join(", ")) }
}

/// Copies the highest manifest under a name. Whoever collects meanwhile keeps its objects: the manifest is still one of
/// those that are kept after the copy is there, so every collection that has not seen the copy has seen the manifest.
pub fn make(store: &Store, name: &str) -> Result<Savepoint, SavepointError> {
    for _ in 0..TRIES {
        let place = || store.place().to_owned();
        let Some(manifest) = Manifest::highest(store)?.filter(|manifest| manifest.binding.is_some()) else {
            return Err(SavepointError::NoCheckpoint { place: place() });
        };
        if store.create(&object(name), manifest.encode())? == Created::Theirs {
            return Err(SavepointError::Exists { name: name.into(), place: place() });
        }
        // Nothing is collected while there are few.
        if collect::roots(store)?.is_none_or(|roots| roots.iter().any(|root| root.seq == manifest.seq)) {
            return Ok(told(name, &manifest));
        }
        store.delete(&object(name))?;
    }
    Err(SavepointError::Overtaken { name: name.into(), place: store.place().into() })
}

pub fn all(store: &Store) -> Result<Vec<Savepoint>, SavepointError> {
    Ok(read_all(store)?.iter().map(|(name, manifest)| told(name, manifest)).collect())
}

pub fn remove(store: &Store, name: &str) -> Result<(), SavepointError> {
    read(store, name)?;
    Ok(store.delete(&object(name))?)
}

/// Their manifests, by name; damaged ones are left out, and told.
pub fn read_all(store: &Store) -> Result<Vec<(String, Manifest)>, StoreError> {
    let mut found = vec![];
    for file in store.list(FOLDER)? {
        let Some(name) = file.strip_suffix(".json") else { continue };
        match store.get(&object(name))?.and_then(|content| Manifest::decode(&content)) {
            Some(manifest) => found.push((name.to_owned(), manifest)),
            None => tracing::warn!(savepoint = name, "savepoint is damaged"),
        }
    }
    Ok(found)
}

fn read(store: &Store, name: &str) -> Result<Manifest, SavepointError> {
    if let Some(manifest) = store.get(&object(name))?.and_then(|content| Manifest::decode(&content)) {
        return Ok(manifest);
    }
    let names = read_all(store)?.into_iter().map(|(name, _)| name).collect();
    Err(SavepointError::Missing { name: name.into(), place: store.place().into(), names })
}

/// Makes a savepoint of another job the beginning of this one: its state is copied, its lake is not. The job's ticks are
/// numbered after those of the other.
pub fn adopt(store: &Store, job: &str, state: &Location, from: &str) -> Result<(), SavepointError> {
    let (other, name) = from.split_once('/').unwrap_or((job, from));
    if other == job {
        return Err(SavepointError::Own { job: job.into(), from: from.into() });
    }
    if let Some(own) = Manifest::highest(store)? {
        let begun = SavepointError::Begun { job: job.into(), from: from.into() };
        return if own.from.as_deref() == Some(from) { Ok(()) } else { Err(begun) };
    }
    let origin = Store::look(state, other, store.runtime())?;
    let origin = &origin.ok_or_else(|| SavepointError::NoCheckpoint { place: state.to_string() })?;
    let saved = read(origin, name)?;
    let objects: BTreeSet<&str> =
        saved.ops.values().flat_map(|op| &op.parts).map(|part| part.object.as_str()).collect();
    for object in objects {
        let torn = || SavepointError::Torn { name: name.into(), object: object.into(), place: origin.place().into() };
        store.put(object, origin.get(object)?.ok_or_else(torn)?)?;
    }
    generation::begin_after(store, saved.generation)?;
    let (staged, lake) = Default::default();
    let (kind, nonce, from) = (Kind::Takeover, crate::nonce(), Some(from.to_owned()));
    let first = Manifest { seq: 1, kind, nonce, from, staged, lake, is_unstaged: false, ..saved };
    Ok(first.commit(store)?)
}

fn told(name: &str, manifest: &Manifest) -> Savepoint {
    let parts = || manifest.ops.values().flat_map(|op| &op.parts);
    Savepoint {
        name: name.into(),
        tick: manifest.tick().unwrap_or(0),
        now_ms: manifest.binding.as_ref().map_or(0, |binding| binding.now_ms),
        objects: manifest.objects().count(),
        bytes: parts().map(|part| part.bytes).sum(),
        version: manifest.version.clone(),
    }
}

fn object(name: &str) -> String {
    format!("{FOLDER}/{name}.json")
}
