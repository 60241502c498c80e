//! A reader thread of Kafka: reads, sends within the budget, says how it stands.

use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::consumer::Consumer;
use super::lane::{Lane, slowest};
use super::names;
use super::round::{Bad, Lanes};
use super::settings::{KafkaSettings, client_config, client_failed};
use super::standing::{check_gone, offset_lost};
use crate::decode::Decoders;
use crate::guard::{self, End};
use crate::link::{LOOK_AROUND, Stopped};
use crate::{FromSource, Link, Position, SourceError};

/// A full budget that releases nothing for so long may be overstepped by the slowest partition.
const PATIENCE: Duration = Duration::from_millis(50);
/// By so many batches, until something is released: a worker that is stopped, and not starved, gets no more.
const FORCED_MAX: usize = 16;

/// Starts the reader of one worker over its partitions. It ends when it is stopped, or when it cannot go on.
pub fn start(settings: KafkaSettings, positions: Vec<Position>, link: Link) -> JoinHandle<()> {
    guard::spawn("kafka-reader", link, move |link| {
        if positions.is_empty() {
            return Ok(());
        }
        Reader::open(settings, &positions, link)?.run()
    })
}

struct Reader<'a> {
    settings: KafkaSettings,
    link: &'a Link,
    consumer: Consumer,
    lanes: Lanes,
    /// The one partition that is read while the budget is full; the others are paused.
    alone: Option<usize>,
}

impl<'a> Reader<'a> {
    fn open(settings: KafkaSettings, positions: &[Position], link: &'a Link) -> Result<Self, SourceError> {
        let lane = |position: &Position| match names::place(&settings, &position.key) {
            Some((topic, partition)) => Ok(Lane::new(position, topic, partition)),
            None => {
                let (partition, brokers) = (position.key.clone(), settings.brokers.clone());
                Err(SourceError::PartitionGone { partition, brokers })
            }
        };
        let lanes: Vec<Lane> = positions.iter().map(lane).collect::<Result<_, _>>()?;
        let failed = |error| client_failed(&settings, "assigning partitions", error);
        let partitions = list(lanes.iter()).map_err(failed)?;
        let consumer = Consumer::assign(&client_config(&settings)?, &partitions).map_err(failed)?;
        let lanes = Lanes::new(lanes, Decoders::new(settings.decode.clone()));
        Ok(Self { settings, link, consumer, lanes, alone: None })
    }

    fn run(&mut self) -> Result<(), End> {
        while !self.link.is_stopped() {
            self.deliver()?;
            if self.lanes.outbox.is_empty() {
                self.read_all()?;
                self.report()?;
                self.round()?;
            } else {
                self.make_way()?;
            }
        }
        Ok(())
    }

    /// Sends what there is room for.
    fn deliver(&mut self) -> Result<(), Stopped> {
        while let Some((lane, batch)) = self.lanes.outbox.pop_front() {
            if !self.link.budget.try_take(batch.bytes) {
                self.lanes.outbox.push_front((lane, batch));
                break;
            }
            self.lanes.lanes[lane].sent(&batch);
            self.link.send(FromSource::Batch(batch))?;
        }
        Ok(())
    }

    /// The budget is full. Waits for room, unless it waits for rows of the slowest partition: those pass.
    fn make_way(&mut self) -> Result<(), End> {
        let Some(slow) = slowest(&self.lanes.lanes) else {
            self.link.budget.wait(LOOK_AROUND);
            return Ok(());
        };
        if let Some(place) = self.lanes.outbox.iter().position(|(lane, _)| *lane == slow) {
            let bytes = self.lanes.outbox[place].1.bytes;
            if !self.link.budget.force(bytes, PATIENCE, FORCED_MAX) {
                self.link.budget.wait(LOOK_AROUND);
            } else if let Some((_, batch)) = self.lanes.outbox.remove(place) {
                self.lanes.lanes[slow].sent(&batch);
                self.link.send(FromSource::Batch(batch))?;
            }
            return Ok(());
        }
        if !self.link.budget.is_stuck(PATIENCE) {
            self.link.budget.wait(LOOK_AROUND);
            return Ok(());
        }
        self.read_alone(slow)?;
        self.round()
    }

    fn round(&mut self) -> Result<(), End> {
        match self.lanes.round(&mut self.consumer, &self.settings) {
            Ok(()) => {}
            Err(Bad::Failed(error)) => return Err(error.into()),
            Err(Bad::OffsetLost { lane, detail }) => {
                let lane = &self.lanes.lanes[lane];
                return Err(offset_lost(&self.settings, &self.consumer, lane, &detail, self.link).into());
            }
        }
        for lane in &mut self.lanes.lanes {
            check_gone(&self.settings, &self.consumer, lane)?;
        }
        Ok(())
    }

    /// Says where logs end, and how partitions stand that have nothing more on its way.
    fn report(&mut self) -> Result<(), Stopped> {
        let ends: Vec<(u16, i64)> = self.lanes.lanes.iter_mut().filter_map(Lane::end_news).collect();
        if !ends.is_empty() {
            self.link.send(FromSource::Ends(ends))?;
        }
        for lane in &mut self.lanes.lanes {
            if let Some(standing) = lane.standing() {
                if let Some(fault) = &standing.fault {
                    tracing::warn!(partition = %lane.key, offset = standing.next, %fault, "partition is behind");
                }
                self.link.send(FromSource::Standing(standing))?;
            }
        }
        Ok(())
    }

    fn read_alone(&mut self, slow: usize) -> Result<(), SourceError> {
        if self.alone == Some(slow) {
            return Ok(());
        }
        let failed = |error| client_failed(&self.settings, "pausing partitions", error);
        let lanes = &self.lanes.lanes;
        let others = (0..lanes.len()).filter(|&lane| lane != slow).map(|lane| &lanes[lane]);
        self.consumer.pause(&list(others).map_err(failed)?).map_err(failed)?;
        self.consumer.resume(&list([&lanes[slow]].into_iter()).map_err(failed)?).map_err(failed)?;
        self.alone = Some(slow);
        Ok(())
    }

    /// Reads every partition again once there is room.
    fn read_all(&mut self) -> Result<(), SourceError> {
        if self.alone.is_none() || !self.link.budget.has_room() {
            return Ok(());
        }
        let failed = |error| client_failed(&self.settings, "resuming partitions", error);
        self.consumer.resume(&list(self.lanes.lanes.iter()).map_err(failed)?).map_err(failed)?;
        self.alone = None;
        Ok(())
    }
}

/// Partitions with the offset that is to be read next.
fn list<'a>(lanes: impl Iterator<Item = &'a Lane>) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for lane in lanes {
        list.add_partition_offset(&lane.topic, lane.partition, Offset::Offset(lane.next()))?;
    }
    Ok(list)
}
