//! Numbers and spans of time as people read them.

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.3 s`, `47 s`, `12 min`, `5 h`, `3 days`.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// One and many: `1 partition`, `12 partitions`.
pub fn some(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let table = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        table.iter().for_each(|(number, text)| assert_eq!(count(*number), *text));
    }

    #[test]
    fn a_span_has_the_unit_that_fits() {
        let table = [(0.04, "0.0 s"), (9.94, "9.9 s"), (47.3, "47 s"), (720.0, "12 min"), (18_000.0, "5 h")];
        table.iter().for_each(|(seconds, text)| assert_eq!(span(*seconds), *text));
        assert_eq!(span(3.0 * 86_400.0), "3 days");
        assert_eq!([some(1, "file"), some(12, "file")], ["1 file", "12 files"]);
    }
}
