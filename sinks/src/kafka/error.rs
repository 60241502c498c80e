//! What can go wrong with dead letters, in words for the person who must act.

use std::time::Duration;

use rdkafka::error::KafkaError;

#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    #[error(
        "cannot reach a broker at {brokers}: no answer within {} s ({detail}); start the broker, or correct `input` in \
         the settings or raise `connect_timeout`",
        waited.as_secs_f64()
    )]
    Unreachable { brokers: String, waited: Duration, detail: String },
    #[error(
        "cannot send dead letters to topic {topic} at {brokers}: there is no such topic, and it cannot be made \
         ({detail}); create it, let this client create it, or choose another with `dead_letters`"
    )]
    NoTopic { topic: String, brokers: String, detail: String },
    #[error(
        "cannot set {key} of the Kafka client: no dead letter is lost because of its value; remove it from the settings"
    )]
    SettingKept { key: String },
    #[error("cannot set {key} of the Kafka client: {detail}; correct it in the settings")]
    Setting { key: String, detail: String },
    #[error("cannot send dead letters to {brokers}: the Kafka client does not start; see the cause, then start again")]
    Client { brokers: String, source: KafkaError },
    #[error("cannot start the thread of dead letters: {0}; raise the limit of threads")]
    Thread(std::io::Error),
    #[error(
        "cannot finish the cut: topic {topic} at {brokers} has not taken its dead letters ({why}); mend the topic, or \
         start again with `dead_letters` set to another one or none"
    )]
    Unacknowledged { topic: String, brokers: String, why: String },
    #[error(
        "cannot go on sending dead letters: their thread has ended; this is a defect of greenwave, please report it"
    )]
    Ended,
}

impl LetterError {
    /// The person who wrote the settings can mend it.
    pub fn is_of_settings(&self) -> bool {
        matches!(self, Self::NoTopic { .. } | Self::SettingKept { .. } | Self::Setting { .. })
    }
}
