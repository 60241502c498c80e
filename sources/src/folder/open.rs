//! An input folder, found and looked into once per process.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use greenwave_model::PartitionKey;

use super::origin::{Lane, Lines, Origin, Partition};
use super::plan::Plan;
use crate::decode::DecodeSettings;
use crate::{Position, SourceError};

#[derive(Clone, Debug)]
pub struct FolderSettings {
    pub origin: Origin,
    pub decode: DecodeSettings,
}

/// The partitions of an input folder, shared by all workers of a process.
#[derive(Debug)]
pub struct Folder {
    origin: Origin,
    partitions: Vec<Partition>,
    first_event_ms: Vec<Option<i64>>,
    shared: Mutex<Option<Arc<Shared>>>,
}

/// The plan that the reader threads share.
#[derive(Debug)]
pub struct Shared {
    plan: Mutex<Plan<Lines>>,
    pub changed: Condvar,
    /// As the plan counts them.
    pub lanes: Vec<Lane>,
}

/// Finds the partitions of a folder and reads each up to its first event.
pub fn open(settings: &FolderSettings) -> Result<Arc<Folder>, SourceError> {
    let origin = settings.origin.clone();
    let partitions = origin.partitions()?;
    let first_event_ms = origin.first_events_ms(&partitions, &settings.decode)?;
    Ok(Arc::new(Folder { origin, partitions, first_event_ms, shared: Mutex::new(None) }))
}

impl Folder {
    /// Sorted by path.
    pub fn partitions(&self) -> Vec<PartitionKey> {
        self.partitions.iter().map(|partition| partition.key().clone()).collect()
    }

    /// The time of the first event of a partition, by its place in [`Folder::partitions`]; `None` without any.
    pub fn first_event_ms(&self, partition: usize) -> Option<i64> {
        self.first_event_ms.get(partition).copied().flatten()
    }

    /// Of partitions that were read to their ends, given with those, the ones that have more lines now.
    pub fn go_on(&self, read: &[(PartitionKey, i64)]) -> Result<Vec<PartitionKey>, SourceError> {
        let known = |(key, end): &(PartitionKey, i64)| Some((&self.partitions[self.place(key)?], *end));
        let known: Vec<_> = read.iter().filter_map(known).collect();
        let go_on = self.origin.go_on(known.clone())?;
        let longer = known.into_iter().zip(go_on).filter(|(_, goes_on)| *goes_on);
        Ok(longer.map(|((partition, _), _)| partition.key().clone()).collect())
    }

    /// The plan of the run, made by the first thread that asks.
    pub(super) fn shared(&self, positions: &[Position]) -> Result<Arc<Shared>, SourceError> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = &*shared {
            return Ok(shared.clone());
        }
        let mut by_number: Vec<&Position> = positions.iter().filter(|position| !position.finished).collect();
        by_number.sort_by_key(|position| position.number);
        let (mut plan, mut read) = (Plan::new(), vec![]);
        for position in by_number {
            let Some(place) = self.place(&position.key) else {
                return Err(SourceError::FileMissing { path: position.key.partition.as_str().into() });
            };
            let next = position.next.unwrap_or(0);
            plan.add(position.number, self.first_event_ms[place], position.clock.clone(), next);
            read.push((self.partitions[place].clone(), position));
        }
        let lanes = self.origin.lanes(read)?;
        let made = Arc::new(Shared { plan: Mutex::new(plan), changed: Condvar::new(), lanes });
        *shared = Some(made.clone());
        Ok(made)
    }

    /// Where a partition stands in the sorted list.
    fn place(&self, key: &PartitionKey) -> Option<usize> {
        let place = self.partitions.binary_search_by(|it| it.key().partition.cmp(&key.partition)).ok()?;
        (self.partitions[place].key() == key).then_some(place)
    }
}

impl Shared {
    pub fn plan(&self) -> MutexGuard<'_, Plan<Lines>> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
