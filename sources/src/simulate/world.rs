//! The city as it is: all reports in the order of their events. Nothing is late or broken here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::flow::Flow;
use super::incidents::{Incident, Incidents, Turn};
use super::random::Random;
use super::report::{Glance, Report, Said};
use super::roads::{Place, Roads};
use super::settings::{CAMERA_EVERY_MS, GPS_PER_VEHICLE_REPORT, STATION_EVERY_MS, Settings};
use super::sky::Sky;
use super::traffic::Traffic;
use super::wheel::Wheel;

/// The city is alive for so long before its start: what was held up since then arrives after it.
pub const BEFORE_MS: i64 = 2 * 3_600_000;
/// Vehicles join so long before the start, and until then report rarely.
pub const JOIN_MS: i64 = 40 * 60_000;
pub const GAP_BEFORE_MS: i64 = 30_000;
/// Vehicles of the gateway report every so often, whatever the rate.
const GATEWAY_GAP_MS: i64 = 5_000;

/// What acts seldom enough to wait in a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    /// All vehicles but those of the gateway join the city.
    Join,
    Incident(u16),
    Camera(u16),
    Station(u16),
}

#[derive(Clone, Debug)]
pub struct World {
    settings: Settings,
    gap_ms: (i64, i64),
    random: Random,
    roads: Arc<Roads>,
    sky: Sky,
    flow: Flow,
    traffic: Traffic,
    incidents: Incidents,
    due: Wheel,
    actors: BinaryHeap<Reverse<(i64, Actor)>>,
    /// What a vehicle says of itself right after its position.
    also: Option<Report>,
    reports: u64,
}

impl World {
    pub fn new(settings: &Settings) -> Self {
        let Settings { seed, start_ms, vehicles, gateway_vehicles, cameras, stations, incidents, .. } = *settings;
        let (roads, sky, mut random) =
            (Arc::new(Roads::new(settings.side, seed)), Sky::new(seed), Random::new(seed, start_ms as u64));
        let first_ms = start_ms - BEFORE_MS;
        let traffic = Traffic::new(vehicles, first_ms, &roads, &mut random);
        let mut due = Wheel::new(first_ms, vehicles);
        (0..gateway_vehicles).for_each(|vehicle| due.add(vehicle, first_ms + random.between(0, GATEWAY_GAP_MS)));
        let mut actors = BinaryHeap::from([Reverse((start_ms - JOIN_MS, Actor::Join))]);
        actors.extend((0..incidents).map(|slot| {
            let at_ms = first_ms + random.between(0, 10 * 60_000);
            Reverse((at_ms, Actor::Incident(slot)))
        }));
        let camera = |number| (start_ms + spread(number, cameras, CAMERA_EVERY_MS), Actor::Camera(number));
        actors.extend((0..cameras).map(camera).map(Reverse));
        let station = |number| (start_ms + spread(number, stations, STATION_EVERY_MS), Actor::Station(number));
        actors.extend((0..stations).map(station).map(Reverse));
        let gap = settings.gap_ms();
        Self {
            gap_ms: (((gap / 3.0).round() as i64).max(1), (gap * 5.0 / 3.0).round() as i64),
            flow: Flow::new(sky, &roads),
            incidents: Incidents::new(incidents),
            settings: settings.clone(),
            roads,
            sky,
            traffic,
            due,
            actors,
            also: None,
            reports: random.bits(),
            random,
        }
    }

    pub fn roads(&self) -> &Arc<Roads> {
        &self.roads
    }

    pub fn incidents(&self) -> &[Incident] {
        self.incidents.all()
    }

    /// The next report. There is always one more.
    pub fn next(&mut self) -> Report {
        if let Some(report) = self.also.take() {
            return report;
        }
        loop {
            let actor_ms = self.actors.peek().map_or(i64::MAX, |Reverse((at_ms, _))| *at_ms);
            if let Some((vehicle, at_ms)) = self.due.next_before(actor_ms) {
                return self.drive(vehicle, at_ms);
            }
            if let Some(Reverse((at_ms, actor))) = self.actors.pop()
                && let Some(report) = self.act(actor, at_ms)
            {
                return report;
            }
        }
    }

