//! State rows packed by slice, one cut on top of the other.
//!
//! A row is what a cut wrote of a slice: all of it, or only what changed since the cut before. Every cut writes some slices
//! whole, those whose last whole is oldest: no cut writes much more than another, and a restore reads the rows of
//! [`CUTS`] cuts. Its key is the cut's tick (u64, little endian) and whether it is whole; its value is entries, each the
//! length of its key, the length of its value ([`GONE`] where there is none any more), and both as MessagePack, structs as
//! arrays: a field added at the end with a default reads what was written without it.

use greenwave_model::VNODES;
use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;
use serde::{Serialize, de::DeserializeOwned};

use crate::state::{Saved, StateRow};

/// Cuts until every slice has been written whole.
const CUTS: usize = 8;
const GONE: u32 = u32::MAX;

/// What the rows of an operator's slices are made of.
pub struct Slices {
    /// The cut that wrote each slice whole last; `None` where nothing is written.
    whole: Vec<Option<u64>>,
    /// Keys that have gone since the last cut, with their slices.
    gone: Vec<(u8, Vec<u8>)>,
    is_saved: bool,
}

impl Default for Slices {
    fn default() -> Self {
        Self { whole: vec![None; VNODES as usize], gone: Vec::new(), is_saved: false }
    }
}

impl Slices {
    /// What rows of a checkpoint say of the slices; without saving, nothing is remembered for a next one.
    pub fn restored(rows: &[StateRow], is_saved: bool) -> Self {
        let mut slices = Self { is_saved, ..Self::default() };
        for row in rows.iter().filter(|row| row.is_whole()) {
            slices.whole[usize::from(row.vnode)] = Some(row.tick());
        }
        slices
    }

    pub fn gone(&mut self, vnode: u8, key: &impl Serialize) {
        if self.is_saved {
            self.gone.push((vnode, rmp_serde::to_vec(key).expect("plain data, written to memory")));
        }
    }

    /// The rows of a cut, some slices whole.
    pub fn cut(&mut self, tick: u64) -> CutRows<'_> {
        let mut oldest: Vec<(u64, usize)> =
            self.whole.iter().enumerate().filter_map(|(slice, whole)| Some(((*whole)?, slice))).collect();
        oldest.sort_unstable();
        oldest.truncate(oldest.len().div_ceil(CUTS));
        self.with_whole(tick, oldest.into_iter().map(|(_, slice)| slice).collect())
    }

    /// The rows of a cut, every slice whole: for state that is small.
    pub fn whole_cut(&mut self, tick: u64) -> CutRows<'_> {
        let written = (0..self.whole.len()).filter(|slice| self.whole[*slice].is_some()).collect();
        self.with_whole(tick, written)
    }

    fn with_whole(&mut self, tick: u64, whole: Vec<usize>) -> CutRows<'_> {
        let mut is_whole = vec![false; self.whole.len()];
        for slice in whole {
            is_whole[slice] = true;
            self.whole[slice] = Some(tick);
        }
        let values = vec![Vec::new(); self.whole.len()];
        let gone = std::mem::take(&mut self.gone);
        let mut rows = CutRows { slices: self, tick, is_whole, values };
        gone.into_iter().for_each(|(vnode, key)| rows.bury(vnode, &key));
        rows
    }
}

/// The rows of one cut while they are written.
pub struct CutRows<'s> {
    slices: &'s mut Slices,
    tick: u64,
    is_whole: Vec<bool>,
    values: Vec<Vec<u8>>,
}

impl CutRows<'_> {
    /// Whether an entry of a slice is to be written: if it has changed since the last cut, or all of its slice is.
    pub fn wants(&mut self, vnode: u8, has_changed: bool) -> bool {
        let slice = usize::from(vnode);
        if self.slices.whole[slice].is_none() {
            self.slices.whole[slice] = Some(self.tick);
            self.is_whole[slice] = true;
        }
        has_changed || self.is_whole[slice]
    }

    /// Writes an entry if it is wanted. Every entry is to be shown.
    pub fn entry(&mut self, vnode: u8, has_changed: bool, key: &impl Serialize, value: &impl Serialize) {
        if !self.wants(vnode, has_changed) {
            return;
        }
        let bytes = &mut self.values[usize::from(vnode)];
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 8]);
        rmp_serde::encode::write(bytes, key).expect("plain data, written to memory");
        let between = bytes.len();
        rmp_serde::encode::write(bytes, value).expect("plain data, written to memory");
        let lengths = [between - start - 8, bytes.len() - between].map(|length| (length as u32).to_le_bytes());
        bytes[start..start + 8].copy_from_slice(lengths.as_flattened());
    }

    fn bury(&mut self, vnode: u8, key: &[u8]) {
        if !self.is_whole[usize::from(vnode)] {
            let bytes = &mut self.values[usize::from(vnode)];
            bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&GONE.to_le_bytes());
            bytes.extend_from_slice(key);
        }
    }

    pub fn finish(self) -> Saved {
        let Self { slices, tick, is_whole, values } = self;
        let keep_from_tick = slices.whole.iter().flatten().min().copied().unwrap_or(tick + 1);
        let mut rows = Vec::new();
        for (slice, value) in values.into_iter().enumerate() {
            // What is whole and empty hides what is older.
            if is_whole[slice] || !value.is_empty() {
                if value.is_empty() {
                    slices.whole[slice] = None;
                }
                let mut key = tick.to_le_bytes().to_vec();
                key.push(u8::from(is_whole[slice]));
                rows.push(StateRow { vnode: slice as u8, key, value });
            }
        }
        Saved { rows, keep_from_tick }
    }
}

