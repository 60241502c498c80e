//! The commit loop: each tick's rows in a table once, whoever else writes and whatever the store answers.
//!
//! Parquet first, then one commit with the files and the tick. On anything but *committed* the log is read again: the
//! commit at that version may be ours after all; the table may have reached the tick; or it has moved less far, and
//! the runs are chosen again on the snapshot that the next commit is built on.

use std::{collections::HashMap, sync::Arc};

use arrow_array::RecordBatch;
use bytes::Bytes;
use greenwave_model::CrashPoint;
use object_store::DynObjectStore;
use tokio::runtime::Handle;
use url::Url;

use super::log::{Kernel, Log, Outcome, is_commit_of};
use super::place::{Owner, Place};
use super::{LakeError, tables::Table, upload::Upload};
use crate::objects::Location;

/// Each conflict is another writer's commit, so someone moves; beyond this many, two processes fight over a table.
const CONFLICTS_MAX: usize = 1_000;

pub struct Lake {
    place: Place,
    job: String,
    kernel: Kernel,
    logs: HashMap<String, Log>,
    /// Uploads whose commit failed, by table. Offered the same ticks again, they are used again: a store that refuses
    /// commits for hours is not filled with files, and an attempt that lands late is still known as ours.
    kept: HashMap<String, Kept>,
}

struct Kept {
    tick: u64,
    reached: Option<u64>,
    upload: Upload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    Written {
        version: u64,
        files: usize,
        rows: u64,
        bytes: u64,
    },
    /// The table has these rows.
    Already,
    /// There are no rows.
    Empty,
}

enum Landed {
    Ours,
    Theirs,
    Nothing,
}

