//! The state store: a folder or a path in a bucket, in which only *create if absent* carries protocol.

use std::{
    path::Path as FsPath,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use greenwave_sinks::objects::{self, Location, Refusal, S3Address};
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, memory::InMemory, path::Path};
use tokio::runtime::Handle;

use crate::waiting::Waiting;

/// Tries of an operation whose answer was an error. The wait doubles from 50 ms: about six seconds in all, enough for
/// a short hiccup; a disk that fails for longer ends the run, and the next one goes on from the last checkpoint.
const TRIES: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// Between tries of a store that is down for long.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the state folder {path}: {why}; create it or choose another with `state = …`")]
    Open { path: String, why: String },
    #[error("cannot open the state store {place}: {fact}; {fix}")]
    Refused { place: String, fact: String, fix: &'static str },
    #[error("cannot {verb} {object} in the state store {place}; free space or mend the store, then start again")]
    Failed { verb: &'static str, object: String, place: String, source: Box<object_store::Error> },
    #[error("cannot {verb} {object} in the state store {place}: {}; {}", .refusal.fact, .refusal.fix)]
    Down { verb: &'static str, object: String, place: String, refusal: Refusal },
    #[error(
        "cannot use the state store {place}: it does not refuse to create {object} twice; use a store with conditional puts"
    )]
    NotConditional { place: String, object: String },
}

impl StoreError {
    fn of(verb: &'static str, object: &str, place: &str, error: object_store::Error) -> Self {
        let (object, place) = (object.to_owned(), place.to_owned());
        match Refusal::of(&error) {
            Some(refusal) => Self::Down { verb, object, place, refusal },
            None => Self::Failed { verb, object, place, source: Box::new(error) },
        }
    }

    /// The same question would get the same answer.
    fn is_final(&self) -> bool {
        matches!(self, Self::Down { refusal, .. } if refusal.is_final)
    }

    /// At the start of a run somebody is there to mend what keeps the store from being opened.
    fn at_start(self) -> Self {
        match self {
            Self::Down { place, refusal, .. } => Self::Refused { place, fact: refusal.fact, fix: refusal.fix },
            other => other,
        }
    }
}

/// What became of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Ours,
    /// Somebody else's content stands there.
    Theirs,
}

/// One job's part of the state store. Calls block; never made from a dataflow worker.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    runtime: Handle,
    root: Path,
    place: String,
    /// Set while a run goes on for which a store that is down is waited for.
    waiting: Option<Waiting>,
}

impl Store {
    /// Where the settings say, probed.
    pub fn open(location: &Location, job: &str, runtime: Handle) -> Result<Self, StoreError> {
        match location {
            Location::Folder(path) => Self::folder(path, job, runtime),
            Location::S3(address) => Self::bucket(address, job, runtime)?.probed().map_err(StoreError::at_start),
        }
    }

