//! What the state store says of a job, read as files beside the job that writes them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One job's folder in a state store.
#[derive(Clone, Debug)]
pub struct Checkpoints(PathBuf);

impl Checkpoints {
    /// Of a job in the folder that `state` names.
    pub fn of(state: &Path, job: &str) -> Self {
        Self(state.join("jobs").join(job))
    }

    /// Manifests there are, ascending.
    pub fn manifests(&self) -> Vec<u64> {
        self.numbers("manifest")
    }

    /// The highest generation there has been; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.numbers("gen").last().copied().unwrap_or(0)
    }

    /// The newest manifest that can be read.
    pub fn newest(&self) -> Option<Value> {
        self.manifests().into_iter().rev().find_map(|seq| {
            let text = fs::read_to_string(self.0.join(format!("manifest/{seq:020}.json"))).ok()?;
            serde_json::from_str(text.lines().next()?).ok()
        })
    }

    /// The number of the newest manifest if it is a checkpoint, or 0: it rises with the first checkpoint of every run.
    pub fn checkpoint(&self) -> u64 {
        let newest = self.newest().filter(|manifest| manifest["kind"] == "checkpoint");
        newest.and_then(|manifest| manifest["seq"].as_u64()).unwrap_or(0)
    }

    /// Records counted by the newest manifest.
    pub fn records(&self) -> u64 {
        self.newest().and_then(|manifest| manifest["counters"]["records"].as_u64()).unwrap_or(0)
    }

    fn numbers(&self, folder: &str) -> Vec<u64> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut numbers: Vec<u64> = names.filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }
}