impl Lake {
    /// A folder path or `file://` URL; the folder is made. `runtime` has several threads and outlives the lake.
    pub fn open<'a>(url: &str, owner: impl Into<Owner<'a>>, runtime: Handle) -> Result<Self, LakeError> {
        Self::at(Place::folder(url, runtime)?, owner.into())
    }

    /// At a place that the settings name.
    pub fn open_at<'a>(location: &Location, owner: impl Into<Owner<'a>>, runtime: Handle) -> Result<Self, LakeError> {
        match location {
            Location::Folder(path) => Self::open(&path.to_string_lossy(), owner, runtime),
            Location::S3(address) => Self::at(Place::s3(address, runtime)?, owner.into())
                .map_err(|error| error.at_start(&address.to_string())),
        }
    }

    /// The same over a store whose paths are those of `root`'s URL.
    pub fn over(store: Arc<DynObjectStore>, root: Url, job: &str, runtime: Handle) -> Result<Self, LakeError> {
        Self::at(Place::new(store, root, runtime)?, job.into())
    }

    fn at(place: Place, owner: Owner<'_>) -> Result<Self, LakeError> {
        place.claim(owner)?;
        place.probe()?;
        Ok(Self {
            kernel: Kernel::new(&place),
            place,
            job: owner.job.into(),
            logs: HashMap::new(),
            kept: HashMap::new(),
        })
    }

    /// The last tick whose rows the table has, or had when the store last answered so; `None` without a table.
    pub fn committed(&mut self, table: &str) -> Result<Option<u64>, LakeError> {
        let mut log = self.logs.remove(table);
        self.place.patiently(|| match &mut log {
            Some(log) => log.reload(),
            None => Log::load(&self.kernel, &self.place, table, self.app(table)).map(|found| log = found),
        })?;
        let txn = log.as_ref().and_then(Log::txn);
        self.logs.extend(log.map(|log| (table.to_owned(), log)));
        Ok(txn)
    }

    /// Brings the table to `tick`. `runs` are all runs above what is committed, up to `tick`: date, tick, rows. After an
    /// error nothing is doubled by offering them again.
    pub fn commit(
        &mut self,
        table: &Table,
        tick: u64,
        runs: impl Iterator<Item = Result<(String, u64, RecordBatch), LakeError>>,
    ) -> Result<Commit, LakeError> {
        // Taken out, and put back only after a definite answer: a log in doubt is read anew.
        let mut log = match self.logs.remove(&table.name) {
            Some(log) => Some(log),
            None => self.load(&table.name)?,
        };
        let reached = log.as_ref().and_then(Log::txn);
        let kept = self.kept.remove(&table.name);
        if reached >= Some(tick) {
            self.logs.extend(log.map(|log| (table.name.clone(), log)));
            return Ok(Commit::Already);
        }
        if let Some(log) = &log {
            log.check(table)?;
        }
        let mut upload = match kept {
            Some(kept) if (kept.tick, kept.reached) == (tick, reached) => kept.upload,
            _ => self.upload(table, tick, reached, runs)?,
        };
        let commit = self.bring_to(table, tick, &mut log, &mut upload);
        if commit.is_ok() {
            self.logs.extend(log.map(|log| (table.name.clone(), log)));
        } else if upload.keep() {
            let reached = log.as_ref().and_then(Log::txn);
            self.kept.insert(table.name.clone(), Kept { tick, reached, upload });
        }
        commit
    }

    fn upload(
        &self,
        table: &Table,
        tick: u64,
        reached: Option<u64>,
        runs: impl Iterator<Item = Result<(String, u64, RecordBatch), LakeError>>,
    ) -> Result<Upload, LakeError> {
        let wanted = |(_, at, rows): &(String, u64, RecordBatch)| {
            rows.num_rows() > 0 && *at <= tick && reached.is_none_or(|reached| *at > reached)
        };
        let mut upload = Upload::new(self.place.clone(), table.clone());
        upload.write(runs.filter(|run| run.as_ref().map_or(true, wanted)))?;
        Ok(upload)
    }

    fn bring_to(
        &self,
        table: &Table,
        tick: u64,
        log: &mut Option<Log>,
        upload: &mut Upload,
    ) -> Result<Commit, LakeError> {
        if upload.files().is_empty() {
            return Ok(Commit::Empty);
        }
        if log.is_none() {
            *log = Some(Log::create(&self.kernel, &self.place, table, self.app(&table.name))?);
            CrashPoint::TableCreated.pass();
        }
        let log = log.as_mut().expect("created where it was missing");
        for _ in 0..CONFLICTS_MAX {
            if let Some(commit) = self.attempt(table, tick, log, upload)? {
                return Ok(commit);
            }
            log.reload()?;
        }
        upload.discard();
        Err(LakeError::Contended { table: table.name.clone(), tick, conflicts: CONFLICTS_MAX })
    }

    /// Chooses by the snapshot it commits on. `None` if another writer's commit took the version.
    fn attempt(
        &self,
        table: &Table,
        tick: u64,
        log: &mut Log,
        upload: &mut Upload,
    ) -> Result<Option<Commit>, LakeError> {
        if let Some(reached) = log.txn() {
            if reached >= tick {
                upload.discard();
                return Ok(Some(Commit::Already));
            }
            if upload.keep_above(reached)?.is_none() {
                return Err(LakeError::Moved { table: table.name.clone(), tick, reached });
            }
        }
        let files = upload.files();
        if files.is_empty() {
            return Ok(Some(Commit::Empty));
        }
        let (rows, bytes) = (files.iter().map(|file| file.rows).sum(), files.iter().map(|file| file.bytes).sum());
        let written = |version| Commit::Written { version, files: files.len(), rows, bytes };
        CrashPoint::LakeCommitNext.pass();
        match log.append(table, tick, &upload.attempt, &files)? {
            Outcome::Committed { version } => Ok(Some(written(version))),
            Outcome::Unsure { version, error } => match (self.landed(table, version, &upload.attempt)?, error) {
                (Landed::Ours, _) => log.reload().map(|()| Some(written(version))),
                (Landed::Theirs, _) | (Landed::Nothing, None) => Ok(None),
                (Landed::Nothing, Some(error)) => Err(error),
            },
        }
    }

    /// Whose commit stands at a version.
    fn landed(&self, table: &Table, version: u64, attempt: &str) -> Result<Landed, LakeError> {
        let commit = self.place.get(&format!("{}/_delta_log/{version:020}.json", table.name))?;
        Ok(match commit {
            None => Landed::Nothing,
            Some(commit) if is_commit_of(&commit, attempt) => Landed::Ours,
            Some(_) => Landed::Theirs,
        })
    }

    /// The bytes of a reference table, once for each content.
    pub fn put_reference(&mut self, name: &str, hash: &str, bytes: Bytes) -> Result<(), LakeError> {
        self.place.create(&format!("raw/_reference/{name}-{hash}"), bytes).map(|_| ())
    }

    fn load(&self, table: &str) -> Result<Option<Log>, LakeError> {
        Log::load(&self.kernel, &self.place, table, self.app(table))
    }

    fn app(&self, table: &str) -> String {
        format!("{}/{table}", self.job)
    }
}
