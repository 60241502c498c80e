//! Publishes ready ticks to Redis, each group as one fenced change.
//!
//! A round of calls lists the bindings, writes the groups and ends with a *seal*: Redis compares every group's position
//! with the last tick bound for it, and the tick is visible when none is behind. So a lost answer, a lost write and a
//! refused one look the same, and `repair.rs` mends them the same way: claim, list, resync. At a cut every group moves,
//! so whoever restores a checkpoint knows all positions without a list of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use greenwave_model::{CrashPoint, GROUPS};

use super::FromSpeed;
use super::answer::{Answer, Claimed};
use super::batch;
use super::encode::Caller;
use super::ends::Ends;
use super::error::SpeedError;
use super::group::{GroupWriter, Stroke};
use super::inbox::Tick;
use super::link::{Link, Place};
use super::pace::{Backoff, ExpiryClock, FeedSpan};
use super::replica::Replica;
use super::settings::{Claim, RedisSettings};

/// What a round came to.
#[derive(Debug)]
pub(super) enum Verdict {
    Visible,
    Lost,
    Unlisted,
    Behind(Vec<usize>),
}

/// Why no round can be made now.
#[derive(Debug)]
pub(super) enum Trouble {
    Fenced { by: u64 },
    Down(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Down(why)
    }
}

pub(super) struct Publisher {
    pub(super) place: Place,
    pub(super) settings: RedisSettings,
    pub(super) generation: u64,
    pub(super) events: Sender<FromSpeed>,
    pub(super) replica: Arc<Replica>,
    pub(super) writer: GroupWriter,
    pub(super) link: Option<Link>,
    pub(super) backoff: Backoff,
    /// Everything complete is visible, as far as the caller was told.
    pub(super) is_up: bool,
    pub(super) fenced_by: Option<u64>,
    pub(super) why_down: String,
    /// The last complete tick; the restored checkpoint's before there is one.
    pub(super) last: Option<u64>,
    /// Its binding, once there is one.
    pub(super) binding: Option<Arc<str>>,
    /// By group: the last tick bound with changes for it, sent or not.
    pub(super) sent: [u64; GROUPS as usize],
    /// Own complete ticks since the last manifest.
    pub(super) since: VecDeque<(u64, Arc<str>)>,
    durable: u64,
    trim: Option<u64>,
    /// The list as first claimed, until it is known what of it is repeated.
    claimed: Vec<(u64, String)>,
    /// What readers have seen of ticks that are not ours to repeat. Nothing is shown before we are past it.
    pub(super) hold: Option<Ends>,
    pub(super) visible: u64,
    pub(super) expiry: ExpiryClock,
    pub(super) feed: FeedSpan,
    warned_of_eviction: bool,
}

impl Publisher {
    /// Without a link: the first retry makes it.
    pub fn new(
        settings: RedisSettings,
        generation: u64,
        events: Sender<FromSpeed>,
        replica: Arc<Replica>,
    ) -> Result<Self, SpeedError> {
        let place = Place::of(&settings)?;
        let caller = Caller::new(&settings, place.contract_db(), generation);
        Ok(Self {
            place,
            settings,
            generation,
            events,
            replica,
            writer: GroupWriter::new(caller),
            link: None,
            backoff: Backoff::new(),
            is_up: true,
            fenced_by: None,
            why_down: "it was not reached at the start".into(),
            last: None,
            binding: None,
            sent: [0; GROUPS as usize],
            since: VecDeque::new(),
            durable: 0,
            trim: None,
            claimed: vec![],
            hold: None,
            visible: 0,
            expiry: ExpiryClock::new(generation),
            feed: FeedSpan::default(),
            warned_of_eviction: false,
        })
    }

    /// The first claim of a generation: everything older is refused from here on.
    pub fn claim(&mut self) -> Result<Claim, SpeedError> {
        let limit = self.settings.connect_timeout;
        self.connect(limit)?;
        let url = self.place.shown.clone();
        let Claimed { listed, applied, ticks, held, .. } = match self.ask_claim(false) {
            Ok(claimed) => claimed?,
            Err(Trouble::Fenced { by }) => return Err(SpeedError::Fenced { generation: self.generation, by }),
            Err(Trouble::Down(fact)) => return Err(SpeedError::Unreachable { url, fact }),
        };
        self.hold_back(&held);
        self.claimed = ticks.clone();
        Ok(Claim { ticks, listed, applied: applied.to_vec() })
    }

