//! The rules themselves on small bad inputs, and on good ones that look like them.

use crate::dead::{self, Crates};
use crate::source::{File, Tree, code_only};
use crate::{Finding, markdown, rust, text};

fn told(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{}:{} {}", finding.file, finding.line, finding.what)).collect()
}

fn rust_file(path: &str, text: &str) -> Vec<String> {
    told(&rust::findings(&File { path: path.to_owned(), text: text.to_owned() }, false))
}

#[test]
fn a_long_file_a_long_function_and_a_long_contents_page() {
    let long = format!("//! A file.\n{}", "// line\n".repeat(800));
    assert_eq!(rust_file("sinks/src/a.rs", &long), ["sinks/src/a.rs:1 this file has 801 lines, 800 at most"]);
    let function = format!("//! A file.\n\npub fn long(a: [u8; 4]) {{\n{}}}\n", "    call();\n".repeat(69));
    assert_eq!(rust_file("sinks/src/a.rs", &function), ["sinks/src/a.rs:3 function `long` has 71 lines, 70 at most"]);
    let fits = function.replacen("    call();\n", "", 1);
    assert_eq!(rust_file("sinks/src/a.rs", &fits), [""; 0]);
    let contents = format!("//! A crate.\n{}", "mod a;\n".repeat(80));
    assert_eq!(
        rust_file("sinks/src/lib.rs", &contents),
        ["sinks/src/lib.rs:1 this contents page has 81 lines, 80 at most"]
    );
}

