//! Event times: ISO-8601 text, naive or with an offset, and epoch seconds, milliseconds or microseconds.
//!
//! Naive text is read in the source's zone. Parts below a millisecond are cut off. Epoch units are told apart by
//! magnitude, which is unambiguous inside the years allowed. Anything outside 2000 to 2099 (UTC) is no time of ours.

use greenwave_model::iso;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// 2000-01-01T00:00:00Z and 2100-01-01T00:00:00Z, in seconds.
const FIRST_S: f64 = 946_684_800.0;
const END_S: f64 = 4_102_444_800.0;

/// Parses the times of one source. The last date seen is kept with its midnight; results do not depend on it.
#[derive(Debug)]
pub(super) struct Times {
    zone_ms: i64,
    date: [u8; 10],
    midnight_ms: i64,
}

impl Times {
    pub(super) fn new(zone_offset_min: i32) -> Self {
        Self {
            zone_ms: i64::from(zone_offset_min) * MINUTE_MS,
            date: *b"2000-01-01",
            midnight_ms: FIRST_S as i64 * 1_000,
        }
    }

    /// Text → milliseconds since 1970 UTC. Bytes that are no plain text are no time.
    #[inline]
    pub(super) fn text(&mut self, text: &[u8]) -> Option<i64> {
        match text.split_first_chunk::<10>() {
            Some((date, rest)) if date[4] == b'-' => self.date_and_time(date, rest),
            _ => epoch_text(std::str::from_utf8(text).ok()?),
        }
    }

    #[inline]
    fn date_and_time(&mut self, date: &[u8; 10], rest: &[u8]) -> Option<i64> {
        if *date != self.date {
            self.midnight_ms = midnight(date)?;
            self.date = *date;
        }
        let (clock, rest) = rest.split_first_chunk::<9>()?;
        let (mut ms, rest) = (self.midnight_ms + time_of_day(clock)?, rest);
        let rest = match rest {
            &[b'.', a, b, c] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => {
                ms += i64::from(a - b'0') * 100 + i64::from(b - b'0') * 10 + i64::from(c - b'0');
                &[]
            }
            [b'.', fraction @ ..] => {
                let (fraction_ms, rest) = milliseconds(fraction)?;
                ms += fraction_ms;
                rest
            }
            _ => rest,
        };
        in_range(ms - if rest.is_empty() { self.zone_ms } else { offset_ms(rest)? })
    }
}

#[inline]
fn in_range(ms: i64) -> Option<i64> {
    (FIRST_S as i64 * 1_000..END_S as i64 * 1_000).contains(&ms).then_some(ms)
}

/// `YYYY-MM-DD` → milliseconds of its midnight, if the calendar has that day.
#[cold]
fn midnight(date: &[u8; 10]) -> Option<i64> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *date else { return None };
    let year = i64::from(two_digits(y0, y1)?) * 100 + i64::from(two_digits(y2, y3)?);
    let (month, day) = (two_digits(m0, m1)?, two_digits(d0, d1)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=last).contains(&day).then(|| iso::days(year, month, day) * DAY_MS)
}

#[inline(always)]
fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// `THH:MM:SS`, with `T`, `t` or a space. No leap seconds and no 24:00.
#[inline]
fn time_of_day(clock: &[u8; 9]) -> Option<i64> {
    let [b'T' | b't' | b' ', h0, h1, b':', m0, m1, b':', s0, s1] = *clock else { return None };
    let (hour, minute, second) = (two_digits(h0, h1)?, two_digits(m0, m1)?, two_digits(s0, s1)?);
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then(|| i64::from(hour * 3_600 + minute * 60 + second) * 1_000)
}

/// One to nine digits after the point → whole milliseconds, and what follows them.
#[inline]
fn milliseconds(fraction: &[u8]) -> Option<(i64, &[u8])> {
    let digits = fraction.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let place = |at: usize| if at < digits { i64::from(fraction[at] - b'0') } else { 0 };
    Some((place(0) * 100 + place(1) * 10 + place(2), &fraction[digits..]))
}

