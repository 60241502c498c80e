//! Habits kept by a test: every finding names file, line and fix. The rules are in `rust.rs`, `text.rs`, `markdown.rs`
//! and `dead.rs`; `bad_input.rs` shows that each of them can fail.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod dead;
mod markdown;
mod rust;
mod source;
mod text;

use std::fmt;
use std::path::Path;

use dead::Crates;
use source::Tree;

/// One breach of a habit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    file: String,
    line: usize,
    what: String,
    fix: String,
}

impl Finding {
    fn new(file: &str, line: usize, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.what, self.fix)
    }
}

#[test]
fn the_workspace_is_tidy() {
    let tree = Tree::read(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    assert!(tree.files().len() > 20, "only {} files found: the walk is broken", tree.files().len());
    let crates = Crates::of(&tree);
    let mut findings = dead::findings(&tree, &crates);
    for file in tree.files() {
        findings.extend(text::findings(&file.path, &file.text));
        if file.path.ends_with(".md") {
            findings.extend(markdown::findings(file, &tree));
        }
        if file.path.ends_with(".rs") {
            findings.extend(rust::findings(file, crates.is_test(&file.path)));
        }
    }
    findings.sort();
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(list.is_empty(), "{} findings:\n{}", list.len(), list.join("\n"));
}
