//! The speed layer: what is true now, by view and key, visible a tick at a time.
//!
//! ```text
//! leader    Bound, Durable ──┐
//! workers   Deltas, Complete ┴─► inbox ─► ready ticks ─┬─► replica (this process)
//!                                                      └─► publisher ─► script.lua (Redis) ─► Visible
//! ```
//!
//! `inbox` orders, `batch` merges, `group` and `encode` write calls, `link` carries them, `publisher` makes rounds of
//! them, `repair` mends what a round finds broken, `script.lua` holds every rule that keeps readers right.

mod answer;
mod batch;
mod encode;
mod ends;
mod error;
mod group;
mod inbox;
mod json;
mod link;
mod pace;
mod publisher;
mod repair;
mod replica;
mod settings;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use greenwave_model::{Current, Deltas};

pub use error::SpeedError;
pub use replica::{Kept, Replica};
pub use settings::{Claim, RedisSettings, SpeedSettings};

use inbox::Inbox;
use publisher::Publisher;
use writer::{Order, Shore, Writer};

/// What the leader and the workers tell the speed layer.
#[derive(Clone, Debug)]
pub enum ToSpeed {
    /// By the leader, for every tick in order, empty ones included, and for ticks repeated from a [`Claim`].
    Bound {
        tick: u64,
        /// The tick bound before it; of the first, the tick of the restored checkpoint.
        before: u64,
        /// JSON.
        binding: Arc<str>,
        /// The binding's clock.
        now_ms: i64,
    },
    Deltas {
        tick: u64,
        deltas: Arc<dyn Deltas>,
    },
    /// Restored content: it goes to the replica alone.
    Fill {
        deltas: Arc<dyn Deltas>,
    },
    /// The worker has handed over every delta at ticks up to this one.
    Complete {
        worker: usize,
        tick: u64,
    },
    /// The manifest of this cut is committed.
    Durable {
        tick: u64,
    },
}

/// What the speed layer tells the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromSpeed {
    /// Readers see everything up to this tick.
    Visible {
        tick: u64,
        at: Instant,
    },
    /// A newer generation has taken over: this one has nothing more to say.
    Fenced {
        by: u64,
    },
    /// Values stand still until `Up`. The job goes on.
    Down {
        why: String,
    },
    Up,
}

/// Handle of the speed layer. Dropped without [`Speed::stop`] it leaves what is not published to the next start.
#[derive(Debug)]
pub struct Speed {
    orders: Sender<Order>,
    replica: Arc<Replica>,
    thread: JoinHandle<Result<u64, SpeedError>>,
    wants: Wants,
}

/// Which deltas are of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Nothing,
    /// Those of views that are kept by key.
    Current,
    All,
}

impl Speed {
    /// Connects, claims, and starts the thread. `workers` are those of this process that will report `Complete`.
    pub fn start(
        settings: SpeedSettings,
        generation: u64,
        workers: usize,
        events: Sender<FromSpeed>,
    ) -> Result<(Self, Option<Claim>), SpeedError> {
        let replica = Arc::new(Replica::default());
        let SpeedSettings::Redis(settings) = settings else {
            return Ok((Self::here(&settings, workers, events, replica)?, None));
        };
        let mut publisher = Publisher::new(settings, generation, events, replica.clone())?;
        let claim = publisher.claim()?;
        Ok((Self::spawn(Shore::Redis(Box::new(publisher)), workers, replica, Wants::All)?, Some(claim)))
    }

    /// The same where Redis does not answer: the job goes on unseen, and Redis is claimed when it returns. What it
    /// lists then is not repeated; values appear once this job has passed everything readers have seen.
    pub fn start_unclaimed(
        settings: SpeedSettings,
        generation: u64,
        workers: usize,
        events: Sender<FromSpeed>,
    ) -> Result<Self, SpeedError> {
        let replica = Arc::new(Replica::default());
        let SpeedSettings::Redis(settings) = settings else {
            return Self::here(&settings, workers, events, replica);
        };
        let publisher = Publisher::new(settings, generation, events, replica.clone())?;
        Self::spawn(Shore::Redis(Box::new(publisher)), workers, replica, Wants::All)
    }

    fn here(
        settings: &SpeedSettings,
        workers: usize,
        events: Sender<FromSpeed>,
        replica: Arc<Replica>,
    ) -> Result<Self, SpeedError> {
        let keep = matches!(settings, SpeedSettings::Memory);
        let wants = if keep { Wants::Current } else { Wants::Nothing };
        Self::spawn(Shore::Here { keep, visible: 0, events }, workers, replica, wants)
    }

    fn spawn(shore: Shore, workers: usize, replica: Arc<Replica>, wants: Wants) -> Result<Self, SpeedError> {
        let (orders, taken) = crossbeam_channel::unbounded();
        let writer = Writer { orders: taken, inbox: Inbox::new(workers), replica: replica.clone(), shore };
        let thread = std::thread::Builder::new().name("speed".into()).spawn(move || writer.run());
        Ok(Self { orders, replica, thread: thread.map_err(SpeedError::Thread)?, wants })
    }

    /// Never blocks. While Redis is away deltas end in the replica, one value a key; no more of them wait here than
    /// arrive during one attempt to reach it, a second at most, or one answer that is not given.
    pub fn send(&self, message: ToSpeed) {
        if let ToSpeed::Deltas { deltas, .. } | ToSpeed::Fill { deltas } = &message {
            match self.wants {
                Wants::Nothing => return,
                Wants::Current if matches!(deltas.spec().current, Current::FeedOnly | Current::Compatibility(_)) => {
                    return;
                }
                Wants::Current | Wants::All => {}
            }
        }
        // The thread has ended only when a newer generation took over: its event says so.
        let _ = self.orders.send(Order::Message(message));
    }

    /// The current values, of all views but those that live in the feed alone.
    pub fn replica(&self) -> Arc<Replica> {
        self.replica.clone()
    }

    /// Publishes everything complete and ends; the tick that is visible then. `patience` is how long to wait for a
    /// Redis that is away.
    pub fn stop(self, patience: Duration) -> Result<u64, SpeedError> {
        let _ = self.orders.send(Order::Stop { deadline: Instant::now() + patience });
        drop(self.orders);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
