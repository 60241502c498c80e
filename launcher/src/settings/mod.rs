//! Settings of a job: what the file, the environment and the command line say, checked as a whole.

mod check;
mod keys;
mod raw;

pub use check::{Checked, InputKind, SpeedKind, StartAt};
pub use keys::KEYS;
pub use raw::{Mistake, Origin, Raw};

use std::time::Duration;

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
