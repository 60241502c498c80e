//! State rows packed by slice: one [`StateRow`] per slice, its value the entries one after the other.
//!
//! An entry is its length (u32, little endian) and its MessagePack bytes, structs as arrays: a field added at the end
//! with a default reads what was written without it.

use serde::{Serialize, de::DeserializeOwned};

use crate::state::StateRow;

/// Collects entries per slice.
pub struct Packer(Vec<Vec<u8>>);

impl Packer {
    pub fn new() -> Self {
        Self(vec![Vec::new(); greenwave_model::VNODES as usize])
    }

    pub fn add(&mut self, vnode: u8, entry: &impl Serialize) {
        let slice = &mut self.0[usize::from(vnode)];
        let start = slice.len();
        slice.extend_from_slice(&[0; 4]);
        rmp_serde::encode::write(slice, entry).expect("plain data, written to memory");
        let length = (slice.len() - start - 4) as u32;
        slice[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }

    /// One row for each slice that has entries.
    pub fn into_rows(self) -> Vec<StateRow> {
        let slices = self.0.into_iter().enumerate().filter(|(_, slice)| !slice.is_empty());
        slices.map(|(vnode, value)| StateRow { vnode: vnode as u8, key: Vec::new(), value }).collect()
    }
}

/// The entries of a packed row.
///
/// ```
/// let row = [1, 0, 0, 0, 42, 2, 0, 0, 0, 7, 7];
/// assert_eq!(greenwave_operators::unpack(&row).collect::<Vec<_>>(), [&[42][..], &[7, 7]]);
/// ```
pub fn unpack(mut value: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = value.split_first_chunk::<4>()?;
        let (entry, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        value = rest;
        Some(entry)
    })
}

/// Decodes the entries of an operator's rows, each with its slice.
///
/// # Panics
/// When an entry does not decode: the checkpoint was written by another schema, and the job must not start on it.
pub fn entries<'r, T: DeserializeOwned>(id: &'r str, rows: &'r [StateRow]) -> impl Iterator<Item = (u8, T)> + 'r {
    rows.iter().flat_map(move |row| {
        unpack(&row.value).map(move |entry| match rmp_serde::from_slice(entry) {
            Ok(decoded) => (row.vnode, decoded),
            Err(error) => panic!(
                "cannot load the state of {id:?}: an entry of slice {} does not decode ({error}); \
                 restore with the version that wrote it",
                row.vnode
            ),
        })
    })
}
