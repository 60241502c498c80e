//! Where the lake stands: a store, a root in it, and the few calls that the tables' own log does not make.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use object_store::{DynObjectStore, Error as StoreError, ObjectStoreExt, PutMode, local::LocalFileSystem, path::Path};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, RuntimeFlavor};
use url::Url;

use super::LakeError;

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
        Ok(Self { store, root, runtime })
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
        let path = self.path(relative)?;
        match self.runtime.block_on(self.store.put(&path, bytes.into())) {
            Ok(_) => Ok(()),
            Err(cause) => Err(LakeError::failed("write", self.shown(relative), &cause)),
        }
    }

    /// True if the object was made by this call, false if there was one.
    pub fn create(&self, relative: &str, bytes: Bytes) -> Result<bool, LakeError> {
        let path = self.path(relative)?;
        match self.runtime.block_on(self.store.put_opts(&path, bytes.into(), PutMode::Create.into())) {
            Ok(_) => Ok(true),
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            Err(cause) => Err(LakeError::failed("write", self.shown(relative), &cause)),
        }
    }

    pub fn get(&self, relative: &str) -> Result<Option<Bytes>, LakeError> {
        let path = self.path(relative)?;
        let read = async { self.store.get(&path).await?.bytes().await };
        match self.runtime.block_on(read) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(cause) => Err(LakeError::failed("read", self.shown(relative), &cause)),
        }
    }

    /// True if anything stands directly in the folder.
    pub fn has_any(&self, folder: &str) -> Result<bool, LakeError> {
        let path = self.path(folder)?;
        match self.runtime.block_on(self.store.list_with_delimiter(Some(&path))) {
            Ok(list) => Ok(!list.objects.is_empty()),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(cause) => Err(LakeError::failed("list", self.shown(folder), &cause)),
        }
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

/// A name that no other attempt has: 64 random bits and the microsecond.
pub(super) fn nonce() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let random = RandomState::new().hash_one((std::process::id(), since.as_nanos()));
    format!("{:013x}{random:016x}", since.as_micros())
}

pub(super) fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64
}
