//! Numbers that look random and are the same for the same seed, on every machine and for ever.

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Every bit of the result depends on every bit of the number (the finalizer of SplitMix64).
#[inline]
pub fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// A share, 0 ≤ share < 1, that belongs to a thing for good.
#[inline]
pub fn share_of(seed: u64, thing: u64) -> f64 {
    unit(mix(seed ^ mix(thing.wrapping_add(STEP))))
}

#[inline]
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// A row of numbers: a counter, mixed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Streams of one seed have nothing to do with each other.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(mix(seed ^ mix(stream.wrapping_add(STEP))))
    }

    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// 0 ≤ number < 1.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        unit(self.bits())
    }

    /// `from` ≤ number < `end`.
    #[inline]
    pub fn between(&mut self, from: i64, end: i64) -> i64 {
        from + ((u128::from(self.bits()) * u128::from((end - from).unsigned_abs())) >> 64) as i64
    }

    /// Mean 0, deviation 1, never beyond ±3.5: the sum of four even numbers.
    #[inline]
    pub fn bell(&mut self) -> f64 {
        const ROOT_OF_THREE: f64 = 1.732_050_807_568_877_2;
        let bits = self.bits();
        let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xffff).sum();
        (sum as f64 / 65_536.0 - 2.0) * ROOT_OF_THREE
    }
}
