//! A table of keyed entries that stay where they are: found by key once, then addressed by slot.
//!
//! The hash is fixed, so iteration order is the same in every run with the same history; nothing may depend on it.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

pub struct Keyed<K, T> {
    index: HashTable<u32>,
    entries: Vec<Option<(K, T)>>,
    free: Vec<u32>,
}

/// No slot.
pub const NONE: u32 = u32::MAX;
/// Keys looked up together: their cache misses overlap instead of following each other.
const TOGETHER: usize = 32;

const HELD: &str = "a slot is only used between its insert and its remove";

impl<K: Hash + Eq, T> Keyed<K, T> {
    pub fn new() -> Self {
        Self { index: HashTable::new(), entries: Vec::new(), free: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.index.len()
    }

    #[inline]
    fn holds(&self, slot: u32, key: &K) -> bool {
        self.entries[slot as usize].as_ref().is_some_and(|entry| entry.0 == *key)
    }

    fn find_hashed(&self, hash: u64, key: &K) -> Option<u32> {
        self.index.find(hash, |&slot| self.holds(slot, key)).copied()
    }

    #[inline]
    pub fn find(&self, key: &K) -> Option<u32> {
        self.find_hashed(FxBuildHasher.hash_one(key), key)
    }

    /// The slot of each row's key, [`NONE`] where there is none.
    pub fn find_all<R>(&self, rows: &[R], key: impl Fn(&R) -> &K, found: &mut Vec<u32>) {
        found.clear();
        for rows in rows.chunks(TOGETHER) {
            let mut hashes = [0; TOGETHER];
            let mut likely = [NONE; TOGETHER];
            for (at, row) in rows.iter().enumerate() {
                hashes[at] = FxBuildHasher.hash_one(key(row));
                likely[at] = self.index.iter_hash(hashes[at]).next().copied().unwrap_or(NONE);
            }
            self.touch(likely[..rows.len()].iter().copied());
            for (at, row) in rows.iter().enumerate() {
                let slot = match likely[at] {
                    NONE => NONE,
                    slot if self.holds(slot, key(row)) => slot,
                    _ => self.find_hashed(hashes[at], key(row)).unwrap_or(NONE),
                };
                found.push(slot);
            }
        }
    }

    /// Has the entries of slots loaded.
    pub fn touch(&self, slots: impl Iterator<Item = u32>) {
        let warm = slots
            .filter(|slot| *slot != NONE)
            .fold(0, |warm, slot| warm + u32::from(self.entries[slot as usize].is_some()));
        std::hint::black_box(warm);
    }

    /// Adds a key that is not there.
    pub fn insert(&mut self, key: K, value: T) -> u32 {
        let hash = FxBuildHasher.hash_one(&key);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.entries[slot as usize] = Some((key, value));
                slot
            }
            None => {
                self.entries.push(Some((key, value)));
                (self.entries.len() - 1) as u32
            }
        };
        let entries = &self.entries;
        self.index
            .insert_unique(hash, slot, |&slot| FxBuildHasher.hash_one(&entries[slot as usize].as_ref().expect(HELD).0));
        slot
    }

    pub fn remove(&mut self, slot: u32) -> (K, T) {
        let (key, value) = self.entries[slot as usize].take().expect(HELD);
        if let Ok(found) = self.index.find_entry(FxBuildHasher.hash_one(&key), |&at| at == slot) {
            found.remove();
        }
        self.free.push(slot);
        (key, value)
    }

    #[inline]
    pub fn get(&self, slot: u32) -> Option<&(K, T)> {
        self.entries[slot as usize].as_ref()
    }

    /// The entry of a slot that is known to be in use.
    #[inline]
    pub fn at(&mut self, slot: u32) -> &mut (K, T) {
        self.entries[slot as usize].as_mut().expect(HELD)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &K, &T)> {
        let slots = self.entries.iter().enumerate();
        slots.filter_map(|(slot, entry)| entry.as_ref().map(|(key, value)| (slot as u32, key, value)))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut T)> {
        self.entries.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    /// One past the highest slot ever used, for loops that change entries as they go.
    pub fn slots(&self) -> u32 {
        self.entries.len() as u32
    }
}
