//! Rules for one Rust file: sizes, names, what it opens with, what an operator says first, what must not be called.

use std::ops::Range;

use crate::Finding;
use crate::source::{File, block, code_only, line_of, words};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const LIB_LINES_MAX: usize = 80;
const INLINE_TEST_LINES_MAX: usize = 150;

const BANNED_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager", "handler"];

/// What an operator's header says, in this order.
const FACTS: &[&str] = &["in", "out", "state", "late", "moves", "fails"];

/// What makes a file of `operators/` an operator: what the shell runs, and what is built without it.
const OPERATOR_SIGNS: &[&str] = &[
    "TickOperator for",
    "unary",
    "unary_frontier",
    "unary_notify",
    "binary",
    "binary_frontier",
    "binary_notify",
    "OperatorBuilder",
];
const SHELL_SIGN: &str = "trait TickOperator";

/// What a pure crate must not call: (crates, word, fix).
const IMPURE: &[(&[&str], &str, &str)] = &[
    (PURE, "SystemTime", "take the time from the binding"),
    (PURE, "Instant", "take the time from the binding"),
    (PURE, "RandomState", "routing and order must repeat: use the fixed hash of `model`"),
    (PURE, "println", "a pure crate returns what it has to say"),
    (DATAFLOW, "sleep", "a sleeping worker stalls its peers"),
    (DATAFLOW, "HashMap::new", FIXED_HASH),
    (DATAFLOW, "HashSet::new", FIXED_HASH),
    (DATAFLOW, "HashMap::with_capacity", FIXED_HASH),
    (DATAFLOW, "HashSet::with_capacity", FIXED_HASH),
];
const FIXED_HASH: &str = "its hash, and so its order, changes from run to run: give it a fixed one";
const PURE: &[&str] = &["model/src/", "operators/src/", "dataflows/src/", "roads/src/"];
const DATAFLOW: &[&str] = &["operators/src/", "dataflows/src/"];

/// Everything wrong with one file. `all_test` when no part of it is shipped.
pub fn findings(file: &File, all_test: bool) -> Vec<Finding> {
    let code = code_only(&file.text);
    let tests = if all_test { std::iter::once(0..code.len()).collect() } else { test_blocks(&code) };
    let mut findings = sizes(file, &code, &tests);
    findings.extend(name(file));
    findings.extend(opening(file));
    findings.extend(unwraps(file, &code, &tests));
    findings.extend(impure(file, &code, &tests));
    if file.path.starts_with("operators/src/") && is_operator(&code, &tests) {
        findings.extend(operator_header(file));
    }
    findings
}

fn sizes(file: &File, code: &str, tests: &[Range<usize>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    let mut long = |line, what: &str, found: usize, max: usize, fix: &str| {
        if found > max {
            findings.push(Finding::new(&file.path, line, format!("{what} has {found} lines, {max} at most"), fix));
        }
    };
    long(1, "this file", lines, FILE_LINES_MAX, "split it by noun");
    if file.path.ends_with("/lib.rs") {
        long(1, "this contents page", lines, LIB_LINES_MAX, "move the code into modules");
    }
    for at in words(code, "fn") {
        // `fn(` is the type of a function, not one.
        let named = code[at + 2..].trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_');
        let Some(body) = block(code, at).filter(|_| named) else { continue };
        let length = line_of(code, body.end - 1) - line_of(code, at) + 1;
        let name = code[at + 2..].split(|c: char| !c.is_alphanumeric() && c != '_').find(|s| !s.is_empty());
        let what = format!("function `{}`", name.unwrap_or_default());
        long(line_of(code, at), &what, length, FUNCTION_LINES_MAX, "split off a pure leaf");
    }
    for test in tests.iter().filter(|test| test.len() < code.len()) {
        let length = line_of(code, test.end - 1) - line_of(code, test.start) + 1;
        long(
            line_of(code, test.start),
            "this test module",
            length,
            INLINE_TEST_LINES_MAX,
            "move it to a `tests.rs` beside",
        );
    }
    findings
}

fn name(file: &File) -> Option<Finding> {
    let name = file.path.rsplit('/').next()?.strip_suffix(".rs")?;
    let folder = file.path.rsplit('/').nth(1).unwrap_or_default();
    let bad = BANNED_NAMES.iter().find(|&&banned| name == banned || (folder == banned && name == "mod"))?;
    Some(Finding::new(&file.path, 1, format!("a file called `{bad}` may hold anything"), "name the noun, or split it"))
}

fn opening(file: &File) -> Option<Finding> {
    let first = file.text.lines().find(|line| !line.is_empty() && !line.starts_with("#!["));
    let opened = first.is_some_and(|line| line.starts_with("//! "));
    (!opened)
        .then(|| Finding::new(&file.path, 1, "it does not open with `//! `", "say in a sentence what the file is for"))
}

fn unwraps(file: &File, code: &str, tests: &[Range<usize>]) -> Vec<Finding> {
    let found = code.match_indices(".unwrap()").filter(|(at, _)| !inside(tests, *at));
    let finding = |at| {
        let fix = "return an error that names the place, or `expect` with the proof";
        Finding::new(&file.path, line_of(code, at), "`unwrap` outside tests", fix)
    };
    found.map(|(at, _)| finding(at)).collect()
}

fn impure(file: &File, code: &str, tests: &[Range<usize>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for &(crates, word, fix) in IMPURE {
        if !crates.iter().any(|folder| file.path.starts_with(folder)) {
            continue;
        }
        for at in words(code, word).filter(|&at| !inside(tests, at)) {
            findings.push(Finding::new(&file.path, line_of(code, at), format!("`{word}` in a pure crate"), fix));
        }
    }
    findings
}

fn is_operator(code: &str, tests: &[Range<usize>]) -> bool {
    !code.contains(SHELL_SIGN)
        && OPERATOR_SIGNS.iter().any(|sign| {
            words(code, sign).any(|at| !inside(tests, at) && !line_around(code, at).trim_start().starts_with("use "))
        })
}

fn operator_header(file: &File) -> Vec<Finding> {
    let header: Vec<&str> = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
    let said = |fact: &&str| header.iter().any(|line| line[3..].trim_start().split(' ').next() == Some(fact));
    let unsaid: Vec<&str> = FACTS.iter().filter(|fact| !said(fact)).copied().collect();
    let mut findings = Vec::new();
    if !unsaid.is_empty() {
        let what = format!("the header of this operator does not say: {}", unsaid.join(", "));
        findings.push(Finding::new(&file.path, 1, what, "one line each, `//! state one total per key; freed …`"));
    }
    let documented = |line: &str| line.trim_start().starts_with("///") || line.starts_with("//!");
    let doctest = file.text.lines().any(|line| documented(line) && line.contains("assert"));
    if !doctest {
        findings.push(Finding::new(
            &file.path,
            1,
            "this operator has no doctest that asserts",
            "show it at work in `///`",
        ));
    }
    findings
}

/// Every `#[cfg(test)]` item with its block.
fn test_blocks(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]").chain(code.match_indices("#[cfg(all(test"));
    marks.filter_map(|(at, mark)| block(code, at + mark.len()).map(|block| at..block.end)).collect()
}

fn inside(tests: &[Range<usize>], at: usize) -> bool {
    tests.iter().any(|test| test.contains(&at))
}

fn line_around(code: &str, at: usize) -> &str {
    let start = code[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = code[at..].find('\n').map_or(code.len(), |newline| at + newline);
    &code[start..end]
}
