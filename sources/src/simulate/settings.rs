//! What a city is made of, and how much goes wrong on the way from its devices.

use serde::Serialize;

use super::SimulateError;
use super::incidents::TOLD_EVERY_MS;
use super::report::Feed;

/// 2026-03-02T08:00:00Z, a Monday's rush hour.
pub const START_MS: i64 = 1_772_438_400_000;
/// Milliseconds between two reports of a vehicle where no rate is asked for, on average: 1 to 5 s.
const GAP_MS: f64 = 3_000.0;
/// Beyond it a vehicle is no longer followed.
const GAP_MS_MAX: f64 = 60_000.0;
const GAP_MS_MIN: f64 = 2.0;
pub(super) const CAMERA_EVERY_MS: i64 = 10_000;
pub(super) const STATION_EVERY_MS: i64 = 60_000;
/// Every so many reports of its position a vehicle also reports itself.
pub(super) const GPS_PER_VEHICLE_REPORT: u32 = 4;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    pub seed: u64,
    /// Where event time begins.
    pub start_ms: i64,
    /// Arrivals end after this long; never, if not given.
    pub run_for_ms: Option<i64>,
    pub vehicles: u32,
    /// Records a second, copies not counted: vehicles report that often. Every 1 to 5 s if not given.
    pub rate: Option<f64>,
    /// Crossings along each side of the grid.
    pub side: u16,
    pub cameras: u16,
    pub stations: u16,
    /// Incidents at the same time, about.
    pub incidents: u16,
    /// The first vehicles report through a gateway that uploads every two hours.
    pub gateway_vehicles: u32,
    /// How far the clock of the vehicle after those is ahead; 0 for a right one.
    pub clock_ahead_ms: i64,
    pub disorder: Disorder,
    /// Partitions of each topic, in the order of [`super::Feed::ALL`].
    pub partitions: [u16; 5],
}

/// Shares of the records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Disorder {
    /// Up to 2 s old when they arrive, so that their order is not that of their events.
    pub out_of_order: f64,
    /// 2 to 60 s old.
    pub late: f64,
    /// 20 to 40 minutes old.
    pub too_late: f64,
    /// Arrive again, byte for byte, within 10 s.
    pub copies: f64,
    pub broken: f64,
    /// Written with the other names that producers use.
    pub variants: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 42,
            start_ms: START_MS,
            run_for_ms: None,
            vehicles: 2_000,
            rate: None,
            side: 40,
            cameras: 200,
            stations: 20,
            incidents: 4,
            gateway_vehicles: 5,
            clock_ahead_ms: 3 * 3_600_000,
            disorder: Disorder::default(),
            partitions: [4; 5],
        }
    }
}

impl Default for Disorder {
    fn default() -> Self {
        Self { out_of_order: 0.05, late: 0.01, too_late: 0.002, copies: 0.005, broken: 0.002, variants: 0.02 }
    }
}

impl Disorder {
    /// Everything arrives as it happens.
    pub const NONE: Self =
        Self { out_of_order: 0.0, late: 0.0, too_late: 0.0, copies: 0.0, broken: 0.0, variants: 0.0 };
}

impl Settings {
    /// Milliseconds between two reports of a vehicle, on average.
    pub(super) fn gap_ms(&self) -> f64 {
        self.rate.map_or(GAP_MS, |rate| self.gap_ms_at(rate))
    }

    fn gap_ms_at(&self, rate: f64) -> f64 {
        let per_gps = 1.0 + 1.0 / f64::from(GPS_PER_VEHICLE_REPORT);
        f64::from(self.vehicles) * per_gps * 1_000.0 / (rate - self.rate_of_others()).max(1e-3)
    }

    /// The rate at which vehicles report with this gap between them.
    fn rate_at(&self, gap_ms: f64) -> f64 {
        self.gap_ms_at(self.rate_of_others() + 1.0) / gap_ms + self.rate_of_others()
    }

    /// Records a second of cameras, weather stations and incidents.
    fn rate_of_others(&self) -> f64 {
        let a_second = |count: u16, every_ms: i64| f64::from(count) * 1_000.0 / every_ms as f64;
        a_second(self.cameras, CAMERA_EVERY_MS)
            + a_second(self.stations, STATION_EVERY_MS)
            + a_second(self.incidents, TOLD_EVERY_MS)
    }

    /// What tells this city from others, as JSON; that it is watched for longer makes no other city.
    pub fn identity(&self) -> String {
        let watched = Self { run_for_ms: None, ..self.clone() };
        serde_json::to_string(&watched).expect("plain numbers")
    }

    /// Whether anybody ever reports to a topic.
    pub(crate) fn tells_of(&self, topic: &str) -> bool {
        let silent = [(Feed::Camera, self.cameras), (Feed::Weather, self.stations), (Feed::Emergency, self.incidents)];
        !silent.iter().any(|(feed, count)| feed.topic() == topic && *count == 0)
    }

    /// Whether there is such a city.
    pub fn check(&self) -> Result<(), SimulateError> {
        let wrong = |fact: String, fix: String| Err(SimulateError::Settings { fact, fix });
        let Disorder { out_of_order, late, too_late, copies, broken, variants } = self.disorder;
        let shares = [out_of_order, late, too_late, copies, broken, variants];
        if shares.iter().any(|share| !(0.0..=1.0).contains(share)) || out_of_order + late + too_late + broken > 1.0 {
            return wrong("the shares of disorder are no parts of one whole".into(), "give each from 0 to 1".into());
        }
        let fewest = self.gateway_vehicles.saturating_add(2);
        if !(fewest..=1_000_000).contains(&self.vehicles) {
            let fix = format!("give {fewest} to 1000000: those of the gateway, one with a wrong clock and others");
            return wrong(format!("{} vehicles", self.vehicles), fix);
        }
        if !(2..=200).contains(&self.side) {
            return wrong(format!("a grid of {0} × {0}", self.side), "give 2 to 200".into());
        }
        if self.partitions.iter().any(|count| !(1..=1_000).contains(count)) {
            return wrong("a topic's partitions are not 1 to 1000".into(), "give a number in between".into());
        }
        if !(GAP_MS_MIN..=GAP_MS_MAX).contains(&self.gap_ms()) {
            let (low, high) = (self.rate_at(GAP_MS_MAX).ceil(), self.rate_at(GAP_MS_MIN).floor());
            let fact = format!("{} records a second of {} vehicles", self.rate.unwrap_or(0.0), self.vehicles);
            return wrong(fact, format!("give a rate from {low} to {high}, or other vehicles"));
        }
        Ok(())
    }
}
