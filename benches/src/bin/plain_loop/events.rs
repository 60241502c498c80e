//! The three fields the questions are about, and the map they are folded into.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use rustc_hash::FxHashMap;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Event<'a> {
    #[serde(borrow)]
    pub id: &'a str,
    timestamp: &'a str,
    speed: f64,
    segment_id: u32,
}

#[derive(Clone, Copy)]
pub struct Group {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// By segment and minute of the year 1970 and after, in one number.
#[derive(Default)]
pub struct Groups(FxHashMap<u64, Group>);

impl Groups {
    pub fn fold(&mut self, event: &Event<'_>) -> anyhow::Result<()> {
        let minute = minute(event.timestamp).with_context(|| format!("{} is no time", event.timestamp))?;
        let one = Group { count: 1, sum: event.speed, min: event.speed, max: event.speed };
        self.add(u64::from(event.segment_id) << 32 | u64::from(minute), one);
        Ok(())
    }

    fn add(&mut self, key: u64, more: Group) {
        let group =
            self.0.entry(key).or_insert(Group { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY });
        group.count += more.count;
        group.sum += more.sum;
        group.min = group.min.min(more.min);
        group.max = group.max.max(more.max);
    }

    pub fn merge(&mut self, other: Self) {
        other.0.into_iter().for_each(|(key, group)| self.add(key, group));
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn events(&self) -> u64 {
        self.0.values().map(|group| group.count).sum()
    }

    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_unstable_by_key(|(key, _)| **key);
        let write = || {
            let mut out = BufWriter::new(File::create(path)?);
            writeln!(out, "segment_id,minute,count,mean,min,max")?;
            for (key, Group { count, sum, min, max }) in rows {
                writeln!(out, "{},{},{count},{},{min},{max}", key >> 32, *key as u32, sum / *count as f64)?;
            }
            out.flush()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Minutes since 1970 of `2026-03-02T08:00:00.000`.
fn minute(text: &str) -> Option<u32> {
    let bytes = text.as_bytes().get(..16)?;
    let digits = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0u32, |number, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit < 10).then(|| number * 10 + u32::from(digit))
        })
    };
    let days = greenwave_model::iso::days(i64::from(digits(0, 4)?), digits(5, 7)?, digits(8, 10)?);
    Some(days as u32 * 1_440 + digits(11, 13)? * 60 + digits(14, 16)?)
}
