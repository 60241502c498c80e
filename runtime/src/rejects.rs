//! Rejects by reason, counted.

use std::collections::BTreeMap;

use greenwave_model::RejectReason;
use serde::{Deserialize, Serialize};

/// How many records each reason has turned away. Written as an object of those that have any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, u64>", into = "BTreeMap<String, u64>")]
pub struct Rejects([u64; RejectReason::ALL.len()]);

impl Rejects {
    pub fn count(&mut self, reason: RejectReason) {
        self.0[reason as usize] += 1;
    }

    pub fn add(&mut self, more: &Self) {
        self.0.iter_mut().zip(more.0).for_each(|(ours, theirs)| *ours += theirs);
    }

    pub fn iter(&self) -> impl Iterator<Item = (RejectReason, u64)> {
        RejectReason::ALL.into_iter().zip(self.0)
    }
}

impl From<Rejects> for BTreeMap<String, u64> {
    fn from(rejects: Rejects) -> Self {
        let any = rejects.iter().filter(|(_, count)| *count > 0);
        any.map(|(reason, count)| (reason.as_str().to_owned(), count)).collect()
    }
}

/// A reason that only a newer version knows is left out.
impl From<BTreeMap<String, u64>> for Rejects {
    fn from(counts: BTreeMap<String, u64>) -> Self {
        Self(RejectReason::ALL.map(|reason| counts.get(reason.as_str()).copied().unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_their_written_form() {
        let mut rejects = Rejects::default();
        RejectReason::ALL.into_iter().for_each(|reason| rejects.count(reason));
        assert!(rejects.iter().all(|(_, count)| count == 1), "each reason has a place of its own: {rejects:?}");
        rejects.count(RejectReason::NotJson);
        let json = serde_json::to_string(&rejects).expect("plain data");
        assert!(json.contains(r#""not_json":2"#), "{json}");
        assert_eq!(serde_json::from_str::<Rejects>(&json).expect("as written"), rejects);
        assert_eq!(serde_json::from_str::<Rejects>("{}").expect("of an older version"), Rejects::default());
    }
}