/// `Z`, `+HH`, `+HHMM` or `+HH:MM` → milliseconds ahead of UTC.
fn offset_ms(text: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match *text {
        [b'Z' | b'z'] => return Some(0),
        [sign, h0, h1] => (sign, two_digits(h0, h1)?, 0),
        [sign, h0, h1, m0, m1] | [sign, h0, h1, b':', m0, m1] => (sign, two_digits(h0, h1)?, two_digits(m0, m1)?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let ahead = i64::from(hours) * HOUR_MS + i64::from(minutes) * MINUTE_MS;
    match sign {
        b'+' => Some(ahead),
        b'-' => Some(-ahead),
        _ => None,
    }
}

/// Digits, perhaps with a fraction, in a text.
fn epoch_text(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > 32 || !digits(whole) || !digits(fraction) {
        return None;
    }
    epoch(text.parse().ok()?)
}

/// Epoch seconds, milliseconds or microseconds → milliseconds.
///
/// An f64 holds seconds of this century to a quarter of a microsecond, so fractional seconds are taken to the nearest
/// microsecond before they are cut: `.123` never becomes `.122`.
pub(super) fn epoch(value: f64) -> Option<i64> {
    let within = |unit: f64| (FIRST_S * unit..END_S * unit).contains(&value);
    let ms = if within(1.0) {
        ((value * 1e6).round() as i64).div_euclid(1_000)
    } else if within(1e3) {
        value.floor() as i64
    } else if within(1e6) {
        (value as i64).div_euclid(1_000)
    } else {
        return None;
    };
    in_range(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_772_438_400_000; // 2026-03-02T08:00:00Z

    #[test]
    fn iso_forms() {
        let mut times = Times::new(0);
        for (text, after_ms) in [
            ("2026-03-02T08:00:00", 0),
            ("2026-03-02 08:00:00", 0),
            ("2026-03-02t08:00:00.1", 100),
            ("2026-03-02T08:00:00.12", 120),
            ("2026-03-02T08:00:00.123", 123),
            ("2026-03-02T08:00:00.123999", 123),
            ("2026-03-02T08:00:00.999999999", 999),
            ("2026-03-02T08:00:00Z", 0),
            ("2026-03-02T08:00:00.250z", 250),
            ("2026-03-02T08:00:00+00:00", 0),
            ("2026-03-02T08:00:00.5+02:00", 500 - 2 * HOUR_MS),
            ("2026-03-02T08:00:00-0530", 5 * HOUR_MS + 30 * MINUTE_MS),
            ("2026-03-02T08:00:00+01", -HOUR_MS),
        ] {
            assert_eq!(times.text(text.as_bytes()), Some(AT + after_ms), "{text}");
        }
    }

    #[test]
    fn naive_text_is_in_the_sources_zone_and_offsets_are_not() {
        let mut times = Times::new(90);
        assert_eq!(times.text(b"2026-03-02T08:00:00"), Some(AT - 90 * MINUTE_MS));
        assert_eq!(times.text(b"2026-03-02T08:00:00Z"), Some(AT));
        assert_eq!(times.text(b"1772438400"), Some(AT), "epochs have no zone");
    }

    #[test]
    fn what_is_no_time() {
        let mut times = Times::new(0);
        for text in [
            "",
            "now",
            "2026-03-02",
            "2026-03-02T",
            "2026-03-02T08:00",
            "2026-03-02T08:00:00.",
            "2026-13-02T08:00:00",
            "2026-02-29T08:00:00",
            "2026-00-10T08:00:00",
            "2026-04-31T08:00:00",
            "2026-03-00T08:00:00",
            "2026-03-02T24:00:00",
            "2026-03-02T08:60:00",
            "2026-03-02T08:00:60",
            "2026-03-02T08:00:00.1234567890",
            "2026-03-02T08:00:00+",
            "2026-03-02T08:00:00+24:00",
            "2026-03-02T08:00:00+1:00",
            "2026-03-02T08:00:00 Z",
            "2026/03/02T08:00:00",
            "2026-03-02X08:00:00",
            "1970-01-01T00:00:00",
            "1999-12-31T23:59:59.999",
            "2100-01-01T00:00:00",
            "2000-01-01T00:30:00+01:00",
            "20260302T080000",
            "-1772438400",
            "1772438400.",
            "1772438400e0",
            "0",
            "4102444800",
            "946684799",
            "\0\0\0\0\0\0\0\0\0\0T08:00:00",
        ] {
            assert_eq!(times.text(text.as_bytes()), None, "{text}");
        }
        assert!(times.text(b"2024-02-29T00:00:00").is_some(), "a leap day");
        assert!(times.text(b"2000-02-29T00:00:00").is_some(), "a leap day of a leap century");
    }

    #[test]
    fn a_bad_date_is_not_cached() {
        let mut times = Times::new(0);
        assert_eq!(times.text(b"2026-02-30T00:00:00"), None);
        assert_eq!(times.text(b"2026-02-30T00:00:00"), None);
        assert_eq!(times.text(b"2026-03-02T08:00:00"), Some(AT));
    }

    #[test]
    fn epochs_by_magnitude() {
        for (value, ms) in [
            (1_772_438_400.0, AT),
            (1_772_438_400.123, AT + 123),
            (1_772_438_400.123_999, AT + 123),
            (1_772_438_400_123.0, AT + 123),
            (1_772_438_400_123.9, AT + 123),
            (1_772_438_400_123_999.0, AT + 123),
            (FIRST_S, 946_684_800_000),
        ] {
            assert_eq!(epoch(value), Some(ms), "{value}");
        }
        for value in [0.0, -1.0, 946_684_799.0, END_S, 4_102_444_799.999_999_9, 4_102_444_800_000.0, 1e18, f64::NAN] {
            assert_eq!(epoch(value), None, "{value}");
        }
        for thousandth in 0..1_000 {
            let text = format!("1772438400.{thousandth:03}");
            assert_eq!(Times::new(0).text(text.as_bytes()), Some(AT + thousandth), "{text}");
        }
    }
}
