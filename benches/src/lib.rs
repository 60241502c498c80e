//! What the benchmarks share: the workload they all run on, in memory, as a folder and as a topic.

pub mod pace;
pub mod producing;
pub mod truth;
pub mod workload;
