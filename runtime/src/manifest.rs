//! The manifest: the commit record of a cut. One object, created if absent, makes its state and its lake rows real.

use std::collections::BTreeMap;

use bytes::Bytes;
use greenwave_model::Binding;
use serde::{Deserialize, Serialize};

use crate::rejects::Rejects;
use crate::store::{Created, Store, StoreError};

/// An object with rows of operator state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub object: String,
    pub tick: u64,
    pub rows: u64,
    pub bytes: u64,
    pub crc32: u32,
}

/// What is known of one operator: all parts that make up its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatorState {
    pub schema: u32,
    pub parts: Vec<Part>,
}

/// Rows of one table and cut that wait on the state store for their lake commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagedRun {
    pub object: String,
    pub tick: u64,
    pub date: String,
    pub rows: u64,
    pub bytes: u64,
    pub crc32: u32,
}

/// Totals since the job's first start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub records: u64,
    pub rejected: u64,
    pub duplicates: u64,
    pub too_late: u64,
    pub late: u64,
    pub cuts: u64,
    /// The rejected by reason; manifests from before the field have none.
    #[serde(default)]
    pub rejects: Rejects,
}

impl Counters {
    pub fn add(&mut self, more: &Self) {
        self.records += more.records;
        self.rejected += more.rejected;
        self.duplicates = self.duplicates.wrapping_add(more.duplicates);
        self.too_late = self.too_late.wrapping_add(more.too_late);
        self.late = self.late.wrapping_add(more.late);
        self.cuts += more.cuts;
        self.rejects.add(&more.rejects);
    }

    pub fn accepted(&self) -> u64 {
        self.records - self.duplicates - self.rejected - self.too_late
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Checkpoint,
    /// Everything of the manifest before it, under a new generation.
    Takeover,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub seq: u64,
    pub kind: Kind,
    pub generation: u64,
    pub nonce: u64,
    /// A cut was made without a lake: one that is named later would have a hole.
    #[serde(default)]
    pub is_unstaged: bool,
    /// `None` before the first cut of a job.
    pub binding: Option<Binding>,
    pub settings: String,
    pub plan_hash: String,
    pub version: String,
    pub ops: BTreeMap<String, OperatorState>,
    /// Per table, every run not known to be committed.
    pub staged: BTreeMap<String, Vec<StagedRun>>,
    /// Per table, the tick up to which its rows are known to be committed.
    #[serde(default)]
    pub lake: BTreeMap<String, u64>,
    pub counters: Counters,
    /// The savepoint of another job that this one began with.
    #[serde(default)]
    pub from: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "cannot go on as generation {ours}: manifest {seq} was written by another process; only one process may run this job"
    )]
    Fenced { ours: u64, seq: u64 },
    #[error(
        "cannot restore from the state store {place}: it has manifests up to number {seq} and none of them can be read; restore the folder from a backup, or start under another --name"
    )]
    Damaged { place: String, seq: u64 },
}

impl Manifest {
    pub fn tick(&self) -> Option<u64> {
        self.binding.as_ref().map(|binding| binding.tick)
    }

    pub fn encode(&self) -> Bytes {
        let body = serde_json::to_string(self).expect("plain data with text keys");
        format!("{body}\n{:08x}\n", crc32fast::hash(body.as_bytes())).into()
    }

    /// `None` where the content is damaged.
    pub fn decode(content: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(content).ok()?;
        let (body, sum) = text.trim_end().rsplit_once('\n')?;
        (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(body.as_bytes())).then_some(())?;
        serde_json::from_str(body).ok()
    }

    /// Creates the manifest. It counts only if a listing made afterwards shows no higher number: old numbers are
    /// collected, so that "absent" alone proves nothing.
    pub fn commit(&self, store: &Store) -> Result<(), ManifestError> {
        let fenced = ManifestError::Fenced { ours: self.generation, seq: self.seq };
        match store.create(&name(self.seq), self.encode())? {
            Created::Theirs => Err(fenced),
            Created::Ours if sequence_numbers(store)?.last() != Some(&self.seq) => Err(fenced),
            Created::Ours => Ok(()),
        }
    }

