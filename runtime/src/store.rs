//! The state store: a folder (S3 later) in which only *create if absent* carries protocol.

use std::{path::Path as FsPath, sync::Arc, time::Duration};

use bytes::Bytes;
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, local::LocalFileSystem, memory::InMemory, path::Path,
};
use tokio::runtime::Handle;

/// Tries of an operation whose answer was an error. The wait doubles from 50 ms: about six seconds in all, enough for
/// a short hiccup; a store that is down longer ends the run, and the next one goes on from the last checkpoint.
const TRIES: u32 = 7;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the state folder {path}: {why}; create it or choose another with `state = …`")]
    Open { path: String, why: String },
    #[error("cannot {verb} {object} in the state store {place}; free space or mend the store, then start again")]
    Failed { verb: &'static str, object: String, place: String, source: Box<object_store::Error> },
    #[error(
        "cannot use the state store {place}: it does not refuse to create {object} twice; use a store with conditional puts"
    )]
    NotConditional { place: String, object: String },
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
}

impl Store {
    /// A folder on the local disk, fsynced.
    pub fn folder(path: &FsPath, job: &str, runtime: Handle) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        let refuse = |why: String| StoreError::Open { path: place.clone(), why };
        std::fs::create_dir_all(path).map_err(|error| refuse(error.to_string()))?;
        let files = LocalFileSystem::new_with_prefix(path).map_err(|error| refuse(error.to_string()))?;
        Self::probed(Arc::new(files.with_fsync(true).with_automatic_cleanup(true)), job, place, runtime)
    }

    /// What a folder holds of a job, for a look that writes nothing; `None` where it holds nothing.
    pub fn look(path: &FsPath, job: &str, runtime: Handle) -> Result<Option<Self>, StoreError> {
        if !path.join("jobs").join(job).is_dir() {
            return Ok(None);
        }
        let place = path.display().to_string();
        let refuse = |error: object_store::Error| StoreError::Open { path: place.clone(), why: error.to_string() };
        let inner = Arc::new(LocalFileSystem::new_with_prefix(path).map_err(refuse)?);
        Ok(Some(Self { inner, runtime, root: Path::from(format!("jobs/{job}")), place }))
    }

    /// Lives and dies with the process: for `state = "none"`.
    pub fn memory(job: &str, runtime: Handle) -> Result<Self, StoreError> {
        Self::probed(Arc::new(InMemory::new()), job, "memory".into(), runtime)
    }

    fn probed(inner: Arc<dyn ObjectStore>, job: &str, place: String, runtime: Handle) -> Result<Self, StoreError> {
        let root = Path::from(format!("jobs/{job}"));
        let store = Self { inner, runtime, root, place };
        let probe = format!("probe-{:016x}", crate::nonce());
        let outcome =
            [store.create(&probe, Bytes::from_static(b"1"))?, store.create(&probe, Bytes::from_static(b"2"))?];
        store.delete(&probe)?;
        if outcome != [Created::Ours, Created::Theirs] {
            return Err(StoreError::NotConditional { place: store.place, object: probe });
        }
        Ok(store)
    }

    /// Creates an object. An ambiguous answer is settled by reading the object back: the content carries a nonce.
    pub fn create(&self, name: &str, content: Bytes) -> Result<Created, StoreError> {
        let options = PutOptions { mode: PutMode::Create, ..Default::default() };
        self.retried("create", name, |path| {
            let (inner, options, content) = (&self.inner, options.clone(), content.clone());
            async move {
                let Err(refusal) = inner.put_opts(&path, PutPayload::from(content.clone()), options).await else {
                    return Ok(Created::Ours);
                };
                let Ok(found) = inner.get(&path).await else { return Err(refusal) };
                Ok(if found.bytes().await? == content { Created::Ours } else { Created::Theirs })
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

    pub fn place(&self) -> &str {
        &self.place
    }

    fn retried<T, F>(&self, verb: &'static str, name: &str, attempt: impl Fn(Path) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let path = name.split('/').fold(self.root.clone(), |path, part| path.join(part));
        let mut wait = Duration::from_millis(50);
        let mut last = None;
        for _ in 0..TRIES {
            match self.runtime.block_on(attempt(path.clone())) {
                Ok(value) => return Ok(value),
                Err(error) => last = Some(error),
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        let source = Box::new(last.expect("at least one try was made"));
        Err(StoreError::Failed { verb, object: name.to_owned(), place: self.place.clone(), source })
    }
}
