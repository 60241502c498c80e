//! Numbers of JSON text, without exponent, to the f64 that a correctly rounding parser gives.
//!
//! A mantissa of at most 53 bits divided by an exact power of ten is rounded once, hence correctly (Clinger's fast
//! path). Everything longer goes to the standard library's parser, which is correctly rounded too.

use super::swar;

/// Powers of ten that an f64 holds exactly, as far as the digits of the fast path reach.
const TENS: [f64; 20] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19];
const WHOLE_TENS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// Digits that always fit a u64.
pub(super) const DIGITS_MAX: usize = 19;
const EXACT_MAX: u64 = 1 << 53;

/// The digits that start at `start`: where they end, and the mantissa with them appended.
#[inline(always)]
fn run(bytes: &[u8], start: usize, mut mantissa: u64) -> (usize, u64) {
    let mut at = start;
    loop {
        let (count, value) = swar::digits(swar::word(bytes, at));
        mantissa = mantissa.wrapping_mul(WHOLE_TENS[count]).wrapping_add(value);
        at += count;
        if count < 8 {
            return (at, mantissa);
        }
    }
}

/// The number that starts at `start`, and where it ends. `None` where there is none, where it has an exponent, or
/// where it is beyond f64.
#[inline(always)]
pub(super) fn scan(bytes: &[u8], start: usize) -> Option<(f64, usize)> {
    let negative = *bytes.get(start)? == b'-';
    let first = start + usize::from(negative);
    let behind = bytes.get(first + 8).copied().unwrap_or_default();
    let Some((mantissa, fraction, length)) = short(swar::word(bytes, first), behind) else {
        return long(bytes, start, first);
    };
    Some((signed(negative, mantissa as f64 / TENS[fraction]), first + length))
}

#[inline(always)]
fn signed(negative: bool, size: f64) -> f64 {
    f64::from_bits(size.to_bits() | u64::from(negative) << 63)
}

/// A number of whole digits, a point and a fraction in at most eight bytes: its mantissa, the digits of its fraction
/// and its length. The commonest form, from one word and the byte behind it.
#[inline(always)]
fn short(word: u64, behind: u8) -> Option<(u64, usize, usize)> {
    let (values, others) = swar::digit_values(word);
    let whole = swar::first(others);
    let length = swar::first(others & others.wrapping_sub(1));
    if whole == 0 || length < whole + 2 {
        return None;
    }
    let at = |place: usize| (word >> (8 * place)) as u8;
    let next = if length < 8 { at(length) } else { behind };
    if at(whole) != b'.' || (whole > 1 && at(0) == b'0') || next.is_ascii_digit() || next | 0x20 == b'e' {
        return None;
    }
    let joined = swar::lowest(values, whole) | values >> (8 * whole + 8) << (8 * whole);
    Some((swar::worth(joined, length - 1), length - whole - 1, length))
}

/// Any number without exponent.
#[inline(never)]
fn long(bytes: &[u8], start: usize, first: usize) -> Option<(f64, usize)> {
    let (mut at, mut mantissa) = run(bytes, first, 0);
    let whole = at - first;
    if whole == 0 || (whole > 1 && bytes.get(first) == Some(&b'0')) {
        return None;
    }
    let mut next = bytes.get(at);
    let mut fraction = 0;
    if next == Some(&b'.') {
        let point = at;
        (at, mantissa) = run(bytes, point + 1, mantissa);
        fraction = at - point - 1;
        if fraction == 0 {
            return None;
        }
        next = bytes.get(at);
    }
    if matches!(next, Some(b'e' | b'E')) {
        return None;
    }
    if whole + fraction <= DIGITS_MAX && mantissa <= EXACT_MAX {
        return Some((signed(first > start, mantissa as f64 / TENS[fraction]), at));
    }
    Some((parse(bytes.get(start..at)?)?, at))
}

#[cold]
fn parse(bytes: &[u8]) -> Option<f64> {
    std::str::from_utf8(bytes).ok()?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The end of the whole number without sign that starts at `start`, if its text is the number's only decimal text and
/// it surely fits a u64.
#[inline]
pub(super) fn digits_end(bytes: &[u8], start: usize) -> Option<usize> {
    let (end, _) = run(bytes, start, 0);
    let count = end - start;
    let plain = count > 0 && count <= DIGITS_MAX && (count == 1 || bytes.get(start) != Some(&b'0'));
    plain.then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_the_standard_parsers_value_bit_for_bit() {
        for text in [
            "0",
            "-0",
            "0.0",
            "-0.0",
            "7",
            "27.6",
            "-0.12780",
            "51.58740",
            "9007199254740992",
            "9007199254740993",
            "9007199254740992.5",
            "0.1",
            "0.30000000000000004",
            "123456789012345678",
            "1234567890123456789012",
            "27.62345678901234567",
            "0.0000000000000000001",
            "0.000000000000000000012",
            "18446744073709551615",
            "-179.99999999999999",
        ] {
            let (value, end) = scan(text.as_bytes(), 0).expect(text);
            assert_eq!((value.to_bits(), end), (text.parse::<f64>().unwrap().to_bits(), text.len()), "{text}");
        }
    }

    #[test]
    fn what_is_no_plain_number_is_left_to_others() {
        for text in [
            "",
            "-",
            "01",
            "-01",
            "01.5",
            "-00.25",
            "1.5e3",
            "12.345678E1",
            "1.",
            ".5",
            "+1",
            "1e5",
            "1.5E3",
            "NaN",
            "00",
        ] {
            assert_eq!(scan(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(scan("9".repeat(400).as_bytes(), 0), None, "beyond f64");
        assert_eq!(scan(b"1.2.3", 0), Some((1.2, 3)), "stops where the number ends");
    }

    #[test]
    fn digits_end_takes_only_the_one_decimal_text() {
        assert_eq!(digits_end(b"1234}", 0), Some(4));
        assert_eq!(digits_end(b"0,", 0), Some(1));
        for text in ["012", "-5", "", "12345678901234567890"] {
            assert_eq!(digits_end(text.as_bytes(), 0), None, "{text}");
        }
    }
}
