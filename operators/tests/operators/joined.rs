//! Routes and the weather of roads: joins that are refilled after a restore.

use std::collections::BTreeMap;

use greenwave_model::views::{RoadCurrent, Weather};
use greenwave_model::{Change, Clock, Name, Position, group_of};
use greenwave_operators::panes::CurrentChange;
use greenwave_operators::publish::Upsert;
use greenwave_operators::road_weather::{Told, road_weather};
use greenwave_operators::tick::received;
use greenwave_operators::{FreeFlow, RouteTable, States, routes::routes, speeds::speeds};
use timely::dataflow::operators::Exchange;
use timely::dataflow::operators::vec::{Filter, Map};

use crate::currents::{self, current, merged};
use crate::latest::standing;
use crate::laws::random::Clocks;
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys, travel};

/// A road changes from what it is to something random.
fn change(random: &mut Random, standing: &mut BTreeMap<Name, RoadCurrent>) -> CurrentChange {
    let road: Name = random.pick(&["A40", "B227", "L441", "K18", "ring"]).into();
    let position = Position::new(51.0 + random.below(40) as f64 / 100.0, 7.0);
    let new = (!random.one_in(4)).then(|| current(random.pick(&[0.0, 0.5, 10.0, 50.0, 99.9]), position));
    currents::change(road, new, standing)
}

const LINES: &travel::Lines = &[
    ("east", "A40", 1_000.0),
    ("east", "B227", 333.3),
    ("east", "A40", 250.0),
    ("west", "L441", 400.0),
    ("west", "nowhere", 100.0),
    ("unknown", "K18", 10.0),
    ("unknown", "A40", 10.0),
];

fn free_flow() -> BTreeMap<Name, f64> {
    [("A40", 100.0), ("B227", 50.0), ("L441", 50.0), ("nowhere", 30.0)].map(|(road, kmh)| (road.into(), kmh)).into()
}

#[derive(Clone)]
struct Routes;

impl Subject for Routes {
    type Row = CurrentChange;
    const ORDERED: bool = true;

    fn build<'s>(
        &self,
        rows: Ticked<'s, CurrentChange>,
        clock: Ticked<'s, Clock>,
        states: &States,
    ) -> Ticked<'s, Shown> {
        let table =
            RouteTable::new(LINES.iter().map(|(route, road, length)| ((*route).into(), (*road).into(), *length)));
        routes(speeds(rows), clock, &table, &FreeFlow::new(free_flow()), states).map(standing)
    }

    fn of_tick(&self, rows: Vec<CurrentChange>) -> Vec<CurrentChange> {
        merged(rows.into_iter()).collect()
    }

    fn history(&self, random: &mut Random) -> History<CurrentChange> {
        let mut clocks = Clocks::new(random);
        let mut standing = BTreeMap::new();
        let cuts = (0..7).map(|number| {
            clocks.step(random, number == 0);
            let rows = (0..random.below(9)).map(|_| change(random, &mut standing)).collect();
            Cut { rows, watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        });
        cuts.collect()
    }

    fn twin(&self, history: &History<CurrentChange>) -> Vec<Vec<String>> {
        let cut = |number: usize| {
            let speeds = currents::speeds(&history[..=number]);
            let rows = travel::routes(LINES, &speeds, &free_flow());
            rows.iter().map(|(key, row)| format!("{key} = {row:?}")).collect()
        };
        (0..history.len()).map(cut).collect()
    }

    fn refill(&self, history: &History<CurrentChange>, cuts: usize) -> Vec<CurrentChange> {
        currents::refill(&history[..cuts])
    }
}

#[test]
fn routes_obey_the_laws() {
    obeys(Routes);
}

#[derive(Clone)]
struct RoadWeather;

fn content(rows: impl Iterator<Item = Told>) -> (BTreeMap<Name, CurrentChange>, BTreeMap<Name, Upsert<Weather>>) {
    let (mut roads, mut stations) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        match row {
            Told::Road(change) => drop(roads.insert(change.road.clone(), change)),
            Told::Station(upsert) => drop(stations.insert(upsert.key.clone(), upsert)),
        }
    }
    (roads, stations)
}

