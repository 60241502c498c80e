//! A topic's partitions as lines that are made as they are read: what [`super::Folder`] would have written, line by line.
//!
//! Partitions of a topic are equally busy, so reading one to its next line leaves few lines of the others waiting, and
//! each topic has a city of its own. A city cannot be entered in the middle: to go on at a line, it lives through
//! everything before it.

use std::collections::VecDeque;

use greenwave_model::{Name, PartitionClock, PartitionKey};

use super::folder::partition_name;
use super::report::Feed;
use super::{City, Settings, SimulateError};
use crate::folder::{BLOCK_LINES, Block, ends_block};

#[derive(Debug)]
pub struct TopicLines {
    city: City,
    feed: Feed,
    partitions: Vec<Waiting>,
    is_over: bool,
}

/// The lines of a partition that were made and not read.
#[derive(Debug)]
struct Waiting {
    /// Lines before this one are not wanted.
    begin: i64,
    clock: PartitionClock,
    /// Each ends where a block of the file would; only the last may go on.
    blocks: VecDeque<Block>,
    goes_on: bool,
}

/// Every partition of a city's folder, with its number among those of its topic.
pub fn partitions(settings: &Settings) -> impl Iterator<Item = (PartitionKey, u16)> + use<> {
    let counts = settings.partitions;
    Feed::ALL.into_iter().flat_map(move |feed| {
        let key = move |number| {
            let partition = partition_name(feed, number).into();
            (PartitionKey { topic: Name::new_static(feed.topic()), partition }, number)
        };
        (0..counts[feed as usize]).map(key)
    })
}

impl TopicLines {
    pub fn new(settings: Settings, topic: &str) -> Result<Self, SimulateError> {
        let feed = Feed::ALL.into_iter().find(|feed| feed.topic() == topic).expect("a city has the topics it names");
        let unwanted =
            || Waiting { begin: i64::MAX, clock: PartitionClock::default(), blocks: VecDeque::new(), goes_on: false };
        let partitions = (0..settings.partitions[feed as usize]).map(|_| unwanted()).collect();
        Ok(Self { city: City::new(settings)?, feed, partitions, is_over: false })
    }

    /// A partition will be read from this line on; others are not kept.
    pub fn begin_at(&mut self, partition: u16, line: i64) {
        self.partitions[usize::from(partition)].begin = line;
    }

    /// The next block of a partition, as its file would have it.
    pub fn block(&mut self, partition: u16) -> Block {
        let partition = usize::from(partition);
        // Whether a block is the last one only the line after it tells.
        while self.partitions[partition].blocks.len() < 2 && !self.is_over {
            self.live();
        }
        let Waiting { begin, blocks, .. } = &mut self.partitions[partition];
        let mut block = blocks.pop_front().unwrap_or_else(|| Block::new(*begin));
        block.finished = blocks.is_empty();
        *begin = block.end();
        block
    }

    /// Up to the next line of the topic.
    fn live(&mut self) {
        let Some(record) = self.city.next_of(self.feed) else {
            self.is_over = true;
            return;
        };
        let waiting = &mut self.partitions[usize::from(record.partition)];
        let before_ms = waiting.clock.now_ms;
        if let Some(event_ms) = record.event_ms() {
            waiting.clock.observe(event_ms);
        }
        if record.offset < waiting.begin {
            return;
        }
        if !waiting.goes_on {
            waiting.blocks.push_back(Block::new(record.offset));
        }
        let block = waiting.blocks.back_mut().expect("there is one that goes on");
        block.push(record.payload);
        waiting.goes_on = block.end() % BLOCK_LINES != 0 && !ends_block(before_ms, waiting.clock.now_ms);
    }
}
