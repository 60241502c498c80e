//! The topics of a city, one file each. A new topic is a file and a line in [`TOPICS`].

mod camera;
mod gps;
mod incident;
mod vehicle;
mod weather;

pub use camera::CAMERA;
pub use gps::GPS;
pub use incident::INCIDENT;
pub use vehicle::VEHICLE;
pub use weather::WEATHER;

use crate::topic::{Form, TopicSpec};

/// Every topic there is. State and lake know them by name, running dataflows by place.
pub const TOPICS: &[&TopicSpec] = &[&GPS, &VEHICLE, &CAMERA, &WEATHER, &INCIDENT];

/// The place of the topic with this name or alias.
///
/// ```
/// # use greenwave_model::topics::{TOPICS, named};
/// assert_eq!(named("gps").map(|place| TOPICS[place].name), Some("gps_data"));
/// assert_eq!(named("emergency_data").map(|place| TOPICS[place].name), Some("emergency_incident_data"));
/// assert_eq!(named("GPS"), None);
/// ```
pub fn named(name: &str) -> Option<usize> {
    TOPICS.iter().position(|topic| topic.name == name || topic.aliases.contains(&name))
}

/// The place of a topic in [`TOPICS`].
pub const fn place(topic: &TopicSpec) -> u8 {
    let mut place = 0;
    while place < TOPICS.len() {
        if same(TOPICS[place].name, topic.name) {
            return place as u8;
        }
        place += 1;
    }
    panic!("a topic of ours is in the table")
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

const SPEED: Form = Form::Number { least: 0.0, most: 399.999_999, unit: Some(("speed_mph", 1.609_344)) };
