//! A disk that can be full or read-only: memory, mounted on a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip;

pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it on a folder, which is made. Only the superuser can: `None` for others, and what goes `untested` is told.
    pub fn mount(at: &Path, size: &str, untested: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap_or_else(|error| panic!("cannot make {}: {error}", at.display()));
        let options = format!("size={size}");
        let is_mounted = runs("mount", &["-t", "tmpfs", "-o", &options, "none"], at);
        if !is_mounted {
            skip("mount", untested, "this user cannot mount a tmpfs");
        }
        is_mounted.then(|| Self(at.to_owned()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Changes it while it is in use: `size=200m`, `ro`, `rw`.
    pub fn remount(&self, option: &str) {
        assert!(runs("mount", &["-o", &format!("remount,{option}")], &self.0), "cannot remount with {option}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        runs("umount", &["-l"], &self.0);
    }
}

fn runs(program: &str, arguments: &[&str], at: &Path) -> bool {
    Command::new(program).args(arguments).arg(at).output().is_ok_and(|output| output.status.success())
}
