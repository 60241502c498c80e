//! The runtime: ticks and bindings, checkpoints and restore, worker threads. It runs any dataflow and knows none by name.

mod background;
mod collect;
mod committer;
mod control;
mod fate;
mod generation;
mod group_offsets;
mod held;
mod job;
mod landing;
mod leader;
mod manifest;
mod memory;
mod mint;
mod parts;
mod progress;
mod rejects;
mod restore;
pub mod savepoint;
mod stager;
pub mod status;
mod store;
mod waiting;
mod worker;

pub use fate::Fate;
pub use job::{CITY, Input, Job, Reference, RunError, Summary, run};
pub use manifest::Counters;
pub use progress::{Progress, Snapshot};

use std::sync::Arc;

use greenwave_operators::graph::{Inputs, Outputs};
use greenwave_operators::state::States;

/// Builds a dataflow on one worker: typed input streams in, named views out.
pub type Build = Arc<dyn for<'s> Fn(Inputs<'s>, &States) -> Outputs<'s> + Send + Sync>;

/// A number nobody else has: tells our own object from another's.
fn nonce() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
