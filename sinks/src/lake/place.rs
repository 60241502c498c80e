//! Where the lake stands: a store, a root in it, and the few calls that the tables' own log does not make.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use object_store::{DynObjectStore, Error as StoreError, ObjectStoreExt, local::LocalFileSystem, path::Path};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, RuntimeFlavor};
use url::Url;

use super::{Condition, LakeError};
use crate::objects::{self, S3Address};

/// Tries of what a store elsewhere answers with a fault that may pass; the wait between them doubles.
const TRIES_ELSEWHERE: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The object that says whose lake this is.
const MARKER: &str = "_greenwave.json";

/// Whose a lake is.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub job: &'a str,
    /// Which state the job has: with another one it would count its ticks anew.
    pub history: &'a str,
}

impl<'a> From<&'a str> for Owner<'a> {
    fn from(job: &'a str) -> Self {
        Self { job, history: "" }
    }
}

#[derive(Serialize, Deserialize)]
struct Marker {
    job: String,
    /// Which state the job has.
    #[serde(default)]
    history: String,
}

#[derive(Clone, Debug)]
pub(super) struct Place {
    pub store: Arc<DynObjectStore>,
    /// Ends in `/`.
    pub root: Url,
    pub runtime: Handle,
    tries: u32,
}

impl Place {
    pub fn new(store: Arc<DynObjectStore>, root: Url, runtime: Handle) -> Result<Self, LakeError> {
        if runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
            return Err(LakeError::Address {
                url: root.to_string(),
                fact: "the runtime given has one thread".into(),
                fix: "give a multi-threaded one: calls that wait for the store would never return",
            });
        }
        Ok(Self { store, root, runtime, tries: 1 })
    }

    /// A folder of this machine, made if it is not there.
    pub fn folder(url: &str, runtime: Handle) -> Result<Self, LakeError> {
        let address = |fact: &str, fix| LakeError::Address { url: url.into(), fact: fact.into(), fix };
        let path = match url.split_once("://") {
            None => url.into(),
            Some(("file", _)) => Url::parse(url)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .ok_or_else(|| address("it names no local folder", "write file:///path/to/lake"))?,
            Some(_) => return Err(address("only folders can hold a lake", "give a folder's path or a file:// URL")),
        };
        let refused = |cause: std::io::Error| LakeError::failed("create the lake's folder", path.display(), &cause);
        fs::create_dir_all(&path).map_err(refused)?;
        let path = path.canonicalize().map_err(refused)?;
        // The Delta library lists such a folder under another name.
        if path.as_os_str().as_encoded_bytes().contains(&b'%') {
            return Err(address("its path holds a `%`", "name a folder without one"));
        }
        let root = Url::from_directory_path(&path).expect("a canonical path is absolute");
        Self::new(Arc::new(LocalFileSystem::new().with_fsync(true)), root, runtime)
    }

    /// A path in a bucket that answers.
    pub fn s3(address: &S3Address, runtime: Handle) -> Result<Self, LakeError> {
        let url = address.to_string();
        let refused = |fact: String, fix| LakeError::Address { url: url.clone(), fact, fix };
        let store = address.open(&runtime).map_err(|refusal| refused(refusal.fact, refusal.fix))?;
        let root = format!("{}/", url.trim_end_matches('/'));
        let root = Url::parse(&root).map_err(|error| refused(error.to_string(), "write s3://bucket/path"))?;
        Ok(Self { tries: TRIES_ELSEWHERE, ..Self::new(store, root, runtime)? })
    }

    pub fn url(&self, relative: &str) -> Url {
        let mut url = self.root.clone();
        url.path_segments_mut().expect("the root can have segments").pop_if_empty().extend(relative.split('/'));
        url
    }

    /// As a person would write it.
    pub fn shown(&self, relative: &str) -> String {
        let url = self.url(relative);
        url.to_file_path().map_or_else(|()| url.to_string(), |path| path.display().to_string())
    }

    fn path(&self, relative: &str) -> Result<Path, LakeError> {
        Path::from_url_path(self.url(relative).path())
            .map_err(|cause| LakeError::broken("name", self.shown(relative), cause))
    }

    pub fn put(&self, relative: &str, bytes: Bytes) -> Result<(), LakeError> {
        self.asked("write", relative, async |path| self.store.put(path, bytes.clone().into()).await.map(|_| ()))
    }

    /// True if what stands there now is `bytes`, false if there was something else.
    pub fn create(&self, relative: &str, bytes: Bytes) -> Result<bool, LakeError> {
        self.asked("write", relative, async |path| objects::create(&*self.store, path, bytes.clone()).await)
    }

    pub fn get(&self, relative: &str) -> Result<Option<Bytes>, LakeError> {
        self.asked("read", relative, async |path| {
            let read = async { self.store.get(path).await?.bytes().await };
            none_if_absent(read.await)
        })
    }

    /// True if anything stands directly in the folder.
    pub fn has_any(&self, folder: &str) -> Result<bool, LakeError> {
        self.asked("list", folder, async |path| {
            let list = none_if_absent(self.store.list_with_delimiter(Some(path)).await)?;
            Ok(list.is_some_and(|list| !list.objects.is_empty()))
        })
    }

    fn asked<T>(
        &self,
        action: &'static str,
        relative: &str,
        ask: impl AsyncFn(&Path) -> Result<T, StoreError>,
    ) -> Result<T, LakeError> {
        let path = self.path(relative)?;
        let failed = |cause| LakeError::failed(action, self.shown(relative), &cause);
        self.patiently(|| self.runtime.block_on(ask(&path)).map_err(failed))
    }

    /// Asks a store elsewhere again while its fault may pass. One that is down for longer is told.
    pub fn patiently<T>(&self, mut ask: impl FnMut() -> Result<T, LakeError>) -> Result<T, LakeError> {
        let mut wait = FIRST_WAIT;
        for _ in 1..self.tries {
            match ask() {
                Err(LakeError::Failed { condition: Condition::Other, .. }) => std::thread::sleep(wait),
                answer => return answer,
            }
            wait *= 2;
        }
        ask()
    }

    /// An object nobody refers to; one that stays does no harm.
    pub fn forget(&self, relative: &str) {
        let Ok(path) = self.path(relative) else { return };
        if let Err(error) = self.runtime.block_on(self.store.delete(&path)) {
            tracing::debug!(%error, object = relative, "an object nobody refers to stays");
        }
    }

    /// Refuses a store that cannot be written or that overwrites what it was asked only to create.
    pub fn probe(&self) -> Result<(), LakeError> {
        let name = format!("_probe-{}", nonce());
        let first = self.create(&name, Bytes::from_static(b"first"))?;
        let second = self.create(&name, Bytes::from_static(b"second"));
        self.forget(&name);
        if first && !second? {
            return Ok(());
        }
        Err(LakeError::Address {
            url: self.root.to_string(),
            fact: "the store does not honour `create only if absent`".into(),
            fix: "use a store that does: two writers would overwrite each other's commits",
        })
    }

    /// Makes this the lake of its owner, or finds that it is.
    pub fn claim(&self, Owner { job, history }: Owner<'_>) -> Result<(), LakeError> {
        let marker = Marker { job: job.into(), history: history.into() };
        let marker = serde_json::to_vec(&marker).expect("two text fields");
        let created = if self.get(MARKER)?.is_some() { Ok(false) } else { self.create(MARKER, marker.into()) };
        // An error may hide a marker that was written after all: what stands there now decides.
        let Some(found) = self.get(MARKER)? else {
            return created.map(|_| ());
        };
        let found: Marker = serde_json::from_slice(&found).map_err(|_| LakeError::Address {
            url: self.shown(MARKER),
            fact: "it does not say whose lake this is".into(),
            fix: "name another folder, or write {\"job\": \"NAME\"} into it",
        })?;
        let (root, job) = (self.shown("").trim_end_matches('/').to_owned(), job.to_owned());
        if found.job != job {
            return Err(LakeError::Foreign { root, owner: found.job, job });
        }
        if found.history != history { Err(LakeError::OtherHistory { root, job }) } else { Ok(()) }
    }
}

fn none_if_absent<T>(answer: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A name that no other attempt has: 64 random bits and the microsecond.
pub(super) fn nonce() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let random = RandomState::new().hash_one((std::process::id(), since.as_nanos()));
    format!("{:013x}{random:016x}", since.as_micros())
}

pub(super) fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}
