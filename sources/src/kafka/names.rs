//! What a Kafka partition is called in a job's partition table.
//!
//! `gps_data[3]` for a topic that has our name at the brokers too; otherwise its own name is part of the partition's:
//! `gps_data[city.gps/3]`. So two Kafka topics may feed one of ours, and a job whose settings name another topic does
//! not go on with the offsets of the first.

use greenwave_model::topics::{self, TOPICS};
use greenwave_model::{Name, PartitionKey};

use super::KafkaSettings;

pub fn key(theirs: &str, ours: &Name, partition: i32) -> PartitionKey {
    let partition = if theirs == ours { partition.to_string() } else { format!("{theirs}/{partition}") };
    PartitionKey { topic: ours.clone(), partition: partition.into() }
}

/// The topic at the brokers and the partition's number; `None` for a key that is not of these settings.
pub fn place(settings: &KafkaSettings, key: &PartitionKey) -> Option<(String, i32)> {
    let (theirs, partition) = match key.partition.rsplit_once('/') {
        Some((theirs, partition)) => (theirs, partition),
        None => (key.topic.as_str(), key.partition.as_str()),
    };
    let known = settings.topics.iter().any(|(name, ours)| name == theirs && *ours == key.topic);
    known.then_some((theirs.to_owned(), partition.parse().ok()?))
}

/// Whether a topic of ours goes by this name where nobody says otherwise.
pub fn is_usual(theirs: &str, ours: &str) -> bool {
    theirs == ours || usual(ours).any(|name| name == theirs)
}

/// What older producers call a topic of ours.
pub fn usual(ours: &str) -> impl Iterator<Item = &'static str> {
    let aliases = topics::named(ours).map_or(&[][..], |place| TOPICS[place].aliases);
    aliases.iter().copied().filter(|alias| alias.ends_with("_data"))
}

/// Names that a person who wrote `wanted` may have meant.
pub fn similar<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let wanted = plain(wanted);
    let is_near = |name: &&str| {
        let name = plain(name);
        let part = wanted.len() >= 3 && name.len() >= 3 && (name.contains(&wanted) || wanted.contains(&name));
        part || distance(&wanted, &name) <= 2
    };
    let mut near: Vec<String> =
        names.filter(|name| !name.starts_with("__")).filter(is_near).map(str::to_owned).collect();
    near.sort();
    near.truncate(5);
    near
}

/// Letters to add, drop or replace to make one name the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let replaced = corner + usize::from(a != b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::decode::DecodeSettings;
    use crate::kafka::Start;

    #[test]
    fn a_key_leads_back_to_its_place() {
        let ours = Name::new("gps_data");
        let settings = KafkaSettings {
            brokers: String::new(),
            topics: vec![("gps_data".into(), ours.clone()), ("a/b".into(), ours.clone())],
            start: Start::Earliest,
            connect_timeout: Duration::ZERO,
            pass_through: BTreeMap::new(),
            decode: DecodeSettings::default(),
            clock_skew_ms: 0,
        };
        for (theirs, text) in [("gps_data", "gps_data[3]"), ("a/b", "gps_data[a/b/3]")] {
            let key = key(theirs, &ours, 3);
            assert_eq!(key.to_string(), text);
            assert_eq!(place(&settings, &key), Some((theirs.to_owned(), 3)));
        }
        assert_eq!(place(&settings, &key("other", &ours, 3)), None);
        assert_eq!(place(&settings, &PartitionKey { topic: ours, partition: "three".into() }), None);
    }

    #[test]
    fn similar_names_are_found() {
        let there = ["gps-data", "GPS_DATA", "gpsdata_v2", "weather_data", "__consumer_offsets", "gps_dta"];
        assert_eq!(similar("gps_data", there.into_iter()), ["GPS_DATA", "gps-data", "gps_dta", "gpsdata_v2"]);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
