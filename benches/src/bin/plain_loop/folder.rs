//! A folder: threads take whole files.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::Context;
use rustc_hash::FxHashSet;

use crate::Pass;
use crate::events::{Groups, Identified};

/// Read at once; the line at the end is kept for the next read.
const CHUNK: usize = 1 << 20;
const SHARDS: usize = 256;

/// The ids seen by all threads, each shard under its own lock.
struct Seen(Vec<Mutex<FxHashSet<u128>>>);

impl Seen {
    fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    /// True the first time.
    fn insert(&self, id: &str) -> bool {
        let digits = id.bytes().filter(|byte| *byte != b'-');
        let number =
            digits.fold(0u128, |number, byte| (number << 4) | (u128::from(byte & 15) + u128::from(byte >> 6) * 9));
        let mut shard = self.0[number as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        shard.insert(number)
    }
}

pub fn pass(input: &Path, output: &Path, threads: usize, distinct: bool) -> anyhow::Result<Pass> {
    let start = Instant::now();
    let files = files(&input.join("gps"))?;
    let (next, seen) = (AtomicUsize::new(0), distinct.then(Seen::new));
    let work = || {
        let (mut groups, mut events, mut buffer) = (Groups::default(), 0, Vec::new());
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            events += fold(path, &mut buffer, seen.as_ref(), &mut groups)
                .with_context(|| format!("cannot read {}", path.display()))?;
        }
        anyhow::Ok((groups, events))
    };
    let parts = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect::<Vec<_>>()
    });
    let (mut groups, mut events) = (Groups::default(), 0);
    for part in parts {
        let (more, count) = part?;
        groups.merge(more);
        events += count;
    }
    groups.write(&output.join(if distinct { "q3.csv" } else { "q1.csv" }))?;
    Ok(Pass { events, groups: groups.len(), seconds: start.elapsed().as_secs_f64(), cpu_seconds: 0.0 })
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    Ok(files)
}

/// Folds one file's lines; returns how many there were.
fn fold(path: &Path, buffer: &mut Vec<u8>, seen: Option<&Seen>, groups: &mut Groups) -> anyhow::Result<u64> {
    let mut file = File::open(path)?;
    let (mut events, mut kept) = (0, 0);
    loop {
        buffer.resize(kept + CHUNK, 0);
        let read = file.read(&mut buffer[kept..])?;
        let filled = kept + read;
        let whole = memchr::memrchr(b'\n', &buffer[..filled]).map_or(0, |at| at + 1);
        let lines = std::str::from_utf8(&buffer[..whole])?;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', lines.as_bytes()) {
            fold_line(&lines[start..end], seen, groups)?;
            events += 1;
            start = end + 1;
        }
        buffer.copy_within(whole..filled, 0);
        kept = filled - whole;
        if read == 0 {
            return Ok(events);
        }
    }
}

#[inline]
fn fold_line(line: &str, seen: Option<&Seen>, groups: &mut Groups) -> anyhow::Result<()> {
    let Some(seen) = seen else {
        return groups.fold(&serde_json::from_str(line)?);
    };
    let event: Identified<'_> = serde_json::from_str(line)?;
    if seen.insert(event.id) { groups.fold(&event.event()) } else { Ok(()) }
}