fn told(rows: impl Iterator<Item = Told>) -> Vec<Told> {
    let (roads, stations) = content(rows);
    roads.into_values().map(Told::Road).chain(stations.into_values().map(Told::Station)).collect()
}

impl Subject for RoadWeather {
    type Row = Told;
    const ORDERED: bool = true;

    fn build<'s>(&self, rows: Ticked<'s, Told>, clock: Ticked<'s, Clock>, _: &States) -> Ticked<'s, Shown> {
        let roads = received(rows.clone()).filter(|row| matches!(row, Told::Road(_)));
        let roads = roads.exchange(|row| match row {
            Told::Road(change) => u64::from(group_of(change.vnode)),
            Told::Station(_) => 0,
        });
        let roads = roads.flat_map(|row| if let Told::Road(change) = row { Some(change) } else { None });
        let stations = received(rows).flat_map(|row| if let Told::Station(upsert) = row { Some(upsert) } else { None });
        road_weather(roads, stations, clock).map(standing)
    }

    fn of_tick(&self, rows: Vec<Told>) -> Vec<Told> {
        told(rows.into_iter())
    }

    fn history(&self, random: &mut Random) -> History<Told> {
        let mut clocks = Clocks::new(random);
        let mut standing = BTreeMap::new();
        let station = |random: &mut Random| {
            let name: Name = random.pick(&["north", "south", "south too", "far"]).into();
            let latitude = match name.as_str() {
                "far" => 53.0,
                "north" => 51.0 + random.below(50) as f64 / 100.0,
                _ => 51.1,
            };
            let row = Weather {
                condition: random.pick(&["rain", "fog", "clear"]).into(),
                ..Weather::nothing(name.clone(), latitude, 7.0)
            };
            Upsert::new(name, if random.one_in(5) { Change::Retire } else { Change::Set(row) })
        };
        let cuts = (0..8).map(|number| {
            clocks.step(random, number == 0);
            let count = random.below(9);
            let row = |_| match random.one_in(3) {
                true => Told::Station(station(random)),
                false => Told::Road(change(random, &mut standing)),
            };
            let rows = (0..count).map(row).collect();
            Cut { rows, watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        });
        cuts.collect()
    }

    fn twin(&self, history: &History<Told>) -> Vec<Vec<String>> {
        let cut = |number: usize| {
            let (roads, stations) = content(history[..=number].iter().flat_map(|cut| cut.rows.iter().cloned()));
            let known = |upsert: &Upsert<Weather>| match &upsert.change {
                Change::Set(row) => Some(row.clone()),
                _ => None,
            };
            let stations: Vec<Weather> = stations.values().filter_map(known).collect();
            let row = |change: CurrentChange| {
                let mut window = change.new?;
                window.weather_factor = factor(&window, &stations);
                Some(format!("{} = {window:?}", change.road))
            };
            roads.into_values().filter_map(row).collect()
        };
        (0..history.len()).map(cut).collect()
    }

    fn refill(&self, history: &History<Told>, cuts: usize) -> Vec<Told> {
        let mut rows = told(history[..cuts].iter().flat_map(|cut| cut.rows.iter().cloned()));
        rows.retain(|row| match row {
            Told::Road(change) => change.new.is_some(),
            Told::Station(upsert) => matches!(upsert.change, Change::Set(_)),
        });
        rows
    }
}

/// By the haversine, on one meridian: the difference of latitudes is all there is.
fn factor(window: &RoadCurrent, stations: &[Weather]) -> Option<f64> {
    let latitude = |station: &Weather| (station.latitude * 1e7).round() as i32;
    let away = |station: &Weather| (latitude(station) - window.position.latitude_e7).abs();
    let nearest = stations.iter().min_by_key(|station| (away(station), station.station.clone()))?;
    let metres = f64::from(away(nearest)) / 1e7_f64 * std::f64::consts::PI / 180.0 * 6_371_008.8;
    (metres <= 25_000.0).then(|| nearest.road_factor())
}

#[test]
fn road_weather_obeys_the_laws() {
    obeys(RoadWeather);
}
