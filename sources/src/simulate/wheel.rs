//! Which vehicle reports next: a wheel with a place for every millisecond of the longest gap.

/// More than the longest gap between two reports.
const PLACES: usize = 1 << 17;
const NOBODY: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub struct Wheel {
    at_ms: i64,
    /// The first vehicle of each millisecond; the others follow through `after`.
    first: Vec<u32>,
    after: Vec<u32>,
}

impl Wheel {
    pub fn new(at_ms: i64, vehicles: u32) -> Self {
        Self { at_ms, first: vec![NOBODY; PLACES], after: vec![NOBODY; vehicles as usize] }
    }

    /// A vehicle is on the wheel once, and not before the time it stands at.
    #[inline]
    pub fn add(&mut self, vehicle: u32, at_ms: i64) {
        debug_assert!((self.at_ms..self.at_ms + PLACES as i64).contains(&at_ms));
        let place = &mut self.first[at_ms as usize % PLACES];
        self.after[vehicle as usize] = std::mem::replace(place, vehicle);
    }

    /// The next vehicle and its time, if it is due before `end_ms`. The wheel then stands there.
    #[inline]
    pub fn next_before(&mut self, end_ms: i64) -> Option<(u32, i64)> {
        while self.at_ms < end_ms {
            let place = &mut self.first[self.at_ms as usize % PLACES];
            if *place != NOBODY {
                let vehicle = *place;
                *place = self.after[vehicle as usize];
                return Some((vehicle, self.at_ms));
            }
            self.at_ms += 1;
        }
        None
    }
}
