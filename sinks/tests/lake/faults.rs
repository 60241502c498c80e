//! A store that fails as real ones do: before a put, or after it without saying that it landed.

use std::{
    fmt,
    ops::Range,
    path::Path as FilePath,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use greenwave_sinks::lake::{Commit, Lake};
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, local::LocalFileSystem, path::Path,
};
use tokio::runtime::Runtime;
use url::Url;

use crate::made::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// Nothing is written and an error comes back.
    Before,
    /// An error comes back, and it is written when the test says so.
    Later,
    /// It is written and an error comes back.
    AfterUnknown,
    /// It is written and, as by a client that repeats the put itself, "exists" comes back.
    AfterExists,
}

#[derive(Debug)]
struct Faulty {
    inner: LocalFileSystem,
    /// For puts whose path contains the text, so many times.
    plan: Mutex<Option<(&'static str, Fault, usize)>>,
    under_way: Mutex<Vec<(Path, PutPayload, PutOptions)>>,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty store")
    }
}

impl Faulty {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: LocalFileSystem::new(), plan: Mutex::new(None), under_way: Mutex::default() })
    }

    fn fail(&self, path: &'static str, fault: Fault, times: usize) {
        *self.plan.lock().unwrap() = Some((path, fault, times));
    }

    fn land(&self, runtime: &Runtime) {
        for (location, payload, opts) in self.under_way.lock().unwrap().drain(..) {
            runtime.block_on(self.inner.put_opts(&location, payload, opts)).unwrap();
        }
    }

    fn due(&self, location: &Path) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        let (text, fault, left) = plan.as_mut()?;
        if *left == 0 || !location.as_ref().contains(*text) {
            return None;
        }
        *left -= 1;
        Some(*fault)
    }
}

fn cut() -> Error {
    Error::Generic { store: "faulty", source: "connection cut".into() }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let fault = self.due(location);
        if fault == Some(Fault::Before) {
            return Err(cut());
        }
        if fault == Some(Fault::Later) {
            self.under_way.lock().unwrap().push((location.clone(), payload, opts));
            return Err(cut());
        }
        let put = self.inner.put_opts(location, payload, opts).await?;
        match fault {
            Some(Fault::AfterUnknown) => Err(cut()),
            Some(Fault::AfterExists) => Err(Error::AlreadyExists { path: location.to_string(), source: "412".into() }),
            _ => Ok(put),
        }
    }
    async fn put_multipart_opts(&self, at: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, opts).await
    }
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }
    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn lake(store: &Arc<Faulty>, root: &FilePath, runtime: &Runtime) -> Lake {
    let root = Url::from_directory_path(root.canonicalize().unwrap()).unwrap();
    Lake::over(store.clone(), root, JOB, runtime.handle().clone()).unwrap()
}

/// A commit that landed although the answer was an error, or "exists", is known by its attempt.
#[test]
fn a_commit_that_landed_unsaid_is_recognised() {
    for fault in [Fault::AfterUnknown, Fault::AfterExists] {
        let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
        let store = Faulty::new();
        let mut lake = lake(&store, folder.path(), &runtime);
        commit(&mut lake, 1..=2).unwrap();
        store.fail("_delta_log/00000000000000000002.json", fault, 1);
        let written = commit(&mut lake, 3..=4).unwrap();
        assert!(matches!(written, Commit::Written { version: 2, rows: 6, .. }), "{fault:?}: {written:?}");
        assert_eq!(commit(&mut lake, 3..=4).unwrap(), Commit::Already, "{fault:?}");
        commit(&mut lake, 5..=5).unwrap();
        assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=5), "{fault:?}");
    }
}

#[test]
fn a_commit_that_did_not_land_is_an_error_and_the_next_call_writes_it() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let store = Faulty::new();
    let mut lake = lake(&store, folder.path(), &runtime);
    commit(&mut lake, 1..=2).unwrap();
    store.fail("_delta_log/", Fault::Before, 1);
    let error = commit(&mut lake, 3..=4).unwrap_err().to_string();
    assert!(error.starts_with("cannot commit to ") && error.contains("connection cut"), "{error}");
    assert_eq!(lake.committed("dropped").unwrap(), Some(2));
    assert!(matches!(commit(&mut lake, 3..=4).unwrap(), Commit::Written { version: 2, .. }));
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=4));
}

