//! Where views and records go: the speed layer and the lake.

pub mod lake;
pub mod speed;
