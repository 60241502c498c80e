//! The nouns of Greenwave: events, record ids, time, bindings, views and their wire form.
//!
//! Pure: no I/O, no clock, no engine. Every other crate speaks in these types.

pub mod binding;
pub mod crash;
pub mod event;
pub mod ids;
pub mod iso;
pub mod position;
pub mod topic;
pub mod topics;
pub mod view;
pub mod views;

pub use binding::{Binding, Clock, CutRef, PartitionBound};
pub use crash::CrashPoint;
pub use event::{Batch, Event, GpsRaw, GpsReading, PartitionClock, Reject, RejectReason, TextColumn};
pub use ids::{GROUPS, Name, PartitionKey, RecordRef, VNODES, group_of, vnode};
pub use position::Position;
pub use topic::{Observation, TopicSpec, Value};
pub use view::{Cell, Cells, Change, Column, Current, Delta, Deltas, Kind, StoredValue, ViewRow, ViewSpec};