    pub(super) fn connect(&mut self, limit: Duration) -> Result<(), SpeedError> {
        let link = Link::open(&self.place, limit)?;
        if link.evicting && !std::mem::replace(&mut self.warned_of_eviction, true) {
            tracing::warn!(
                redis = self.place.shown,
                "redis may evict keys that have no expiry: readers can miss values"
            );
        }
        self.link = Some(link);
        Ok(())
    }

    /// The claim's outcome, an owner that is not us as the inner error.
    pub(super) fn ask_claim(&mut self, again: bool) -> Result<Result<Claimed, SpeedError>, Trouble> {
        let Self { link: Some(link), writer, since, last, settings, .. } = self else {
            return Err(Trouble::Down(String::new()));
        };
        let (mode, tick) = match (again, settings.take_over) {
            (true, _) => ("again", last.unwrap_or(0)),
            (false, true) => ("take", settings.restored),
            (false, false) => ("first", settings.restored),
        };
        link.ask(|out| writer.caller.claim(out, mode, tick, since.iter()))?;
        match link.answers()?.pop() {
            Some(Answer::Claimed(claimed)) => Ok(Ok(*claimed)),
            Some(Answer::Fenced { by }) => Err(Trouble::Fenced { by }),
            Some(Answer::Foreign) => {
                Ok(Err(SpeedError::OtherHistory { url: self.place.shown.clone(), job: self.settings.job.clone() }))
            }
            Some(Answer::Owned(owner)) => Ok(Err(SpeedError::Foreign {
                url: self.place.shown.clone(),
                prefix: self.settings.key_prefix.clone(),
                owner,
                job: self.settings.job.clone(),
            })),
            other => Err(Trouble::Down(format!("its script answers {other:?} to a claim"))),
        }
    }

    /// The restored checkpoint's tick: at it every group was moved.
    fn restored(&mut self, tick: u64) {
        self.last = Some(tick);
        self.sent.fill(tick);
        self.durable = self.durable.max(tick);
    }

    pub fn durable(&mut self, tick: u64) {
        self.durable = self.durable.max(tick);
        self.trim = Some(self.durable);
        while self.since.front().is_some_and(|(listed, _)| *listed <= tick) {
            self.since.pop_front();
        }
    }

    /// Everything complete has been shown.
    pub fn is_settled(&self) -> bool {
        self.last.is_none_or(|last| self.visible >= last)
    }

    /// Takes the ticks that became ready, possibly none.
    pub fn take(&mut self, ticks: &[Tick]) {
        if self.fenced_by.is_some() {
            return;
        }
        let outcome = match ticks.last() {
            Some(last) => self.note(ticks, last),
            None => self.trim_alone(),
        };
        if let Err(trouble) = outcome {
            self.fail(trouble);
        }
    }

    fn note(&mut self, ticks: &[Tick], last: &Tick) -> Result<(), Trouble> {
        if self.last.is_none() {
            self.restored(ticks[0].before);
        }
        let restored = self.last.replace(last.tick).unwrap_or(0);
        self.binding = Some(last.binding.clone());
        let kept = ticks.iter().filter(|tick| tick.tick > self.durable);
        self.since.extend(kept.map(|tick| (tick.tick, tick.binding.clone())));
        // A list of ticks below the checkpoint, but of more records: it is of a process that did not know its end.
        let mut unrepeated = std::mem::take(&mut self.claimed);
        unrepeated.retain(|(tick, _)| *tick <= restored);
        if self.hold.is_none() && !unrepeated.is_empty() {
            self.hold_back(&unrepeated);
        }
        let written_before = self.visible > 0;
        let wrong_expiries = ticks.iter().any(|tick| self.expiry.observe(tick.tick, tick.now_ms));
        if self.link.is_none() || self.hold.is_some() || wrong_expiries && written_before {
            // Nobody saw these ticks arrive: from here every group is behind until it is written whole.
            self.sent.fill(last.tick);
            self.replica.apply(ticks);
            return if self.link.is_some() { self.show_whole(ticks, last) } else { Ok(()) };
        }
        let verdict = self.publish(ticks, last.tick);
        self.replica.apply(ticks);
        self.settle(verdict?)
    }

