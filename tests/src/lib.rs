//! What the tests that cross crates stand on: real servers on free ports, and the `greenwave` binary as a process.
//!
//! Everything here panics with the place, the fact and the way out: a test that cannot have its server has failed.
//! What may be missing on a person's machine is asked for first, with [`need`]. `docs/testing.md` shows a scenario.

mod binary;
mod cache;
mod checkpoints;
mod disk;
mod folder;
pub mod http;
mod job;
mod judge;
pub mod kafka;
mod patience;
mod ports;
mod process;
mod python;
mod redis;
pub mod s3;
mod skip;
pub mod traffic;

pub use binary::{greenwave, greenwave_binary};
pub use checkpoints::Checkpoints;
pub use disk::SmallDisk;
pub use folder::{Folder, target_folder};
pub use job::{Job, counts};
pub use judge::Judge;
pub use kafka::Kafka;
pub use patience::{try_wait_for, wait_for};
pub use ports::{Port, free_port};
pub use process::Process;
pub use python::python;
pub use redis::Redis;
pub use s3::S3;
pub use skip::{Server, need, skip};