    /// A folder on the local disk, fsynced.
    fn folder(path: &FsPath, job: &str, runtime: Handle) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let refuse = |why: String| StoreError::Open { path: place.clone(), why };
        std::fs::create_dir_all(path).map_err(|error| refuse(error.to_string()))?;
        let files = LocalFileSystem::new_with_prefix(path).map_err(|error| refuse(error.to_string()))?;
        let files = Arc::new(files.with_fsync(true).with_automatic_cleanup(true));
        Self::of(files, Path::default(), job, place, runtime).probed()
    }

    fn bucket(address: &S3Address, job: &str, runtime: Handle) -> Result<Self, StoreError> {
        let place = address.to_string();
        let refused =
            |refusal: Refusal| StoreError::Refused { place: place.clone(), fact: refusal.fact, fix: refusal.fix };
        let inner = address.open(&runtime).map_err(refused)?;
        Ok(Self::of(inner, Path::from(address.path.as_str()), job, place, runtime))
    }

    /// What there is of a job, for a look that writes nothing; `None` where there is nothing.
    pub fn look(location: &Location, job: &str, runtime: Handle) -> Result<Option<Self>, StoreError> {
        let path = match location {
            Location::Folder(path) if !path.join("jobs").join(job).is_dir() => return Ok(None),
            Location::Folder(path) => path,
            Location::S3(address) => return Self::bucket(address, job, runtime).map(Some),
        };
        let place = path.display().to_string();
        let refuse = |error: object_store::Error| StoreError::Open { path: place.clone(), why: error.to_string() };
        let inner = Arc::new(LocalFileSystem::new_with_prefix(path).map_err(refuse)?);
        Ok(Some(Self::of(inner, Path::default(), job, place, runtime)))
    }

    /// Lives and dies with the process: for `state = "none"`.
    pub fn memory(job: &str, runtime: Handle) -> Result<Self, StoreError> {
        Self::of(Arc::new(InMemory::new()), Path::default(), job, "memory".into(), runtime).probed()
    }

    fn of(inner: Arc<dyn ObjectStore>, prefix: Path, job: &str, place: String, runtime: Handle) -> Self {
        Self { inner, runtime, root: prefix.join("jobs").join(job), place, waiting: None }
    }

    fn probed(self) -> Result<Self, StoreError> {
        let probe = format!("probe-{:016x}", crate::nonce());
        let outcome = [self.create(&probe, Bytes::from_static(b"1"))?, self.create(&probe, Bytes::from_static(b"2"))?];
        self.delete(&probe)?;
        if outcome != [Created::Ours, Created::Theirs] {
            return Err(StoreError::NotConditional { place: self.place, object: probe });
        }
        Ok(self)
    }

    /// From now on a store elsewhere that is down is waited for.
    pub fn waited_for(self, waiting: Waiting) -> Self {
        Self { waiting: Some(waiting), ..self }
    }

    /// Creates an object. An ambiguous answer is settled by reading the object back: the content carries a nonce.
    pub fn create(&self, name: &str, content: Bytes) -> Result<Created, StoreError> {
        self.retried("create", name, |path| {
            let (inner, content) = (&self.inner, content.clone());
            async move {
                let is_ours = objects::create(&**inner, &path, content).await?;
                Ok(if is_ours { Created::Ours } else { Created::Theirs })
            }
        })
    }

    pub fn put(&self, name: &str, content: Bytes) -> Result<(), StoreError> {
        self.retried("write", name, |path| {
            let (inner, content) = (&self.inner, content.clone());
            async move { inner.put(&path, PutPayload::from(content)).await.map(|_| ()) }
        })
    }

    /// The object, or `None` where there is none.
    pub fn get(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        self.retried("read", name, |path| {
            let inner = &self.inner;
            async move {
                match inner.get(&path).await {
                    Ok(found) => found.bytes().await.map(Some),
                    Err(object_store::Error::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        })
    }

    /// When the object was written, in milliseconds since 1970.
    pub fn written_ms(&self, name: &str) -> Result<Option<i64>, StoreError> {
        self.retried("read", name, |path| {
            let inner = &self.inner;
            async move {
                match inner.head(&path).await {
                    Ok(found) => Ok(Some(found.last_modified.timestamp_millis())),
                    Err(object_store::Error::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
        })
    }

    pub fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.retried("delete", name, |path| {
            let inner = &self.inner;
            async move {
                match inner.delete(&path).await {
                    Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        })
    }

    /// Names directly in a folder, without the folder, sorted.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut names = self.retried("list", folder, |path| {
            let inner = &self.inner;
            async move {
                let listed = inner.list_with_delimiter(Some(&path)).await?;
                let files = listed.objects.into_iter().map(|object| object.location);
                let names = files.chain(listed.common_prefixes).filter_map(|path| path.filename().map(str::to_owned));
                Ok(names.collect::<Vec<_>>())
            }
        })?;
        names.sort();
        Ok(names)
    }

    pub fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    pub fn place(&self) -> &str {
        &self.place
    }

    fn retried<T, F>(&self, verb: &'static str, name: &str, attempt: impl Fn(Path) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let path = name.split('/').fold(self.root.clone(), |path, part| path.join(part));
        let (mut wait, mut tries, begun) = (FIRST_WAIT, 0, Instant::now());
        let mut outage = self.waiting.as_ref().map(Waiting::outage);
        loop {
            let error = match self.runtime.block_on(attempt(path.clone())) {
                Ok(value) => return Ok(value),
                Err(error) => StoreError::of(verb, name, &self.place, error),
            };
            tries += 1;
            let goes_on = match &mut outage {
                Some(outage) => outage.goes_on(&error, begun.elapsed()),
                None => tries < TRIES && !error.is_final(),
            };
            if !goes_on {
                return Err(error);
            }
            std::thread::sleep(wait);
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }
}
