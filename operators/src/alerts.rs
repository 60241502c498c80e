//! Alerts: episodes of something being too high.
//!
//! in    measures: what a rule compares, of one subject, whenever it changes
//! out   at ticks that publish one upsert per episode that has changed. What a cut finds is the truth; before it, early
//!       news, which the cut corrects or removes. A retirement an hour after an episode was cleared
//! state the last episode of each subject and those before it that stand, as the last cut left them. Freed with the
//!       episode. Measures are not saved: they are refilled from the whole content of what comes before
//! late  a late change of a measure is a change
//! moves by slice of the subject
//! fails never

use std::collections::BTreeMap;

use greenwave_model::views::{ALERT_KEPT_MS, Alert, Rule, Watches};
use greenwave_model::{Change, Clock, Name, ViewRow, vnode};
use serde::{Deserialize, Serialize};
use timely::dataflow::Stream;

use crate::packed::{self, Slices};
use crate::publish::Upsert;
use crate::state::{Saved, StateRow, States};
use crate::tick::{self, Closed, Durable, Rows, TickOperator};

/// One that comes back this soon after it was cleared is the same.
const SAME_MS: i64 = 5 * 60_000;

/// What a rule compares, of one subject; `None` where there is nothing to compare any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Place of the rule in the table.
    pub rule: u16,
    pub subject: Name,
    pub value: Option<f64>,
}

/// The measures of one subject for each rule that watches it.
pub fn measures<'r>(
    rules: &'r [Rule],
    watches: Watches,
    subject: &Name,
    value: Option<f64>,
) -> impl Iterator<Item = Measure> + use<'r> {
    let subject = subject.clone();
    let watching = rules.iter().enumerate().filter(move |(_, rule)| rule.watches == watches);
    watching.map(move |(rule, _)| Measure { rule: rule as u16, subject: subject.clone(), value })
}

/// An episode's key and row.
type Episode = (Name, Alert);

/// What is kept of one subject under one rule.
#[derive(Default)]
struct Watched {
    measure: Option<f64>,
    /// The last episode as the last cut left it.
    settled: Option<Episode>,
    /// An episode that no cut has confirmed has been given out.
    is_early: bool,
    /// In `fresh`, and in `unsettled`.
    is_fresh: bool,
    is_unsettled: bool,
}

type Key = (u16, Name);

/// Keeps episodes.
///
/// ```
/// use greenwave_model::{Change, Clock, views::{Rule, Severity, Watches}};
/// use greenwave_operators::{alerts::{Alerts, Measure}, tick::{Rows, TickOperator}};
/// let cut = |now_ms, cut_now_ms| Clock { tick: 1, is_cut: true, publishes: true, restored: false, watermark_ms: 0, now_ms,
///                                        cut_watermark_ms: 0, cut_now_ms };
/// let mut alerts = Alerts::new(vec![Rule { name: "delay".into(), watches: Watches::RouteDelay, at_least: 300.0, severity: Severity::Medium }]);
/// let mut told = |clock, value| {
///     let (mut out, mut none) = (Rows::default(), Rows::default());
///     alerts.fold(&clock, vec![Measure { rule: 0, subject: "ring".into(), value: Some(value) }], &mut out, &mut none);
///     alerts.close(&clock, &mut out, &mut none);
///     out.take().iter().map(|upsert| match &upsert.change {
///         Change::Set(row) => (upsert.key.to_string(), row.value, row.cleared_ms),
///         _ => panic!(),
///     }).collect::<Vec<_>>()
/// };
/// assert_eq!(told(cut(20_000, 10_000), 299.0), []);
/// assert_eq!(told(cut(30_000, 20_000), 300.0), [("delay/ring/20000".into(), Some(300.0), None)]);
/// assert_eq!(told(cut(40_000, 30_000), 200.0), [("delay/ring/20000".into(), None, Some(40_000))]);
/// assert_eq!(told(cut(50_000, 40_000), 400.0), [("delay/ring/20000".into(), Some(400.0), None)]);
/// ```
pub struct Alerts {
    rules: Vec<Rule>,
    watched: BTreeMap<Key, Watched>,
    /// Episodes that another of the same subject has followed.
    followed: BTreeMap<Name, Alert>,
    /// With something to give out, and with something new since the cut.
    fresh: Vec<Key>,
    unsettled: Vec<Key>,
    slices: Slices,
}

