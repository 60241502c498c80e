//! Who reported from a road, and in which panes: distinct devices per pane and per window, exactly.
//!
//! A device has a mask of 64 panes counted from the road's base. Panes outside (clocks far in the future, very long
//! horizons) are kept one by one. Which of the two holds a pane changes no answer.

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use super::pane::WINDOW_PANES;
use crate::reports::Device;

const SPAN: i64 = 64;
/// Panes before the first one seen that the mask still reaches.
const BEFORE: i64 = 16;

/// Where a report's device had not been seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewIn {
    pub pane: bool,
    /// Bit b: the window that starts b panes earlier.
    pub windows: u8,
}

const NOWHERE: NewIn = NewIn { pane: false, windows: 0 };

#[derive(Default)]
pub struct Devices {
    /// The pane of bit 0. Has no meaning while nothing is kept.
    base: i64,
    masks: HashMap<Device, u64, FxBuildHasher>,
    far: HashSet<(Device, i64), FxBuildHasher>,
}

impl Devices {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty() && self.far.is_empty()
    }

    /// Has the place of a device loaded.
    #[inline]
    pub fn touch(&self, device: Device) -> bool {
        self.masks.contains_key(&device)
    }

    #[inline]
    pub fn observe(&mut self, device: Device, pane: i64) -> NewIn {
        if self.is_empty() {
            self.base = pane - BEFORE;
        }
        let bit = pane - self.base;
        if self.far.is_empty() && (WINDOW_PANES - 1..=SPAN - WINDOW_PANES).contains(&bit) {
            let mask = self.masks.entry(device).or_insert(0);
            if *mask >> bit & 1 == 1 {
                return NOWHERE;
            }
            let windows = new_windows(|from, to| *mask >> (bit + from) & ((1 << (to - from)) - 1) != 0);
            *mask |= 1 << bit;
            return NewIn { pane: true, windows };
        }
        self.observe_anywhere(device, pane)
    }

    fn observe_anywhere(&mut self, device: Device, pane: i64) -> NewIn {
        if self.has(device, pane) {
            return NOWHERE;
        }
        let windows = new_windows(|from, to| (from..to).any(|at| self.has(device, pane + at)));
        self.add(device, pane);
        NewIn { pane: true, windows }
    }

    fn has(&self, device: Device, pane: i64) -> bool {
        match pane.checked_sub(self.base) {
            Some(bit @ 0..SPAN) => self.masks.get(&device).is_some_and(|mask| mask >> bit & 1 == 1),
            _ => self.far.contains(&(device, pane)),
        }
    }

    fn add(&mut self, device: Device, pane: i64) {
        match pane.checked_sub(self.base) {
            Some(bit @ 0..SPAN) => *self.masks.entry(device).or_insert(0) |= 1 << bit,
            _ => drop(self.far.insert((device, pane))),
        }
    }

    /// Panes before `first` are freed. The masks move along once that is worth the walk.
    pub fn forget_before(&mut self, first: i64) {
        let by = first - BEFORE / 2 - self.base;
        if by < BEFORE / 2 && self.far.is_empty() {
            return;
        }
        let by = by.max(0);
        self.base += by;
        self.masks.retain(|_, mask| {
            *mask = mask.checked_shr(by as u32).unwrap_or(0);
            // What is left below `first` is freed as well.
            *mask >> (first - self.base).clamp(0, SPAN - 1) != 0
        });
        for (device, pane) in std::mem::take(&mut self.far) {
            if pane >= first {
                self.add(device, pane);
            }
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Who reported in each of some panes, in their order: 16 bytes each, sorted.
    pub fn of_panes(&self, panes: &[i64]) -> Vec<Vec<u8>> {
        let mut lists: Vec<Vec<Device>> = vec![Vec::new(); panes.len()];
        let bits: Vec<u64> = panes.iter().map(|pane| self.bit(*pane)).collect();
        let wanted = bits.iter().fold(0, |wanted, bit| wanted | bit);
        for (device, mask) in self.masks.iter().filter(|(_, mask)| *mask & wanted != 0) {
            let seen = bits.iter().zip(&mut lists).filter(|(bit, _)| mask & *bit != 0);
            seen.for_each(|(_, list)| list.push(*device));
        }
        for (device, pane) in &self.far {
            panes.iter().zip(&mut lists).filter(|(at, _)| *at == pane).for_each(|(_, list)| list.push(*device));
        }
        lists.iter_mut().for_each(|list| list.sort_unstable());
        lists.iter().map(|list| list.as_flattened().iter().flat_map(|half| half.to_le_bytes()).collect()).collect()
    }

    /// The bit of a pane in the masks; none outside.
    fn bit(&self, pane: i64) -> u64 {
        pane.checked_sub(self.base).filter(|bit| (0..SPAN).contains(bit)).map_or(0, |bit| 1 << bit)
    }

    /// Takes what [`of_panes`](Self::of_panes) gave; the first pane of a road first.
    pub fn restore(&mut self, pane: i64, list: &[u8]) {
        if self.is_empty() {
            self.base = pane - BEFORE;
        }
        for [one, two] in list.as_chunks::<8>().0.as_chunks::<2>().0 {
            self.add([u64::from_le_bytes(*one), u64::from_le_bytes(*two)], pane);
        }
    }
}

/// The windows around a new pane in which the device has no other. `any_in(from, to)` tells whether it has one among
/// the panes from..to, counted from the new one.
fn new_windows(any_in: impl Fn(i64, i64) -> bool) -> u8 {
    let mut windows = 0;
    for back in 0..WINDOW_PANES {
        windows |= u8::from(!any_in(-back, WINDOW_PANES - back)) << back;
    }
    windows
}
