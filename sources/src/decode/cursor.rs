//! A place in the bytes of a record, and the few tokens that are read from there without a JSON parser.
//!
//! Every method either takes a whole, plain token and moves on, or answers `None`, after which the record belongs to
//! the next stage. What has been taken is valid UTF-8.

use super::event::NAME_BYTES_MAX;
use super::{event, number, swar};

#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    #[inline(always)]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    pub(super) fn skip_space(&mut self) {
        while let Some(byte) = self.peek()
            && byte <= b' '
            && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
        {
            self.at += 1;
        }
    }

    /// Takes exactly these bytes.
    #[inline(always)]
    pub(super) fn exactly(&mut self, expected: &[u8]) -> Option<()> {
        let end = self.at + expected.len();
        same(self.bytes.get(self.at..end)?, expected).then(|| self.at = end)
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    #[inline(always)]
    pub(super) fn at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The rest of a string without escapes, up to its closing quote, which stays. `usual` is the length to try first;
    /// where it is right, what follows need not wait until the quote is found.
    #[inline(always)]
    pub(super) fn string_body(&mut self, usual: usize) -> Option<&'a str> {
        let odd = |_| 0;
        if let Some(body) = self.body_of(usual, odd) { Some(body) } else { self.body(odd) }
    }

    /// The same of a member's name.
    #[inline(always)]
    pub(super) fn member_name(&mut self) -> Option<&'a str> {
        self.body(|_| 0)
    }

    /// The same of a string that is a device or a road, or empty.
    #[inline(always)]
    pub(super) fn name_body(&mut self, usual: usize) -> Option<&'a str> {
        let odd = |word| swar::equal(word, b':') | swar::equal(word, 0x7F);
        if let Some(name) = self.body_of(usual, odd) {
            return (name.len() <= NAME_BYTES_MAX).then_some(name);
        }
        let name = self.body(odd)?;
        let fits = name.len() <= NAME_BYTES_MAX && (name.is_ascii() || event::name_fits(name));
        fits.then_some(name)
    }

    /// The bytes up to a quote that stands just `usual` bytes ahead, if it does. They may be anything.
    #[inline(always)]
    pub(super) fn quoted(&self, usual: usize) -> Option<&'a [u8]> {
        let end = self.at + usual;
        if self.bytes.get(end) == Some(&b'"') { self.bytes.get(self.at..end) } else { None }
    }

    /// A body of plain ASCII and of a known length. `odd` marks bytes that this string may not have.
    #[inline(always)]
    fn body_of(&mut self, usual: usize, odd: impl Fn(u64) -> u64) -> Option<&'a str> {
        let body = self.quoted(usual)?;
        let marks = |word| special(word) | swar::beyond_ascii(word) | odd(word);
        let met = match body.last_chunk() {
            // Of these marks the lowest is true, and those from the quote on do not matter.
            None => swar::lowest(marks(swar::word(self.bytes, self.at)), usual),
            // The last word overlaps the one before it.
            Some(last) => {
                let words = body.as_chunks().0.iter().map(|chunk| marks(u64::from_le_bytes(*chunk)));
                words.fold(marks(u64::from_le_bytes(*last)), |met, marks| met | marks)
            }
        };
        if met != 0 {
            return None;
        }
        self.at += usual;
        // SAFETY: every byte of `body` was in a word that has no mark for bytes beyond ASCII.
        Some(unsafe { std::str::from_utf8_unchecked(body) })
    }

    #[inline(always)]
    fn body(&mut self, odd: impl Fn(u64) -> u64) -> Option<&'a str> {
        let start = self.at;
        let mut beyond_ascii = 0;
        loop {
            // Behind the end stand zeros, which are control characters.
            let word = swar::word(self.bytes, self.at);
            let marks = special(word) | odd(word);
            if marks == 0 {
                beyond_ascii |= swar::beyond_ascii(word);
                self.at += 8;
                continue;
            }
            let count = swar::first(marks);
            beyond_ascii |= swar::beyond_ascii(swar::lowest(word, count));
            self.at += count;
            if self.peek()? != b'"' {
                return None;
            }
            let body = self.bytes.get(start..self.at)?;
            if beyond_ascii != 0 {
                return std::str::from_utf8(body).ok();
            }
            // SAFETY: no byte of `body` is beyond ASCII: each was in a word whose high bits are in `beyond_ascii`.
            return Some(unsafe { std::str::from_utf8_unchecked(body) });
        }
    }

    #[inline(always)]
    pub(super) fn number(&mut self) -> Option<f64> {
        let (value, end) = number::scan(self.bytes, self.at)?;
        self.at = end;
        Some(value)
    }

    /// A whole number without sign, as it stands.
    #[inline(always)]
    pub(super) fn digits(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at = number::digits_end(self.bytes, start)?;
        // SAFETY: `digits_end` passed over digits alone.
        Some(unsafe { std::str::from_utf8_unchecked(self.bytes.get(start..self.at)?) })
    }
}

