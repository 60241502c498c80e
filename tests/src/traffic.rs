//! GPS reports of a small made-up city, with everything that goes wrong: copies, late and far too late ones, broken
//! records, reports without a road. The same seed and clock give the same records.

use crate::kafka::Record;

const VEHICLES: u64 = 400;
const ROADS: u64 = 150;

/// A small generator of its own (SplitMix64), so that a seed means the same for ever.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.any()) * u128::from(limit)) >> 64) as u64
    }

    /// True `per_mille` times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }
}

/// Endless reports; the clock is asked for each.
#[derive(Debug)]
pub struct Traffic<Clock> {
    random: Random,
    clock: Clock,
    partitions: u64,
    /// Copies that are still to come: after so many records, what.
    copies: Vec<(u64, Vec<u8>)>,
    sent: u64,
}

impl<Clock: FnMut() -> i64> Traffic<Clock> {
    /// `clock` gives milliseconds since 1970.
    pub fn new(seed: u64, partitions: u64, clock: Clock) -> Self {
        Self { random: Random::new(seed), clock, partitions, copies: Vec::new(), sent: 0 }
    }

    /// A report in one of the forms producers use.
    fn report(&mut self, now_ms: i64) -> Vec<u8> {
        let random = &mut self.random;
        let age_ms = match random.below(1_000) {
            0..20 => 1_200_000 + random.below(1_200_000),
            20..60 => random.below(60_000),
            _ => random.below(2_000),
        };
        let time_ms = now_ms - age_ms as i64;
        let (id, vehicle, road) = (random.any(), random.below(VEHICLES), random.below(ROADS));
        let speed = random.below(900) as f64 / 10.0;
        let (lat, lon) = (51.5 + random.below(2_000) as f64 / 1e5, -0.12 - random.below(2_000) as f64 / 1e5);
        let time = match random.below(4) {
            0 => format!("{time_ms}"),
            1 => format!("\"{}Z\"", greenwave_model::iso::naive(time_ms)),
            _ => format!("\"{}\"", greenwave_model::iso::naive(time_ms)),
        };
        let place = if random.chance(100) {
            format!("\"latitude\":{lat:.5},\"longitude\":{lon:.5}")
        } else {
            format!("\"location\":[{lat:.5},{lon:.5}]")
        };
        let road = if random.chance(100) { String::new() } else { format!(",\"segment_id\":{road}") };
        let id = if random.chance(20) { String::new() } else { format!("\"id\":\"{id:016x}\",") };
        let heading = random.below(3_600) as f64 / 10.0;
        format!("{{{id}\"device_id\":\"veh-{vehicle:04}\",\"timestamp\":{time},\"speed\":{speed},{place},\"heading\":{heading}{road}}}")
            .into_bytes()
    }

    fn broken(&mut self, mut whole: Vec<u8>) -> Vec<u8> {
        match self.random.below(6) {
            0 => whole.truncate(whole.len() / 2),
            1 => whole.clear(),
            2 => whole[5] = 0xff,
            3 => return br#"{"device_id":"veh-1","timestamp":0,"speed":1,"location":[1,1]}"#.to_vec(),
            4 => {
                return br#"{"device_id":"veh-1","timestamp":"2026-03-02T08:00:00","speed":-1,"location":[1,1]}"#
                    .to_vec();
            }
            _ => {
                return br#"{"device_id":"veh-1","timestamp":"2026-03-02T08:00:00","speed":1,"location":[91,1]}"#
                    .to_vec();
            }
        }
        whole
    }
}

impl<Clock: FnMut() -> i64> Iterator for Traffic<Clock> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let now_ms = (self.clock)();
        self.sent += 1;
        let due = self.copies.iter().position(|(at, _)| *at <= self.sent);
        let payload = match due {
            Some(copy) => self.copies.swap_remove(copy).1,
            None => {
                let whole = self.report(now_ms);
                if self.random.chance(20) {
                    let later = self.sent + 1 + self.random.below(20_000);
                    self.copies.push((later, whole.clone()));
                }
                if self.random.chance(10) { self.broken(whole) } else { whole }
            }
        };
        let partition = self.random.below(self.partitions) as i32;
        Some(Record { partition, key: None, payload, timestamp_ms: now_ms })
    }
}
