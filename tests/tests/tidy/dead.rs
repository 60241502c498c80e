//! Rust files that no crate reaches through its `mod` lines: nobody compiles them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::Finding;
use crate::source::{File, Tree, code_only, words};

/// Which files crates are made of, and whether each is part of tests only.
#[derive(Debug, Default)]
pub struct Crates {
    reached: BTreeMap<String, bool>,
}

impl Crates {
    /// Follows every crate's roots through their `mod` lines.
    pub fn of(tree: &Tree) -> Self {
        let mut crates = Self::default();
        for manifest in tree.files().into_iter().filter(|file| file.path.ends_with("Cargo.toml")) {
            let folder = manifest.path.strip_suffix("Cargo.toml").expect("filtered by it");
            for file in tree.files() {
                let Some(inside) = file.path.strip_prefix(folder) else { continue };
                if is_root(inside) || manifest.text.contains(&format!("path = \"{inside}\"")) {
                    let test = inside.starts_with("tests/") || inside.starts_with("benches/");
                    crates.follow(tree, file, test, true);
                }
            }
        }
        crates
    }

    /// Whether no part of the file is shipped.
    pub fn is_test(&self, path: &str) -> bool {
        self.reached.get(path).copied().unwrap_or(false)
    }

    fn follow(&mut self, tree: &Tree, file: &File, test: bool, root: bool) {
        match self.reached.get(&file.path) {
            Some(&known) if !known || test => return,
            _ => self.reached.insert(file.path.clone(), test),
        };
        let code = code_only(&file.text);
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let stem = name.strip_suffix(".rs").unwrap_or(name);
        let own = if root || stem == "mod" { folder.to_owned() } else { join(folder, stem) };
        let inline: Vec<&str> = modules(&code).filter(|module| module.inline).map(|module| module.name).collect();
        for module in modules(&code).filter(|module| !module.inline) {
            let attributes = attributes(&code, module.at).into_iter().map(|at| &file.text[at]).collect::<Vec<_>>();
            let tests_only = test || attributes.contains(&"#[cfg(test)]");
            let named = attributes.iter().filter_map(|attribute| path_attribute(attribute));
            let mut candidates: Vec<String> = named.map(|path| join(folder, path)).collect();
            for base in std::iter::once(own.clone()).chain(inline.iter().map(|inline| join(&own, inline))) {
                candidates.push(join(&base, &format!("{}.rs", module.name)));
                candidates.push(join(&base, &format!("{}/mod.rs", module.name)));
            }
            for found in candidates.iter().filter_map(|candidate| tree.get(candidate)) {
                self.follow(tree, found, tests_only, false);
            }
        }
    }
}

/// Every Rust file that nothing reaches.
pub fn findings(tree: &Tree, crates: &Crates) -> Vec<Finding> {
    let rust = tree.files().into_iter().filter(|file| file.path.ends_with(".rs"));
    let dead = rust.filter(|file| !crates.reached.contains_key(&file.path));
    dead.map(|file| Finding::new(&file.path, 1, "no crate reaches this file", "declare it with `mod`, or delete it"))
        .collect()
}

fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
        ["src", "bin", name] | ["tests" | "benches" | "examples", name] => name.ends_with(".rs"),
        ["src", "bin", _, "main.rs"] | ["tests" | "benches" | "examples", _, "main.rs"] => true,
        _ => false,
    }
}

struct Module<'a> {
    at: usize,
    name: &'a str,
    inline: bool,
}

fn modules(code: &str) -> impl Iterator<Item = Module<'_>> {
    words(code, "mod").filter_map(|at| {
        let rest = code[at + 3..].trim_start();
        let name = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_')?];
        let start = visibility_start(code, at);
        let end = rest[name.len()..].trim_start();
        (!name.is_empty() && end.starts_with(['{', ';'])).then_some(Module {
            at: start,
            name,
            inline: end.starts_with('{'),
        })
    })
}

/// Where the item starts, `pub` and `pub(crate)` included.
fn visibility_start(code: &str, at: usize) -> usize {
    let line = code[..at].rfind('\n').map_or(0, |newline| newline + 1);
    if code[line..at].trim_start().starts_with("pub") { line } else { at }
}

/// The attributes right before an item, as ranges of the text.
fn attributes(code: &str, at: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut end = code[..at].trim_end().len();
    while code[..end].ends_with(']') {
        let Some(start) = code[..end].rfind("#[") else { break };
        found.push(start..end);
        end = code[..start].trim_end().len();
    }
    found
}

/// The file that a `#[path = "…"]` names.
fn path_attribute(attribute: &str) -> Option<&str> {
    attribute.strip_prefix("#[path = \"")?.strip_suffix("\"]")
}

fn join(folder: &str, name: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
