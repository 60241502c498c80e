//! Rules for any written file: no marks of unfinished work, no praise, no path of one person's machine.

use crate::Finding;
use crate::source::words;

// Written in halves so that this file does not find itself.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];
const PRAISE: &[&str] = &[
    concat!("bla", "zing"),
    concat!("seam", "less"),
    concat!("seam", "lessly"),
    concat!("production-", "ready"),
    concat!("battle-", "tested"),
    concat!("state-of-", "the-art"),
    concat!("effort", "lessly"),
];
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];

/// Everything wrong with the words of one file.
pub fn findings(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut found = |what: String, fix: &str| findings.push(Finding::new(path, index + 1, what, fix));
        for word in UNFINISHED.iter().filter(|word| words(line, word).next().is_some()) {
            found(format!("a `{word}`"), "do it, or open an issue and take the mark out");
        }
        let lower = line.to_lowercase();
        for word in PRAISE.iter().filter(|word| words(&lower, word).next().is_some()) {
            found(format!("praise: `{word}`"), "give a number with its command, or nothing");
        }
        for home in HOMES.iter().filter(|home| names_a_place(line, home)) {
            found(format!("a path of one machine: `{home}`"), "make it relative to the checkout, or a setting");
        }
    }
    findings
}

/// Whether `home` begins a path here, and is not the middle of another one or of an address.
fn names_a_place(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}' | ')' | '*' | '>')))
    })
}
