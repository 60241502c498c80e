//! The `greenwave` binary the tests run: built from this checkout, never a stale one.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::folder::workspace;
use crate::target_folder;

/// `GREENWAVE_BIN`, which `make test` sets to what it has just built; else cargo builds it, once a process.
pub fn greenwave_binary() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| std::env::var_os("GREENWAVE_BIN").map_or_else(build, PathBuf::from)).clone()
}

/// A command of the binary, to which arguments, environment and folder can be added; see [`crate::Job::spawn`].
pub fn greenwave() -> Command {
    Command::new(greenwave_binary())
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", "greenwave-launcher", "--manifest-path"])
        .arg(workspace().join("Cargo.toml"))
        .status();
    let built = status.as_ref().is_ok_and(|status| status.success());
    assert!(built, "cannot build greenwave: {status:?}; see `cargo build --release --package greenwave-launcher`");
    target_folder().join("release/greenwave")
}
