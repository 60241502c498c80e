//! The Prometheus text format, read strictly: what a scraper would refuse, or silently read otherwise, is an error here.

use std::collections::{BTreeMap, BTreeSet};

/// Every number of a page, by metric name with its labels as written: `greenwave_partitions{topic="gps_data",…}`.
pub type Numbers = BTreeMap<String, f64>;

/// Panics with the line that breaks a rule.
pub fn parse(page: &str) -> Numbers {
    assert!(page.ends_with('\n'), "the last line has no end");
    let (mut numbers, mut families) = (Numbers::new(), BTreeSet::new());
    let mut lines = page.lines().peekable();
    while let Some(help) = lines.next() {
        let name = help.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).map(|(name, _)| name);
        let name = name.unwrap_or_else(|| panic!("a metric begins with its help: {help}"));
        assert!(is_name(name, ":"), "no metric name: {help}");
        assert!(families.insert(name), "a metric stands in one place: {help}");
        let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} ")));
        let kind = kind.unwrap_or_else(|| panic!("{name} has no type"));
        assert!(matches!(kind, "counter" | "gauge"), "{name} is a {kind}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        let before = numbers.len();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, number) = sample(line);
            assert_eq!(series.split('{').next(), Some(name), "a number under another metric: {line}");
            assert!(kind != "counter" || number >= 0.0, "a counter below zero: {line}");
            assert!(numbers.insert(series.to_owned(), number).is_none(), "a series stands twice: {line}");
        }
        assert!(numbers.len() > before, "{name} has no number");
    }
    numbers
}

fn sample(line: &str) -> (&str, f64) {
    let at = line.rfind(' ').unwrap_or_else(|| panic!("no number: {line}"));
    let (series, number) = (&line[..at], &line[at + 1..]);
    let number: f64 = number.parse().unwrap_or_else(|e| panic!("{e}: {line}"));
    assert!(number.is_finite(), "no finite number: {line}");
    if let Some((name, labels)) = series.split_once('{') {
        assert!(is_name(name, ":"), "no metric name: {line}");
        let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("labels without an end: {line}"));
        check_labels(labels, line);
    }
    (series, number)
}

/// `name="value"` with commas between; in a value only `\\`, `\"` and `\n` follow a backslash.
fn check_labels(mut rest: &str, line: &str) {
    let mut names = BTreeSet::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        assert!(is_name(name, "") && names.insert(name), "no label name, or twice: {line}");
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().unwrap_or_else(|| panic!("a value without an end: {line}")) {
                (at, '"') => break at,
                (_, '\\') => {
                    let next = chars.next().map(|(_, c)| c);
                    assert!(matches!(next, Some('\\' | '"' | 'n')), "no such escape: {line}");
                }
                _ => {}
            }
        };
        match &after[end + 1..] {
            "" => return,
            more => rest = more.strip_prefix(',').unwrap_or_else(|| panic!("no comma between labels: {line}")),
        }
    }
}

fn is_name(text: &str, also: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || also.contains(c);
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(fits)
}

#[test]
fn the_reader_is_strict() {
    let head = "# HELP a_total x\n# TYPE a_total counter\n";
    let page = |samples: &str| format!("{head}{samples}\n");
    let good = parse(&page("a_total{l=\"1\",m=\"\\\\ \\\" \\n\"} 1\na_total 2.5"));
    assert_eq!(good.len(), 2);
    let wrong = [
        page("a_total 1\na_total 1"),
        page("a_total -1"),
        page("a_total NaN"),
        page("a_total one"),
        page("a_total{} 1"),
        page("a_total{l=\"1\" 1"),
        page("a_total{l=\"1\"m=\"2\"} 1"),
        page("a_total{l=\"1\",l=\"2\"} 1"),
        page("a_total{l=\"\\x\"} 1"),
        page("a_total{1=\"1\"} 1"),
        page("b_total 1"),
        page(""),
        format!("{head}a_total 1"),
        format!("{head}a_total 1\n{head}a_total 2\n"),
        "a_total 1\n".to_owned(),
        "# HELP a x\n# TYPE a counter\na 1\n".to_owned(),
        "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n".to_owned(),
        "# HELP a x\n# TYPE a histogram\na 1\n".to_owned(),
    ];
    for page in wrong {
        let read = std::panic::catch_unwind(|| parse(&page));
        assert!(read.is_err(), "it was read:\n{page}");
    }
}
