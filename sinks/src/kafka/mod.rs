//! Dead letters: every reject as a record of a Kafka topic, at least once.
//!
//! ```text
//! workers    Letters ──┐
//! committer  flush   ──┴─► sender (a thread) ─► librdkafka ─► broker (acks = all)
//!                              └── what is not acknowledged is kept here, and sent again after a failure
//! ```
//!
//! A cut becomes real only after [`DeadLetters::flush`]: what it covers is with the broker. A process that dies before
//! repeats the rejects of its unfinished cut, under the same keys.

mod error;
mod letter;
mod sender;
mod settings;
mod topic;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use greenwave_model::{PartitionKey, Reject};

pub use error::LetterError;
pub use settings::LetterSettings;

use sender::{Order, Outbox, Trouble};

/// Batches with rejects between the workers and the thread. When it is full a worker waits, and Kafka is the buffer.
const BATCHES_WAITING_MAX: usize = 16;

/// Rejects of one partition, in offset order.
#[derive(Clone, Debug)]
pub struct Letters {
    pub partition: PartitionKey,
    pub rejects: Vec<Reject>,
}

/// Handle of the thread that sends. The thread ends with it; what is not acknowledged then is the next start's.
#[derive(Debug)]
pub struct DeadLetters {
    orders: Sender<Order>,
    trouble: Arc<Trouble>,
    settings: LetterSettings,
}

impl DeadLetters {
    /// Finds the topic, or makes it, and starts the thread.
    pub fn open(settings: LetterSettings) -> Result<Self, LetterError> {
        topic::find_or_make(&settings)?;
        let trouble = Arc::new(Trouble::default());
        let (orders, inbox) = bounded(BATCHES_WAITING_MAX);
        let outbox = Outbox::new(settings.clone(), inbox, trouble.clone())?;
        let thread = std::thread::Builder::new().name("dead letters".into()).spawn(move || outbox.run());
        thread.map_err(LetterError::Thread)?;
        Ok(Self { orders, trouble, settings })
    }

    /// Hands rejects over; gives them back if there is no room for as long as `wait`.
    pub fn send(&self, letters: Letters, wait: Duration) -> Result<(), Letters> {
        match self.orders.send_timeout(Order::Letters(letters), wait) {
            Err(SendTimeoutError::Timeout(Order::Letters(letters))) => Err(letters),
            // Without a thread no flush is ever answered, and that is told.
            _ => Ok(()),
        }
    }

    /// Hears once when everything handed over before is acknowledged. `None`: there was no room for as long as `wait`.
    pub fn flush(&self, wait: Duration) -> Option<Receiver<()>> {
        let (acknowledged, heard) = bounded(1);
        match self.orders.send_timeout(Order::Flush(acknowledged), wait) {
            Err(SendTimeoutError::Timeout(_)) => None,
            _ => Some(heard),
        }
    }

    /// Why letters wait, if any do.
    pub fn why(&self) -> String {
        self.trouble.why()
    }

    /// The error of a run that ends while letters wait.
    pub fn unacknowledged(&self) -> LetterError {
        let LetterSettings { topic, brokers, .. } = self.settings.clone();
        LetterError::Unacknowledged { topic, brokers, why: self.why() }
    }
}
