//! Who reads what next, and whose block goes out next. Pure: threads hold it under one lock.

use std::collections::{BTreeMap, VecDeque};

use greenwave_model::{Batch, PartitionClock};

use super::block::Decoded;
use super::forecast::Forecast;

/// Reads ahead for each thread, of [`BLOCK_LINES`](super::BLOCK_LINES) lines at most. Files of one city differ by a few
/// in how fast they advance; more only takes memory, about a quarter of a megabyte each.
const AHEAD_PER_THREAD: usize = 32;

/// One file.
#[derive(Debug)]
struct Lane<R> {
    number: u16,
    /// What the file counts with until it has a clock.
    first_event_ms: Option<i64>,
    /// After the last block sent.
    clock: PartitionClock,
    /// The first line not sent.
    next: i64,
    finished: bool,
    desk: Desk<R>,
    /// Reads taken and not sent to their end.
    pending: usize,
    /// By first line, with the thread that decoded it.
    ready: BTreeMap<i64, (usize, Ready)>,
    forecast: Forecast,
}

/// Where a file's reader is.
#[derive(Debug)]
enum Desk<R> {
    NotOpened,
    Here(R),
    /// A thread is reading with it.
    Away,
    /// The last block has been read.
    Spent,
}

/// What was read at once.
#[derive(Debug)]
pub enum Ready {
    Decoded(Box<Decoded>),
    /// The blocks of it that have not been sent.
    Cut(VecDeque<Batch>),
}

/// Something to read: with the reader given, or by opening the file at line `next`.
#[derive(Debug)]
pub struct Job<R> {
    pub lane: usize,
    pub number: u16,
    pub reader: Option<R>,
    pub next: i64,
    pub block: u64,
}

/// What begins with the block whose turn it is to be sent.
#[derive(Debug)]
pub struct Turn {
    pub lane: usize,
    pub ready: Ready,
    pub clock: PartitionClock,
}

/// Where a file stands after a block.
#[derive(Debug)]
pub struct Sent {
    pub clock: PartitionClock,
    pub end: i64,
    pub finished: bool,
}

#[derive(Debug)]
pub struct Plan<R> {
    lanes: Vec<Lane<R>>,
    threads: usize,
    pending: usize,
    sending: bool,
    /// A thread has left before the end: no block after this one can be relied on.
    pub broken: bool,
}

impl<R> Plan<R> {
    pub fn new() -> Self {
        Self { lanes: vec![], threads: 0, pending: 0, sending: false, broken: false }
    }

    /// Adds a file; lanes are added by rising partition number, which settles ties.
    pub fn add(&mut self, number: u16, first_event_ms: Option<i64>, clock: PartitionClock, next: i64) -> usize {
        debug_assert!(self.lanes.last().is_none_or(|lane| lane.number < number));
        let forecast = Forecast::new(clock.now_ms.or(first_event_ms));
        let (desk, ready) = (Desk::NotOpened, BTreeMap::new());
        self.lanes.push(Lane {
            number,
            first_event_ms,
            clock,
            next,
            finished: false,
            desk,
            pending: 0,
            ready,
            forecast,
        });
        self.lanes.len() - 1
    }

    /// One more thread; its number.
    pub fn join(&mut self) -> usize {
        self.threads += 1;
        self.threads - 1
    }

    pub fn is_over(&self) -> bool {
        self.lanes.iter().all(|lane| lane.finished)
    }

    /// The file whose block comes next in the true order.
    fn turn(&self) -> Option<usize> {
        let unfinished = (0..self.lanes.len()).filter(|&lane| !self.lanes[lane].finished);
        unfinished.min_by_key(|&lane| self.lanes[lane].clock.now_ms.or(self.lanes[lane].first_event_ms))
    }

    /// The block that comes next, if this thread decoded it. Until [`Plan::sent`], nobody else gets one.
    pub fn take_turn(&mut self, thread: usize) -> Option<Turn> {
        let lane = self.turn().filter(|_| !self.sending)?;
        let Lane { ready, clock, next, .. } = &mut self.lanes[lane];
        let (_, ready) = ready.first_entry().filter(|entry| entry.key() == next && entry.get().0 == thread)?.remove();
        self.sending = true;
        Some(Turn { lane, ready, clock: clock.clone() })
    }

    /// The block has gone out; `rest` of what was read with it waits for its turn.
    pub fn sent(&mut self, lane: usize, sent: Sent, thread: usize, rest: VecDeque<Batch>) {
        self.sending = false;
        let lane = &mut self.lanes[lane];
        lane.clock = sent.clock;
        lane.next = sent.end;
        lane.finished = sent.finished;
        if rest.is_empty() {
            self.pending -= 1;
            lane.pending -= 1;
        } else {
            lane.ready.insert(sent.end, (thread, Ready::Cut(rest)));
        }
    }

    /// The next block to read: the one that comes next in the true order if nobody has it, else the one that is
    /// thought to come first after those taken.
    pub fn take_job(&mut self) -> Option<Job<R>> {
        let due = self.turn().filter(|&lane| self.lanes[lane].pending == 0);
        let lane = due.or_else(|| self.ahead())?;
        let Lane { desk, pending, forecast, number, next, .. } = &mut self.lanes[lane];
        let reader = match std::mem::replace(desk, Desk::Away) {
            Desk::NotOpened => None,
            Desk::Here(reader) => Some(reader),
            Desk::Away | Desk::Spent => unreachable!("a file without a pending block has its reader on the desk"),
        };
        *pending += 1;
        self.pending += 1;
        Some(Job { lane, number: *number, reader, next: *next, block: forecast.take() })
    }

