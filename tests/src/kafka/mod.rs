//! Apache Kafka's own broker: started on free ports, paused, killed and restarted on its data, gone with the test.

mod answers;
mod broker;
mod feed;
mod properties;
mod read;
mod topics;

pub use broker::Kafka;
pub use feed::{Pace, Record, feed};
pub use properties::Options;
pub use read::{Stored, read};
