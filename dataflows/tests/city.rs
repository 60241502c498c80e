//! The whole city under the laws of the operators' tests.
#![allow(clippy::unwrap_used)]

#[path = "../../operators/tests/laws/mod.rs"]
mod laws;

use std::collections::BTreeMap;
use std::sync::Arc;

use greenwave_dataflows::{CitySettings, FreeFlow, Inputs, RouteTable, States, Views, city};
use greenwave_model::views::{
    Alert, CitySummary, Hotspot, Level, RoadCurrent, RoadTraffic, Route, Rule, SUMMARY, Severity, VehicleLocation,
    Watches,
};
use greenwave_model::{Clock, GpsReading, Name, Position};
use h3o::{LatLng, Resolution};
use laws::episodes::EpisodesTwin;
use laws::twins::{self, Counted, DedupTwin, LatestTwin, PanesTwin, PublishTwin, Times, shown, window_key};
use laws::{History, Random, Shown, Subject, Ticked, obeys, travel};
use timely::dataflow::operators::{Concat, generic::operator::empty, vec::Map};

const DEDUP_HORIZON_MS: i64 = 60_000;
const SKEW_MS: i64 = 10_000;

#[derive(Clone)]
struct City {
    dedup: bool,
    vehicle_count: bool,
    correction_horizon_ms: i64,
}

fn free_flow() -> BTreeMap<Name, f64> {
    [("A40".into(), 100.0), ("B227".into(), 50.0), ("L441".into(), 70.0)].into()
}

const ROUTES: &travel::Lines = &[("east", "A40", 1_000.0), ("east", "B227", 500.0), ("west", "L441", 700.0)];

fn rules() -> Vec<Rule> {
    let rule =
        |name: &'static str, watches, at_least| Rule { name: name.into(), watches, at_least, severity: Severity::High };
    vec![
        rule("gridlock", Watches::CongestionLevel, 2.0),
        rule("delay", Watches::RouteDelay, 60.0),
        rule("silence", Watches::Silence, 30.0),
    ]
}

impl Subject for City {
    type Row = GpsReading;

    fn build<'s>(&self, gps: Ticked<'s, GpsReading>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        let settings = CitySettings {
            dedup: self.dedup,
            dedup_horizon_ms: DEDUP_HORIZON_MS,
            correction_horizon_ms: self.correction_horizon_ms,
            clock_skew_ms: SKEW_MS,
            vehicle_count: self.vehicle_count,
            speed_from: vec!["gps_data"],
            free_flow: Arc::new(FreeFlow::new(free_flow())),
            routes: Arc::new(RouteTable::new(ROUTES.iter().map(|line| (line.0.into(), line.1.into(), line.2)))),
            rules: rules(),
            views: Views::all(),
        };
        let observations = empty(gps.scope());
        let outputs = city(Inputs { gps, observations, clock }, &settings, states);
        let deltas = outputs.deltas.flat_map(|batch| shown(&*batch, false));
        let rows = outputs.rows.flat_map(|batch| shown(&*batch, true));
        let verdicts = outputs.verdicts.map(|(verdict, record, n)| Shown::Line(format!("{verdict:?} {record:?}"), n));
        deltas.concat(rows).concat(verdicts)
    }

    fn history(&self, random: &mut Random) -> History<GpsReading> {
        twins::copies(random, 9, 40, self.correction_horizon_ms)
    }

    fn twin(&self, history: &History<GpsReading>) -> Vec<Vec<String>> {
        let mut twin = CityTwin::new(self);
        (0..history.len()).map(|number| twin.cut(&history[number].rows, Times::of(history, number))).collect()
    }
}

struct CityTwin {
    dedups: bool,
    horizon_ms: i64,
    dedup: DedupTwin,
    latest: LatestTwin,
    panes: PanesTwin,
    vehicle_locations: PublishTwin,
    road_traffic: PublishTwin,
    road_current: PublishTwin,
    hotspots: PublishTwin,
    routes: PublishTwin,
    episodes: EpisodesTwin,
    alerts: PublishTwin,
    heard_ms: Option<i64>,
    city_summary: PublishTwin,
}

fn road(row: &GpsReading) -> Name {
    if row.road.is_empty() {
        let position = LatLng::new(row.latitude, row.longitude).unwrap();
        position.to_cell(Resolution::Nine).to_string().into()
    } else {
        row.road.clone()
    }
}

fn location(row: &GpsReading) -> VehicleLocation {
    VehicleLocation {
        latitude: row.latitude,
        longitude: row.longitude,
        speed_kmh: row.speed_kmh,
        direction_deg: (!row.direction_deg.is_nan()).then_some(row.direction_deg),
        event_ms: row.event_ms,
        arrival_ms: row.arrival_ms,
    }
}

fn summed_up(vehicles: usize, currents: &BTreeMap<Name, RoadCurrent>, now_ms: i64) -> CitySummary {
    let level = |row: &RoadCurrent| Level::of(row.totals.average_kmh(), row.free_flow_kmh);
    CitySummary {
        vehicles: vehicles as i64,
        incidents: 0,
        roads: currents.len() as i64,
        congested_roads: currents.values().filter(|row| level(row) >= Level::Heavy).count() as i64,
        reports: currents.values().map(|row| i64::from(row.totals.reports)).sum(),
        speed_sum_e6: currents.values().map(|row| row.totals.speed_sum_e6).sum(),
        now_ms,
    }
}

