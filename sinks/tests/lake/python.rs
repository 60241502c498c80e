//! Skips by name, and Python with the readers that other people use.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// Says what goes untested. Where nothing may go untested it fails.
pub fn skip(name: &str, untested: &str, fact: &str) {
    let set = |variable, value| std::env::var(variable).is_ok_and(|found| found == value);
    let strict = set("CI", "true") || set("GREENWAVE_STRICT", "1");
    assert!(!strict, "cannot test {untested}: {fact}");
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIP {name}: {untested} is not tested: {fact}");
}

/// An interpreter that can import `duckdb` and `deltalake`: `GREENWAVE_PYTHON`, or `target/venv/bin/python`.
pub fn python() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/venv/bin/python");
    let python = std::env::var_os("GREENWAVE_PYTHON").map_or(venv, PathBuf::from);
    let imports = Command::new(&python).args(["-c", "import duckdb, deltalake, pyarrow"]).output();
    imports.is_ok_and(|output| output.status.success()).then_some(python)
}

/// What the script prints, given the lake's folder.
pub fn run(python: &Path, script: &str, root: &Path) -> String {
    let output = Command::new(python).args(["-c", script]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
