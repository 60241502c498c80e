//! The topic of dead letters: there, or made at the start.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;

use super::{LetterError, LetterSettings};

/// Between two questions to brokers that are not ready.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Partitions and copies as the broker has them for a topic that says nothing.
const AS_THE_BROKER_HAS_IT: i32 = -1;
/// A reject of the largest size that is kept, with its headers, has room in a topic of ours.
const MESSAGE_BYTES_MAX: &str = "2097152";

pub fn find_or_make(settings: &LetterSettings) -> Result<(), LetterError> {
    let admin: AdminClient<DefaultClientContext> =
        settings.client_config()?.create().map_err(|error| settings.client_failed(error))?;
    let (begun, mut is_made) = (Instant::now(), false);
    loop {
        let left = settings.connect_timeout.saturating_sub(begun.elapsed()).max(ASK_AGAIN);
        // Asked for by name, a broker may make a topic by itself; asked for all, it makes none.
        let detail = match admin.inner().fetch_metadata(None, left) {
            Ok(metadata) if is_ready(&metadata, &settings.topic) => return Ok(()),
            Ok(metadata) if !is_made && !is_there(&metadata, &settings.topic) => {
                make(settings, &admin)?;
                is_made = true;
                continue;
            }
            Ok(_) => format!("topic {} has no leader", settings.topic),
            Err(error) => error.to_string(),
        };
        let waited = begun.elapsed();
        if waited >= settings.connect_timeout {
            return Err(LetterError::Unreachable { brokers: settings.brokers.clone(), waited, detail });
        }
        sleep(ASK_AGAIN);
    }
}

fn is_there(metadata: &Metadata, topic: &str) -> bool {
    metadata.topics().iter().any(|known| known.name() == topic)
}

fn is_ready(metadata: &Metadata, topic: &str) -> bool {
    let mut topics = metadata.topics().iter().filter(|known| known.name() == topic);
    topics.any(|known| known.partitions().iter().any(|partition| partition.leader() >= 0))
}

fn make(settings: &LetterSettings, admin: &AdminClient<DefaultClientContext>) -> Result<(), LetterError> {
    let LetterSettings { topic, brokers, connect_timeout, .. } = settings;
    let refused = |detail: String| LetterError::NoTopic { topic: topic.clone(), brokers: brokers.clone(), detail };
    let new = NewTopic::new(topic, AS_THE_BROKER_HAS_IT, TopicReplication::Fixed(AS_THE_BROKER_HAS_IT))
        .set("max.message.bytes", MESSAGE_BYTES_MAX);
    let options = AdminOptions::new().request_timeout(Some(*connect_timeout)).operation_timeout(Some(*connect_timeout));
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(LetterError::Thread)?;
    let answers = runtime.block_on(admin.create_topics([&new], &options));
    for answer in answers.map_err(|error| refused(error.to_string()))? {
        match answer {
            Ok(_) => tracing::info!(topic, "topic of dead letters made"),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(refused(code.to_string())),
        }
    }
    Ok(())
}
