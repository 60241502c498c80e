//! A place in the text of a record, and the few tokens that are read from there without a JSON parser.
//!
//! Every method either takes a whole, plain token and moves on, or answers `None`, after which the record belongs to
//! the next stage.

use super::number;

#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline(always)]
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline(always)]
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    #[inline(always)]
    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Takes exactly these bytes.
    #[inline(always)]
    pub(super) fn exactly(&mut self, expected: &[u8]) -> Option<()> {
        let end = self.at + expected.len();
        (self.bytes().get(self.at..end)? == expected).then(|| self.at = end)
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    pub(super) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    /// The rest of a string without escapes, up to its closing quote, which stays.
    #[inline]
    pub(super) fn string_body(&mut self) -> Option<&'a str> {
        let start = self.at;
        let length = plain_length(self.bytes().get(start..)?)?;
        self.at = start + length;
        self.text.get(start..self.at)
    }

    #[inline]
    pub(super) fn number(&mut self) -> Option<f64> {
        let (value, end) = number::scan(self.bytes(), self.at)?;
        self.at = end;
        Some(value)
    }

    /// A whole number without sign, as it stands.
    #[inline]
    pub(super) fn digits(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at = number::digits_end(self.bytes(), start)?;
        self.text.get(start..self.at)
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The highest bit of each byte below `limit` (at most 128); above the first such byte there may be others.
#[inline(always)]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

/// Bytes before the first quote, if neither a backslash nor a control character stands before it.
#[inline(always)]
fn plain_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let special = quote | below(word ^ (ONES * u64::from(b'\\')), 1) | below(word, 0x20);
        if special != 0 {
            at += special.trailing_zeros() as usize / 8;
            return (bytes[at] == b'"').then_some(at);
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
    (bytes[at + rest] == b'"').then_some(at + rest)
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
                let mut cursor = Cursor::new(&text);
                assert_eq!(cursor.string_body(), Some(body.as_str()));
                assert_eq!(cursor.peek(), Some(b'"'));
            }
        }
    }

    #[test]
    fn a_string_that_is_not_plain_is_left_to_others() {
        for odd in ["\\", "\n", "\0", "\u{1f}"] {
            for before in 0..20 {
                let text = format!("{}{odd}{}\"", "a".repeat(before), "b".repeat(9));
                assert_eq!(Cursor::new(&text).string_body(), None, "{text:?}");
            }
        }
        assert_eq!(Cursor::new("no end").string_body(), None);
        assert_eq!(Cursor::new("a long text without an end").string_body(), None);
    }
}
