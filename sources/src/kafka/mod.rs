//! Kafka: every record of the job's topics, once per run, from offsets that the job keeps itself.
//!
//! One thread a worker reads the partitions given to it by `assign()`; there is no consumer group, no rebalance and
//! no stored offset that is ever read back, so a position is what the last checkpoint says and nothing else. What holds
//! that together: batches of a partition follow each other without gaps (an end covers the offsets that transactions
//! and compaction left empty), and an offset that the topic no longer has stops the job and names the loss
//! ([`crate::SourceError`]).
//!
//! A broker that is down, or a partition without a leader, is waited for; meanwhile the partition's
//! [`crate::Standing`] says why it is behind.
//!
//! Memory is bounded by librdkafka's queue (`settings`), one open batch a partition, and the budget. Partitions differ
//! in how much event time a byte covers, and the leader may leave rows of a fast one waiting for a slow one; a budget
//! full of the fast one's rows would then keep the slow one from being read. So a budget that stays full lets the
//! partition with the lowest clock through, and it alone is read until there is room again (`lane::slowest`).

mod commit;
mod consumer;
mod lane;
mod names;
mod reader;
mod round;
mod settings;
mod standing;
mod start;
mod statistics;

pub use commit::Group;
pub use names::usual;
pub use reader::start;
pub use settings::{KafkaSettings, Start};
pub use start::{discover, first_offsets};