    /// One round: list, write, seal. The groups' values become visible in it, the replica's after it.
    fn publish(&mut self, ticks: &[Tick], last: u64) -> Result<Verdict, Trouble> {
        let mut groups = batch::merge(ticks);
        self.replica.mark_new(&mut groups);
        let from = self.sent;
        for (sent, group) in self.sent.iter_mut().zip(&groups) {
            *sent = group.to.max(*sent);
        }
        let Self { link: Some(link), writer, feed, expiry, trim, sent, .. } = self else { return Ok(Verdict::Lost) };
        push(link, &writer.caller, ticks, last)?;
        link.pass(CrashPoint::TickListed)?;
        let feed_bytes = writer.feed_bytes;
        for (number, group) in groups.iter().enumerate().filter(|(_, group)| group.to > 0) {
            let (feed_floor, expiry_shift_ms) = (feed.floor(), expiry.shift_ms);
            let stroke = Stroke { group: number, to: group.to, feed_floor, expiry_shift_ms };
            link.ask(|out| writer.changes(out, stroke, from[number], group))?;
            link.pass(CrashPoint::GroupWritten)?;
        }
        link.pass(CrashPoint::GroupsWritten)?;
        if let Some(tick) = trim.take() {
            link.ask(|out| writer.caller.trim(out, tick))?;
        }
        link.ask(|out| writer.caller.seal(out, last, sent))?;
        feed.wrote(Instant::now(), last, writer.feed_bytes - feed_bytes);
        let answers = link.answers()?;
        CrashPoint::TickSealed.pass();
        verdict(answers)
    }

    /// Lists the ticks; once past what is held back, writes every group whole.
    fn show_whole(&mut self, ticks: &[Tick], last: &Tick) -> Result<(), Trouble> {
        let is_past = self.hold.as_ref().is_none_or(|hold| hold.are_within(&Ends::of([&*last.binding])));
        if is_past {
            self.hold = None;
        }
        let Self { link: Some(link), writer, sent, .. } = self else { return Ok(()) };
        push(link, &writer.caller, ticks, last.tick)?;
        if is_past {
            link.ask(|out| writer.caller.seal(out, last.tick, sent))?;
        }
        let mut answers = link.answers()?;
        if is_past {
            return self.settle(verdict(answers)?);
        }
        match answers.pop() {
            Some(Answer::Fenced { by }) => Err(Trouble::Fenced { by }),
            Some(Answer::Lost) => self.settle(Verdict::Lost),
            _ => Ok(()),
        }
    }

    fn trim_alone(&mut self) -> Result<(), Trouble> {
        let Self { link: Some(link), writer, trim, .. } = self else { return Ok(()) };
        let Some(tick) = trim.take() else { return Ok(()) };
        link.ask(|out| writer.caller.trim(out, tick))?;
        match link.answers()?.pop() {
            Some(Answer::Fenced { by }) => Err(Trouble::Fenced { by }),
            // A loss is found, and mended, by the next tick.
            _ => Ok(()),
        }
    }
}

/// Lists ready ticks. A tick that is listed already is left as it is.
fn push(link: &mut Link, caller: &Caller, ticks: &[Tick], last: u64) -> Result<(), String> {
    let bindings = ticks.iter().map(|tick| (tick.tick, &*tick.binding));
    link.ask(|out| caller.push(out, Some(ticks[0].before), last, bindings))
}

/// What the last answer of a round, a seal's, means.
pub(super) fn verdict(mut answers: Vec<Answer>) -> Result<Verdict, Trouble> {
    match answers.pop() {
        Some(Answer::Visible) => Ok(Verdict::Visible),
        Some(Answer::Behind(groups)) => Ok(Verdict::Behind(groups)),
        Some(Answer::Unlisted) => Ok(Verdict::Unlisted),
        Some(Answer::Lost) => Ok(Verdict::Lost),
        Some(Answer::Fenced { by }) => Err(Trouble::Fenced { by }),
        other => Err(Trouble::Down(format!("its script answers {other:?} to a seal"))),
    }
}
