//! What can stop a simulation, in words for the person who must act.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error("cannot make such a city: {fact}; {fix}")]
    Settings { fact: String, fix: String },
    #[error("cannot write into {}: it holds {found} already; name another folder, or remove it", path.display())]
    FolderInUse { path: PathBuf, found: String },
    #[error("cannot write {}; correct its permissions or make room on the disk", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "cannot reach a broker at {brokers}: no answer within {} s ({detail}); start the broker, or correct --kafka",
        waited.as_secs_f64()
    )]
    BrokerUnreachable { brokers: String, waited: Duration, detail: String },
    #[error("cannot make topic {topic} at {brokers}: {detail}; make it by hand, or grant the client the right to")]
    TopicNotMade { topic: &'static str, brokers: String, detail: String },
    #[error(
        "cannot use topic {topic} at {brokers}: it is not ready after {} s ({detail}); see the broker's log",
        waited.as_secs_f64()
    )]
    TopicNotReady { topic: &'static str, brokers: String, waited: Duration, detail: String },
    #[error("cannot send to {brokers}: {detail}; see the broker's log")]
    Send { brokers: String, detail: String },
    #[error(
        "cannot tell the truth of {topic}[{partition}]: record {expected} became {found}, so somebody else writes there; \
         stop the other producer, or use a topic of your own"
    )]
    SomebodyElse { topic: &'static str, partition: i32, expected: i64, found: i64 },
}

impl SimulateError {
    /// Whether the command line is to be corrected.
    pub fn is_wrong_use(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::FolderInUse { .. })
    }
}
