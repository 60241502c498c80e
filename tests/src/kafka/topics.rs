//! Making, growing and deleting topics.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaResult;

use super::answers;

const LIMIT: Duration = Duration::from_secs(30);

pub(super) fn create(brokers: &str, name: &str, partitions: u32, configs: &[(&str, &str)]) {
    let mut topic = NewTopic::new(name, partitions as i32, TopicReplication::Fixed(1));
    for &(key, value) in configs {
        topic = topic.set(key, value);
    }
    done(&format!("make topic {name}"), wait(admin(brokers).create_topics([&topic], &options())));
    answers::wait_for_topic(brokers, name, partitions as usize);
}

pub(super) fn grow(brokers: &str, name: &str, partitions: u32) {
    let grown = NewPartitions::new(name, partitions as usize);
    done(&format!("grow topic {name}"), wait(admin(brokers).create_partitions([&grown], &options())));
    answers::wait_for_topic(brokers, name, partitions as usize);
}

pub(super) fn delete(brokers: &str, name: &str) {
    done(&format!("delete topic {name}"), wait(admin(brokers).delete_topics(&[name], &options())));
}

pub(super) fn configure(brokers: &str, name: &str, configs: &[(&str, &str)]) {
    let new = AlterConfig::new(ResourceSpecifier::Topic(name));
    let new = configs.iter().fold(new, |new, (key, value)| new.set(key, value));
    let answers = wait(admin(brokers).alter_configs([&new], &options()));
    for answer in answers.unwrap_or_else(|e| panic!("cannot configure topic {name}: {e}")) {
        answer.unwrap_or_else(|(_, code)| panic!("cannot configure topic {name}: {code}"));
    }
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    answers::client(brokers).create().expect("an admin client needs nothing but its settings")
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT))
}

fn done(what: &str, answer: KafkaResult<Vec<TopicResult>>) {
    for result in answer.unwrap_or_else(|e| panic!("cannot {what}: {e}")) {
        result.unwrap_or_else(|(_, code)| panic!("cannot {what}: {code}"));
    }
}

/// Parks this thread until the future is ready: the admin calls are the only futures here.
fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
