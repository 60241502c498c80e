//! An input folder, found and looked into once per process.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use greenwave_model::{Batch, PartitionKey};

use super::lines::LineReader;
use super::listing::{Listed, list, place};
use super::plan::Plan;
use crate::decode::{DecodeSettings, Decoders};
use crate::{Position, SourceError};

#[derive(Clone, Debug)]
pub struct FolderSettings {
    pub path: PathBuf,
    pub decode: DecodeSettings,
}

/// The partitions of an input folder, shared by all workers of a process.
#[derive(Debug)]
pub struct Folder {
    files: Vec<Listed>,
    first_event_ms: Vec<Option<i64>>,
    shared: Mutex<Option<Arc<Shared>>>,
}

/// The plan that the reader threads share.
#[derive(Debug)]
pub struct Shared {
    plan: Mutex<Plan<LineReader>>,
    pub changed: Condvar,
    /// By lane of the plan.
    pub files: Vec<Listed>,
}

/// Finds the partitions of a folder and reads each file up to its first event.
pub fn open(settings: &FolderSettings) -> Result<Arc<Folder>, SourceError> {
    let files = list(&settings.path)?;
    let first = files.iter().map(|file| first_event_ms(file, &settings.decode)).collect::<Result<_, _>>()?;
    Ok(Arc::new(Folder { files, first_event_ms: first, shared: Mutex::new(None) }))
}

fn first_event_ms(file: &Listed, settings: &DecodeSettings) -> Result<Option<i64>, SourceError> {
    let settings = DecodeSettings { with_raw: false, fingerprint: false, ..settings.clone() };
    let limit = settings.record_bytes_max;
    let mut reader = LineReader::open(&file.path, file.form, limit)?;
    let (mut decoders, decoder) = (Decoders::new(settings), Decoders::of(&file.key.topic));
    loop {
        let lines = reader.block()?;
        for (_, text) in lines.lines().filter(|(line, _)| line.length <= limit) {
            let mut batch = Batch::default();
            decoders.decode(decoder, text, 0, None, &mut batch);
            if let Some(event_ms) = batch.event_times_ms().next() {
                return Ok(Some(event_ms));
            }
        }
        if lines.finished {
            return Ok(None);
        }
    }
}

impl Folder {
    /// Sorted by path.
    pub fn partitions(&self) -> Vec<PartitionKey> {
        self.files.iter().map(|file| file.key.clone()).collect()
    }

    /// The time of the first event of a partition, by its place in [`Folder::partitions`]; `None` without any.
    pub fn first_event_ms(&self, partition: usize) -> Option<i64> {
        self.first_event_ms.get(partition).copied().flatten()
    }

    /// The plan of the run, made by the first thread that asks.
    pub(super) fn shared(&self, positions: &[Position]) -> Result<Arc<Shared>, SourceError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = &*shared {
            return Ok(shared.clone());
        }
        let mut by_number: Vec<&Position> = positions.iter().filter(|position| !position.finished).collect();
        by_number.sort_by_key(|position| position.number);
        let (mut plan, mut files) = (Plan::new(), vec![]);
        for position in by_number {
            let Some(place) = place(&self.files, &position.key) else {
                return Err(SourceError::FileMissing { path: position.key.partition.as_str().into() });
            };
            let next = position.next.unwrap_or(0);
            plan.add(position.number, self.first_event_ms[place], position.clock.clone(), next);
            files.push(self.files[place].clone());
        }
        let made = Arc::new(Shared { plan: Mutex::new(plan), changed: Condvar::new(), files });
        *shared = Some(made.clone());
        Ok(made)
    }
}

impl Shared {
    pub fn plan(&self) -> MutexGuard<'_, Plan<LineReader>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
