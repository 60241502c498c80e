//! The one thread of the speed layer: it collects messages, and hands ready ticks to the place where values go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::error::SpeedError;
use super::inbox::{Inbox, Tick};
use super::publisher::Publisher;
use super::replica::Replica;
use super::{FromSpeed, ToSpeed};

/// Messages taken before ready ticks are looked for.
const MESSAGES_MAX: usize = 4_096;
/// Without a message or an attempt due.
const REST: Duration = Duration::from_secs(3_600);

pub(super) enum Order {
    Message(ToSpeed),
    Stop { deadline: Instant },
}

/// Where values go.
pub(super) enum Shore {
    /// Nowhere, or into the replica alone: a tick is visible once it is complete.
    Here {
        keep: bool,
        visible: u64,
        events: Sender<FromSpeed>,
    },
    Redis(Box<Publisher>),
}

pub(super) struct Writer {
    pub orders: Receiver<Order>,
    pub inbox: Inbox,
    pub replica: Arc<Replica>,
    pub shore: Shore,
}

impl Writer {
    /// Until it is stopped, or nobody is left to say so: then what is not published yet is left to the next start.
    pub fn run(mut self) -> Result<u64, SpeedError> {
        let mut deadline = None;
        loop {
            let wait = self.shore.due().into_iter().chain(deadline).min();
            let wait = wait.map_or(REST, |at: Instant| at.saturating_duration_since(Instant::now()));
            match self.orders.recv_timeout(wait) {
                Ok(order) => self.take(order, &mut deadline),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if deadline.is_some() => std::thread::sleep(wait),
                Err(RecvTimeoutError::Disconnected) => return Ok(self.shore.visible()),
            }
            for order in self.orders.clone().try_iter().take(MESSAGES_MAX) {
                self.take(order, &mut deadline);
            }
            let ready = self.inbox.take_ready();
            self.shore.take(&ready, &self.replica);
            if let Some(deadline) = deadline
                && (self.shore.is_settled() || deadline <= Instant::now())
            {
                return self.shore.ended();
            }
        }
    }

    fn take(&mut self, order: Order, deadline: &mut Option<Instant>) {
        let message = match order {
            Order::Stop { deadline: at } => {
                *deadline = Some(at);
                return;
            }
            Order::Message(message) => message,
        };
        match message {
            ToSpeed::Bound { tick, before, binding, now_ms } => {
                self.inbox.bound(Tick { tick, before, binding, now_ms, deltas: vec![] });
            }
            ToSpeed::Deltas { tick, deltas } => self.inbox.deltas(tick, deltas),
            ToSpeed::Complete { worker, tick } => self.inbox.complete(worker, tick),
            ToSpeed::Fill { deltas } => self.replica.fill(&*deltas),
            ToSpeed::Durable { tick } => self.shore.durable(tick),
        }
    }
}

impl Shore {
    fn take(&mut self, ticks: &[Tick], replica: &Replica) {
        match self {
            Self::Here { keep, visible, events } => {
                if *keep {
                    replica.apply(ticks);
                }
                if let Some(last) = ticks.last() {
                    *visible = last.tick;
                    let _ = events.send(FromSpeed::Visible { tick: last.tick, at: Instant::now() });
                }
            }
            Self::Redis(publisher) => {
                publisher.take(ticks);
                publisher.retry();
            }
        }
    }

    fn durable(&mut self, tick: u64) {
        if let Self::Redis(publisher) = self {
            publisher.durable(tick);
        }
    }

    fn due(&self) -> Option<Instant> {
        match self {
            Self::Here { .. } => None,
            Self::Redis(publisher) => publisher.due(),
        }
    }

    fn visible(&self) -> u64 {
        match self {
            Self::Here { visible, .. } => *visible,
            Self::Redis(publisher) => publisher.visible,
        }
    }

    fn is_settled(&self) -> bool {
        match self {
            Self::Here { .. } => true,
            Self::Redis(publisher) => publisher.fenced_by.is_some() || publisher.is_settled(),
        }
    }

    fn ended(&self) -> Result<u64, SpeedError> {
        let Self::Redis(publisher) = self else { return Ok(self.visible()) };
        if let Some(by) = publisher.fenced_by {
            return Err(SpeedError::Fenced { generation: publisher.generation, by });
        }
        if publisher.is_settled() {
            return Ok(publisher.visible);
        }
        Err(SpeedError::Behind {
            visible: publisher.visible,
            complete: publisher.last.unwrap_or(0),
            fact: publisher.why_down.clone(),
        })
    }
}