/// A store that takes files and refuses commits is not filled with files by trying.
#[test]
fn repeated_tries_use_the_same_files() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let store = Faulty::new();
    let mut lake = lake(&store, folder.path(), &runtime);
    store.fail("_delta_log/", Fault::Before, 5);
    for _ in 0..5 {
        commit(&mut lake, 1..=2).unwrap_err();
        assert_eq!(data_files(folder.path(), "dropped"), 1);
    }
    assert!(matches!(commit(&mut lake, 1..=2).unwrap(), Commit::Written { version: 1, rows: 6, .. }));
    store.fail("_delta_log/", Fault::Before, 1);
    commit(&mut lake, 3..=4).unwrap_err();
    // More ticks than were tried before: the kept files do not hold them all.
    assert!(matches!(commit(&mut lake, 3..=5).unwrap(), Commit::Written { version: 2, rows: 9, .. }));
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=5));
}

/// The put of a commit is under way when the client gives up, and lands before the next try.
#[test]
fn a_commit_that_lands_after_its_error_is_not_written_again() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let store = Faulty::new();
    let mut lake = lake(&store, folder.path(), &runtime);
    commit(&mut lake, 1..=2).unwrap();
    store.fail("_delta_log/", Fault::Later, 1);
    commit(&mut lake, 3..=4).unwrap_err();
    store.land(&runtime);
    assert_eq!(commit(&mut lake, 3..=4).unwrap(), Commit::Already);
    assert!(matches!(commit(&mut lake, 3..=5).unwrap(), Commit::Written { version: 3, rows: 3, .. }));
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=5));
}

/// The process dies between the upload of the Parquet files and the commit: the files stay, no reader sees them.
#[test]
fn death_between_upload_and_commit_doubles_nothing() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let store = Faulty::new();
    let mut doomed = lake(&store, folder.path(), &runtime);
    commit(&mut doomed, 1..=2).unwrap();
    store.fail("_delta_log/", Fault::Before, usize::MAX);
    commit(&mut doomed, 3..=4).unwrap_err();
    drop(doomed);
    assert_eq!(data_files(folder.path(), "dropped"), 2, "the orphan is there");
    store.fail("_delta_log/", Fault::Before, 0);
    let mut next = lake(&store, folder.path(), &runtime);
    assert_eq!(next.committed("dropped").unwrap(), Some(2));
    commit(&mut next, 3..=4).unwrap();
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=4));
}

#[test]
fn a_table_whose_creation_is_unsure_is_created_once() {
    for fault in [Fault::Before, Fault::AfterUnknown, Fault::AfterExists] {
        let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
        let store = Faulty::new();
        let mut lake = lake(&store, folder.path(), &runtime);
        store.fail("_delta_log/00000000000000000000.json", fault, 1);
        let first = commit(&mut lake, 1..=2);
        assert_eq!(first.is_err(), fault == Fault::Before, "{fault:?}: {first:?}");
        commit(&mut lake, 1..=2).unwrap();
        assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=2), "{fault:?}");
    }
}

#[test]
fn an_upload_that_fails_leaves_no_file_of_the_attempt() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let store = Faulty::new();
    let mut lake = lake(&store, folder.path(), &runtime);
    commit(&mut lake, 1..=2).unwrap();
    store.fail("date=2026-03-03", Fault::Before, 1);
    let offered = || runs(3..=3).into_iter().chain([Ok(("2026-03-03".to_owned(), 4, tick_rows(4, 3)))]);
    lake.commit(&greenwave_sinks::lake::Table::dropped(), 4, offered()).unwrap_err();
    assert_eq!(data_files(folder.path(), "dropped"), 1);
    let written = lake.commit(&greenwave_sinks::lake::Table::dropped(), 4, offered()).unwrap();
    assert!(matches!(written, Commit::Written { files: 2, rows: 6, .. }), "{written:?}");
    assert_eq!(dropped_offsets(&runtime, folder.path()), offsets_of(1..=4));
}

/// The marker's put landed although the answer was an error.
#[test]
fn a_marker_that_landed_unsaid_is_ours() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let store = Faulty::new();
    store.fail("_greenwave.json", Fault::AfterUnknown, 1);
    lake(&store, folder.path(), &runtime);
}
