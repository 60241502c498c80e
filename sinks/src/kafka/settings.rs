//! Settings of dead letters, and what they make of librdkafka's.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::LetterError;

#[derive(Clone, Debug)]
pub struct LetterSettings {
    /// `host:port`, more of them separated by commas.
    pub brokers: String,
    pub topic: String,
    /// Named in every letter.
    pub job: String,
    /// How long a start waits for a broker.
    pub connect_timeout: Duration,
    /// librdkafka settings as they are, over ours; those of consumers alone mean nothing here.
    pub pass_through: BTreeMap<String, String>,
}

/// Values without which a letter could be lost.
const KEPT: &[(&str, &str)] = &[
    ("acks", "all"),
    ("enable.idempotence", "true"),
    // A letter is tried without end: the cut waits for it.
    ("message.timeout.ms", "0"),
];

/// Values that a person may replace.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "greenwave"),
    ("linger.ms", "20"),
    // Where the topic takes only short messages a batch fails as a whole: none is larger than any limit in use.
    ("batch.size", "16384"),
    // The topic decides what is too large.
    ("message.max.bytes", "100000000"),
    ("reconnect.backoff.max.ms", "1000"),
    ("topic.metadata.propagation.max.ms", "5000"),
];

impl LetterSettings {
    /// librdkafka's settings for the producer.
    pub(super) fn client_config(&self) -> Result<ClientConfig, LetterError> {
        let mut config = ClientConfig::new();
        for (key, value) in DEFAULTS.iter().chain(KEPT) {
            config.set(*key, *value);
        }
        for (key, value) in &self.pass_through {
            if key == "bootstrap.servers" || KEPT.iter().any(|(kept, _)| kept == key) {
                return Err(LetterError::SettingKept { key: key.clone() });
            }
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        Ok(config)
    }

    pub(super) fn client_failed(&self, error: KafkaError) -> LetterError {
        match error {
            KafkaError::ClientConfig(_, detail, key, _) => LetterError::Setting { key, detail },
            source => LetterError::Client { brokers: self.brokers.clone(), source },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_no_letter_is_lost_by_stays() {
        let with = |key: &str, value: &str| {
            let pass_through = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            let (brokers, topic, job) = ("here:9092".into(), "letters".into(), "city".into());
            LetterSettings { brokers, topic, job, connect_timeout: Duration::ZERO, pass_through }.client_config()
        };
        assert_eq!(with("linger.ms", "7").unwrap().get("linger.ms"), Some("7"));
        for key in ["acks", "enable.idempotence", "message.timeout.ms", "bootstrap.servers"] {
            let error = with(key, "1").unwrap_err();
            assert!(error.is_of_settings() && error.to_string().contains(key), "{error}");
        }
    }
}
