//! A reader thread of a folder: one of several that share a plan.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use greenwave_model::Batch;

use super::block;
use super::open::{Folder, FolderSettings, Shared};
use super::origin::Lines;
use super::plan::{Job, Ready, Sent, Turn};
use crate::decode::Decoders;
use crate::guard::{self, End};
use crate::link::{LOOK_AROUND, Stopped};
use crate::{FromSource, Link, Position};

/// Starts the reader of one worker; call it once a worker, each time with the positions of all partitions. It ends when
/// every block of the folder has been sent, by whichever thread.
pub fn start(folder: &Arc<Folder>, settings: FolderSettings, positions: &[Position], link: Link) -> JoinHandle<()> {
    let (folder, positions) = (folder.clone(), positions.to_vec());
    guard::spawn("folder-reader", link, move |link| {
        let shared = folder.shared(&positions)?;
        let thread = shared.plan().join();
        let _leave = Leave(&shared);
        Reader { shared: &shared, thread, link, decoders: Decoders::new(settings.decode.clone()), settings }.run()
    })
}

/// Tells the other threads when one leaves before the end, be it by a panic.
struct Leave<'a>(&'a Shared);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let mut plan = self.0.plan();
        plan.broken |= !plan.is_over();
        drop(plan);
        self.0.changed.notify_all();
    }
}

struct Reader<'a> {
    shared: &'a Shared,
    thread: usize,
    link: &'a Link,
    decoders: Decoders,
    settings: FolderSettings,
}

enum Work {
    Send(Turn),
    Read(Job<Lines>),
}

impl Reader<'_> {
    fn run(&mut self) -> Result<(), End> {
        while let Some(work) = self.next_work()? {
            match work {
                Work::Send(turn) => self.send(turn)?,
                Work::Read(job) => self.read(job)?,
            }
        }
        Ok(())
    }

    /// Sending comes before reading: what is sent is what the leader waits for. `None`: the folder is done.
    fn next_work(&self) -> Result<Option<Work>, End> {
        let mut plan = self.shared.plan();
        loop {
            if self.link.is_stopped() || plan.broken {
                return Err(End::Stopped);
            }
            if plan.is_over() {
                return Ok(None);
            }
            if let Some(turn) = plan.take_turn(self.thread) {
                return Ok(Some(Work::Send(turn)));
            }
            if let Some(job) = plan.take_job() {
                return Ok(Some(Work::Read(job)));
            }
            let waited = self.shared.changed.wait_timeout(plan, LOOK_AROUND);
            plan = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn read(&mut self, job: Job<Lines>) -> Result<(), End> {
        let limit = self.settings.decode.record_bytes_max;
        let mut reader = match job.reader {
            Some(reader) => reader,
            None => self.shared.lanes[job.lane].open(job.next, limit)?,
        };
        let lines = reader.block()?;
        self.shared.plan().give_back(job.lane, (!lines.finished).then_some(reader));
        self.shared.changed.notify_all();
        let decoder = Decoders::of(&self.shared.lanes[job.lane].key().topic);
        let decoded = block::decode(&lines, job.number, limit, (&mut self.decoders, decoder));
        self.shared.plan().decoded(job.lane, job.block, self.thread, decoded);
        Ok(())
    }

    fn send(&self, turn: Turn) -> Result<(), End> {
        let Turn { lane, ready, mut clock } = turn;
        let mut blocks = match ready {
            Ready::Decoded(decoded) => block::cut(*decoded, &mut clock),
            Ready::Cut(rest) => rest,
        };
        let block = blocks.pop_front().expect("what is ready has a block");
        let sent = Sent { clock: block.clock.clone(), end: block.end, finished: block.finished };
        self.hand_over(block)?;
        self.shared.plan().sent(lane, sent, self.thread, blocks);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn hand_over(&self, batch: Batch) -> Result<(), Stopped> {
        let budget = &self.link.budget;
        while !budget.try_take(batch.bytes) {
            if self.link.is_stopped() {
                return Err(Stopped);
            }
            budget.wait(LOOK_AROUND);
        }
        self.link.send(FromSource::Batch(batch))
    }
}
