//! `alerts`: what the rules watch in the other views.

use greenwave_model::topics::TOPICS;
use greenwave_model::views::{Alert, Incident, Level, RoadCurrent, Route, Rule, Watches, Weather};
use greenwave_model::{Change, Clock, Name};
use greenwave_operators::States;
use greenwave_operators::alerts::{Measure, alerts as episodes, measures};
use greenwave_operators::feeds::{Heard, silences};
use greenwave_operators::panes::CurrentChange;
use greenwave_operators::publish::Upsert;
use timely::dataflow::Stream;
use timely::dataflow::operators::{Concatenate, vec::Map};

type Upserts<'s, V> = Stream<'s, u64, Vec<Upsert<V>>>;
type Measures<'s> = Stream<'s, u64, Vec<Measure>>;

/// What rules watch.
pub struct Watched<'s> {
    pub incidents: Upserts<'s, Incident>,
    pub roads: Stream<'s, u64, Vec<CurrentChange>>,
    pub routes: Upserts<'s, Route>,
    pub stations: Upserts<'s, Weather>,
    pub feeds: Stream<'s, u64, Vec<Heard>>,
}

pub fn alerts<'s>(
    watched: Watched<'s>,
    rules: &[Rule],
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Upserts<'s, Alert> {
    let Watched { incidents, roads, routes, stations, feeds } = watched;
    let topics = TOPICS.iter().map(|topic| Name::new_static(topic.name)).collect();
    let all = [
        of_view(incidents, Watches::IncidentSeverity, rules, |row: &Incident| Some(f64::from(row.severity as u8))),
        of_roads(roads, rules),
        of_view(routes, Watches::RouteDelay, rules, |row: &Route| row.delay_ms().map(|ms| ms as f64 / 1e3)),
        of_view(stations, Watches::AirQualityIndex, rules, |row: &Weather| Some(row.air_quality_index)),
        silences(feeds, topics, rules, clock.clone(), states),
    ];

    episodes(clock.scope().concatenate(all), rules, clock.clone(), states)
}

/// One number of each row. One that is not a number compares with nothing.
fn of_view<'s, V: greenwave_model::ViewRow<Key = Name>>(
    upserts: Upserts<'s, V>,
    watches: Watches,
    rules: &[Rule],
    number: impl Fn(&V) -> Option<f64> + 'static,
) -> Measures<'s> {
    let rules = rules.to_vec();
    upserts.flat_map(move |upsert| {
        let value = match &upsert.change {
            Change::Set(row) => number(row),
            Change::Remove | Change::Retire => None,
        };
        measures(&rules, watches, &upsert.key, value).collect::<Vec<_>>()
    })
}

/// The level of each road where that changes.
fn of_roads<'s>(roads: Stream<'s, u64, Vec<CurrentChange>>, rules: &[Rule]) -> Measures<'s> {
    let rules = rules.to_vec();
    let level = |row: &Option<RoadCurrent>| {
        let row = row.as_ref()?;
        Some(f64::from(Level::of(row.totals.average_kmh(), row.free_flow_kmh) as u8))
    };
    roads.flat_map(move |change| {
        let (old, new) = (level(&change.old), level(&change.new));
        let rules = if old == new { &[][..] } else { &rules[..] };
        measures(rules, Watches::CongestionLevel, &change.road, new).collect::<Vec<_>>()
    })
}
