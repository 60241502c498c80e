//! Where views and records go: the speed layer, the lake, and a Kafka topic of rejects; and where their files stand.

pub mod kafka;
pub mod lake;
pub mod objects;
pub mod speed;