impl Alerts {
    pub fn new(rules: Vec<Rule>) -> Self {
        let (watched, followed) = (BTreeMap::new(), BTreeMap::new());
        Self { rules, watched, followed, fresh: Vec::new(), unsettled: Vec::new(), slices: Slices::default() }
    }

    fn take(&mut self, measure: Measure) {
        let Measure { rule, subject, value } = measure;
        let high = value.filter(|value| *value >= self.rules[usize::from(rule)].at_least);
        let key = (rule, subject);
        if high.is_none() && !self.watched.contains_key(&key) {
            return;
        }
        let watched = self.watched.entry(key.clone()).or_default();
        watched.measure = high;
        if !std::mem::replace(&mut watched.is_fresh, true) {
            self.fresh.push(key.clone());
        }
        if !std::mem::replace(&mut watched.is_unsettled, true) {
            self.unsettled.push(key);
        }
    }

    /// The last episode of a subject as the clock would leave it.
    fn now(&self, (rule, subject): &Key, watched: &Watched, clock: &Clock) -> Option<Episode> {
        let follows = |alert: &Alert| alert.cleared_ms.is_none_or(|at| at + SAME_MS > clock.cut_now_ms);
        match (&watched.settled, watched.measure) {
            (Some((id, alert)), Some(value)) if follows(alert) => {
                Some((id.clone(), Alert { value: Some(value), cleared_ms: None, ..alert.clone() }))
            }
            (_, Some(value)) => {
                let Rule { name, at_least, severity, .. } = &self.rules[usize::from(*rule)];
                let alert = Alert {
                    rule: name.clone(),
                    subject: subject.clone(),
                    severity: *severity,
                    value: Some(value),
                    threshold: *at_least,
                    opened_ms: clock.now_ms,
                    cleared_ms: None,
                };
                Some((next_id(name, subject, clock), alert))
            }
            (Some((id, alert)), None) if alert.is_open() => {
                Some((id.clone(), Alert { value: None, cleared_ms: Some(clock.now_ms), ..alert.clone() }))
            }
            (settled, None) => settled.clone(),
        }
    }

    fn give(&mut self, key: &Key, clock: &Clock, out: &mut Rows<Upsert<Alert>>) {
        let Some(watched) = self.watched.get(key) else { return };
        let now = self.now(key, watched, clock);
        let is_new = now.is_some() && id_of(&now) != id_of(&watched.settled);
        if watched.is_early && !is_new {
            let id = next_id(&self.rules[usize::from(key.0)].name, &key.1, clock);
            out.give(Upsert::new(id, Change::Remove));
        }
        if let Some((id, alert)) = now.as_ref().filter(|(_, alert)| !is_over(alert, clock)) {
            out.give(Upsert::new(id.clone(), Change::Set(alert.clone())));
        }
        let Some(watched) = self.watched.get_mut(key) else { return };
        watched.is_fresh = false;
        watched.is_early = is_new && !clock.is_cut;
        if clock.is_cut {
            watched.is_unsettled = false;
            let before = std::mem::replace(&mut watched.settled, now);
            self.followed.extend(before.filter(|_| is_new));
        }
    }

    /// Episodes leave, and subjects of which nothing is left to say.
    fn free(&mut self, clock: &Clock, out: &mut Rows<Upsert<Alert>>) {
        for watched in self.watched.values_mut() {
            if let Some((id, _)) = watched.settled.take_if(|(_, alert)| is_over(alert, clock)) {
                out.give(Upsert::new(id, Change::Retire));
            }
        }
        let over: Vec<Name> =
            self.followed.iter().filter(|(_, alert)| is_over(alert, clock)).map(|(id, _)| id.clone()).collect();
        for id in over {
            self.followed.remove(&id);
            out.give(Upsert::new(id, Change::Retire));
        }
        self.watched.retain(|_, watched| watched.settled.is_some() || watched.measure.is_some());
    }

