//! Direction of travel: degrees as given, or one of the sixteen points of the compass in words or letters.

/// Degrees brought into `0 <= d < 360`; `None` where they are too far out to be meant.
#[inline]
pub(super) fn degrees(given: f64) -> Option<f64> {
    if (0.0..360.0).contains(&given) {
        return Some(given + 0.0); // -0 becomes 0
    }
    if !(-360.0..=720.0).contains(&given) {
        return None;
    }
    let turned = given.rem_euclid(360.0);
    // A tiny negative angle rounds up to the full turn.
    Some(if turned < 360.0 { turned + 0.0 } else { 0.0 })
}

/// `North-East`, `north east`, `NE`, `NNE`, `North-North-East`, … in any case → degrees.
pub(super) fn compass(text: &str) -> Option<f64> {
    let mut points = [0u8; 3];
    let mut count = 0;
    let mut rest = text.as_bytes();
    while let Some(&first) = rest.first() {
        if matches!(first, b'-' | b' ' | b'_') {
            rest = &rest[1..];
            continue;
        }
        let word = match first.to_ascii_lowercase() {
            b'n' => &b"north"[..],
            b'e' => b"east",
            b's' => b"south",
            b'w' => b"west",
            _ => return None,
        };
        *points.get_mut(count)? = word[0];
        count += 1;
        let spelled_out = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        rest = &rest[if spelled_out { word.len() } else { 1 }..];
    }
    let sixteenths = match &points[..count] {
        b"n" => 0,
        b"nne" => 1,
        b"ne" => 2,
        b"ene" => 3,
        b"e" => 4,
        b"ese" => 5,
        b"se" => 6,
        b"sse" => 7,
        b"s" => 8,
        b"ssw" => 9,
        b"sw" => 10,
        b"wsw" => 11,
        b"w" => 12,
        b"wnw" => 13,
        b"nw" => 14,
        b"nnw" => 15,
        _ => return None,
    };
    Some(f64::from(sixteenths) * 22.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_points_in_letters_and_words() {
        let letters =
            ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"];
        for (index, point) in letters.into_iter().enumerate() {
            let expected = Some(index as f64 * 22.5);
            let words: Vec<&str> = point
                .chars()
                .map(|letter| match letter {
                    'N' => "North",
                    'E' => "East",
                    'S' => "South",
                    _ => "West",
                })
                .collect();
            assert_eq!(compass(point), expected, "{point}");
            assert_eq!(compass(&point.to_lowercase()), expected, "{point}");
            for joined in [words.join("-"), words.join(" "), words.concat(), words.join("-").to_uppercase()] {
                assert_eq!(compass(&joined), expected, "{joined}");
            }
        }
    }

    #[test]
    fn other_words_are_no_direction() {
        for text in ["", " ", "-", "up", "Nord", "NEN", "NNN", "northbound", "NS", "EN", "N1", "45"] {
            assert_eq!(compass(text), None, "{text}");
        }
    }

    #[test]
    fn degrees_are_brought_into_one_turn() {
        for (given, expected) in
            [(0.0, 0.0), (359.9, 359.9), (360.0, 0.0), (-90.0, 270.0), (720.0, 0.0), (-360.0, 0.0), (450.0, 90.0)]
        {
            assert_eq!(degrees(given), Some(expected), "{given}");
        }
        assert_eq!(degrees(-0.0).map(f64::to_bits), Some(0), "-0 is 0");
        assert_eq!(degrees(-1e-20), Some(0.0), "never 360");
        for given in [-360.5, 720.5, f64::NAN, f64::INFINITY] {
            assert_eq!(degrees(given), None, "{given}");
        }
    }
}
