//! A city that is made up and knows the truth: five topics of records as its devices would send them, and what every
//! one of them is.
//!
//! `World` is the city as it is: roads, trips, weather, incidents, cameras. [`City`] is what arrives of it: some records
//! late, twice, broken or out of order. The same [`Settings`] give the same bytes for ever and on every machine: there
//! is no clock in it, and of floating point only what IEEE 754 rounds exactly (no sines, no logarithms).
//!
//! ```
//! use greenwave_sources::simulate::{City, Kind, Settings};
//!
//! let mut city = City::new(Settings { run_for_ms: Some(1_000), ..Settings::default() }).unwrap();
//! let mut fine = 0;
//! while let Some(record) = city.next() {
//!     assert_eq!(record.key.len(), 36);
//!     fine += u32::from(record.kind == Kind::Fine);
//! }
//! assert!(fine > 500);
//! ```

mod city;
mod error;
mod flow;
mod folder;
mod incidents;
mod lines;
mod payload;
mod random;
mod record;
mod report;
mod roads;
mod settings;
mod sky;
mod tables;
mod tally;
mod topics;
mod traffic;
mod truth;
mod wheel;
mod world;

pub use city::City;
pub use error::SimulateError;
pub use folder::Folder;
pub(crate) use lines::{TopicLines, partitions};
pub use record::{Fault, Kind, Record};
pub use report::Feed;
pub use settings::{Disorder, START_MS, Settings};
pub use tables::{FREE_FLOW, ROUTES, table};
pub use tally::Tally;
pub use topics::Topics;
pub use truth::{PartitionNames, Truth};

#[cfg(test)]
mod tests;
