//! Names too long to be kept in place, shared instead of allocated anew for every event.

use greenwave_model::Name;
use xxhash_rust::xxh3::xxh3_64;

/// Names up to this long are copied into their reading.
const IN_PLACE_MAX: usize = 23;
/// One name a slot: about 300 kB with names of 256 bytes. A newer name with the same slot takes its place.
const SLOTS: usize = 1_024;

#[derive(Debug)]
pub(super) struct Interner {
    slots: Vec<Name>,
}

impl Interner {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new() }
    }

    #[inline]
    pub(super) fn name(&mut self, text: &str) -> Name {
        if text.len() <= IN_PLACE_MAX { Name::new_inline(text) } else { self.shared(text) }
    }

    #[inline(never)]
    fn shared(&mut self, text: &str) -> Name {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Name::default());
        }
        let slot = &mut self.slots[xxh3_64(text.as_bytes()) as usize % SLOTS];
        if slot != text {
            *slot = Name::new(text);
        }
        slot.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_allocated_once() {
        let mut interner = Interner::new();
        let long = "a device with a name of more than 23 bytes";
        let (first, second) = (interner.name(long), interner.name(long));
        assert_eq!((first.as_str(), second.as_str()), (long, long));
        assert_eq!(first.as_ptr(), second.as_ptr());
    }

    #[test]
    fn more_names_than_slots_are_still_themselves() {
        let mut interner = Interner::new();
        for round in 0..2 {
            for number in 0..3 * SLOTS {
                let text = format!("device-of-the-northern-fleet-{number}");
                assert_eq!(interner.name(&text), text, "round {round}");
            }
        }
        assert_eq!(interner.slots.len(), SLOTS);
    }
}