impl CityTwin {
    fn new(city: &City) -> Self {
        Self {
            dedups: city.dedup,
            horizon_ms: city.correction_horizon_ms,
            dedup: DedupTwin { horizon_ms: DEDUP_HORIZON_MS, ..DedupTwin::default() },
            latest: LatestTwin::default(),
            panes: PanesTwin {
                horizon_ms: city.correction_horizon_ms,
                skew_ms: SKEW_MS,
                count_devices: city.vehicle_count,
                free_flow: free_flow(),
                reports: Vec::new(),
            },
            vehicle_locations: PublishTwin::default(),
            road_traffic: PublishTwin::default(),
            road_current: PublishTwin::default(),
            hotspots: PublishTwin::default(),
            routes: PublishTwin::default(),
            episodes: EpisodesTwin::new(rules()),
            alerts: PublishTwin::default(),
            heard_ms: None,
            city_summary: PublishTwin::default(),
        }
    }

    fn cut(&mut self, rows: &[GpsReading], times: Times) -> Vec<String> {
        self.heard_ms = rows.iter().map(|row| row.arrival_ms.min(times.now_ms)).chain(self.heard_ms).max();
        let (accepted, duplicates) =
            if self.dedups { self.dedup.cut(rows, times) } else { (rows.to_vec(), Vec::new()) };
        let mut lines: Vec<_> = duplicates.iter().map(|record| format!("Duplicate {record:?} × 1")).collect();
        let mut counted = Vec::new();
        for row in accepted {
            let verdict = twins::lateness(row.event_ms, self.horizon_ms, times);
            if let Some(verdict) = verdict {
                let verdict = if verdict == "late" { "Late" } else { "TooLate" };
                lines.push(format!("{verdict} {:?} × 1", row.record));
            }
            if verdict != Some("too_late") {
                counted.push(row);
            }
        }
        lines.extend(self.views(&counted, times));
        lines.sort();
        lines
    }

    /// What the rules compare, by their places.
    fn watched(
        &self,
        currents: &BTreeMap<Name, RoadCurrent>,
        routes: &BTreeMap<Name, Route>,
        times: Times,
    ) -> BTreeMap<(u16, Name), f64> {
        let level = |row: &RoadCurrent| Level::of(row.totals.average_kmh(), row.free_flow_kmh) as u8;
        let roads = currents.iter().map(|(road, row)| ((0, road.clone()), f64::from(level(row))));
        let routes = routes.iter().filter_map(|(route, row)| Some(((1, route.clone()), row.delay_ms()? as f64 / 1e3)));
        let silence = self.heard_ms.map(|at| ((2, "gps_data".into()), ((times.now_ms - at) / 1000) as f64));
        roads.chain(routes).chain(silence).collect()
    }

    fn views(&mut self, counted: &[GpsReading], times: Times) -> Vec<String> {
        let retired = |_: &str| false;
        let reports = counted.iter().map(|row| (row.device.clone(), row.record, location(row)));
        let vehicles = self.latest.cut(reports, times);
        let reports = counted.iter().map(|row| Counted {
            road: road(row),
            device: row.device.clone(),
            record: row.record,
            event_ms: row.event_ms,
            arrival_ms: row.arrival_ms,
            speed_kmh: row.speed_kmh,
            position: Position::new(row.latitude, row.longitude),
            by_camera: false,
        });
        let (windows, currents) = self.panes.cut(reports, times);
        let speeds = currents.iter().map(|(road, row)| (road.clone(), row.totals.average_kmh())).collect();
        let hotspots = twins::hotspots(&speeds, &free_flow());
        let routes = travel::routes(ROUTES, &speeds, &free_flow());
        let alerts = self.episodes.cut(&self.watched(&currents, &routes, times), times);
        let windows = windows.into_iter().map(|(key, row)| (window_key(key), row));
        let summary = [(SUMMARY.into(), summed_up(vehicles.len(), &currents, times.now_ms))];
        let mut lines = self.vehicle_locations.cut::<VehicleLocation>(vehicles.into_iter(), times, retired);
        lines.extend(self.road_traffic.cut::<RoadTraffic>(windows, times, retired));
        lines.extend(self.road_current.cut::<RoadCurrent>(currents.into_iter(), times, retired));
        lines.extend(self.city_summary.cut::<CitySummary>(summary.into_iter(), times, retired));
        lines.extend(self.routes.cut::<Route>(routes.into_iter(), times, retired));
        lines.extend(self.alerts.cut::<Alert>(alerts.into_iter(), times, retired));
        lines.extend(self.hotspots.cut::<Hotspot>(hotspots.into_iter(), times, |_| true));
        lines
    }
}

#[test]
fn city_obeys_the_laws() {
    obeys(City { dedup: true, vehicle_count: true, correction_horizon_ms: 120_000 });
}

#[test]
fn city_obeys_the_laws_without_dedup_and_vehicle_count() {
    obeys(City { dedup: false, vehicle_count: false, correction_horizon_ms: 600_000 });
}

/// A view's id is its name: whatever restores a job finds each operator by it.
#[test]
fn every_operator_has_its_own_state_id() {
    let ids = timely::execute_directly(|worker| {
        let states = States::new(0, 1, true);
        worker.dataflow::<u64, _, _>(|scope| {
            use timely::dataflow::operators::Input;
            let (gps, clock) = (scope.new_input::<Vec<GpsReading>>().1, scope.new_input::<Vec<Clock>>().1);
            let subject = City { dedup: true, vehicle_count: true, correction_horizon_ms: 0 };
            subject.build(gps, clock, &states);
        });
        states.ids()
    });
    let named: Vec<_> = ids.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        named,
        [
            "dedup",
            "dedup_observations",
            "road_panes",
            "vehicle_latest",
            "incident_latest",
            "weather_latest",
            "vehicle_locations",
            "road_traffic",
            "road_current",
            "hotspots",
            "routes",
            "incidents",
            "weather",
            "weather_current_latest",
            "weather_current",
            "camera_latest",
            "cameras",
            "city_summary",
            "feeds",
            "alert_episodes",
            "alerts",
        ]
    );
}
