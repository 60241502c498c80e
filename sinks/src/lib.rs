//! Where views and records go: the speed layer, the lake, and a Kafka topic of rejects.

pub mod kafka;
pub mod lake;
pub mod speed;
