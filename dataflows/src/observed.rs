//! Events that count, apart by their topics.

use greenwave_model::topics::place;
use greenwave_model::{Observation, TopicSpec};
use greenwave_operators::Accepted;
use timely::dataflow::{
    Stream,
    operators::vec::{Filter, Map},
};

/// Events of one topic.
pub type Observed<'s> = Stream<'s, u64, Vec<Observation>>;

pub fn of_topic<'s>(counted: &Stream<'s, u64, Vec<Accepted<Observation>>>, topic: &TopicSpec) -> Observed<'s> {
    let topic = place(topic);
    let ours = counted.clone().filter(move |event| event.event().topic == topic);
    ours.map(Accepted::into_event)
}

/// NaN stands for absent.
pub fn known(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}
