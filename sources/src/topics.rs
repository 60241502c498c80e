//! The topics we read, and the names under which they are known elsewhere.

use greenwave_model::Name;

/// A topic and its other names: sub-folders of an input folder may use any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
}

/// Every topic there is a decoder for.
pub const TOPICS: &[Topic] = &[Topic { name: "gps_data", aliases: &["gps"] }];

/// Our name of a topic.
///
/// ```
/// # use greenwave_sources::canonical;
/// assert_eq!(canonical("gps").as_deref(), Some("gps_data"));
/// assert_eq!(canonical("gps_data").as_deref(), Some("gps_data"));
/// assert_eq!(canonical("GPS"), None);
/// ```
pub fn canonical(name: &str) -> Option<Name> {
    let topic = TOPICS.iter().find(|topic| topic.name == name || topic.aliases.contains(&name))?;
    Some(Name::new_static(topic.name))
}
