//! One source thread's decoders, one a topic.

use greenwave_model::topics::{self, GPS, TOPICS};
use greenwave_model::{Batch, TopicSpec};

use super::observation::ObservationDecoder;
use super::{DecodeSettings, GpsDecoder};

/// The decoders of every topic. What they keep are caches: an event depends on its record alone.
#[derive(Debug)]
pub struct Decoders(Vec<Decoder>);

#[derive(Debug)]
enum Decoder {
    Gps(Box<GpsDecoder>),
    Observation(ObservationDecoder),
}

impl Decoders {
    pub fn new(settings: DecodeSettings) -> Self {
        let decoder = |(place, spec): (usize, &&'static TopicSpec)| {
            if spec.name == GPS.name {
                Decoder::Gps(Box::new(GpsDecoder::new(settings.clone())))
            } else {
                Decoder::Observation(ObservationDecoder::new(place as u8, spec, settings.clone()))
            }
        };
        Self(TOPICS.iter().enumerate().map(decoder).collect())
    }

    /// The decoder of a topic by its own name. Every partition is of one that there is.
    pub fn of(topic: &str) -> usize {
        topics::named(topic).unwrap_or(0)
    }

    /// Makes room for events to come.
    pub fn reserve(&self, decoder: usize, events: usize, batch: &mut Batch) {
        match &self.0[decoder] {
            Decoder::Gps(_) => batch.readings.reserve_exact(events),
            Decoder::Observation(_) => batch.observations.reserve_exact(events),
        }
    }

    /// Appends one event or one reject. `timestamp_ms` is Kafka's record timestamp; from a folder there is none and the
    /// caller fills the arrival.
    #[inline]
    pub fn decode(
        &mut self,
        decoder: usize,
        payload: &[u8],
        offset: i64,
        timestamp_ms: Option<i64>,
        batch: &mut Batch,
    ) {
        match &mut self.0[decoder] {
            Decoder::Gps(gps) => gps.decode(payload, offset, timestamp_ms, batch),
            Decoder::Observation(observation) => observation.decode(payload, offset, timestamp_ms, batch),
        }
    }
}
