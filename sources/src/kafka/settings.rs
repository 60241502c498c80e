//! Settings of the Kafka reader, and what they make of librdkafka's.

use std::collections::BTreeMap;
use std::time::Duration;

use greenwave_model::Name;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::SourceError;
use crate::decode::DecodeSettings;

#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// `host:port`, more of them separated by commas.
    pub brokers: String,
    /// The name of each topic at the brokers, and ours.
    pub topics: Vec<(String, Name)>,
    pub start: Start,
    /// How long a start waits for a broker.
    pub connect_timeout: Duration,
    /// librdkafka settings as they are, over ours.
    pub pass_through: BTreeMap<String, String>,
    pub decode: DecodeSettings,
    /// No clock passes the arrival of a record by more.
    pub clock_skew_ms: i64,
}

/// Where a partition that has no position yet is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
    /// The first record with this timestamp, in milliseconds since 1970, or a later one.
    Timestamp(i64),
    /// By the topic's name at the brokers, and partition.
    Offsets(BTreeMap<(String, i32), i64>),
}

/// Values that exactly-once reading rests on.
const KEPT: &[(&str, &str)] = &[
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("enable.partition.eof", "true"),
    ("auto.offset.reset", "error"),
    ("allow.auto.create.topics", "false"),
    // [`super::statistics`] tells from them which partitions can be read.
    ("statistics.interval.ms", "500"),
];

/// Values that a person may replace.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "greenwave"),
    // `assign()` needs one; it is never joined.
    ("group.id", "greenwave"),
    // At its default of 1000 a full queue costs two thirds of the throughput.
    ("fetch.queue.backoff.ms", "10"),
    // 32 MiB a worker are 0.1 s of work; the count of messages is no limit beside it.
    ("queued.max.messages.kbytes", "32768"),
    ("queued.min.messages", "1000000"),
    ("fetch.message.max.bytes", "2097152"),
    ("fetch.max.bytes", "16777216"),
    // A broker that answers each record by itself keeps a core busy at 20,000 a second.
    ("fetch.min.bytes", "65536"),
    ("fetch.wait.max.ms", "20"),
    // A broker that is mute is down well before its partitions count as idle.
    ("socket.timeout.ms", "10000"),
    // After an election or a restart, look again soon.
    ("fetch.error.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "1000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
    ("topic.metadata.propagation.max.ms", "5000"),
];

/// librdkafka's settings for one client.
pub fn client_config(settings: &KafkaSettings) -> Result<ClientConfig, SourceError> {
    let mut config = ClientConfig::new();
    for (key, value) in DEFAULTS.iter().chain(KEPT) {
        config.set(*key, *value);
    }
    for (key, value) in &settings.pass_through {
        if key == "bootstrap.servers" || KEPT.iter().any(|(kept, _)| kept == key) {
            return Err(SourceError::ClientSettingKept { key: key.clone() });
        }
        config.set(key, value);
    }
    config.set("bootstrap.servers", &settings.brokers);
    Ok(config)
}

/// An error of the client, for the person who must act.
pub fn client_failed(settings: &KafkaSettings, action: &'static str, error: KafkaError) -> SourceError {
    match error {
        KafkaError::ClientConfig(_, detail, key, _) => SourceError::ClientSetting { key, detail },
        source => SourceError::Client { brokers: settings.brokers.clone(), action, source },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn with(key: &str, value: &str) -> Result<ClientConfig, SourceError> {
        client_config(&KafkaSettings {
            brokers: "here:9092".into(),
            topics: vec![],
            start: Start::Earliest,
            connect_timeout: Duration::ZERO,
            pass_through: BTreeMap::from([(key.to_owned(), value.to_owned())]),
            decode: DecodeSettings::default(),
            clock_skew_ms: 0,
        })
    }

    #[test]
    fn a_person_may_replace_defaults_and_add_settings() {
        let config = with("fetch.wait.max.ms", "7").unwrap();
        assert_eq!(config.get("fetch.wait.max.ms"), Some("7"));
        assert_eq!(config.get("bootstrap.servers"), Some("here:9092"));
        assert_eq!(with("security.protocol", "ssl").unwrap().get("security.protocol"), Some("ssl"));
    }

    #[test]
    fn what_exactly_once_rests_on_stays() {
        for key in ["enable.auto.commit", "auto.offset.reset", "enable.partition.eof", "bootstrap.servers"] {
            let error = with(key, "true").unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
