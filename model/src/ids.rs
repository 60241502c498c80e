//! Where a record lives, and which slice of the key space a key belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// A short text: a vehicle, a road, a topic. Up to 23 bytes are kept in place.
pub type Name = smol_str::SmolStr;

/// Slices of the key space of one view or operator; state is loaded by slice.
pub const VNODES: u64 = 256;
/// Slices of a view that have one writer each.
pub const GROUPS: u64 = 64;

/// The slice a key belongs to. `owner` is the view or operator id, `key` the text as it stands in its Redis key.
///
/// ```
/// # use greenwave_model::{group_of, vnode};
/// let slice = vnode("road_current", "A40");
/// assert_eq!(slice, vnode("road_current", "A40"));
/// assert!(u64::from(group_of(slice)) < greenwave_model::GROUPS);
/// ```
#[inline]
pub fn vnode(owner: &str, key: &str) -> u8 {
    let (owner, key) = (owner.as_bytes(), key.as_bytes());
    let mut joined = [0u8; 128];
    let len = owner.len() + 1 + key.len();
    let hash = if len <= joined.len() {
        joined[..owner.len()].copy_from_slice(owner);
        joined[owner.len()] = 0x1F;
        joined[owner.len() + 1..len].copy_from_slice(key);
        xxh3_64(&joined[..len])
    } else {
        xxh3_64(&[owner, &[0x1F], key].concat())
    };
    (hash % VNODES) as u8
}

/// The group of a slice; its worker is `group % workers`.
#[inline]
pub fn group_of(vnode: u8) -> u8 {
    (u64::from(vnode) % GROUPS) as u8
}

/// A partition of a topic: a Kafka partition number, or a file's path inside an input folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartitionKey {
    pub topic: Name,
    pub partition: Name,
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition)
    }
}

/// One record: the number of its partition in the job's partition table, and its offset. Ordered by both.
///
/// The table is part of every binding, so a number means the same partition for the life of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordRef(u64);

impl RecordRef {
    /// Partitions a job can have: the upper 16 bits.
    pub const PARTITIONS_MAX: usize = 1 << 16;
    /// The largest offset: the lower 48 bits, 280 million million records in one partition.
    pub const OFFSET_MAX: i64 = (1 << 48) - 1;

    pub fn new(partition: u16, offset: i64) -> Self {
        debug_assert!((0..=Self::OFFSET_MAX).contains(&offset));
        Self(u64::from(partition) << 48 | offset as u64)
    }

    #[inline]
    pub fn partition(self) -> u16 {
        (self.0 >> 48) as u16
    }

    #[inline]
    pub fn offset(self) -> i64 {
        (self.0 & Self::OFFSET_MAX as u64) as i64
    }
}
