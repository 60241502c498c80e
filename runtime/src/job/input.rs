//! The input, opened: its partitions, who mints its ticks, who reads it.

use std::sync::Arc;

use greenwave_model::{Binding, PartitionBound, PartitionKey};
use greenwave_sources::{Link, Position, folder, kafka};

use super::{Input, Job, RunError};
use crate::group_offsets::GroupOffsets;
use crate::mint::{Ledger, Mint, Pace};
use crate::restore;

pub enum Opened {
    Kafka(kafka::KafkaSettings, Vec<PartitionKey>),
    Folder(folder::FolderSettings, Arc<folder::Folder>),
}

impl Opened {
    pub fn open(input: &Input) -> Result<Self, RunError> {
        Ok(match input {
            Input::Kafka(settings) => Self::Kafka(settings.clone(), kafka::discover(settings)?),
            Input::Folder(settings) => Self::Folder(settings.clone(), folder::open(settings)?),
        })
    }

    fn keys(&self) -> Vec<PartitionKey> {
        match self {
            Self::Kafka(_, keys) => keys.clone(),
            Self::Folder(_, folder) => folder.partitions(),
        }
    }

    fn first_offsets(&self, keys: &[PartitionKey]) -> Result<Vec<i64>, RunError> {
        match self {
            Self::Kafka(settings, _) => Ok(kafka::first_offsets(settings, keys)?),
            Self::Folder(..) => Ok(vec![0; keys.len()]),
        }
    }

    /// Every partition, with what is bound of it.
    pub fn table(&self, restored: Option<&Binding>, repeats: &[Binding]) -> Result<Vec<PartitionBound>, RunError> {
        let mut table = restore::partition_table(restored, repeats, &self.keys(), |keys| self.first_offsets(keys))?;
        if repeats.is_empty() {
            self.reopen(&mut table)?;
        }
        Ok(table)
    }

    /// What was read to its end and has become longer is read on.
    fn reopen(&self, table: &mut [PartitionBound]) -> Result<(), RunError> {
        let Self::Folder(_, folder) = self else { return Ok(()) };
        let finished = table.iter().filter(|bound| bound.finished);
        let longer = folder.go_on(&finished.map(|bound| (bound.key.clone(), bound.end)).collect::<Vec<_>>())?;
        table.iter_mut().filter(|bound| longer.contains(&bound.key)).for_each(|bound| bound.finished = false);
        Ok(())
    }

    pub fn group_offsets(&self, job: &str) -> Option<GroupOffsets> {
        match self {
            Self::Kafka(settings, _) => Some(GroupOffsets::start(settings.clone(), job)),
            Self::Folder(..) => None,
        }
    }

    pub fn mint(&self, ledger: Ledger, job: &Job) -> Mint {
        let pace = Pace {
            tick_ms: job.tick.as_millis() as u64,
            checkpoint_ms: job.checkpoint.as_millis() as u64,
            idle_after_ms: job.idle_after.as_millis() as u64,
        };
        match self {
            Self::Kafka(..) => Mint::live(ledger, pace),
            Self::Folder(_, folder) => {
                let files = folder.partitions();
                let place = |key: &PartitionKey| files.iter().position(|file| file == key);
                let first = |key: &PartitionKey| place(key).and_then(|place| folder.first_event_ms(place));
                let first_event_ms = ledger.slots.iter().map(|slot| first(&slot.bound.key)).collect();
                Mint::folder(ledger, first_event_ms, job.pace)
            }
        }
    }

    pub fn start(
        &self,
        positions: &[Position],
        worker: usize,
        workers: usize,
        link: Link,
    ) -> std::thread::JoinHandle<()> {
        match self {
            Self::Kafka(settings, _) => {
                let ours = positions.iter().filter(|position| usize::from(position.number) % workers == worker);
                kafka::start(settings.clone(), ours.cloned().collect(), link)
            }
            Self::Folder(settings, folder) => folder::start(folder, settings.clone(), positions, link),
        }
    }
}

/// Where its readers begin.
pub fn positions(table: &[PartitionBound]) -> Vec<Position> {
    let position = |(number, bound): (usize, &PartitionBound)| Position {
        number: number as u16,
        key: bound.key.clone(),
        next: Some(bound.end),
        clock: bound.clock.clone(),
        finished: bound.finished,
    };
    table.iter().enumerate().map(position).collect()
}
