//! The road segments of the workload: where they are, how fast they flow when free, how many like to drive there.

use std::io::{self, Write};

use super::line;
use super::random::Random;

/// Deviation of the logarithm of a segment's popularity.
const POPULARITY_DEVIATION: f64 = 0.8;

#[derive(Clone, Debug)]
pub struct Segment {
    /// Hundredths of km/h: irregular, so that two segments are hardly ever equally congested.
    pub free_flow_e2: u32,
    /// Degrees × 10⁵.
    pub latitude_e5: i32,
    pub longitude_e5: i32,
    /// Congestion comes and goes in waves of this phase and period.
    phase: f64,
    period_ms: f64,
}

impl Segment {
    /// The share of its free-flow speed that is driven at a time.
    #[inline]
    pub fn flow(&self, at_ms: i64) -> f64 {
        let turns = self.phase + (at_ms % 86_400_000) as f64 / self.period_ms;
        0.62 + 0.33 * (turns * std::f64::consts::TAU).sin()
    }
}

#[derive(Clone, Debug)]
pub struct Segments {
    segments: Vec<Segment>,
    /// Running sum of popularity.
    cumulative: Vec<f64>,
}

impl Segments {
    pub fn new(count: u32, random: &mut Random) -> Self {
        let (mut segments, mut cumulative, mut total) = (Vec::new(), Vec::new(), 0.0);
        for _ in 0..count {
            segments.push(Segment {
                free_flow_e2: 2_000 + random.below(5_000),
                latitude_e5: 5_130_000 + random.below(40_000) as i32,
                longitude_e5: -50_000 + random.below(80_000) as i32,
                phase: random.unit(),
                period_ms: 900_000.0 + f64::from(random.below(600_000)),
            });
            total += (POPULARITY_DEVIATION * random.normal()).exp();
            cumulative.push(total);
        }
        Self { segments, cumulative }
    }

    /// A segment's number, popular ones more often.
    pub fn pick(&self, random: &mut Random) -> u32 {
        let last = self.cumulative.len() - 1;
        let at = random.unit() * self.cumulative[last];
        self.cumulative.partition_point(|sum| *sum <= at).min(last) as u32
    }

    pub fn get(&self, number: u32) -> &Segment {
        &self.segments[number as usize]
    }

    /// `segments.csv`: the free-flow table.
    pub fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "segment_id,free_flow,lat,lon")?;
        let mut text = Vec::new();
        for (number, segment) in self.segments.iter().enumerate() {
            text.clear();
            line::decimal(&mut text, number as u64);
            text.push(b',');
            line::fixed(&mut text, segment.free_flow_e2 as i32, 2);
            text.push(b',');
            line::fixed(&mut text, segment.latitude_e5, 5);
            text.push(b',');
            line::fixed(&mut text, segment.longitude_e5, 5);
            text.push(b'\n');
            out.write_all(&text)?;
        }
        Ok(())
    }
}