    /// Every valid manifest, the highest first, and the highest number in use. A damaged one falls back to the one before;
    /// where all are damaged, starting afresh would write everything twice.
    pub fn known(store: &Store) -> Result<(Vec<Self>, u64), ManifestError> {
        let numbers = sequence_numbers(store)?;
        let used = numbers.last().copied().unwrap_or(0);
        let mut known = vec![];
        for seq in numbers.into_iter().rev() {
            match Self::read(store, seq)? {
                Some(manifest) => known.push(manifest),
                None => tracing::warn!(seq, "manifest is damaged, taking the one before"),
            }
        }
        if known.is_empty() && used > 0 {
            return Err(ManifestError::Damaged { place: store.place().into(), seq: used });
        }
        Ok((known, used))
    }

    /// The highest valid manifest.
    pub fn highest(store: &Store) -> Result<Option<Self>, ManifestError> {
        let (known, _) = Self::known(store)?;
        Ok(known.into_iter().next())
    }

    /// Every object this manifest needs.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        let parts = self.ops.values().flat_map(|op| &op.parts).map(|part| part.object.as_str());
        parts.chain(self.staged.values().flatten().map(|run| run.object.as_str()))
    }

    /// Every table holds its rows up to the tick. What a table must have from here on is the last of its runs: one that
    /// had them all before was not written to, and its transaction stands where it stood.
    pub fn note_lake(&mut self, tick: u64) {
        for (table, runs) in &self.staged {
            let Some(last) = runs.iter().map(|run| run.tick).filter(|run| *run <= tick).max() else { continue };
            let known = self.lake.entry(table.clone()).or_insert(last);
            *known = last.max(*known);
        }
    }

    /// When it was written, in milliseconds since 1970.
    pub fn written_ms(&self, store: &Store) -> Result<Option<i64>, StoreError> {
        store.written_ms(&name(self.seq))
    }

    pub fn read(store: &Store, seq: u64) -> Result<Option<Self>, StoreError> {
        Ok(store.get(&name(seq))?.and_then(|content| Self::decode(&content)))
    }
}

fn name(seq: u64) -> String {
    format!("manifest/{seq:020}.json")
}

pub fn remove(store: &Store, seq: u64) -> Result<(), StoreError> {
    store.delete(&name(seq))
}

/// Numbers in use, ascending.
pub fn sequence_numbers(store: &Store) -> Result<Vec<u64>, StoreError> {
    let names = store.list("manifest")?;
    Ok(names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(tick: u64) -> StagedRun {
        StagedRun { object: format!("{tick}"), tick, date: "2026-03-02".into(), rows: 1, bytes: 1, crc32: 0 }
    }

    #[test]
    fn a_table_that_had_its_rows_is_not_expected_at_a_tick_without_any() {
        let mut manifest: Manifest = serde_json::from_value(serde_json::json!({
            "seq": 1, "kind": "takeover", "generation": 2, "nonce": 0, "binding": null, "settings": "", "plan_hash": "",
            "version": "", "ops": {}, "staged": {}, "counters": Counters::default(),
        }))
        .expect("fields of today or before");
        manifest.lake.insert("written".into(), 9);
        manifest.staged.insert("dropped".into(), vec![run(5), run(7), run(12)]);
        manifest.staged.insert("written".into(), vec![run(7)]);
        manifest.staged.insert("later".into(), vec![run(12)]);
        // `dropped` was committed at 7 by a process that died before it could say so, and there is nothing of 8 to 11.
        manifest.note_lake(11);
        let known: Vec<(&str, u64)> = manifest.lake.iter().map(|(table, tick)| (table.as_str(), *tick)).collect();
        assert_eq!(known, [("dropped", 7), ("written", 9)]);
    }
}
