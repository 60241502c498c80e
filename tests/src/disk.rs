//! A disk that can be full or read-only: memory, mounted on a folder.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{skip, wait_for};

/// A file that grows while the disk is measured: then it is measured again.
const FILL_LIMIT: Duration = Duration::from_secs(10);

#[derive(Debug)]
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
        assert!(self.is_remounted(option), "cannot remount with {option}");
    }

    /// Leaves no room, whoever writes meanwhile. `remount("size=…")` makes some again.
    pub fn fill(&self) {
        wait_for("a full disk", FILL_LIMIT, || self.is_remounted(&format!("size={}", self.used_bytes())).then_some(()));
    }

    fn is_remounted(&self, option: &str) -> bool {
        runs("mount", &["-o", &format!("remount,{option}")], &self.0)
    }

    fn used_bytes(&self) -> u64 {
        let path = CString::new(self.0.as_os_str().as_bytes()).expect("a path has no zero byte");
        // SAFETY: all zeroes is a valid value of a struct of numbers, and the call only writes into it.
        let told = unsafe {
            let mut told: libc::statvfs = std::mem::zeroed();
            assert_eq!(libc::statvfs(path.as_ptr(), &raw mut told), 0, "cannot measure {}", self.0.display());
            told
        };
        // No bytes at all would mean no limit.
        ((told.f_blocks - told.f_bfree) * told.f_frsize).max(told.f_frsize)
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
