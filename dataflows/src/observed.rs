//! Events that count, apart by their topics.

use greenwave_model::topics::{TOPICS, place};
use greenwave_model::{Observation, TopicSpec};
use greenwave_operators::Accepted;
use timely::dataflow::{Stream, operators::vec::Partition};

/// Events of one topic, each with the copy it displaces.
pub type Observed<'s> = Stream<'s, u64, Vec<Accepted<Observation>>>;

/// The events of every topic, by its place. Each is handed on once; only what two views read is copied.
pub struct ByTopic<'s>(Vec<Observed<'s>>);

impl<'s> ByTopic<'s> {
    pub fn new(counted: Stream<'s, u64, Vec<Accepted<Observation>>>) -> Self {
        let route = |event: Accepted<Observation>| (u64::from(event.event().topic), event);
        Self(counted.partition(TOPICS.len() as u64, route))
    }

    pub fn of(&self, topic: &TopicSpec) -> Observed<'s> {
        self.0[usize::from(place(topic))].clone()
    }
}

/// NaN stands for absent.
pub fn known(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}
