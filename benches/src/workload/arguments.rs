//! The workload's options, the same for every program that makes it.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use greenwave_model::iso;

use super::{START_MS, Settings};

#[derive(Args, Clone, Debug)]
pub struct WorkloadArguments {
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=999_999))]
    pub vehicles: u32,
    /// Where event time begins: now, or UTC such as 2026-03-02T08:00:00.
    #[arg(long, default_value = "2026-03-02T08:00:00", value_parser = parse_start)]
    pub start: Start,
    /// Share of the reports that are broken, in 18 ways.
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    pub broken: f64,
    /// Share of the reports that are 20 to 40 minutes old when they arrive.
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    pub too_late: f64,
    /// Share of the reports that name no segment.
    #[arg(long, default_value_t = 0.0, value_parser = parse_share)]
    pub no_road: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Now,
    At(i64),
}

impl WorkloadArguments {
    pub fn settings(&self) -> Settings {
        let start_ms = match self.start {
            Start::Now => now_ms(),
            Start::At(ms) => ms,
        };
        Settings {
            seed: self.seed,
            start_ms,
            vehicles: self.vehicles,
            broken: self.broken,
            too_late: self.too_late,
            no_road: self.no_road,
            ..Settings::default()
        }
    }

    pub fn follows_the_clock(&self) -> bool {
        self.start == Start::Now
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(START_MS, |since| since.as_millis() as i64)
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| format!("{text} is no number"))?;
    if (0.0..=0.5).contains(&share) { Ok(share) } else { Err(format!("{text} is not in 0 to 0.5")) }
}

fn parse_start(text: &str) -> Result<Start, String> {
    if text == "now" {
        return Ok(Start::Now);
    }
    let wrong = || format!("{text} is neither now nor UTC such as 2026-03-02T08:00:00");
    let digits = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    if text.len() != 19 || !digits {
        return Err(wrong());
    }
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().map_err(|_| wrong());
    let (month, day) = (part(5, 7)? as u32, part(8, 10)? as u32);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let ms = iso::days(part(0, 4)?, month, day) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1_000;
    if fits { Ok(Start::At(ms)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_now_or_a_time() {
        assert_eq!(parse_start("2026-03-02T08:00:00"), Ok(Start::At(START_MS)));
        assert_eq!(parse_start("now"), Ok(Start::Now));
        for text in ["", "2026-03-02", "2026-03-02 08:00:00", "2026-13-02T08:00:00", "2026-03-02T24:00:00"] {
            assert!(parse_start(text).is_err(), "{text}");
        }
    }
}
