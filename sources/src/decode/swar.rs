//! Eight bytes of text at a time, in one register: where a byte of some kind stands first, and what digits are worth.
//!
//! The first byte of a text is the lowest of its word.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The eight bytes at `at`; behind the end of the text stand zeros.
#[inline(always)]
pub(super) fn word(bytes: &[u8], at: usize) -> u64 {
    if let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        return u64::from_le_bytes(*chunk);
    }
    let missing = (at + 8).saturating_sub(bytes.len());
    match bytes.last_chunk() {
        Some(chunk) if missing < 8 => u64::from_le_bytes(*chunk) >> (8 * missing),
        _ => short_word(bytes, at),
    }
}

#[cold]
fn short_word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Marks bytes below `limit` (at most 128). The lowest mark is true; above it there may be false ones.
#[inline(always)]
pub(super) fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

/// Marks bytes equal to `byte`. The lowest mark is true; above it there may be false ones.
#[inline(always)]
pub(super) fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

/// Marks bytes beyond ASCII. Every mark is true.
#[inline(always)]
pub(super) fn beyond_ascii(word: u64) -> u64 {
    word & HIGHS
}

/// Bytes below the lowest mark; 8 without a mark.
#[inline(always)]
pub(super) fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// The lowest `count` bytes of a word, fewer than 8.
#[inline(always)]
pub(super) fn lowest(word: u64, count: usize) -> u64 {
    word & ((1 << (8 * count)) - 1)
}

/// The values of digits, byte by byte, and marks on the bytes that are none. Above a mark that is not a point's there
/// may be false ones.
#[inline(always)]
pub(super) fn digit_values(word: u64) -> (u64, u64) {
    let values = word ^ (ONES * u64::from(b'0'));
    // Of a byte that is no digit, either the value has its highest bit set or adding 0x76 sets it.
    (values, (values.wrapping_add(ONES * 0x76) | values) & HIGHS)
}

/// What the lowest `count` values, from 1 to 8, are worth together.
#[inline(always)]
pub(super) fn worth(values: u64, count: usize) -> u64 {
    // Leading zeros in front, then neighbours are added up in pairs, fours and eights.
    let values = values << (64 - 8 * count);
    let pairs = (values.wrapping_mul(10) + (values >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xFFFF_FFFF
}

/// How many digits a word starts with, and what they are worth.
#[inline(always)]
pub(super) fn digits(word: u64) -> (usize, u64) {
    let (values, others) = digit_values(word);
    let count = first(others);
    (count, if count == 0 { 0 } else { worth(values, count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_zeros_behind_the_end() {
        let text = b"0123456789abcdef";
        for length in 0..=text.len() {
            for at in 0..length + 10 {
                let mut expected = [0; 8];
                for (place, byte) in text[..length].iter().skip(at).take(8).enumerate() {
                    expected[place] = *byte;
                }
                assert_eq!(word(&text[..length], at).to_le_bytes(), expected, "{length} {at}");
            }
        }
    }

    #[test]
    fn digits_of_every_length_before_every_byte() {
        for count in 0..=8usize {
            for other in (0..=255u8).filter(|byte| !byte.is_ascii_digit()) {
                let mut bytes = [other; 8];
                bytes[..count].copy_from_slice(&b"90817263"[..count]);
                let expected = "90817263"[..count].parse().unwrap_or(0);
                assert_eq!(digits(u64::from_le_bytes(bytes)), (count, expected), "{bytes:?}");
            }
        }
        assert_eq!(digits(u64::from_le_bytes(*b"99999999")), (8, 99_999_999));
    }

    #[test]
    fn marks_find_the_first_byte() {
        for place in 0..8 {
            for other in (0..=255u8).filter(|&byte| byte != b'"') {
                let mut bytes = [other; 8];
                bytes[place] = b'"';
                assert_eq!(first(equal(u64::from_le_bytes(bytes), b'"')), place);
            }
            let mut bytes = [b' '; 8];
            bytes[place] = 0x1F;
            assert_eq!(first(below(u64::from_le_bytes(bytes), 0x20)), place);
        }
        assert_eq!(first(below(u64::MAX, 0x20)), 8);
    }
}