    fn ahead(&self) -> Option<usize> {
        let free = |lane: &Lane<R>| matches!(lane.desk, Desk::NotOpened | Desk::Here(_));
        let room = self.pending < AHEAD_PER_THREAD * self.threads;
        let lanes = (0..self.lanes.len()).filter(|&lane| room && !self.lanes[lane].finished && free(&self.lanes[lane]));
        lanes.min_by_key(|&lane| self.lanes[lane].forecast.clock_ms())
    }

    /// The reader is back; `None` after the last block.
    pub fn give_back(&mut self, lane: usize, reader: Option<R>) {
        self.lanes[lane].desk = reader.map_or(Desk::Spent, Desk::Here);
    }

    /// Lines have been decoded by a thread, which will send them when their turn has come.
    pub fn decoded(&mut self, lane: usize, block: u64, thread: usize, decoded: Decoded) {
        let lane = &mut self.lanes[lane];
        lane.forecast.learn(block, &decoded.batch);
        lane.ready.insert(decoded.batch.start, (thread, Ready::Decoded(Box::new(decoded))));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(now_ms: i64) -> PartitionClock {
        PartitionClock { now_ms: Some(now_ms), last_five: vec![now_ms; 5] }
    }

    /// Reads one block of `lane` and sends it, its clock then standing at `now_ms`.
    fn pass(plan: &mut Plan<()>, lane: usize, now_ms: i64) {
        let job = plan.take_job().unwrap();
        assert_eq!(job.lane, lane);
        plan.give_back(lane, Some(()));
        plan.decoded(lane, job.block, 0, line(job.next));
        let turn = plan.take_turn(0).unwrap();
        assert_eq!(turn.lane, lane);
        plan.sent(lane, Sent { clock: at(now_ms), end: job.next + 1, finished: false }, 0, VecDeque::new());
    }

    fn batch(start: i64) -> Batch {
        Batch { start, end: start + 1, ..Batch::default() }
    }

    fn line(start: i64) -> Decoded {
        Decoded { batch: batch(start), lengths: vec![1] }
    }

    #[test]
    fn the_lowest_clock_goes_first_and_no_clock_before_all() {
        let mut plan = Plan::new();
        plan.join();
        for first in [Some(300), Some(200), Some(200), None] {
            plan.add(plan.lanes.len() as u16, first, PartitionClock::default(), 0);
        }
        assert_eq!(plan.turn(), Some(3));
        plan.lanes[3].finished = true;
        assert_eq!(plan.turn(), Some(1), "a tie goes to the lower number");
        pass(&mut plan, 1, 250);
        assert_eq!(plan.turn(), Some(2));
        pass(&mut plan, 2, 400);
        assert_eq!(plan.turn(), Some(1));
    }

    #[test]
    fn the_block_that_is_due_is_read_however_much_was_read_ahead() {
        let mut plan = Plan::<()>::new();
        plan.join();
        plan.add(0, Some(1_000), PartitionClock::default(), 0);
        plan.add(1, Some(900_000), PartitionClock::default(), 0);
        for _ in 0..AHEAD_PER_THREAD {
            let job = plan.take_job().unwrap();
            assert_eq!(job.lane, 0);
            plan.give_back(0, Some(()));
            plan.decoded(0, job.block, 0, line(job.block as i64 - 1));
        }
        assert!(plan.take_job().is_none(), "enough ahead");
        assert!(plan.take_turn(0).is_some());
        assert!(plan.take_turn(0).is_none(), "one at a time");
        plan.sent(0, Sent { clock: at(1_000_000), end: 1, finished: false }, 0, VecDeque::new());
        plan.pending = AHEAD_PER_THREAD;
        assert_eq!(plan.take_job().unwrap().lane, 1, "due, though nothing foretold it");
    }

    #[test]
    fn a_block_waits_for_the_thread_that_decoded_it() {
        let mut plan = Plan::<()>::new();
        let (first, second) = (plan.join(), plan.join());
        plan.add(0, Some(1), PartitionClock::default(), 0);
        let job = plan.take_job().unwrap();
        assert!(plan.take_job().is_none(), "the reader is away");
        plan.give_back(0, None);
        plan.decoded(0, job.block, second, line(0));
        assert!(plan.take_turn(first).is_none());
        assert!(plan.take_turn(second).is_some());
    }

    #[test]
    fn the_rest_of_a_sparse_file_waits_for_the_others() {
        let mut plan = Plan::<()>::new();
        plan.join();
        plan.add(0, Some(1), PartitionClock::default(), 0);
        plan.add(1, Some(500), PartitionClock::default(), 0);
        let job = plan.take_job().unwrap();
        plan.give_back(0, Some(()));
        plan.decoded(0, job.block, 0, line(0));
        assert!(plan.take_turn(0).is_some());
        plan.sent(0, Sent { clock: at(900), end: 1, finished: false }, 0, VecDeque::from([batch(1)]));
        assert_eq!((plan.turn(), plan.pending), (Some(1), 1));
        pass(&mut plan, 1, 1_000);
        assert!(matches!(plan.take_turn(0), Some(Turn { lane: 0, ready: Ready::Cut(_), .. })));
    }
}
