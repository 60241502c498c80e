//! `gps_data`: where a device is and how fast.

use crate::topic::TopicSpec;

/// Position and speed of a device. Its decoder is made for it alone, so no fields are listed here.
pub const GPS: TopicSpec = TopicSpec { name: "gps_data", aliases: &["gps"], fields: &[] };
