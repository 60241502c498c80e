//! Where an input folder's lines come from: its files, or a simulated city that makes them as they are read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use greenwave_model::{Batch, Name, PartitionKey};

use super::lines::{Block, LineReader};
use super::listing::{self, Listed};
use crate::decode::{DecodeSettings, Decoders};
use crate::simulate::{self, City, TopicLines};
use crate::{Position, SourceError};

/// What an input folder is.
#[derive(Clone, Debug)]
pub enum Origin {
    Path(PathBuf),
    /// The folder that `greenwave simulate --out` would write, without writing it.
    City(simulate::Settings),
}

/// One partition of it.
#[derive(Clone, Debug)]
pub enum Partition {
    File(Listed),
    /// With its number among those of its topic.
    City(PartitionKey, u16),
}

/// A partition that is read in this run. Those of one topic share a city.
#[derive(Debug)]
pub enum Lane {
    File(Listed),
    City(PartitionKey, u16, Arc<Mutex<TopicLines>>),
}

/// An opened partition.
#[derive(Debug)]
pub enum Lines {
    File(LineReader),
    City(u16, Arc<Mutex<TopicLines>>),
}

impl Origin {
    /// Every partition, sorted by path.
    pub fn partitions(&self) -> Result<Vec<Partition>, SourceError> {
        let mut partitions: Vec<Partition> = match self {
            Self::Path(path) => listing::list(path)?.into_iter().map(Partition::File).collect(),
            Self::City(settings) => {
                simulate::partitions(settings).map(|(key, number)| Partition::City(key, number)).collect()
            }
        };
        partitions.sort_by(|a, b| a.key().partition.cmp(&b.key().partition));
        Ok(partitions)
    }

    /// The time of each partition's first event; `None` without any.
    pub fn first_events_ms(
        &self,
        partitions: &[Partition],
        settings: &DecodeSettings,
    ) -> Result<Vec<Option<i64>>, SourceError> {
        let mut decoders = Decoders::new(DecodeSettings { with_raw: false, fingerprint: false, ..settings.clone() });
        let limit = settings.record_bytes_max;
        match self {
            Self::Path(_) => {
                let files = partitions.iter().filter_map(Partition::file);
                files.map(|file| first_of_file(file, limit, &mut decoders)).collect()
            }
            Self::City(settings) => first_of_city(settings, partitions, &mut decoders),
        }
    }

    /// Of partitions that were read to their ends, those that go on: of a city that is now watched for longer. A file is
    /// read once.
    pub fn go_on(&self, read: Vec<(&Partition, i64)>) -> Result<Vec<bool>, SourceError> {
        let mut go_on = vec![false; read.len()];
        let Self::City(settings) = self else { return Ok(go_on) };
        let numbered = read.iter().enumerate().filter_map(|(place, (partition, end))| match partition {
            Partition::City(key, number) => Some(((key.topic.as_str(), *number), (place, *end))),
            Partition::File(_) => None,
        });
        let mut wanted: BTreeMap<_, _> = numbered.filter(|((topic, _), _)| settings.tells_of(topic)).collect();
        let mut city = City::new(settings.clone())?;
        while !wanted.is_empty()
            && let Some(record) = city.next()
        {
            let name = (record.feed.topic(), record.partition);
            if let Some(&(place, _)) = wanted.get(&name).filter(|(_, end)| record.offset >= *end) {
                go_on[place] = true;
                wanted.remove(&name);
            }
        }
        Ok(go_on)
    }

