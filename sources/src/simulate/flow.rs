//! How fast a road flows: free flow × rush hour × weather × incidents near by.

use super::incidents::Incident;
use super::roads::Roads;
use super::sky::Sky;

/// How much of a rush hour each hour of the day begins with; in between it changes evenly.
const RUSH: [f64; 24] = [
    0.08, 0.05, 0.05, 0.05, 0.08, 0.15, 0.35, 0.60, 0.70, 0.60, 0.35, 0.30, 0.32, 0.32, 0.35, 0.45, 0.60, 0.75, 0.65,
    0.45, 0.30, 0.20, 0.15, 0.10,
];
const HOUR_MS: i64 = 3_600_000;
/// The city looks at its clock and its sky this often.
const LOOK_EVERY_MS: i64 = 1_000;
const SLOWEST_KMH: f64 = 1.5;

#[derive(Clone, Debug)]
pub struct Flow {
    sky: Sky,
    until_ms: i64,
    rush: f64,
    travel_time_factor: f64,
    /// By road: the share of its speed that incidents leave.
    left: Vec<f64>,
}

impl Flow {
    pub fn new(sky: Sky, roads: &Roads) -> Self {
        Self { sky, until_ms: i64::MIN, rush: 0.0, travel_time_factor: 1.0, left: vec![1.0; roads.all().len()] }
    }

    #[inline]
    pub fn look(&mut self, at_ms: i64) {
        if at_ms >= self.until_ms {
            let second = at_ms.div_euclid(LOOK_EVERY_MS) * LOOK_EVERY_MS;
            self.until_ms = second + LOOK_EVERY_MS;
            self.rush = rush(second);
            self.travel_time_factor = self.sky.condition(second).travel_time_factor();
        }
    }

    /// km/h of an average driver, as of the last look.
    #[inline]
    pub fn speed_kmh(&self, roads: &Roads, number: u32) -> f64 {
        let road = roads.get(number);
        let busy = f64::from(road.free_flow_e2) / 100.0 * (1.0 - road.load * self.rush);
        (busy / self.travel_time_factor * self.left[number as usize]).max(SLOWEST_KMH)
    }

    pub fn rush(&self) -> f64 {
        self.rush
    }

    /// Incidents slow their road, and less so the roads that lead there. Where two meet, the worse one counts.
    pub fn slow_down<'a>(&mut self, roads: &Roads, live: impl Iterator<Item = &'a Incident>, at_ms: i64) {
        self.left.fill(1.0);
        for incident in live {
            let left = incident.left(at_ms);
            self.limit(incident.road, left);
            for near in roads.before(incident.road) {
                self.limit(near, (1.0 + left) / 2.0);
                for next in roads.before(near) {
                    self.limit(next, (3.0 + left) / 4.0);
                }
            }
        }
    }

    fn limit(&mut self, road: u32, left: f64) {
        let now = &mut self.left[road as usize];
        *now = now.min(left);
    }
}

/// 0 to 0.75.
pub fn rush(at_ms: i64) -> f64 {
    let of_day = at_ms.rem_euclid(24 * HOUR_MS);
    let hour = (of_day / HOUR_MS) as usize;
    let passed = (of_day % HOUR_MS) as f64 / HOUR_MS as f64;
    RUSH[hour] + (RUSH[(hour + 1) % 24] - RUSH[hour]) * passed
}
