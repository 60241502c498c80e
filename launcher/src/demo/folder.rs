//! The folder of a demo: its lake, its state, and a note that says they are a demo's and of which city.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

const NOTE: &str = "demo.txt";
/// The note begins with it: another file of that name is somebody else's.
const MARK: &str = "greenwave demo of ";
const WRITTEN: [&str; 2] = ["lake", "state"];

#[derive(Debug)]
pub struct DemoFolder {
    path: PathBuf,
    /// Locked as long as this process lives.
    _note: File,
}

impl DemoFolder {
    /// Takes the folder for a city. One that exists must be empty or a demo's; `fresh` removes what that demo wrote.
    pub fn take(path: &Path, city: &str, fresh: bool) -> anyhow::Result<Self> {
        let shown = path.display();
        fs::create_dir_all(path).with_context(|| format!("cannot make {shown}; name another folder with --dir"))?;
        let note = path.join(NOTE);
        let is_empty = fs::read_dir(path).with_context(|| format!("cannot read {shown}"))?.next().is_none();
        if !is_empty && !note.is_file() {
            bail!("cannot use {shown} for a demo: it holds something else; name another folder with --dir");
        }
        let open = File::options().read(true).write(true).create(true).truncate(false).open(&note);
        let mut file = open.with_context(|| format!("cannot write {}", note.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("cannot use {shown}: another demo runs in it; end that one, or name another folder with --dir")
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", note.display()));
            }
        }
        let mut known = String::new();
        file.read_to_string(&mut known).with_context(|| format!("cannot read {}", note.display()))?;
        let known = known.trim();
        // A demo that was killed at its very beginning has left an empty note, and nothing else.
        let has_begun = WRITTEN.iter().any(|name| path.join(name).exists());
        if !known.starts_with(MARK) && (!known.is_empty() || has_begun) {
            bail!("cannot use {shown} for a demo: its {NOTE} is none of a demo; name another folder with --dir");
        }
        let known = known.trim_start_matches(MARK);
        if fresh {
            for name in WRITTEN.map(|name| path.join(name)).iter().filter(|name| name.exists()) {
                fs::remove_dir_all(name).with_context(|| format!("cannot remove {}", name.display()))?;
            }
        }
        if !fresh && !known.is_empty() && known != city {
            bail!(
                "cannot go on in {shown}: it holds the city {known}, and this one is {city}; give the same, or --fresh to \
                 begin anew, or another folder with --dir"
            );
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{MARK}{city}")
        };
        write(&mut file).with_context(|| format!("cannot write {}", note.display()))?;
        Ok(Self { path: path.to_owned(), _note: file })
    }

    pub fn lake(&self) -> PathBuf {
        self.path.join(WRITTEN[0])
    }

    pub fn state(&self) -> PathBuf {
        self.path.join(WRITTEN[1])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_one_city_and_fresh_removes_only_its_own() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("demo");
        let taken = DemoFolder::take(&path, "--seed 1", false).unwrap();
        let told = |city, fresh| DemoFolder::take(&path, city, fresh).unwrap_err().to_string();
        assert!(told("--seed 1", true).contains("another demo runs in it"));
        fs::create_dir(taken.lake()).unwrap();
        fs::write(path.join("mine.txt"), "kept").unwrap();
        drop(taken);
        assert!(told("--seed 2", false).contains("it holds the city --seed 1, and this one is --seed 2"));
        assert!(path.join("lake").exists());
        drop(DemoFolder::take(&path, "--seed 2", true).unwrap());
        assert!(!path.join("lake").exists() && path.join("mine.txt").exists());
        drop(DemoFolder::take(&path, "--seed 2", false).unwrap());
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("lake")).unwrap();
        let told = DemoFolder::take(home.path(), "--seed 1", true).unwrap_err().to_string();
        assert!(told.contains("it holds something else"), "{told}");
        assert!(home.path().join("lake").exists());
    }
}