impl StateRow {
    fn is_whole(&self) -> bool {
        self.key.get(8).is_some_and(|whole| *whole == 1)
    }

    fn tick(&self) -> u64 {
        self.key.first_chunk().map_or(0, |tick| u64::from_le_bytes(*tick))
    }
}

/// Every entry that stands after rows of cuts in their order, key and value as they were written: slice by slice.
pub fn standing(rows: &[StateRow]) -> impl Iterator<Item = (u8, &[u8], &[u8])> {
    let mut of_slices: Vec<Vec<&[u8]>> = vec![Vec::new(); VNODES as usize];
    for row in rows {
        let slice = &mut of_slices[usize::from(row.vnode)];
        if row.is_whole() {
            slice.clear();
        }
        slice.push(&row.value);
    }
    of_slices.into_iter().enumerate().flat_map(|(slice, values)| newest(values).map(move |(k, v)| (slice as u8, k, v)))
}

/// The last entry of each key, of a slice's rows.
fn newest(values: Vec<&[u8]>) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut known: HashSet<&[u8], FxBuildHasher> = HashSet::default();
    let last = values.len().saturating_sub(1);
    // The newest row first; a key stands in a row once.
    let entries = values.into_iter().rev().enumerate().flat_map(|(at, value)| entries(value).map(move |e| (at, e)));
    entries.filter_map(move |(at, (key, value))| {
        let is_new = if at < last { known.insert(key) } else { last == 0 || !known.contains(key) };
        value.filter(|_| is_new).map(|value| (key, value))
    })
}

fn entries(mut value: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    std::iter::from_fn(move || {
        let (key_length, rest) = value.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key_length) as usize)?;
        let length = u32::from_le_bytes(*length);
        let (entry, rest) = rest.split_at_checked(if length == GONE { 0 } else { length as usize })?;
        value = rest;
        Some((key, (length != GONE).then_some(entry)))
    })
}

/// What stands, decoded.
///
/// # Panics
/// When an entry does not decode: the checkpoint was written by another schema, and the job must not start on it.
pub fn decoded<'r, K, V>(id: &'r str, rows: &'r [StateRow]) -> impl Iterator<Item = (u8, K, V)> + 'r
where
    K: DeserializeOwned + 'r,
    V: DeserializeOwned + 'r,
{
    let decode = |key, value| Ok((rmp_serde::from_slice::<K>(key)?, rmp_serde::from_slice::<V>(value)?));
    standing(rows).map(move |(vnode, key, value)| match decode(key, value) {
        Ok((key, value)) => (vnode, key, value),
        Err::<_, rmp_serde::decode::Error>(error) => panic!(
            "cannot load the state of {id:?}: an entry of slice {vnode} does not decode ({error}); \
             restore with the version that wrote it"
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A store that keeps what it is told to keep, and nothing else.
    #[derive(Default)]
    struct Parts(BTreeMap<u64, Vec<StateRow>>);

    impl Parts {
        fn take(&mut self, tick: u64, saved: Saved) {
            self.0.insert(tick, saved.rows);
            self.0 = self.0.split_off(&saved.keep_from_tick);
        }

        fn rows(&self) -> Vec<StateRow> {
            self.0.values().flatten().cloned().collect()
        }
    }

    #[test]
    fn rows_of_few_cuts_hold_everything_whatever_changes_and_whenever_it_restarts() {
        let (mut slices, mut parts) = (Slices::restored(&[], true), Parts::default());
        let mut standing: BTreeMap<u32, u32> = BTreeMap::new();
        let slice = |key: u32| (key % 7) as u8;
        let mut draw = 1_u32;
        let mut random = |below: u32| {
            draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (draw >> 16) % below
        };
        for tick in 1..200 {
            let mut changed: HashSet<u32> = HashSet::default();
            for _ in 0..random(4) {
                let key = random(30);
                if random(3) == 0 && standing.remove(&key).is_some() {
                    changed.remove(&key);
                    slices.gone(slice(key), &key);
                } else if !slices.gone.iter().any(|(_, gone)| *gone == rmp_serde::to_vec(&key).expect("encodes")) {
                    standing.insert(key, tick);
                    changed.insert(key);
                }
            }
            let mut cut = slices.cut(tick.into());
            standing.iter().for_each(|(key, value)| cut.entry(slice(*key), changed.contains(key), key, value));
            parts.take(tick.into(), cut.finish());
            assert!(parts.0.len() <= CUTS + 1, "{} parts", parts.0.len());
            let loaded = |parts: &Parts| decoded::<u32, u32>("x", &parts.rows()).map(|(_, k, v)| (k, v)).collect();
            assert_eq!(standing, loaded(&parts), "after cut {tick}");
            if random(10) == 0 {
                slices = Slices::restored(&parts.rows(), true);
            }
        }
    }

    #[test]
    fn a_cut_writes_what_changed_and_some_slices_whole() {
        let mut slices = Slices::default();
        let mut written = |tick, changed| {
            let mut cut = slices.cut(tick);
            (0..=255).for_each(|vnode| cut.entry(vnode, Some(vnode) == changed, &vnode, &0));
            cut.finish().rows.len()
        };
        assert_eq!([written(1, None), written(2, None), written(3, Some(255))], [256, 32, 33]);
    }
}
