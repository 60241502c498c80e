//! Settings of a job: what the file, the environment and the command line say, checked as a whole.

mod check;
mod city;
mod keys;
mod raw;
mod stores;

pub use check::{AlertsFrom, Checked, InputKind, SpeedKind, StartAt, TableAt};
pub use keys::KEYS;
pub use raw::{Mistake, Origin, Raw};

use std::time::Duration;

/// Variables of the process. What is no UTF-8 cannot be one of ours, or is told as a wrong value of it.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// `50ms`, `10s`, `10m`, `2h`.
///
/// ```
/// # use greenwave_launcher::settings::duration;
/// # use std::time::Duration;
/// assert_eq!(duration("1.5s"), Some(Duration::from_millis(1_500)));
/// assert_eq!(duration("10 minutes"), None);
/// ```
pub fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(split);
    let factor_ms = match unit.trim() {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => return None,
    };
    let ms = number.parse::<f64>().ok()? * factor_ms;
    (ms.is_finite() && ms < 1e12).then(|| Duration::from_millis(ms.round() as u64))
}
