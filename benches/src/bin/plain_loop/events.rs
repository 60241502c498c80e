//! The three fields the questions are about, and the map they are folded into.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use greenwave_model::iso;
use rustc_hash::FxHashMap;
use serde::Deserialize;

/// What Q1 is about.
#[derive(Deserialize)]
pub struct Event<'a> {
    timestamp: &'a str,
    speed: f64,
    segment_id: u32,
}

/// The same with what Q3 tells copies by.
#[derive(Deserialize)]
pub struct Identified<'a> {
    pub id: &'a str,
    timestamp: &'a str,
    speed: f64,
    segment_id: u32,
}

impl<'a> Identified<'a> {
    pub fn event(&self) -> Event<'a> {
        Event { timestamp: self.timestamp, speed: self.speed, segment_id: self.segment_id }
    }
}

#[derive(Clone, Copy)]
pub struct Group {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

const NOTHING: Group = Group { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

impl Group {
    fn add(&mut self, more: &Self) {
        self.count += more.count;
        self.sum += more.sum;
        self.min = self.min.min(more.min);
        self.max = self.max.max(more.max);
    }
}

/// By minute since 1970, then by segment: events come minute by minute, so the map in use is small.
#[derive(Default)]
pub struct Groups {
    minutes: FxHashMap<u32, FxHashMap<u32, Group>>,
    /// The last date seen, and the minutes before it.
    date: [u8; 10],
    date_minutes: u32,
}

impl Groups {
    #[inline]
    pub fn fold(&mut self, event: &Event<'_>) -> anyhow::Result<()> {
        let minute = self.minute(event.timestamp).with_context(|| format!("{} is no time", event.timestamp))?;
        let one = Group { count: 1, sum: event.speed, min: event.speed, max: event.speed };
        self.minutes.entry(minute).or_default().entry(event.segment_id).or_insert(NOTHING).add(&one);
        Ok(())
    }

    /// Minutes since 1970 of `2026-03-02T08:00:00.000`.
    #[inline]
    fn minute(&mut self, text: &str) -> Option<u32> {
        let (date, time) = text.as_bytes().split_first_chunk::<10>()?;
        if *date != self.date {
            let days = iso::days(number(&date[..4])?.into(), number(&date[5..7])?, number(&date[8..])?);
            (self.date, self.date_minutes) = (*date, days as u32 * 1_440);
        }
        Some(self.date_minutes + number(time.get(1..3)?)? * 60 + number(time.get(4..6)?)?)
    }

    pub fn merge(&mut self, other: Self) {
        for (minute, segments) in other.minutes {
            let ours = self.minutes.entry(minute).or_default();
            if ours.is_empty() {
                *ours = segments;
            } else {
                segments.iter().for_each(|(segment, group)| ours.entry(*segment).or_insert(NOTHING).add(group));
            }
        }
    }

    pub fn len(&self) -> usize {
        self.minutes.values().map(|segments| segments.len()).sum()
    }

    pub fn events(&self) -> u64 {
        self.minutes.values().flat_map(|segments| segments.values()).map(|group| group.count).sum()
    }

    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut minutes: Vec<_> = self.minutes.iter().collect();
        minutes.sort_unstable_by_key(|(minute, _)| **minute);
        let write = || {
            let mut out = BufWriter::new(File::create(path)?);
            writeln!(out, "minute,segment_id,count,mean,min,max")?;
            for (minute, segments) in minutes {
                let mut segments: Vec<_> = segments.iter().collect();
                segments.sort_unstable_by_key(|(segment, _)| **segment);
                for (segment, Group { count, sum, min, max }) in segments {
                    writeln!(out, "{minute},{segment},{count},{},{min},{max}", sum / *count as f64)?;
                }
            }
            out.flush()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u32::from(digit))
    })
}
