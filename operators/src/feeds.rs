//! Feeds: for how long each of them has been silent.
//!
//! in    the newest arrival of each feed's events, copies and late ones too, as often as anyone likes
//! out   at every cut the whole seconds since the newest event of each feed that ever spoke
//! state the newest arrival of each feed; never freed: there are a handful
//! late  when an event happened does not matter here, only when it came
//! moves by slice of the feed's name
//! fails never

use std::collections::BTreeMap;

use greenwave_model::views::{Alert, Rule, Watches};
use greenwave_model::{Clock, Event, Name, ViewRow, vnode};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::{OutputBuilder, builder_rc::OperatorBuilder};
use timely::dataflow::{Stream, channels::pact::Pipeline};
use timely::progress::operate::FrontierInterest;

use crate::alerts::{Measure, measures};
use crate::packed::{self, Slices};
use crate::state::{Saved, StateRow, States};
use crate::tick::{self, Closed, Durable, Rows, TickOperator};

/// A feed's place in the list of their names, and when its newest event arrived.
pub type Heard = (u8, i64);

type Events<'s, E> = Stream<'s, u64, Vec<E>>;

/// Passes events on, and tells beside them when the newest of each feed arrived.
pub fn heard<'s, E: Event>(
    events: Events<'s, E>,
    feed: impl Fn(&E) -> u8 + 'static,
) -> (Events<'s, E>, Stream<'s, u64, Vec<Heard>>) {
    let mut builder = OperatorBuilder::new("heard".to_owned(), events.scope());
    let mut input = builder.new_input(events, Pipeline);
    builder.set_notify_for(0, FrontierInterest::Never);
    let (events_port, events) = builder.new_output();
    let (heard_port, heard) = builder.new_output();
    let mut events_port = OutputBuilder::<_, CapacityContainerBuilder<Vec<E>>>::from(events_port);
    let mut heard_port = OutputBuilder::<_, CapacityContainerBuilder<Vec<Heard>>>::from(heard_port);
    builder.build(move |_| {
        move |_| {
            let (mut passed, mut told) = (events_port.activate(), heard_port.activate());
            input.for_each(|capability, rows| {
                let mut newest: Vec<Heard> = Vec::new();
                for event in rows.iter() {
                    let (feed, arrival_ms) = (feed(event), event.arrival_ms());
                    match newest.iter_mut().find(|heard| heard.0 == feed) {
                        Some(heard) => heard.1 = heard.1.max(arrival_ms),
                        None => newest.push((feed, arrival_ms)),
                    }
                }
                told.session(&capability).give_iterator(newest.into_iter());
                passed.session(&capability).give_container(rows);
            });
        }
    });
    (events, heard)
}

/// Keeps the newest arrivals.
///
/// ```
/// use greenwave_model::{Clock, views::{Rule, Severity, Watches}};
/// use greenwave_operators::{feeds::Feeds, tick::{Rows, TickOperator}};
/// let cut = Clock { tick: 1, is_cut: true, publishes: true, restored: false, watermark_ms: 0, now_ms: 75_000,
///                   cut_watermark_ms: 0, cut_now_ms: 0 };
/// let rule = Rule { name: "silence".into(), watches: Watches::Silence, at_least: 60.0, severity: Severity::High };
/// let mut feeds = Feeds::new(vec!["gps_data".into(), "weather_data".into()], vec![rule]);
/// let (mut out, mut none) = (Rows::default(), Rows::default());
/// feeds.fold(&cut, vec![(0, 12_500), (0, 9_000)], &mut out, &mut none);
/// feeds.close(&cut, &mut out, &mut none);
/// let silent: Vec<_> = out.take().into_iter().map(|measure| (measure.subject, measure.value)).collect();
/// assert_eq!(silent, [("gps_data".into(), Some(62.0))]);   // of the other nothing was ever heard
/// ```
pub struct Feeds {
    names: Vec<Name>,
    rules: Vec<Rule>,
    newest_ms: BTreeMap<Name, i64>,
    slices: Slices,
}

impl Feeds {
    /// Of feeds with these names, as these rules watch them.
    pub fn new(names: Vec<Name>, rules: Vec<Rule>) -> Self {
        Self { names, rules, newest_ms: BTreeMap::new(), slices: Slices::default() }
    }
}

fn slice(name: &Name) -> u8 {
    vnode(Alert::SPEC.name, name)
}

impl TickOperator for Feeds {
    type In = Heard;
    type Out = Measure;
    type Side = ();
    const NAME: &'static str = "feeds";

    fn fold(&mut self, _: &Clock, rows: Vec<Heard>, _: &mut Rows<Measure>, _: &mut Rows<()>) {
        for (feed, arrival_ms) in rows {
            let newest_ms = self.newest_ms.entry(self.names[usize::from(feed)].clone()).or_insert(i64::MIN);
            *newest_ms = arrival_ms.max(*newest_ms);
        }
    }

    fn close(&mut self, clock: &Clock, out: &mut Rows<Measure>, _: &mut Rows<()>) -> Closed {
        if clock.is_cut || clock.restored {
            for (name, newest_ms) in &mut self.newest_ms {
                *newest_ms = (*newest_ms).min(clock.now_ms);
                let silent_s = (clock.now_ms - *newest_ms).div_euclid(1_000) as f64;
                measures(&self.rules, Watches::Silence, name, Some(silent_s)).for_each(|measure| out.give(measure));
            }
        }
        Closed::Whole
    }
}

impl Durable for Feeds {
    const ID: &'static str = "feeds";

    fn save(&mut self, clock: &Clock) -> Saved {
        let mut cut = self.slices.whole_cut(clock.tick);
        self.newest_ms.iter().for_each(|(name, newest_ms)| cut.entry(slice(name), true, name, newest_ms));
        cut.finish()
    }

    fn load(&mut self, rows: Vec<StateRow>, saving: bool) {
        self.slices = Slices::restored(&rows, saving);
        let entries = packed::decoded::<Name, i64>(Self::ID, &rows);
        self.newest_ms = entries.map(|(_, name, newest_ms)| (name, newest_ms)).collect();
    }

    fn live_rows(&self) -> usize {
        self.newest_ms.len()
    }
}

/// For how long feeds have been silent, as the rules watch it.
pub fn silences<'s>(
    heard: Stream<'s, u64, Vec<Heard>>,
    names: Vec<Name>,
    rules: &[Rule],
    clock: Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Stream<'s, u64, Vec<Measure>> {
    let slices: Vec<u8> = names.iter().map(slice).collect();
    let by_name = tick::by_vnode(move |heard: &Heard| slices[usize::from(heard.0)]);
    tick::run_durable(
        heard,
        clock,
        by_name,
        Feeds::new(names, rules.to_vec()),
        states.register(Feeds::ID, Feeds::SCHEMA),
    )
    .0
}
