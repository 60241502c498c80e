//! JSON written straight into a buffer: no values in between, nothing allocated.

use greenwave_model::iso;

use super::super::random::mix;
use super::super::report::Report;
use super::super::roads::Place;
use super::Spelling;

const PAIRS: &[u8; 200] =
    b"00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748\
495051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// Whole numbers.
pub fn decimal(out: &mut Vec<u8>, mut value: u64) {
    let (mut digits, mut at) = ([0u8; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

/// Two digits.
#[inline]
fn pair(out: &mut Vec<u8>, value: u32) {
    let at = 2 * (value % 100) as usize;
    out.extend_from_slice(&PAIRS[at..at + 2]);
}

/// So many digits, with zeros in front.
pub fn padded(out: &mut Vec<u8>, mut value: u32, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    for digit in out[start..].iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// A whole number of tenths, hundreds and so on, with its point.
pub fn fixed(out: &mut Vec<u8>, value: i32, places: usize) {
    if value < 0 {
        out.push(b'-');
    }
    let (value, unit) = (value.unsigned_abs(), 10u32.pow(places as u32));
    decimal(out, u64::from(value / unit));
    out.push(b'.');
    padded(out, value % unit, places);
}

/// Naive UTC with microseconds, as Python writes it.
pub fn timestamp(out: &mut Vec<u8>, ms: i64) {
    let (year, month, day) = iso::civil(ms.div_euclid(86_400_000));
    let of_day = ms.rem_euclid(86_400_000) as u32;
    padded(out, year as u32, 4);
    for (before, value) in [
        (b'-', month),
        (b'-', day),
        (b'T', of_day / 3_600_000),
        (b':', of_day / 60_000 % 60),
        (b':', of_day / 1_000 % 60),
    ] {
        out.push(before);
        pair(out, value);
    }
    out.push(b'.');
    padded(out, of_day % 1_000 * 1_000, 6);
}

/// A UUID of version 4, made of a number.
pub fn id(out: &mut Vec<u8>, number: u64) {
    let (high, low) = (mix(number), mix(!number));
    let bytes = (u128::from(high & !0xf000 | 0x4000) << 64) | u128::from(low & !(0b11 << 62) | 0b10 << 62);
    let mut text = [b'-'; 36];
    let mut at = 0;
    for byte in bytes.to_be_bytes() {
        if matches!(at, 8 | 13 | 18 | 23) {
            at += 1;
        }
        text[at] = b"0123456789abcdef"[usize::from(byte >> 4)];
        text[at + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
        at += 2;
    }
    out.extend_from_slice(&text);
}

/// An object being written. Each call adds one member.
pub struct Json<'a> {
    out: &'a mut Vec<u8>,
    spelling: Spelling,
}

impl<'a> Json<'a> {
    pub fn new(out: &'a mut Vec<u8>, spelling: Spelling) -> Self {
        Self { out, spelling }
    }

    /// The value of the next member, or of the first one, to be written by the caller.
    pub fn value(&mut self, name: &str) -> &mut Vec<u8> {
        let before: &[u8] = if self.out.is_empty() { b"{\"" } else { b",\"" };
        self.out.extend_from_slice(before);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub fn text(&mut self, name: &str, text: &[u8]) {
        let out = self.value(name);
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    }

    /// A text that ends with a number of so many digits.
    pub fn numbered(&mut self, name: &str, text: &str, number: u32, width: usize) {
        let out = self.value(name);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        padded(out, number, width);
        out.push(b'"');
    }

    pub fn fixed(&mut self, name: &str, value: i32, places: usize) {
        fixed(self.value(name), value, places);
    }

    pub fn whole(&mut self, name: &str, value: u64) {
        decimal(self.value(name), value);
    }

    /// The name to use for a member that goes by two.
    pub fn either(&self, usual: &'static str, variant: &'static str) -> &'static str {
        self.spelling.of(usual, variant)
    }

    pub fn timestamp(&mut self, report: &Report) {
        let out = self.value("timestamp");
        out.push(b'"');
        timestamp(out, report.event_ms);
        out.push(b'"');
    }

    pub fn place(&mut self, place: Place) {
        match self.spelling {
            Spelling::Usual => {
                let out = self.value("location");
                out.push(b'[');
                fixed(out, place.latitude_e5, 5);
                out.push(b',');
                fixed(out, place.longitude_e5, 5);
                out.push(b']');
            }
            Spelling::Variant => {
                self.fixed("latitude", place.latitude_e5, 5);
                self.fixed("longitude", place.longitude_e5, 5);
            }
        }
    }

    pub fn end(self) {
        self.out.push(b'}');
    }
}