/// Marks what no plain string holds, and the quote behind it.
#[inline(always)]
fn special(word: u64) -> u64 {
    swar::equal(word, b'"') | swar::equal(word, b'\\') | swar::below(word, 0x20)
}

/// Equality of two short texts of one length, without a call.
#[inline(always)]
fn same(left: &[u8], right: &[u8]) -> bool {
    let at_end = |bytes: &[u8]| bytes.last_chunk().map(|chunk| u64::from_le_bytes(*chunk));
    let (Some(left_end), Some(right_end)) = (at_end(left), at_end(right)) else {
        return left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left == right);
    };
    let (left, right) = (left.chunks_exact(8), right.chunks_exact(8));
    left_end == right_end && left.zip(right).all(|(left, right)| left == right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_its_quote_wherever_it_stands() {
        for length in 0..40 {
            for tail in 0..20 {
                let body = "aé".repeat(length);
                let text = format!("{body}\"{}", "x\"\\".repeat(tail));
                for usual in [0, body.len(), body.len() / 2, body.len() + 3] {
                    let mut cursor = Cursor::new(text.as_bytes());
                    assert_eq!(cursor.string_body(usual), Some(body.as_str()));
                    assert_eq!(cursor.peek(), Some(b'"'));
                }
            }
        }
    }

    #[test]
    fn a_string_that_is_not_plain_is_left_to_others() {
        for odd in [&b"\\"[..], b"\n", b"\0", b"\x1f", b"\xff", b"\xc3", b"\xed\xa0\x80"] {
            for before in 0..20 {
                let text = [&b"a".repeat(before), odd, &b"b".repeat(9), b"\""].concat();
                for usual in [0, text.len() - 1] {
                    assert_eq!(Cursor::new(&text).string_body(usual), None, "{text:?}");
                }
            }
        }
        for text in ["", "no end", "a long text without an end"] {
            assert_eq!(Cursor::new(text.as_bytes()).string_body(text.len()), None);
        }
    }

    #[test]
    fn a_name_has_no_colon_no_control_and_256_bytes() {
        let name_body = |text: &str| {
            let quoted = format!("{text}\"");
            let name_body = |usual| Cursor::new(quoted.as_bytes()).name_body(usual).map(str::len);
            assert_eq!(name_body(0), name_body(text.len()));
            name_body(0)
        };
        assert_eq!(name_body("Hauptstraße 17"), Some(15));
        assert_eq!(name_body(""), Some(0));
        assert_eq!(name_body(&"x".repeat(256)), Some(256));
        let too_long = "x".repeat(257);
        for text in ["a:b", "a\u{7f}", "a\u{85}b", "123456789:", too_long.as_str()] {
            assert_eq!(name_body(text), None, "{text:?}");
        }
    }

    #[test]
    fn same_is_equality() {
        let text = b"\",\"vehicle_type\":\"private\"";
        for length in 0..text.len() {
            assert!(same(&text[..length], &text[..length]));
            for place in 0..length {
                let mut other = text[..length].to_vec();
                other[place] ^= 1;
                assert!(!same(&text[..length], &other), "{length} {place}");
            }
        }
    }
}
