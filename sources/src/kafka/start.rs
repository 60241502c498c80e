//! What a start asks the brokers: which partitions there are, and at which offsets to begin.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use greenwave_model::PartitionKey;
use rdkafka::client::Client;
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};

use super::consumer::{self, Notes};
use super::names;
use super::settings::{KafkaSettings, Start, client_config, client_failed};
use crate::SourceError;

/// Between two questions to brokers that are not ready.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The partitions of the job's topics, sorted by topic and partition number.
pub fn discover(settings: &KafkaSettings) -> Result<Vec<PartitionKey>, SourceError> {
    let client = connect(settings)?;
    let begun = Instant::now();
    loop {
        let metadata = patiently(settings, &client, |left| client.fetch_metadata(None, left))?;
        let unready = match partitions(settings, &metadata)? {
            Ok(keys) => return Ok(keys),
            Err(unready) => unready,
        };
        let waited = begun.elapsed();
        if waited >= settings.connect_timeout {
            let detail = format!("topic {unready} has no partitions");
            return Err(SourceError::BrokerUnreachable { brokers: settings.brokers.clone(), waited, detail });
        }
        sleep(ASK_AGAIN);
    }
}

/// Every partition; or the name of a topic that is just being made. A topic that nobody named may be absent.
fn partitions(settings: &KafkaSettings, metadata: &Metadata) -> Result<Result<Vec<PartitionKey>, String>, SourceError> {
    let (mut found, mut absent) = (vec![], vec![]);
    for (theirs, ours) in &settings.topics {
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == theirs) else {
            if !names::is_usual(theirs, ours) {
                return Err(missing(settings, metadata, theirs));
            }
            absent.push(theirs.as_str());
            continue;
        };
        if topic.partitions().is_empty() {
            return Ok(Err(theirs.clone()));
        }
        found.extend(topic.partitions().iter().map(|partition| (ours, theirs, partition.id())));
    }
    match absent.first() {
        Some(first) if found.is_empty() => return Err(missing(settings, metadata, first)),
        Some(_) => tracing::info!(topics = absent.join(", "), "not at the brokers; the next start looks again"),
        None => {}
    }
    found.sort();
    Ok(Ok(found.into_iter().map(|(ours, theirs, partition)| names::key(theirs, ours, partition)).collect()))
}

fn missing(settings: &KafkaSettings, metadata: &Metadata, topic: &str) -> SourceError {
    let similar = names::similar(topic, metadata.topics().iter().map(|topic| topic.name()));
    SourceError::TopicMissing { topic: topic.to_owned(), brokers: settings.brokers.clone(), similar }
}

/// The first offset of each partition, as the start says.
pub fn first_offsets(settings: &KafkaSettings, keys: &[PartitionKey]) -> Result<Vec<i64>, SourceError> {
    let client = connect(settings)?;
    let places = keys.iter().map(|key| match names::place(settings, key) {
        Some(place) => Ok((key, place)),
        None => Err(SourceError::PartitionGone { partition: key.clone(), brokers: settings.brokers.clone() }),
    });
    let places: Vec<(&PartitionKey, (String, i32))> = places.collect::<Result<_, _>>()?;
    let range = |(topic, partition): &(String, i32)| {
        patiently(settings, &client, |left| client.fetch_watermarks(topic, *partition, left))
    };
    match &settings.start {
        Start::Earliest => places.iter().map(|(_, place)| Ok(range(place)?.0)).collect(),
        Start::Latest => places.iter().map(|(_, place)| Ok(range(place)?.1)).collect(),
        Start::Timestamp(at_ms) => {
            let found = patiently(settings, &client, |left| since(&client, &places, *at_ms, left))?;
            let offset = |(place, found): (&(&PartitionKey, (String, i32)), Option<i64>)| match found {
                Some(offset) => Ok(offset),
                None => Ok(range(&place.1)?.1),
            };
            places.iter().zip(found).map(offset).collect()
        }
        Start::Offsets(given) => {
            check_given(given, &places)?;
            places.iter().map(|(key, place)| inside(key, given[place], range(place)?)).collect()
        }
    }
}

/// The first offset with a timestamp at or after a time; `None` where there is none yet.
fn since(
    client: &Client<Notes>,
    places: &[(&PartitionKey, (String, i32))],
    at_ms: i64,
    wait: Duration,
) -> Result<Vec<Option<i64>>, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(places.len());
    for (_, (topic, partition)) in places {
        list.add_partition_offset(topic, *partition, Offset::Offset(at_ms.max(0)))?;
    }
    consumer::offsets_for_times(client, &list, wait)?;
    let found = places.iter().map(|(_, (topic, partition))| {
        let Some(element) = list.find_partition(topic, *partition) else { return Ok(None) };
        element.error()?;
        Ok(match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        })
    });
    found.collect()
}

fn check_given(
    given: &BTreeMap<(String, i32), i64>,
    places: &[(&PartitionKey, (String, i32))],
) -> Result<(), SourceError> {
    let missing = places.iter().filter(|(_, place)| !given.contains_key(place));
    let missing: Vec<String> = missing.map(|(key, _)| key.to_string()).collect();
    if missing.is_empty() { Ok(()) } else { Err(SourceError::OffsetNotGiven { partitions: missing.join(", ") }) }
}

fn inside(key: &PartitionKey, offset: i64, (oldest, end): (i64, i64)) -> Result<i64, SourceError> {
    if (oldest..=end).contains(&offset) {
        Ok(offset)
    } else {
        Err(SourceError::StartOutside { partition: key.clone(), offset, oldest, end })
    }
}

fn connect(settings: &KafkaSettings) -> Result<Client<Notes>, SourceError> {
    let mut config = client_config(settings)?;
    config.set("statistics.interval.ms", "0");
    consumer::client(&config).map_err(|error| client_failed(settings, "starting", error))
}

/// Asks until there is an answer, for as long as a start may wait.
fn patiently<T>(
    settings: &KafkaSettings,
    client: &Client<Notes>,
    ask: impl Fn(Duration) -> Result<T, KafkaError>,
) -> Result<T, SourceError> {
    let begun = Instant::now();
    loop {
        let left = settings.connect_timeout.saturating_sub(begun.elapsed());
        match ask(left.max(ASK_AGAIN)) {
            Ok(answer) => return Ok(answer),
            Err(_) if left > ASK_AGAIN => sleep(ASK_AGAIN),
            Err(error) => {
                let detail = consumer::last_error(client).unwrap_or_else(|| error.to_string());
                let (brokers, waited) = (settings.brokers.clone(), begun.elapsed());
                return Err(SourceError::BrokerUnreachable { brokers, waited, detail });
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn given_offsets_must_cover_every_partition_and_lie_inside() {
        let keys: Vec<PartitionKey> =
            (0..3).map(|partition| names::key("gps_data", &"gps_data".into(), partition)).collect();
        let places: Vec<_> = keys.iter().zip(0..).map(|(key, number)| (key, ("gps_data".to_owned(), number))).collect();
        let given = BTreeMap::from([(("gps_data".to_owned(), 1), 7)]);
        let error = check_given(&given, &places).unwrap_err().to_string();
        assert!(error.contains("gps_data[0], gps_data[2]"), "{error}");
        assert!(check_given(&given, &places[1..2]).is_ok());
        for (offset, fits) in [(4, false), (5, true), (9, true), (10, false)] {
            assert_eq!(inside(&keys[0], offset, (5, 9)).is_ok(), fits, "{offset}");
        }
    }
}
