//! What brings records in: readers of Kafka and of folders, the decoder that turns bytes into events or rejects, and a
//! simulated city to have records from.
//!
//! A reader is one thread a worker. It decodes ahead into [`greenwave_model::Batch`]es and sends them with a
//! [`Link`]; how far ahead is limited by a [`Budget`]. Which rows belong to which tick is decided elsewhere.

pub mod decode;
pub mod folder;
pub mod kafka;
pub mod simulate;

mod budget;
mod error;
mod guard;
mod link;

pub use budget::Budget;
pub use error::{Answer, Fault, SourceError};
pub use link::{FromSource, Link, Position, Standing};
