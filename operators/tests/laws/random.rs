//! A seeded source of numbers, and the times that matter to operators.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn within(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from) as u64) as i64
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    pub fn shuffle<T>(&mut self, rows: &mut [T]) {
        for at in (1..rows.len()).rev() {
            rows.swap(at, self.below(at as u64 + 1) as usize);
        }
    }

    pub fn speed_kmh(&mut self) -> f64 {
        match self.below(4) {
            0 => self.below(120) as f64,
            1 => self.below(1_200) as f64 / 10.0,
            _ => self.below(130_000_000) as f64 / 1e6,
        }
    }
}

/// The clocks of successive cuts: small steps, long silences, a watermark that sometimes stands.
pub struct Clocks {
    pub start_ms: i64,
    pub watermark_ms: i64,
    pub now_ms: i64,
    /// Of the cut before.
    pub cut_watermark_ms: Option<i64>,
    pub cut_now_ms: Option<i64>,
}

impl Clocks {
    pub fn new(random: &mut Random) -> Self {
        let start_ms = 1_772_438_400_000 + random.within(0, 600_000);
        Self { start_ms, watermark_ms: start_ms, now_ms: start_ms, cut_watermark_ms: None, cut_now_ms: None }
    }

    /// Moves to the next cut; answers whether it is not the first.
    pub fn step(&mut self, random: &mut Random, first: bool) {
        if !first {
            (self.cut_watermark_ms, self.cut_now_ms) = (Some(self.watermark_ms), Some(self.now_ms));
        }
        let longest = random.pick(&[2_000, 30_000, 120_000, 700_000]);
        self.now_ms += random.within(100, longest);
        // Half of the clocks stand at an edge of the panes, give or take a millisecond.
        if random.one_in(2) {
            let edge = (self.now_ms / 60_000 + 1) * 60_000 + random.within(-1, 2);
            self.now_ms = edge;
        }
        let behind = random.pick(&[0, 1, 5_000, 59_999, 60_000, 60_001, 200_000]);
        self.watermark_ms = self.watermark_ms.max(self.now_ms - behind);
    }

    /// An event time: half of them at the edges of panes, windows, horizons and the clock.
    pub fn event_ms(&self, random: &mut Random, horizon_ms: i64, skew_ms: i64) -> i64 {
        let near = |at: i64, random: &mut Random| at + random.within(-1, 2);
        let minute = |at: i64| at.div_euclid(60_000) * 60_000;
        let edge = match random.below(8) {
            0 => minute(self.now_ms),
            1 => minute(self.now_ms) - 60_000 * random.within(1, 8),
            2 => minute(self.cut_watermark_ms.unwrap_or(self.start_ms) - horizon_ms),
            3 => minute(self.cut_watermark_ms.unwrap_or(self.start_ms) - horizon_ms) - 60_000,
            4 => self.cut_watermark_ms.unwrap_or(self.start_ms),
            5 => self.now_ms + skew_ms,
            6 => minute(self.now_ms + skew_ms) + 60_000 * random.within(1, 4),
            _ if random.one_in(6) => self.now_ms + random.pick(&[3_600_000, 5_000_000, 90_000_000]),
            _ => return self.now_ms - random.within(0, 240_000),
        };
        if random.one_in(2) { near(edge, random) } else { self.now_ms - random.within(0, 90_000) }
    }

    /// An arrival: mostly before the clock, sometimes a little beyond it, sometimes long ago.
    pub fn arrival_ms(&self, random: &mut Random) -> i64 {
        match random.below(6) {
            0 => self.now_ms + random.within(0, 20_000),
            1 => self.cut_now_ms.unwrap_or(self.start_ms) - random.pick(&[299_999, 300_000, 300_001, 600_000, 600_001]),
            _ => self.now_ms - random.within(0, 3_000),
        }
    }
}
