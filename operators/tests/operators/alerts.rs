//! Alerts and feeds: cuts decide on episodes, and on how long a feed has been silent.

use std::collections::BTreeMap;

use greenwave_model::views::{Rule, Severity, Watches};
use greenwave_model::{Change, Clock, Name};
use greenwave_operators::alerts::{Measure, alerts};
use greenwave_operators::feeds::{Heard, silences};
use greenwave_operators::tick::{Durable, Rows, TickOperator};
use greenwave_operators::{Saved, States};
use timely::dataflow::operators::vec::Map;

use crate::latest::standing;
use crate::laws::episodes::EpisodesTwin;
use crate::laws::random::Clocks;
use crate::laws::twins::Times;
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

fn rule(name: &'static str, watches: Watches, at_least: f64) -> Rule {
    Rule { name: name.into(), watches, at_least, severity: Severity::High }
}

fn rules() -> Vec<Rule> {
    vec![rule("delay", Watches::RouteDelay, 300.0), rule("gridlock", Watches::CongestionLevel, 3.0)]
}

fn values<'a>(measures: impl Iterator<Item = &'a Measure>) -> BTreeMap<(u16, Name), Option<f64>> {
    measures.map(|measure| ((measure.rule, measure.subject.clone()), measure.value)).collect()
}

fn of_values(values: BTreeMap<(u16, Name), Option<f64>>) -> Vec<Measure> {
    values.into_iter().map(|((rule, subject), value)| Measure { rule, subject, value }).collect()
}

#[derive(Clone)]
struct Alerts;

impl Subject for Alerts {
    type Row = Measure;
    const ORDERED: bool = true;

    fn build<'s>(&self, rows: Ticked<'s, Measure>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        alerts(rows, &rules(), clock, states).map(standing)
    }

    fn of_tick(&self, rows: Vec<Measure>) -> Vec<Measure> {
        of_values(values(rows.iter()))
    }

    fn history(&self, random: &mut Random) -> History<Measure> {
        let mut clocks = Clocks::new(random);
        let measure = |random: &mut Random| Measure {
            rule: random.below(2) as u16,
            subject: random.pick(&["A40", "B227", "ring"]).into(),
            value: (!random.one_in(4)).then(|| random.pick(&[0.0, 2.0, 3.0, 299.9, 300.0, 900.0])),
        };
        let cuts = (0..24).map(|number| {
            clocks.step(random, number == 0);
            let rows = (0..random.below(5)).map(|_| measure(random)).collect();
            Cut { rows, watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        });
        cuts.collect()
    }

    fn twin(&self, history: &History<Measure>) -> Vec<Vec<String>> {
        let mut twin = EpisodesTwin::new(rules());
        let cut = |number: usize| {
            let all = values(history[..=number].iter().flat_map(|cut| &cut.rows)).into_iter();
            let there = all.filter_map(|(key, value)| Some((key, value?))).collect();
            let standing = twin.cut(&there, Times::of(history, number));
            standing.iter().map(|(key, alert)| format!("{key} = {alert:?}")).collect()
        };
        (0..history.len()).map(cut).collect()
    }

    fn refill(&self, history: &History<Measure>, cuts: usize) -> Vec<Measure> {
        of_values(values(history[..cuts].iter().flat_map(|cut| &cut.rows)))
    }
}

#[test]
fn alerts_obey_the_laws() {
    obeys(Alerts);
}

/// The tables of a run may be others than those its state was saved with: a route may be gone.
#[test]
fn an_episode_whose_subject_is_gone_after_a_restart_is_cleared_at_the_next_cut() {
    let clock = |tick, restored, now_ms| Clock {
        tick,
        is_cut: true,
        publishes: true,
        restored,
        watermark_ms: 0,
        now_ms,
        cut_watermark_ms: 0,
        cut_now_ms: now_ms - 10_000,
    };
    let close = |alerts: &mut greenwave_operators::alerts::Alerts, clock: &Clock| {
        let (mut out, mut none) = (Rows::default(), Rows::default());
        alerts.close(clock, &mut out, &mut none);
        out.take()
            .into_iter()
            .map(|upsert| matches!(upsert.change, Change::Set(row) if row.is_open()))
            .collect::<Vec<_>>()
    };
    let mut before = greenwave_operators::alerts::Alerts::new(rules());
    let measure = Measure { rule: 0, subject: "ring".into(), value: Some(900.0) };
    before.fold(&clock(1, false, 10_000), vec![measure], &mut Rows::default(), &mut Rows::default());
    assert_eq!(close(&mut before, &clock(1, false, 10_000)), [true]);
    let Saved { rows: rows_of_state, .. } = before.save(&clock(1, false, 10_000));

    let mut after = greenwave_operators::alerts::Alerts::new(rules());
    after.load(rows_of_state, true);
    assert_eq!(close(&mut after, &clock(1, true, 10_000)), [true], "as it was");
    assert_eq!(close(&mut after, &clock(2, false, 20_000)), [false], "nothing is measured any more");
}

const FEEDS: [&str; 3] = ["gps_data", "weather_data", "camera_data"];

#[derive(Clone)]
struct Feeds;

impl Subject for Feeds {
    type Row = Heard;

    fn build<'s>(&self, rows: Ticked<'s, Heard>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        let names = FEEDS.map(Name::new_static).to_vec();
        let silence = [rule("silence", Watches::Silence, 60.0)];
        silences(rows, names, &silence, clock, states)
            .map(|silence| Shown::Put(silence.subject.to_string(), silence.value.map(|value| value.to_string())))
    }

    fn history(&self, random: &mut Random) -> History<Heard> {
        let mut clocks = Clocks::new(random);
        let cuts = (0..9).map(|number| {
            clocks.step(random, number == 0);
            let rows = (0..random.below(4)).map(|_| (random.below(3) as u8, clocks.arrival_ms(random))).collect();
            Cut { rows, watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        });
        cuts.collect()
    }

    fn twin(&self, history: &History<Heard>) -> Vec<Vec<String>> {
        let cut = |number: usize| {
            let newest = |feed: usize| {
                let known = history[..=number].iter().flat_map(|cut| {
                    cut.rows
                        .iter()
                        .filter(move |heard| usize::from(heard.0) == feed)
                        .map(|heard| heard.1.min(cut.now_ms))
                });
                known.max()
            };
            let silent = |feed: usize| Some((history[number].now_ms - newest(feed)?) / 1000);
            let mut lines: Vec<String> =
                (0..3).filter_map(|feed| Some(format!("{} = {}", FEEDS[feed], silent(feed)?))).collect();
            lines.sort();
            lines
        };
        (0..history.len()).map(cut).collect()
    }
}

#[test]
fn feeds_obey_the_laws() {
    obeys(Feeds);
}
