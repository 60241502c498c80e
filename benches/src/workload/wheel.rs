//! Which vehicle reports next: a wheel with a place for every millisecond of the longest gap.

/// More than the longest gap between two reports.
const PLACES: usize = 1 << 15;
const NOBODY: u32 = u32::MAX;

pub(super) struct Wheel {
    at_ms: i64,
    /// The first vehicle of each millisecond; the others follow through `after`.
    first: Vec<u32>,
    after: Vec<u32>,
}

impl Wheel {
    pub fn new(at_ms: i64, vehicles: u32) -> Self {
        Self { at_ms, first: vec![NOBODY; PLACES], after: vec![NOBODY; vehicles as usize] }
    }

    /// A vehicle is on the wheel once. The time is later than the last one given out, by less than the wheel is long.
    pub fn add(&mut self, vehicle: u32, at_ms: i64) {
        debug_assert!((self.at_ms..self.at_ms + PLACES as i64).contains(&at_ms));
        let place = &mut self.first[at_ms as usize % PLACES];
        self.after[vehicle as usize] = std::mem::replace(place, vehicle);
    }

    /// When the next vehicle is due. There must be one.
    pub fn next_ms(&mut self) -> i64 {
        while self.first[self.at_ms as usize % PLACES] == NOBODY {
            self.at_ms += 1;
        }
        self.at_ms
    }

    /// Takes the next vehicle and its time.
    pub fn next(&mut self) -> (u32, i64) {
        let at_ms = self.next_ms();
        let place = &mut self.first[at_ms as usize % PLACES];
        let vehicle = *place;
        *place = self.after[vehicle as usize];
        (vehicle, at_ms)
    }
}
