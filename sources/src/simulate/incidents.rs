//! Incidents: each is active, then responded to, then resolved, and slows its road meanwhile.

use super::random::Random;
use super::roads::Roads;

const MINUTE_MS: i64 = 60_000;
/// Every live incident is told of this often.
pub const TOLD_EVERY_MS: i64 = 20_000;
/// And for so long after it was resolved.
pub const TOLD_AFTER_MS: i64 = MINUTE_MS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Active,
    Responding,
    Resolved,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Responding => "Responding",
            Self::Resolved => "Resolved",
        }
    }
}

/// Kinds with their descriptions.
pub const KINDS: [(&str, &str); 4] = [
    ("Accident", "collision, lane blocked"),
    ("Breakdown", "vehicle stopped in lane"),
    ("Fire", "vehicle on fire, road closed in part"),
    ("Theft", "police at the roadside"),
];
/// Severities with the share of a road's speed that they leave.
pub const SEVERITIES: [(&str, f64); 4] = [("low", 0.65), ("medium", 0.45), ("high", 0.3), ("critical", 0.15)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Incident {
    pub number: u32,
    /// What its name is made of.
    pub id: u64,
    pub kind: u8,
    pub severity: u8,
    pub road: u32,
    pub active_ms: i64,
    pub responding_ms: i64,
    pub resolved_ms: i64,
}

impl Incident {
    /// `None` before it happens.
    pub fn status(&self, at_ms: i64) -> Option<Status> {
        match at_ms {
            _ if at_ms < self.active_ms => None,
            _ if at_ms < self.responding_ms => Some(Status::Active),
            _ if at_ms < self.resolved_ms => Some(Status::Responding),
            _ => Some(Status::Resolved),
        }
    }

    /// The share of its road's speed that is left. Whoever responds clears half of it.
    pub fn left(&self, at_ms: i64) -> f64 {
        let (_, left) = SEVERITIES[usize::from(self.severity)];
        match self.status(at_ms) {
            Some(Status::Active) => left,
            Some(Status::Responding) => (1.0 + left) / 2.0,
            None | Some(Status::Resolved) => 1.0,
        }
    }
}

/// What a slot of the city's bad luck does when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The incident to be told of, unless it is about to be replaced by the next.
    pub told: Option<Incident>,
    /// The roads flow differently from now on.
    pub changed: bool,
    pub next_ms: i64,
}

/// All there have been, and one live incident a slot at most.
#[derive(Clone, Debug, Default)]
pub struct Incidents {
    all: Vec<Incident>,
    /// By slot, the number of its incident.
    live: Vec<Option<u32>>,
}

impl Incidents {
    pub fn new(slots: u16) -> Self {
        Self { all: vec![], live: vec![None; usize::from(slots)] }
    }

    pub fn all(&self) -> &[Incident] {
        &self.all
    }

    pub fn live(&self) -> impl Iterator<Item = &Incident> {
        self.live.iter().flatten().map(|&number| &self.all[number as usize])
    }

    pub fn turn(&mut self, slot: u16, at_ms: i64, roads: &Roads, random: &mut Random) -> Turn {
        let slot = usize::from(slot);
        let Some(number) = self.live[slot] else {
            let incident = happen(self.all.len() as u32, at_ms, roads, random);
            self.live[slot] = Some(incident.number);
            self.all.push(incident);
            return Turn { told: Some(incident), changed: true, next_ms: next_ms(&incident, at_ms) };
        };
        let incident = self.all[number as usize];
        if at_ms >= incident.resolved_ms + TOLD_AFTER_MS {
            self.live[slot] = None;
            return Turn { told: None, changed: false, next_ms: at_ms + random.between(MINUTE_MS, 4 * MINUTE_MS) };
        }
        let changed = at_ms == incident.responding_ms || at_ms == incident.resolved_ms;
        Turn { told: Some(incident), changed, next_ms: next_ms(&incident, at_ms) }
    }
}

fn happen(number: u32, at_ms: i64, roads: &Roads, random: &mut Random) -> Incident {
    let pick = |weights: [i64; 4], at: i64| weights.iter().position(|&weight| at < weight).unwrap_or(0) as u8;
    let responding_ms = at_ms + random.between(2 * MINUTE_MS, 6 * MINUTE_MS);
    Incident {
        number,
        id: random.bits(),
        kind: pick([45, 80, 90, 100], random.between(0, 100)),
        severity: pick([30, 65, 90, 100], random.between(0, 100)),
        road: random.between(0, roads.all().len() as i64) as u32,
        active_ms: at_ms,
        responding_ms,
        resolved_ms: responding_ms + random.between(4 * MINUTE_MS, 12 * MINUTE_MS),
    }
}

/// The next time to tell of it: after a while, or when its status changes.
fn next_ms(incident: &Incident, at_ms: i64) -> i64 {
    let changes = [incident.responding_ms, incident.resolved_ms].into_iter().filter(|&change| change > at_ms);
    changes.fold(at_ms + TOLD_EVERY_MS, i64::min)
}
