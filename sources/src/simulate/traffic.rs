//! Vehicles on their trips: from crossing to crossing towards a goal, then towards the next one.

use super::flow::Flow;
use super::random::Random;
use super::roads::{Heading, Place, Roads};

/// At a crossing where two ways lead on, the faster road is taken with this share.
const TAKES_FASTER: f64 = 0.75;
/// Deviation of a driver's speed from that of the road.
const SPREAD: f64 = 0.08;
/// A receiver is off by so many 10⁻⁵ degrees, about metres.
const RECEIVER_E5: f64 = 2.5;
const FASTEST_E1: f64 = 1_500.0;

#[derive(Clone, Copy, Debug)]
struct Vehicle {
    road: u32,
    goal: u32,
    along_m: f64,
    seen_ms: i64,
}

/// Where a vehicle is and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drive {
    pub vehicle: u32,
    pub road: u32,
    /// Tenths of km/h.
    pub speed_e1: u32,
    /// Tenths of degrees.
    pub heading_e1: u16,
}

#[derive(Clone, Debug)]
pub struct Traffic {
    vehicles: Vec<Vehicle>,
    /// By road, how many are on it.
    present: Vec<u32>,
}

impl Traffic {
    pub fn new(count: u32, at_ms: i64, roads: &Roads, random: &mut Random) -> Self {
        let mut present = vec![0; roads.all().len()];
        let mut vehicle = |_| {
            let road = random.between(0, roads.all().len() as i64) as u32;
            present[road as usize] += 1;
            let along_m = random.unit() * roads.get(road).length_m;
            Vehicle { road, goal: goal(roads, random), along_m, seen_ms: at_ms }
        };
        Self { vehicles: (0..count).map(&mut vehicle).collect(), present }
    }

    pub fn present(&self, road: u32) -> u32 {
        self.present[road as usize]
    }

    /// Drives a vehicle on to `at_ms`, at the speed of each road it passes.
    pub fn drive(
        &mut self,
        number: u32,
        at_ms: i64,
        roads: &Roads,
        flow: &Flow,
        random: &mut Random,
    ) -> (Drive, Place) {
        let vehicle = &mut self.vehicles[number as usize];
        let temper = 1.0 + SPREAD * random.bell();
        let mut seconds = (at_ms - vehicle.seen_ms) as f64 / 1_000.0;
        let started_on = vehicle.road;
        let speed_kmh = loop {
            let speed_kmh = flow.speed_kmh(roads, vehicle.road) * temper;
            let (road, metres_a_second) = (roads.get(vehicle.road), speed_kmh / 3.6);
            let needed = (road.length_m - vehicle.along_m) / metres_a_second;
            if needed >= seconds {
                vehicle.along_m += seconds * metres_a_second;
                break speed_kmh;
            }
            seconds -= needed;
            let crossing = road.to;
            while crossing == vehicle.goal {
                vehicle.goal = goal(roads, random);
            }
            vehicle.road = turn(crossing, vehicle.goal, roads, random);
            vehicle.along_m = 0.0;
        };
        vehicle.seen_ms = at_ms;
        self.present[started_on as usize] -= 1;
        self.present[vehicle.road as usize] += 1;
        let Vehicle { road, along_m, .. } = *vehicle;
        let at = roads.get(road);
        let mut place = roads.along(road, along_m / at.length_m);
        place.latitude_e5 += (RECEIVER_E5 * random.bell()) as i32;
        place.longitude_e5 += (RECEIVER_E5 * random.bell()) as i32;
        let sway = random.between(0, 80) as u16;
        let drive = Drive {
            vehicle: number,
            road,
            speed_e1: (speed_kmh * 10.0).round().min(FASTEST_E1) as u32,
            heading_e1: (at.heading.degrees() * 10 + 3_560 + sway) % 3_600,
        };
        (drive, place)
    }
}

/// A crossing, near the centre more often.
fn goal(roads: &Roads, random: &mut Random) -> u32 {
    let side = i64::from(roads.side());
    let mut line = || (random.between(0, side) + random.between(0, side)) / 2;
    (line() * side + line()) as u32
}

/// The road to take at a crossing that is not the goal.
fn turn(crossing: u32, goal: u32, roads: &Roads, random: &mut Random) -> u32 {
    let ((x, y), (to_x, to_y)) = (roads.column_and_row(crossing), roads.column_and_row(goal));
    let across = if to_x > x { Heading::East } else { Heading::West };
    let up = if to_y > y { Heading::North } else { Heading::South };
    let across = roads.leaving(crossing, across).filter(|_| to_x != x);
    let up = roads.leaving(crossing, up).filter(|_| to_y != y);
    match (across, up) {
        (Some(across), Some(up)) => {
            let across_is_faster = roads.get(across).free_flow_e2 > roads.get(up).free_flow_e2;
            if across_is_faster == (random.unit() < TAKES_FASTER) { across } else { up }
        }
        (one, other) => one.or(other).expect("a crossing that is not the goal has a road towards it"),
    }
}
