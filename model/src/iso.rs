//! Times as text: naive UTC for the old clients, `Z` for our own surfaces.

/// Days since 1970-01-01 → (year, month, day), proleptic Gregorian (Howard Hinnant's `civil_from_days`).
pub fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u32;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// (year, month, day) → days since 1970-01-01. The inverse of [`civil`]; the caller checks the ranges.
pub fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * month_index + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Milliseconds since 1970 as `2026-03-02T08:00:00.250`: naive UTC, as contract surfaces write it.
///
/// ```
/// # use greenwave_model::iso;
/// assert_eq!(iso::naive(1_772_438_400_250), "2026-03-02T08:00:00.250");
/// assert_eq!(iso::date(1_772_438_400_250), "2026-03-02");
/// ```
pub fn naive(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(86_400_000));
    let of_day = ms.rem_euclid(86_400_000);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}", of_day % 1_000)
}

/// The same with `Z`, as our own surfaces write it.
pub fn zulu(ms: i64) -> String {
    naive(ms) + "Z"
}

/// The UTC date.
pub fn date(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(86_400_000));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads what [`naive`] and [`zulu`] write, with or without the fraction. `None` where there is no such time.
///
/// ```
/// # use greenwave_model::iso;
/// assert_eq!(iso::parse("2026-03-02T08:00:00"), Some(1_772_438_400_000));
/// assert_eq!(iso::parse("2026-03-02T08:00:00.250Z"), Some(1_772_438_400_250));
/// assert_eq!(["2026-02-30T08:00:00", "2026-03-02", "soon"].map(iso::parse), [None; 3]);
/// ```
pub fn parse(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "000"));
    let parts: Vec<i64> = seconds.split(['-', 'T', ':']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month @ 1..=12, day @ 1..=31, hour, minute, second] = parts[..] else { return None };
    let minutes = (days(year, month as u32, day as u32) * 24 + hour) * 60 + minute;
    let ms = (minutes * 60 + second) * 1_000 + fraction.parse::<i64>().ok()?;
    // A day or an hour that there is not comes back as another one.
    (naive(ms) == format!("{seconds}.{fraction}")).then_some(ms)
}
