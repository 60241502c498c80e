//! How a reader thread and its worker speak.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{SendTimeoutError, Sender};
use greenwave_model::{Batch, PartitionClock, PartitionKey};

use crate::{Budget, SourceError};

/// How often a thread that waits looks at its stop flag.
pub(crate) const LOOK_AROUND: Duration = Duration::from_millis(20);

/// Where a job stands in one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// The partition's number in the job's partition table.
    pub number: u16,
    pub key: PartitionKey,
    /// The first offset to read; `None` on the first start.
    pub next: Option<i64>,
    /// The partition's clock before that offset.
    pub clock: PartitionClock,
    /// A file that has been read to its end.
    pub finished: bool,
}

/// What a reader sends. Batches of a partition are in order and without gaps: each starts where the one before ended.
#[derive(Debug)]
pub enum FromSource {
    Batch(Batch),
    Standing(Standing),
    /// Where logs end, as last heard, by partition number; sent when it changes, twice a second at most.
    Ends(Vec<(u16, i64)>),
    /// The last message of a reader: the job cannot go on.
    Failed(SourceError),
}

/// How a reader stands in a partition. Sent when it changes; a [`Batch`] takes back both `at_end` and `fault`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub partition: u16,
    /// The reader stands at the end of the log, and everything before it has been sent.
    pub at_end: bool,
    /// The next offset it will read.
    pub next: i64,
    /// Why nothing can be read now, if so.
    pub fault: Option<String>,
}

/// A reader's end of the line to its worker. The worker drains the channel whenever it is woken: what limits a reader
/// is the budget.
#[derive(Clone)]
pub struct Link {
    pub sender: Sender<FromSource>,
    /// Wakes the worker; called after sending.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    pub budget: Arc<Budget>,
    /// Set by the worker: the reader ends within about 100 ms.
    pub stop: Arc<AtomicBool>,
}

/// The worker wants no more.
#[derive(Debug)]
pub(crate) struct Stopped;

impl Link {
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn send(&self, mut message: FromSource) -> Result<(), Stopped> {
        while !self.is_stopped() {
            match self.sender.send_timeout(message, LOOK_AROUND) {
                Ok(()) => {
                    (self.wake)();
                    return Ok(());
                }
                Err(SendTimeoutError::Timeout(refused)) => message = refused,
                Err(SendTimeoutError::Disconnected(_)) => return Err(Stopped),
            }
        }
        Err(Stopped)
    }
}
