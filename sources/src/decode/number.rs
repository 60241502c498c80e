//! Numbers of JSON text, without exponent, to the f64 that a correctly rounding parser gives.
//!
//! A mantissa of at most 53 bits divided by an exact power of ten is rounded once, hence correctly (Clinger's fast
//! path). Everything longer goes to the standard library's parser, which is correctly rounded too.

/// Powers of ten that an f64 holds exactly, as far as the digits of the fast path reach.
const TENS: [f64; 20] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19];
/// Digits that always fit a u64.
pub(super) const DIGITS_MAX: usize = 19;
const EXACT_MAX: u64 = 1 << 53;

#[inline(always)]
fn digit(bytes: &[u8], at: usize) -> Option<u64> {
    let value = bytes.get(at)?.wrapping_sub(b'0');
    (value <= 9).then_some(u64::from(value))
}

/// The number that starts at `start`, and where it ends. `None` where there is none, where it has an exponent, or
/// where it is beyond f64.
#[inline]
pub(super) fn scan(bytes: &[u8], start: usize) -> Option<(f64, usize)> {
    let negative = *bytes.get(start)? == b'-';
    let first = start + usize::from(negative);
    let mut at = first;
    let mut mantissa = 0u64;
    while let Some(value) = digit(bytes, at) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(value);
        at += 1;
    }
    let whole = at - first;
    if whole == 0 || (whole > 1 && bytes[first] == b'0') {
        return None;
    }
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        let point = at;
        at += 1;
        while let Some(value) = digit(bytes, at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(value);
            at += 1;
        }
        fraction = at - point - 1;
        if fraction == 0 {
            return None;
        }
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    if whole + fraction <= DIGITS_MAX && mantissa <= EXACT_MAX {
        let size = mantissa as f64 / TENS[fraction];
        return Some((if negative { -size } else { size }, at));
    }
    Some((parse(&bytes[start..at])?, at))
}

#[cold]
fn parse(bytes: &[u8]) -> Option<f64> {
    std::str::from_utf8(bytes).ok()?.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The end of the whole number without sign that starts at `start`, if its text is the number's only decimal text and
/// it surely fits a u64.
#[inline]
pub(super) fn digits_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while digit(bytes, at).is_some() {
        at += 1;
    }
    let count = at - start;
    let plain = count > 0 && count <= DIGITS_MAX && (count == 1 || bytes[start] != b'0');
    plain.then_some(at)
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
        for text in ["", "-", "01", "-01", "1.", ".5", "+1", "1e5", "1.5E3", "NaN", "00"] {
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
