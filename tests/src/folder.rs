//! Folders of one test: under the build folder, since `/tmp` may be small, and gone when their process is.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where cargo puts what it builds for this workspace.
pub fn target_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => workspace().join("target"),
    }
}

/// The checkout this crate was built from.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is a folder of the workspace")
}

/// An empty folder that goes with this value, or with the first test run after its process has ended.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes `<target>/servers/<process>-<number>-<name>`.
    pub fn new(name: &str) -> Self {
        static SWEPT: OnceLock<()> = OnceLock::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let all = target_folder().join("servers");
        SWEPT.get_or_init(|| sweep(&all));
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = all.join(format!("{}-{number}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("cannot make {}: {e}", folder.display()));
        Self(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A failed test leaves its files to be looked at, until the next run sweeps them.
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Removes what processes that have ended left behind: shared servers live in statics, which are never dropped.
fn sweep(all: &Path) {
    let Ok(entries) = fs::read_dir(all) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split('-').next()).and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
