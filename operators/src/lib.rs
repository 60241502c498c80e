//! Greenwave's operators: what one tick does to a stream of readings, to a view, to the state behind it.
//!
//! Each operator is a plain struct that knows no engine ([`tick::TickOperator`]); [`tick`] is the one shell that runs
//! such structs in a timely dataflow. No operator knows a topic, a file, a clock other than the tick's, or a metric.

pub mod alerts;
pub mod dedup;
pub mod feeds;
pub mod free_flow;
pub mod graph;
pub mod lateness;
pub mod latest;
pub mod panes;
pub mod publish;
pub mod reports;
pub mod road;
pub mod road_weather;
pub mod routes;
pub mod speeds;
pub mod state;
pub mod summary;
pub mod tick;
pub mod top;

mod fingerprints;
mod keyed;
mod packed;

pub use free_flow::FreeFlow;
pub use graph::{Accepted, Batches, Inputs, Outputs, Verdict, VerdictRow};
pub use packed::standing;
pub use routes::RouteTable;
pub use state::{Saved, SavedPart, StateRow, StateSlot, States};
