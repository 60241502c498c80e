//! What a run has done, for its last lines.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use greenwave_model::CrashPoint;

pub struct Tally {
    pub seed: u64,
    begun: Instant,
    pub lives: u32,
    /// By crash point: killed there, woken there too late.
    points: BTreeMap<CrashPoint, (u32, u32)>,
    events: BTreeMap<String, u32>,
}

impl Tally {
    pub fn new(seed: u64) -> Self {
        Self { seed, begun: Instant::now(), lives: 0, points: BTreeMap::new(), events: BTreeMap::new() }
    }

    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    pub fn killed_at(&mut self, point: CrashPoint) {
        self.points.entry(point).or_default().0 += 1;
    }

    pub fn overslept_at(&mut self, point: CrashPoint) {
        self.points.entry(point).or_default().1 += 1;
    }

    pub fn event(&mut self, name: impl Into<String>) {
        *self.events.entry(name.into()).or_default() += 1;
    }

    /// Crash points at which no process has stood.
    pub fn never_reached(&self) -> Vec<&'static str> {
        let all = CrashPoint::ALL.iter().filter(|point| !self.points.contains_key(point));
        all.map(|point| point.name()).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, {} lives in {:.0} s", self.seed, self.lives, self.elapsed().as_secs_f64())?;
        for point in CrashPoint::ALL {
            let (killed, overslept) = self.points.get(point).copied().unwrap_or_default();
            writeln!(f, "  {:22} killed {killed:3}, woken too late {overslept:3}", point.name())?;
        }
        for (name, times) in &self.events {
            writeln!(f, "  {name}: {times}")?;
        }
        Ok(())
    }
}
