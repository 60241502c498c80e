//! Who reported from a road, and in which panes: distinct devices per pane and per window, exactly.
//!
//! A device has a mask of 64 panes counted from the road's base. Panes outside (clocks far in the future, very long
//! horizons) are kept one by one. Which of the two holds a pane changes no answer.

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

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

/// As stored: the pane of bit 0, masks and single panes, both sorted. Devices with their masks are most of a
/// checkpoint's numbers, so they are laid end to end, 24 bytes each.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept(i64, #[serde(with = "serde_bytes")] Vec<u8>, Vec<(Device, i64)>);

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

    /// What is kept of panes from `first` on, the same however it came to be.
    pub fn kept(&self, first: i64) -> Kept {
        let shift = first - self.base;
        let kept = if self.far.is_empty() && (0..SPAN).contains(&shift) { None } else { Some(self.based_at(first)) };
        let (masks, shift) = kept.as_ref().map_or((&self.masks, shift), |kept| (&kept.masks, 0));
        let mut masks: Vec<_> = masks.iter().map(|(device, mask)| (*device, mask >> shift)).collect();
        masks.retain(|(_, mask)| *mask != 0);
        masks.sort_unstable();
        let masks =
            masks.iter().flat_map(|([one, two], mask)| [*one, *two, *mask]).flat_map(u64::to_le_bytes).collect();
        let mut far: Vec<_> = kept.into_iter().flat_map(|kept| kept.far).collect();
        far.sort_unstable();
        Kept(first, masks, far)
    }

    /// The panes from `base` on, with masks counted from there.
    fn based_at(&self, base: i64) -> Self {
        let mut moved = Self { base, ..Self::default() };
        for (device, mask) in &self.masks {
            let panes = (0..SPAN).filter(|bit| mask >> bit & 1 == 1).map(|bit| self.base + bit);
            panes.filter(|pane| *pane >= base).for_each(|pane| moved.add(*device, pane));
        }
        self.far.iter().filter(|(_, pane)| *pane >= base).for_each(|(device, pane)| moved.add(*device, *pane));
        moved
    }

    pub fn restored(Kept(first, masks, far): Kept) -> Self {
        let mut devices = Self { base: first - BEFORE, ..Self::default() };
        let (numbers, _) = masks.as_chunks::<8>();
        for [one, two, mask] in numbers.as_chunks::<3>().0 {
            let (device, mask) = ([u64::from_le_bytes(*one), u64::from_le_bytes(*two)], u64::from_le_bytes(*mask));
            (0..SPAN).filter(|bit| mask >> bit & 1 == 1).for_each(|bit| devices.add(device, first + bit));
        }
        far.into_iter().for_each(|(device, pane)| devices.add(device, pane));
        devices
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
