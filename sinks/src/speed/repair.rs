//! Brings Redis back to what the replica holds: after lost answers, lost writes, an outage, a claim that was lost.
//!
//! Nothing here depends on what went wrong. The seal names the groups that are behind, and each is swapped in whole at
//! the last complete tick.

use std::time::{Duration, Instant};

use greenwave_model::{CrashPoint, GROUPS};

use super::FromSpeed;
use super::ends::Ends;
use super::group::Stroke;
use super::publisher::{Publisher, Trouble, Verdict, verdict};

/// A server that was lost is on this network or it is gone: longer waiting would only let ticks pile up.
const RECONNECT_LIMIT: Duration = Duration::from_secs(1);
/// Claim, list, resync: three rounds mend everything that stands still meanwhile.
const ROUNDS_MAX: usize = 8;

impl Publisher {
    /// Goes on until the last complete tick is visible, or held back.
    pub(super) fn settle(&mut self, mut verdict: Verdict) -> Result<(), Trouble> {
        for _ in 0..ROUNDS_MAX {
            verdict = match verdict {
                Verdict::Visible => {
                    self.shown();
                    return Ok(());
                }
                Verdict::Lost => {
                    self.claim_again()?;
                    if self.hold.is_some() {
                        return Ok(());
                    }
                    self.seal()?
                }
                Verdict::Unlisted => self.list_anew()?,
                Verdict::Behind(groups) => self.resync(&groups)?,
            };
        }
        Err(Trouble::Down(format!("groups stay behind after {ROUNDS_MAX} rounds of repair: {verdict:?}")))
    }

    fn shown(&mut self) {
        let tick = self.last.unwrap_or(0);
        if tick > self.visible {
            self.visible = tick;
            let _ = self.events.send(FromSpeed::Visible { tick, at: Instant::now() });
        }
        if !std::mem::replace(&mut self.is_up, true) {
            let _ = self.events.send(FromSpeed::Up);
        }
    }

    pub(super) fn claim_again(&mut self) -> Result<(), Trouble> {
        let claimed = self.ask_claim(true)?.map_err(|error| Trouble::Down(error.to_string()))?;
        CrashPoint::RedisClaimedAgain.pass();
        if claimed.lost {
            // Groups are stale now, whatever was sent.
            self.sent.fill(self.last.unwrap_or(0));
        }
        self.hold_back(&claimed.held);
        Ok(())
    }

    /// Holds values back until our own ends have passed those of a discarded list.
    pub(super) fn hold_back(&mut self, held: &[(u64, String)]) {
        let seen = Ends::of(held.iter().map(|(_, binding)| binding.as_str()));
        let own = Ends::of(self.binding.as_deref());
        if !held.is_empty() && !seen.are_within(&own) {
            self.hold = Some(seen);
            self.down("readers have seen records that this job has yet to reach; values wait for them");
        } else {
            self.hold = None;
        }
    }

    fn seal(&mut self) -> Result<Verdict, Trouble> {
        let Self { link: Some(link), writer, sent, last, .. } = self else { return Ok(Verdict::Lost) };
        link.ask(|out| writer.caller.seal(out, last.unwrap_or(0), sent))?;
        verdict(link.answers()?)
    }

    /// Lists every own tick since the last manifest in place of what is listed.
    fn list_anew(&mut self) -> Result<Verdict, Trouble> {
        let Self { link: Some(link), writer, since, sent, last, .. } = self else { return Ok(Verdict::Lost) };
        let last = last.unwrap_or(0);
        let bindings = since.iter().map(|(tick, binding)| (*tick, &**binding));
        link.ask(|out| writer.caller.push(out, None, last, bindings))?;
        link.ask(|out| writer.caller.seal(out, last, sent))?;
        verdict(link.answers()?)
    }

    /// Swaps groups in whole, as of the last complete tick.
    fn resync(&mut self, groups: &[usize]) -> Result<Verdict, Trouble> {
        let mut wanted = [false; GROUPS as usize];
        groups.iter().for_each(|group| wanted[group % wanted.len()] = true);
        let rows = self.replica.groups(&wanted);
        let Self { link: Some(link), writer, feed, expiry, sent, last, .. } = self else { return Ok(Verdict::Lost) };
        let to = last.unwrap_or(0);
        for group in (0..wanted.len()).filter(|group| wanted[*group]) {
            let stroke = Stroke { group, to, feed_floor: feed.floor(), expiry_shift_ms: expiry.shift_ms };
            link.ask(|out| writer.whole(out, stroke, &rows[group]))?;
            link.pass(CrashPoint::GroupResynced)?;
        }
        link.ask(|out| writer.caller.seal(out, to, sent))?;
        verdict(link.answers()?)
    }

    pub(super) fn fail(&mut self, trouble: Trouble) {
        self.link = None;
        match trouble {
            Trouble::Fenced { by } => {
                self.fenced_by = Some(by);
                let _ = self.events.send(FromSpeed::Fenced { by });
            }
            Trouble::Down(why) => {
                tracing::warn!(%why, "redis did not take a round; what is missing is written again");
                self.why_down = why;
                self.backoff = super::pace::Backoff::new();
            }
        }
    }

    fn down(&mut self, why: &str) {
        self.why_down = why.to_owned();
        if std::mem::replace(&mut self.is_up, false) {
            let _ = self.events.send(FromSpeed::Down { why: self.why_down.clone() });
        }
    }

    /// When the next attempt to reach Redis is due; `None` while it is reached, or is another's.
    pub fn due(&self) -> Option<Instant> {
        (self.link.is_none() && self.fenced_by.is_none()).then_some(self.backoff.due)
    }

    /// Tries to reach Redis if that is due.
    pub fn retry(&mut self) {
        if self.due().is_none_or(|due| due > Instant::now()) {
            return;
        }
        match self.recover() {
            Ok(()) => {}
            Err(Trouble::Down(why)) => {
                self.link = None;
                self.down(&why);
                self.backoff.failed();
            }
            Err(fenced) => self.fail(fenced),
        }
    }

    fn recover(&mut self) -> Result<(), Trouble> {
        let limit = self.settings.connect_timeout.min(RECONNECT_LIMIT);
        self.connect(limit).map_err(|error| Trouble::Down(error.to_string()))?;
        self.claim_again()?;
        // Before the first tick the replica is still being filled, and nothing of it is to be shown.
        if self.hold.is_some() || self.binding.is_none() {
            return Ok(());
        }
        let verdict = self.seal()?;
        self.settle(verdict)
    }
}
