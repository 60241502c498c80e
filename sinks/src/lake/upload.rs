//! One attempt's Parquet files: written before the commit that names them, each knowing which ticks it holds.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use greenwave_model::iso;

use super::log::{DataFile, FileStats};
use super::place::{Place, nonce, wall_ms};
use super::{LakeError, layout::parquet, run::memory, tables::Table};

/// Rows held in memory until they become files; what is below it can be chosen again without asking the caller.
const HELD_BYTES: usize = 128 << 20;

type Run = (u64, RecordBatch);

struct Uploaded {
    file: DataFile,
    date: String,
    first_tick: u64,
    last_tick: u64,
    /// What it was written from, while all of the attempt fits in memory.
    runs: Option<Vec<Run>>,
}

pub(super) struct Upload {
    place: Place,
    table: Table,
    /// The name of the attempt, in the file names and in the commit.
    pub attempt: String,
    held: BTreeMap<String, Vec<Run>>,
    held_bytes: usize,
    files: Vec<Uploaded>,
    written: usize,
}

impl Upload {
    pub fn new(place: Place, table: Table) -> Self {
        let (held, files) = (BTreeMap::new(), Vec::new());
        Self { place, table, attempt: nonce(), held, held_bytes: 0, files, written: 0 }
    }

    /// Writes all runs as files, one a date while they fit in memory. What was written before an error is deleted:
    /// no commit names it yet.
    pub fn write(
        &mut self,
        runs: impl Iterator<Item = Result<(String, u64, RecordBatch), LakeError>>,
    ) -> Result<(), LakeError> {
        let written = self.write_all(runs);
        if written.is_err() {
            self.discard();
        }
        written
    }

    fn write_all(
        &mut self,
        runs: impl Iterator<Item = Result<(String, u64, RecordBatch), LakeError>>,
    ) -> Result<(), LakeError> {
        for run in runs {
            let (date, tick, rows) = run?;
            self.held_bytes += memory(&rows);
            self.held.entry(date).or_default().push((tick, rows));
            if self.held_bytes > HELD_BYTES {
                self.flush()?;
                self.files.iter_mut().for_each(|file| file.runs = None);
            }
        }
        self.flush()?;
        if self.files.iter().any(|file| file.runs.is_none()) {
            self.files.iter_mut().for_each(|file| file.runs = None);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), LakeError> {
        self.held_bytes = 0;
        while let Some((date, runs)) = self.held.pop_first() {
            self.put(date, runs)?;
        }
        Ok(())
    }

    fn put(&mut self, date: String, runs: Vec<Run>) -> Result<(), LakeError> {
        let table = &self.table;
        let batches: Vec<RecordBatch> = runs.iter().map(|(_, rows)| rows.clone()).collect();
        let days = days(&date).ok_or_else(|| LakeError::Date { table: table.name.clone(), date: date.clone() })?;
        let stats = FileStats::of(table, &batches)?;
        let bytes = parquet(table, &batches)?;
        let path = format!("{}/date={date}/{}-{}.parquet", table.name, self.attempt, self.written);
        let file = DataFile {
            url: self.place.url(&path),
            path,
            days,
            bytes: bytes.len() as u64,
            rows: batches.iter().map(|rows| rows.num_rows() as u64).sum(),
            written_ms: wall_ms(),
            stats,
        };
        self.place.put(&file.path, bytes.into())?;
        self.written += 1;
        let ticks = || runs.iter().map(|(tick, _)| *tick);
        let (first_tick, last_tick) = (ticks().min().unwrap_or(0), ticks().max().unwrap_or(0));
        self.files.push(Uploaded { file, date, first_tick, last_tick, runs: Some(runs) });
        Ok(())
    }

    /// Chooses the runs again: only those above `reached` stay. `None` where a file holds both sides and what it was
    /// written from is no longer in memory. After that, or an error, no file stays: a part of the rows would be taken for
    /// all of them.
    pub fn keep_above(&mut self, reached: u64) -> Result<Option<()>, LakeError> {
        let (cut, above) = std::mem::take(&mut self.files).into_iter().partition(|file| file.first_tick <= reached);
        self.files = above;
        let kept = self.write_above(reached, cut);
        if !matches!(kept, Ok(Some(()))) {
            self.discard();
        }
        kept
    }

    fn write_above(&mut self, reached: u64, cut: Vec<Uploaded>) -> Result<Option<()>, LakeError> {
        cut.iter().for_each(|uploaded| self.place.forget(&uploaded.file.path));
        for uploaded in cut.into_iter().filter(|uploaded| uploaded.last_tick > reached) {
            let Some(mut runs) = uploaded.runs else { return Ok(None) };
            runs.retain(|(tick, _)| *tick > reached);
            self.put(uploaded.date, runs)?;
        }
        Ok(Some(()))
    }

    pub fn files(&self) -> Vec<&DataFile> {
        self.files.iter().map(|uploaded| &uploaded.file).collect()
    }

    /// Lets the rows go and keeps the files, if there are any, for another try.
    pub fn keep(&mut self) -> bool {
        self.files.iter_mut().for_each(|file| file.runs = None);
        !self.files.is_empty()
    }

    /// Deletes files that no commit names and none can any more.
    pub fn discard(&mut self) {
        for uploaded in self.files.drain(..) {
            self.place.forget(&uploaded.file.path);
        }
    }
}

/// Days since 1970 of `2026-03-02`.
fn days(date: &str) -> Option<i32> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = iso::days(year.into(), month, day);
    (iso::date(days * 86_400_000) == date).then_some(days as i32)
}
