//! The free-flow table: a road's speed when nothing is in the way.

use std::collections::HashMap;

use greenwave_model::Name;
use rustc_hash::FxBuildHasher;

/// Road → km/h. A reference table: the same on every worker for the whole run.
///
/// ```
/// use greenwave_operators::FreeFlow;
/// let table = FreeFlow::new([("A40".into(), 100.0), ("closed".into(), 0.0)]);
/// assert_eq!(table.get("A40"), Some(100.0));
/// assert_eq!(table.get("closed"), None);   // a speed that nothing can be compared with
/// ```
#[derive(Clone, Debug, Default)]
pub struct FreeFlow(HashMap<Name, f64, FxBuildHasher>);

impl FreeFlow {
    /// Entries whose speed is not a positive, finite number are left out. Of several for one road the last stands.
    pub fn new(speeds: impl IntoIterator<Item = (Name, f64)>) -> Self {
        Self(speeds.into_iter().filter(|(_, speed_kmh)| speed_kmh.is_finite() && *speed_kmh > 0.0).collect())
    }

    pub fn get(&self, road: &str) -> Option<f64> {
        self.0.get(road).copied()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Name, f64)> {
        self.0.iter().map(|(road, speed_kmh)| (road, *speed_kmh))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
