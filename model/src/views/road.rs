//! What is known of a road in a window: exact totals, and the figures derived from them.

use serde::{Deserialize, Serialize};

use crate::view::{Cell, Cells};

/// Exact totals over the reports of a window. Sums are integers, so any order of addition gives the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoadTotals {
    pub reports: u32,
    /// Σ round-half-even(speed × 10⁶), km/h.
    pub speed_sum_e6: i64,
    pub speed_min_kmh: f64,
    pub speed_max_kmh: f64,
}

impl RoadTotals {
    pub const NONE: Self =
        Self { reports: 0, speed_sum_e6: 0, speed_min_kmh: f64::INFINITY, speed_max_kmh: f64::NEG_INFINITY };

    #[inline]
    pub fn observe(&mut self, speed_kmh: f64) {
        self.reports += 1;
        self.speed_sum_e6 += (speed_kmh * 1e6).round_ties_even() as i64;
        self.speed_min_kmh = self.speed_min_kmh.min(speed_kmh);
        self.speed_max_kmh = self.speed_max_kmh.max(speed_kmh);
    }

    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.reports += other.reports;
        self.speed_sum_e6 += other.speed_sum_e6;
        self.speed_min_kmh = self.speed_min_kmh.min(other.speed_min_kmh);
        self.speed_max_kmh = self.speed_max_kmh.max(other.speed_max_kmh);
    }

    /// Mean of the reports. Only of totals with at least one report.
    #[inline]
    pub fn average_kmh(&self) -> f64 {
        self.speed_sum_e6 as f64 / 1e6 / f64::from(self.reports)
    }
}

/// What cameras said of a road in a window. They are no reports: a vehicle that one sees may report itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraTotals {
    /// Reports of cameras that say a speed.
    pub reports: u32,
    /// Σ round-half-even(speed × 10⁶), km/h.
    pub speed_sum_e6: i64,
}

impl CameraTotals {
    #[inline]
    pub fn observe(&mut self, speed_kmh: f64) {
        self.reports += 1;
        self.speed_sum_e6 += (speed_kmh * 1e6).round_ties_even() as i64;
    }

    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.reports += other.reports;
        self.speed_sum_e6 += other.speed_sum_e6;
    }

    /// `camera_speed` and `camera_count`.
    pub(super) fn cells(&self, out: &mut dyn Cells) {
        let mean = self.speed_sum_e6 as f64 / 1e6 / f64::from(self.reports);
        out.cell(if self.reports == 0 { Cell::Null } else { Cell::Double(mean) });
        out.cell(Cell::Bigint(self.reports.into()));
    }
}

/// Level of service in four words, from the ratio of speed to free flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Light,
    Moderate,
    Heavy,
    Severe,
}

impl Level {
    /// From the best on.
    pub const ALL: [Self; 4] = [Self::Light, Self::Moderate, Self::Heavy, Self::Severe];

    /// r = speed ÷ free flow: > .70 light, > .40 moderate, > .20 heavy, else severe; without free flow 45, 25, 10 km/h.
    ///
    /// ```
    /// # use greenwave_model::views::Level;
    /// assert_eq!(Level::of(35.0, Some(50.0)), Level::Moderate);   // exactly .70 is no longer light
    /// assert_eq!(Level::of(45.1, None), Level::Light);
    /// ```
    pub fn of(speed_kmh: f64, free_flow_kmh: Option<f64>) -> Self {
        let (measure, bounds) = match free_flow_kmh {
            Some(free) => (speed_kmh / free, [0.70, 0.40, 0.20]),
            None => (speed_kmh, [45.0, 25.0, 10.0]),
        };
        match measure {
            m if m > bounds[0] => Self::Light,
            m if m > bounds[1] => Self::Moderate,
            m if m > bounds[2] => Self::Heavy,
            _ => Self::Severe,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Moderate => "moderate",
            Self::Heavy => "heavy",
            Self::Severe => "severe",
        }
    }
}

/// Travel time index: free-flow speed ÷ speed, the same as actual ÷ free-flow travel time. None at a standstill.
pub(super) fn travel_time_index(speed_kmh: f64, free_flow_kmh: Option<f64>) -> Cell<'static> {
    match free_flow_kmh {
        Some(free) if speed_kmh > 0.0 => Cell::Double(free / speed_kmh),
        _ => Cell::Null,
    }
}
