//! The lake: Delta tables of Parquet files, each tick's rows in them once.
//!
//! A worker collects the rows of a cut (`raw`, `rejects`, `views`), stages them as a run (`run`), and the committer
//! writes all runs of a table up to a tick in one Delta commit that carries the tick (`lake`). Everything here blocks.

mod columns;
mod cuts;
mod error;
#[allow(clippy::module_inception)]
mod lake;
mod layout;
mod log;
mod observations;
mod order;
mod place;
mod raw;
mod rejects;
mod run;
mod tables;
mod upload;
mod views;

pub use cuts::cut_row;
pub use error::{Condition, LakeError};
pub use lake::{Commit, Lake};
pub use layout::parquet;
pub use place::Owner;
pub use raw::{RawGpsRows, RawRows};
pub use rejects::{DroppedRows, RejectRows};
pub use run::{decode, encode};
pub use tables::Table;
pub use views::ViewRows;
