//! One round of reading: what the brokers have sent, sorted into lanes and decoded.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use greenwave_model::Batch;
use rdkafka::error::RDKafkaErrorCode;

use super::consumer::{Consumer, Heard, PlaceToken};
use super::lane::{Lane, Moment, Taken};
use super::settings::KafkaSettings;
use super::standing::{Meaning, fatal, meaning, refused};
use super::statistics::Health;
use crate::SourceError;
use crate::decode::Decoders;

/// A record waits no longer than this for a batch to fill.
pub const BATCH_AGE_MAX: Duration = Duration::from_millis(5);

/// The partitions of one worker.
pub struct Lanes {
    pub lanes: Vec<Lane>,
    by_place: HashMap<(String, i32), usize>,
    /// Closed batches that have not gone out, with their lanes.
    pub outbox: VecDeque<(usize, Batch)>,
    decoders: Decoders,
}

/// A round that ends the job, when it has been looked into.
pub enum Bad {
    OffsetLost { lane: usize, detail: String },
    Failed(SourceError),
}

impl Lanes {
    pub fn new(lanes: Vec<Lane>, decoders: Decoders) -> Self {
        let place = |(index, lane): (usize, &Lane)| ((lane.topic.clone(), lane.partition), index);
        let by_place = lanes.iter().enumerate().map(place).collect();
        Self { lanes, by_place, outbox: VecDeque::new(), decoders }
    }

    fn lane(&self, (topic, partition): (&str, i32)) -> Option<usize> {
        self.by_place.get(&(topic.to_owned(), partition)).copied()
    }

    /// Reads what is there, or waits a little for something. Batches that are full, old enough or all there is go to
    /// the outbox.
    pub fn round(&mut self, consumer: &mut Consumer, settings: &KafkaSettings) -> Result<(), Bad> {
        let moment = Moment { wall_ms: wall_ms(), clock_skew_ms: settings.clock_skew_ms, at: Instant::now() };
        let mut last: Option<(PlaceToken, usize)> = None;
        let mut bad = None;
        let more = consumer.consume(BATCH_AGE_MAX, |heard| match heard {
            Heard::Record(record) => {
                let token = record.token();
                let known = last.filter(|(seen, _)| *seen == token).map(|(_, lane)| lane);
                let Some(lane) = known.or_else(|| self.lane(record.place()?)) else { return };
                last = Some((token, lane));
                if let Some(batch) = self.lanes[lane].take(&Taken::from(record), &moment, &mut self.decoders) {
                    self.outbox.push_back((lane, batch));
                }
            }
            Heard::Trouble { place, code, offset, text } => {
                let found = place.and_then(|place| self.lane(place));
                if let Err(worse) = self.trouble(found, code, offset, text, &moment, settings) {
                    bad.get_or_insert(worse);
                }
            }
        });
        self.close(|lane| !more || lane.opened.is_some_and(|opened| opened.elapsed() >= BATCH_AGE_MAX));
        self.learn(consumer, moment.at);
        bad.map_or(Ok(()), Err)
    }

    fn trouble(
        &mut self,
        lane: Option<usize>,
        code: RDKafkaErrorCode,
        offset: i64,
        text: &str,
        moment: &Moment,
        settings: &KafkaSettings,
    ) -> Result<(), Bad> {
        let meaning = meaning(code);
        if meaning == Meaning::Fatal {
            return Err(Bad::Failed(fatal(settings, code)));
        }
        let Some(index) = lane else {
            tracing::warn!(error = text, "kafka client");
            return Ok(());
        };
        let lane = &mut self.lanes[index];
        match meaning {
            Meaning::AtEnd => lane.end_at(offset, moment.at),
            Meaning::OffsetLost => return Err(Bad::OffsetLost { lane: index, detail: text.to_owned() }),
            Meaning::Refused => return Err(Bad::Failed(refused(settings, lane, text))),
            Meaning::Passing | Meaning::Fatal => lane.trouble = Some(text.to_owned()),
        }
        Ok(())
    }

    /// Takes in what librdkafka says about the health of its connections.
    fn learn(&mut self, consumer: &Consumer, at: Instant) {
        let Some(json) = consumer.client().context().said().statistics.take() else { return };
        let Some(health) = Health::parse(&json) else { return };
        let why = consumer.client().context().said().error.take();
        self.lanes.iter_mut().for_each(|lane| lane.learn(&health, why.as_deref(), at));
    }

    /// Closes the open batches of some lanes.
    pub fn close(&mut self, which: impl Fn(&Lane) -> bool) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if which(lane)
                && let Some(batch) = lane.close()
            {
                self.outbox.push_back((index, batch));
            }
        }
    }
}

fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
