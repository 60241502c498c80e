//! What can stop a source, in words for the person who must act, and what to do about it.

use std::{io, path::PathBuf, time::Duration};

use greenwave_model::PartitionKey;
use rdkafka::error::KafkaError;

/// Who can mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The person who wrote the settings or keeps the input.
    Settings,
    /// A broker, a disk, a network.
    Outside,
    /// Us.
    Ours,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Stop(Fault),
    /// The same start may succeed later.
    Retry,
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "cannot reach a broker at {brokers}: no answer within {} s ({detail}); start the broker, or correct `input` in \
         the settings or raise `connect_timeout`",
        waited.as_secs_f64()
    )]
    BrokerUnreachable { brokers: String, waited: Duration, detail: String },
    #[error(
        "cannot read topic {topic} at {brokers}: there is no such topic{}; create it, or correct its name in the settings",
        similar_text(similar)
    )]
    TopicMissing { topic: String, brokers: String, similar: Vec<String> },
    #[error(
        "cannot read {partition} at {brokers}: the topic or the partition was deleted; create it anew, and start under another --name, or drop it from the settings"
    )]
    PartitionGone { partition: PartitionKey, brokers: String },
    #[error("cannot read {partition} at {brokers}: {detail}; grant the client read access to the topic")]
    Refused { partition: PartitionKey, brokers: String, detail: String },
    #[error(
        "cannot resume at {partition}@{ours}: the oldest offset still in the topic is {oldest}, so {} records are gone; \
         restore them to the topic, or accept the loss by starting under another --name; raise retention.ms on the topic",
        oldest - ours
    )]
    Expired { partition: PartitionKey, ours: i64, oldest: i64 },
    #[error(
        "cannot resume at {partition}@{ours}: the topic ends at {end}, so it was created anew or cut back; \
         start under another --name to read it from its beginning"
    )]
    Shortened { partition: PartitionKey, ours: i64, end: i64 },
    #[error("cannot go on at {partition}@{ours}: {detail}; see the broker's log, then start again")]
    OffsetLost { partition: PartitionKey, ours: i64, detail: String },
    #[error("cannot start at the given offsets: none is given for {partitions}; add it to `start` in the settings")]
    OffsetNotGiven { partitions: String },
    #[error(
        "cannot start at {partition}@{offset}: the topic holds offsets {oldest} to {end}; correct `start` in the settings"
    )]
    StartOutside { partition: PartitionKey, offset: i64, oldest: i64, end: i64 },
    #[error("cannot set {key} of the Kafka client: {detail}; correct it in the settings")]
    ClientSetting { key: String, detail: String },
    #[error(
        "cannot set {key} of the Kafka client: exactly-once reading rests on its value; remove it from the settings"
    )]
    ClientSettingKept { key: String },
    #[error("cannot use the Kafka client for {brokers}: {action} failed; see the cause, then start again")]
    Client { brokers: String, action: &'static str, source: KafkaError },
    #[error("cannot read the input folder {}: it cannot be listed; correct `input` in the settings or its permissions", path.display())]
    InputFolder { path: PathBuf, source: io::Error },
    #[error(
        "cannot read the input folder {}: it has no sub-folder named after a topic ({expected}), but {found}; put each \
         topic's files into a sub-folder with its name",
        path.display()
    )]
    NoTopicFolder { path: PathBuf, expected: String, found: String },
    #[error(
        "cannot read the input folder {}: {folders} holds no files of records ({expected}); add some, or correct `input` \
         in the settings",
        path.display()
    )]
    NoFiles { path: PathBuf, folders: String, expected: String },
    #[error("cannot use {} as a partition: its path is not UTF-8; rename it", path.display())]
    PathNotText { path: PathBuf },
    #[error("cannot read the input folder {}: {files} files are more than {most}; join them into fewer", path.display())]
    TooManyFiles { path: PathBuf, files: usize, most: usize },
    #[error("cannot read {}: it was part of the job and is no longer there; put it back", path.display())]
    FileMissing { path: PathBuf },
    #[error("cannot read {} at byte {byte}; correct its permissions or the disk, then start again", path.display())]
    FileUnreadable { path: PathBuf, byte: u64, source: io::Error },
    #[error("cannot decompress {} at byte {byte}: it is truncated or damaged; copy it anew, then start again", path.display())]
    FileDamaged { path: PathBuf, byte: u64, source: io::Error },
    #[error("cannot go on reading {} at byte {passed}: it had {length} bytes when it was opened; put the whole file back, then start again", path.display())]
    FileShrank { path: PathBuf, passed: u64, length: u64 },
    #[error("cannot resume at line {next} of {}: it has {lines} lines; put the longer file back", path.display())]
    FileShorter { path: PathBuf, lines: i64, next: i64 },
    #[error(transparent)]
    City(#[from] crate::simulate::SimulateError),
    #[error("cannot go on reading: {what}; this is a defect of greenwave, please report it")]
    Panicked { what: String },
}

impl SourceError {
    pub fn answer(&self) -> Answer {
        match self {
            Self::BrokerUnreachable { .. } | Self::Client { .. } => Answer::Retry,
            Self::TopicMissing { .. }
            | Self::PartitionGone { .. }
            | Self::Refused { .. }
            | Self::OffsetNotGiven { .. }
            | Self::StartOutside { .. }
            | Self::ClientSetting { .. }
            | Self::ClientSettingKept { .. }
            | Self::InputFolder { .. }
            | Self::NoTopicFolder { .. }
            | Self::NoFiles { .. }
            | Self::PathNotText { .. }
            | Self::TooManyFiles { .. }
            | Self::City(_) => Answer::Stop(Fault::Settings),
            Self::Expired { .. }
            | Self::Shortened { .. }
            | Self::OffsetLost { .. }
            | Self::FileMissing { .. }
            | Self::FileUnreadable { .. }
            | Self::FileDamaged { .. }
            | Self::FileShrank { .. }
            | Self::FileShorter { .. } => Answer::Stop(Fault::Outside),
            Self::Panicked { .. } => Answer::Stop(Fault::Ours),
        }
    }
}

fn similar_text(similar: &[String]) -> String {
    if similar.is_empty() { String::new() } else { format!(" (there is {})", similar.join(", ")) }
}
