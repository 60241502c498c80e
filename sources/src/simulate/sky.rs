//! The weather of the whole city, and what a station says of it: a function of the seed and the time.

use super::random::share_of;

/// Weather changes at most this often.
const SPELL_MS: i64 = 30 * 60_000;
const HOUR_MS: i64 = 3_600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    Clear,
    Rain,
    Snow,
    Fog,
}

impl Condition {
    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "Clear",
            Self::Rain => "Rain",
            Self::Snow => "Snow",
            Self::Fog => "Fog",
        }
    }

    /// How much longer the same way takes.
    pub fn travel_time_factor(self) -> f64 {
        match self {
            Self::Clear => 1.0,
            Self::Rain => 1.2,
            Self::Snow | Self::Fog => 1.5,
        }
    }
}

/// What a station measures. `_e1` are tenths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Measured {
    pub station: u16,
    pub condition: Condition,
    pub temperature_e1: i32,
    pub humidity_e1: i32,
    pub wind_speed_e1: i32,
    pub precipitation_e1: i32,
    pub air_quality_index: i32,
}

#[derive(Clone, Copy, Debug)]
pub struct Sky {
    seed: u64,
}

impl Sky {
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    pub fn condition(self, at_ms: i64) -> Condition {
        let spell = at_ms.div_euclid(SPELL_MS);
        match self.share(1, spell) {
            dry if dry < 0.6 => Condition::Clear,
            foggy if foggy < 0.7 => Condition::Fog,
            _ if self.temperature(spell * SPELL_MS) < 1.0 => Condition::Snow,
            _ => Condition::Rain,
        }
    }

    /// `rush`: how much of a rush hour it is, which is what fills the air.
    pub fn measured(self, station: u16, at_ms: i64, rush: f64) -> Measured {
        let condition = self.condition(at_ms);
        let spell = at_ms.div_euclid(SPELL_MS);
        let minute = at_ms.div_euclid(60_000);
        let flutter = self.share(u64::from(station) << 8 | 2, minute);
        let wet = condition == Condition::Rain || condition == Condition::Snow;
        let tenths = |value: f64| (value * 10.0).round() as i32;
        let centre = self.share(u64::from(station) << 8 | 3, 0);
        Measured {
            station,
            condition,
            temperature_e1: tenths(self.temperature(at_ms) + 1.5 * centre + 0.4 * flutter),
            humidity_e1: tenths(if condition == Condition::Clear { 50.0 } else { 80.0 } + 15.0 * flutter),
            wind_speed_e1: tenths(40.0 * self.share(4, spell) + 5.0 * flutter),
            precipitation_e1: if wet { tenths(0.5 + 8.0 * self.share(5, spell) + flutter) } else { 0 },
            air_quality_index: (20.0 + 110.0 * rush + 40.0 * centre + 10.0 * flutter).round() as i32,
        }
    }

    /// Degrees: that of the day, warmest at three in the afternoon.
    fn temperature(self, at_ms: i64) -> f64 {
        let day = at_ms.div_euclid(24 * HOUR_MS);
        let from_three = (at_ms.rem_euclid(24 * HOUR_MS) as f64 / HOUR_MS as f64 - 15.0).abs();
        -4.0 + 16.0 * self.share(6, day) - 0.6 * from_three.min(24.0 - from_three)
    }

    fn share(self, what: u64, when: i64) -> f64 {
        share_of(self.seed ^ what << 48, when as u64)
    }
}