    /// What the partitions that are read are opened from.
    pub fn lanes(&self, read: Vec<(Partition, &Position)>) -> Result<Vec<Lane>, SourceError> {
        let mut topics: BTreeMap<Name, TopicLines> = BTreeMap::new();
        if let Self::City(settings) = self {
            for (partition, position) in &read {
                let Partition::City(key, number) = partition else { continue };
                if !topics.contains_key(&key.topic) {
                    topics.insert(key.topic.clone(), TopicLines::new(settings.clone(), &key.topic)?);
                }
                let lines = topics.get_mut(&key.topic).expect("it was put there");
                lines.begin_at(*number, position.next.unwrap_or(0));
            }
        }
        let topics: BTreeMap<Name, _> =
            topics.into_iter().map(|(topic, lines)| (topic, Arc::new(Mutex::new(lines)))).collect();
        let lane = |(partition, _)| match partition {
            Partition::File(file) => Lane::File(file),
            Partition::City(key, number) => {
                let lines = topics[&key.topic].clone();
                Lane::City(key, number, lines)
            }
        };
        Ok(read.into_iter().map(lane).collect())
    }
}

impl Partition {
    pub fn key(&self) -> &PartitionKey {
        match self {
            Self::File(file) => &file.key,
            Self::City(key, _) => key,
        }
    }

    fn file(&self) -> Option<&Listed> {
        match self {
            Self::File(file) => Some(file),
            Self::City(..) => None,
        }
    }
}

impl Lane {
    pub fn key(&self) -> &PartitionKey {
        match self {
            Self::File(file) => &file.key,
            Self::City(key, ..) => key,
        }
    }

    /// Opens it at a line.
    pub fn open(&self, next: i64, record_bytes_max: usize) -> Result<Lines, SourceError> {
        Ok(match self {
            Self::File(file) => {
                let mut reader = LineReader::open(&file.path, file.form, record_bytes_max)?;
                reader.skip_to(next)?;
                Lines::File(reader)
            }
            Self::City(_, number, lines) => Lines::City(*number, lines.clone()),
        })
    }
}

impl Lines {
    /// The lines up to the next multiple of [`BLOCK_LINES`](super::BLOCK_LINES) at most.
    pub fn block(&mut self) -> Result<Block, SourceError> {
        match self {
            Self::File(reader) => reader.block(),
            Self::City(number, lines) => Ok(lines.lock().unwrap_or_else(PoisonError::into_inner).block(*number)),
        }
    }
}

fn first_of_file(file: &Listed, limit: usize, decoders: &mut Decoders) -> Result<Option<i64>, SourceError> {
    let mut reader = LineReader::open(&file.path, file.form, limit)?;
    loop {
        let lines = reader.block()?;
        let mut records = lines.lines().filter(|(line, _)| line.length <= limit);
        if let Some(event_ms) = records.find_map(|(_, text)| event_ms(decoders, &file.key, text)) {
            return Ok(Some(event_ms));
        }
        if lines.finished {
            return Ok(None);
        }
    }
}

/// Lives through the city until every partition has had an event that will have one.
fn first_of_city(
    settings: &simulate::Settings,
    partitions: &[Partition],
    decoders: &mut Decoders,
) -> Result<Vec<Option<i64>>, SourceError> {
    let mut first = vec![None; partitions.len()];
    let numbered = partitions.iter().enumerate().filter_map(|(place, partition)| match partition {
        Partition::City(key, number) => Some(((key.topic.as_str(), *number), place)),
        Partition::File(_) => None,
    });
    let mut wanted: BTreeMap<_, usize> = numbered.filter(|((topic, _), _)| settings.tells_of(topic)).collect();
    let mut city = City::new(settings.clone())?;
    while !wanted.is_empty()
        && let Some(record) = city.next()
    {
        let name = (record.feed.topic(), record.partition);
        let Some(&place) = wanted.get(&name) else { continue };
        first[place] = event_ms(decoders, partitions[place].key(), record.payload);
        if first[place].is_some() {
            wanted.remove(&name);
        }
    }
    Ok(first)
}

fn event_ms(decoders: &mut Decoders, key: &PartitionKey, text: &[u8]) -> Option<i64> {
    let mut batch = Batch::default();
    decoders.decode(Decoders::of(&key.topic), text, 0, None, &mut batch);
    batch.event_times_ms().next()
}