    fn give_everything(&mut self, out: &mut Rows<Upsert<Alert>>) {
        let last = self.watched.values().filter_map(|watched| watched.settled.clone());
        let followed = self.followed.iter().map(|(id, alert)| (id.clone(), alert.clone()));
        for (key, alert) in last.chain(followed) {
            out.give(Upsert::new(key, Change::Set(alert)));
        }
        // A table may be another now than when it was saved: the next cut looks at all of them.
        self.fresh.clear();
        self.unsettled = self.watched.keys().cloned().collect();
        for watched in self.watched.values_mut() {
            (watched.is_fresh, watched.is_unsettled) = (false, true);
        }
    }
}

fn is_over(alert: &Alert, clock: &Clock) -> bool {
    alert.cleared_ms.is_some_and(|at| at.saturating_add(ALERT_KEPT_MS) <= clock.cut_now_ms)
}

fn id_of(episode: &Option<Episode>) -> Option<&Name> {
    episode.as_ref().map(|(id, _)| id)
}

/// The same at every tick up to the cut.
fn next_id(rule: &str, subject: &str, clock: &Clock) -> Name {
    Name::from(format!("{rule}/{subject}/{}", clock.cut_now_ms.max(0)))
}

fn slice(subject: &str) -> u8 {
    vnode(Alert::SPEC.name, subject)
}

impl TickOperator for Alerts {
    type In = Measure;
    type Out = Upsert<Alert>;
    type Side = ();
    const NAME: &'static str = "alerts";

    fn fold(&mut self, _: &Clock, rows: Vec<Measure>, _: &mut Rows<Upsert<Alert>>, _: &mut Rows<()>) {
        rows.into_iter().for_each(|measure| self.take(measure));
    }

    fn close(&mut self, clock: &Clock, out: &mut Rows<Upsert<Alert>>, _: &mut Rows<()>) -> Closed {
        if clock.restored {
            self.give_everything(out);
        } else if clock.is_cut {
            self.fresh.clear();
            std::mem::take(&mut self.unsettled).iter().for_each(|key| self.give(key, clock, out));
            self.free(clock, out);
        } else if clock.publishes {
            std::mem::take(&mut self.fresh).iter().for_each(|key| self.give(key, clock, out));
        }
        Closed::Whole
    }
}

/// One entry per episode, with whether another has followed it.
impl Durable for Alerts {
    const ID: &'static str = "alert_episodes";

    fn save(&mut self, clock: &Clock) -> Saved {
        let mut cut = self.slices.whole_cut(clock.tick);
        for ((rule, subject), watched) in &self.watched {
            if let Some((id, alert)) = &watched.settled {
                cut.entry(slice(subject), true, id, &(alert, Some(rule)));
            }
        }
        for (id, alert) in &self.followed {
            cut.entry(slice(&alert.subject), true, id, &(alert, None::<u16>));
        }
        cut.finish()
    }

    fn load(&mut self, rows: Vec<StateRow>, saving: bool) {
        self.slices = Slices::restored(&rows, saving);
        for (_, id, (alert, rule)) in packed::decoded::<Name, (Alert, Option<u16>)>(Self::ID, &rows) {
            match rule {
                Some(rule) => {
                    let key = (rule, alert.subject.clone());
                    self.watched.insert(key, Watched { settled: Some((id, alert)), ..Watched::default() });
                }
                None => drop(self.followed.insert(id, alert)),
            }
        }
    }

    fn live_rows(&self) -> usize {
        self.watched.len() + self.followed.len()
    }
}

/// The episodes of everything that is watched.
pub fn alerts<'s>(
    measures: Stream<'s, u64, Vec<Measure>>,
    rules: &[Rule],
    clock: Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Stream<'s, u64, Vec<Upsert<Alert>>> {
    let by_subject = tick::by_vnode(|measure: &Measure| slice(&measure.subject));
    let slot = states.register(Alerts::ID, Alerts::SCHEMA);
    tick::run_durable(measures, clock, by_subject, Alerts::new(rules.to_vec()), slot).0
}