#[test]
fn a_long_test_module() {
    let module = format!("//! A file.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "    const A: u8 = 1;\n".repeat(148));
    assert_eq!(rust_file("sinks/src/a.rs", &module), ["sinks/src/a.rs:2 this test module has 151 lines, 150 at most"]);
}

#[test]
fn names_that_hold_anything_and_files_that_say_nothing() {
    assert_eq!(
        rust_file("sinks/src/utils.rs", "//! A."),
        ["sinks/src/utils.rs:1 a file called `utils` may hold anything"]
    );
    assert_eq!(rust_file("sinks/src/common/mod.rs", "//! A.").len(), 1);
    assert_eq!(rust_file("sinks/src/a.rs", "use b;\n"), ["sinks/src/a.rs:1 it does not open with `//! `"]);
    assert_eq!(rust_file("sinks/src/a.rs", "#![allow(a)]\n\n//! A.\n"), [""; 0]);
}

#[test]
fn unwrap_outside_tests_only() {
    let text = "//! A.\nfn a() { b().unwrap(); }\n#[cfg(test)]\nmod tests {\n    fn c() { d().unwrap(); }\n}\n";
    assert_eq!(rust_file("sinks/src/a.rs", text), ["sinks/src/a.rs:2 `unwrap` outside tests"]);
    let quoted = "//! A.\n/// b.unwrap()\nconst A: &str = r#\"b\".unwrap()\"#; // .unwrap()\n";
    assert_eq!(rust_file("sinks/src/a.rs", quoted), [""; 0]);
}

#[test]
fn a_clock_in_a_pure_crate() {
    let text = "//! A.\nfn now() { std::time::Instant::now(); }\n";
    assert_eq!(rust_file("dataflows/src/a.rs", text), ["dataflows/src/a.rs:2 `Instant` in a pure crate"]);
    let hashes = "//! A.\nfn a() { HashMap::new(); }\nfn b() { HashMap::with_hasher(FIXED); }\n";
    assert_eq!(rust_file("operators/src/a.rs", hashes), ["operators/src/a.rs:2 `HashMap::new` in a pure crate"]);
    assert_eq!(rust_file("runtime/src/a.rs", text), [""; 0]);
}

#[test]
fn an_operator_without_its_facts() {
    let header = "//! Panes.\n//!\n//! in    a\n//! out   b\n//! state c\n//! late  d\n//! moves e\n";
    let body = "/// ```\n/// assert!(true);\n/// ```\nfn a(s: S) { s.unary_frontier(b); }\n";
    let told = rust_file("operators/src/panes.rs", &format!("{header}{body}"));
    assert_eq!(told, ["operators/src/panes.rs:1 the header of this operator does not say: fails"]);
    let told = rust_file("operators/src/panes.rs", &format!("{header}//! fails never\nfn a(s: S) {{ s.unary(b); }}\n"));
    assert_eq!(told, ["operators/src/panes.rs:1 this operator has no doctest that asserts"]);
    assert_eq!(rust_file("operators/src/panes.rs", &format!("{header}//! fails never\n{body}")), [""; 0]);
    assert_eq!(rust_file("operators/src/late.rs", "//! A.\nimpl<T> TickOperator for Late<T> {}\n").len(), 2);
    assert_eq!(rust_file("operators/src/speed.rs", "//! A plain type.\nuse timely::unary;\n"), [""; 0]);
}

#[test]
fn unfinished_work_praise_and_paths_of_one_machine() {
    let bad = [concat!("// TO", "DO later"), concat!("a bla", "zing engine"), concat!("see /ho", "me/jo/x")].join("\n");
    let told: Vec<usize> = text::findings("a.md", &bad).iter().map(|finding| finding.line).collect();
    assert_eq!(told, [1, 2, 3]);
    let good = concat!("TODOS target/wo", "rk/ https://example.org/ho", "me/ $X/ro", "ot/").replace("$X", "x");
    assert_eq!(text::findings("a.md", &good), []);
}

#[test]
fn links_that_go_nowhere() {
    let text = "# The house\n[a](docs/a.md) [b](b.md#gone) [c](#the-house) [d](https://x.org/d)\n`[e](e.md)`\n```\n[f](f)\n```\n";
    let tree = Tree::of(&[("README.md", text), ("b.md", "## Here\n"), ("docs/c.md", "[up](../README.md#the-house)\n")]);
    let told = told(&markdown::findings(tree.get("README.md").unwrap(), &tree));
    assert_eq!(
        told,
        [
            "README.md:2 a link to `docs/a.md`, which is not there",
            "README.md:2 a link to `#gone`, which is no heading of b.md",
        ]
    );
    assert_eq!(markdown::findings(tree.get("docs/c.md").unwrap(), &tree), []);
}

#[test]
fn files_that_nobody_compiles() {
    let tree = Tree::of(&[
        ("a/Cargo.toml", "[[bin]]\npath = \"fuzz/decode.rs\"\n"),
        (
            "a/src/lib.rs",
            "mod b;\n#[cfg(test)]\n#[path = \"t.rs\"]\nmod tests;\n#[path = \"odd/name.rs\"]\npub mod n;\n// mod dead;\n",
        ),
        ("a/src/b/mod.rs", "pub(crate) mod c;\n"),
        ("a/src/b/c.rs", "mod d;\n"),
        ("a/src/b/c/d.rs", ""),
        ("a/src/t.rs", ""),
        ("a/src/odd/name.rs", ""),
        ("a/src/dead.rs", ""),
        ("a/tests/one.rs", "mod part;\n#[path = \"../shared/two.rs\"]\nmod two;\n"),
        ("a/shared/two.rs", ""),
        ("a/tests/part.rs", ""),
        ("a/fuzz/decode.rs", ""),
    ]);
    let crates = Crates::of(&tree);
    assert_eq!(told(&dead::findings(&tree, &crates)), ["a/src/dead.rs:1 no crate reaches this file"]);
    assert!(crates.is_test("a/src/t.rs") && crates.is_test("a/tests/part.rs"));
    assert!(!crates.is_test("a/src/b/c/d.rs") && !crates.is_test("a/fuzz/decode.rs"));
}

#[test]
fn literals_and_comments_become_blanks_of_the_same_length() {
    let cases = [
        ("a(\"b{\\\"\") + c", "a(       ) + c"),
        ("x /* { /* } */ */ y", "x                 y"),
        ("f::<'a>('{', '\\'', b'}')", "f::<'a>(   ,     , b   )"),
        ("r#\"{\"#; br\"}\"; row", "      ;      ; row"),
        ("é '→' // {", "é             "),
    ];
    for (text, wanted) in cases {
        let code = code_only(text);
        assert_eq!(code.len(), text.len(), "{text}");
        assert_eq!(code.replace(' ', ""), wanted.replace(' ', ""), "{text}");
    }
}