    #[inline]
    fn drive(&mut self, vehicle: u32, at_ms: i64) -> Report {
        self.flow.look(at_ms);
        let next_ms = self.next_ms(vehicle, at_ms);
        self.due.add(vehicle, next_ms);
        let (drive, place) = self.traffic.drive(vehicle, at_ms, &self.roads, &self.flow, &mut self.random);
        if self.random.between(0, i64::from(GPS_PER_VEHICLE_REPORT)) == 0 {
            self.also = Some(self.report(at_ms, place, Said::Vehicle(drive)));
        }
        self.report(at_ms, place, Said::Gps(drive))
    }

    /// When a vehicle reports again. From the start on at once at the full rate.
    #[inline]
    fn next_ms(&mut self, vehicle: u32, at_ms: i64) -> i64 {
        let (start_ms, (from, to)) = (self.settings.start_ms, self.gap_ms);
        match at_ms {
            _ if vehicle < self.settings.gateway_vehicles => at_ms + GATEWAY_GAP_MS,
            _ if at_ms >= start_ms => at_ms + self.random.between(from, to + 1),
            _ if at_ms + GAP_BEFORE_MS < start_ms => at_ms + GAP_BEFORE_MS,
            _ => start_ms + self.random.between(0, (from + to) / 2),
        }
    }

    fn act(&mut self, actor: Actor, at_ms: i64) -> Option<Report> {
        self.flow.look(at_ms);
        let (next_ms, report) = match actor {
            Actor::Join => {
                for vehicle in self.settings.gateway_vehicles..self.settings.vehicles {
                    self.due.add(vehicle, at_ms + self.random.between(0, GAP_BEFORE_MS));
                }
                return None;
            }
            Actor::Incident(slot) => {
                let turn = self.incidents.turn(slot, at_ms, &self.roads, &mut self.random);
                (turn.next_ms, self.tell(turn, at_ms))
            }
            Actor::Camera(camera) => (at_ms + CAMERA_EVERY_MS, Some(self.look(camera, at_ms))),
            Actor::Station(station) => {
                let measured = self.sky.measured(station, at_ms, self.flow.rush());
                let crossings = u32::from(self.roads.side()).pow(2);
                let crossing = spread(station, self.settings.stations, i64::from(crossings)) as u32;
                let place = self.roads.crossing(crossing);
                (at_ms + STATION_EVERY_MS, Some(self.report(at_ms, place, Said::Weather(measured))))
            }
        };
        self.actors.push(Reverse((next_ms, actor)));
        report
    }

    fn tell(&mut self, turn: Turn, at_ms: i64) -> Option<Report> {
        if turn.changed {
            self.flow.slow_down(&self.roads, self.incidents.live(), at_ms);
        }
        let incident = turn.told?;
        let status = incident.status(at_ms)?;
        let place = self.roads.along(incident.road, 0.5);
        Some(self.report(at_ms, place, Said::Emergency(incident, status)))
    }

    fn look(&mut self, camera: u16, at_ms: i64) -> Report {
        let roads = self.roads.all().len() as i64;
        let road = spread(camera, self.settings.cameras, roads) as u32;
        let speed_kmh = self.flow.speed_kmh(&self.roads, road) * (1.0 + 0.05 * self.random.bell());
        let vehicles = self.traffic.present(road);
        let glance = Glance { camera, road, speed_e1: (speed_kmh * 10.0).round() as u32, vehicles };
        let place = self.roads.along(road, 0.5);
        self.report(at_ms, place, Said::Camera(glance))
    }

    #[inline]
    fn report(&mut self, event_ms: i64, place: Place, said: Said) -> Report {
        self.reports = self.reports.wrapping_add(1);
        Report { number: self.reports, event_ms, place, said }
    }
}

/// Where each of `count` things stands if they are spread evenly over `length`.
fn spread(number: u16, count: u16, length: i64) -> i64 {
    (2 * i64::from(number) + 1) * length / (2 * i64::from(count))
}
