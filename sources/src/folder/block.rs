//! A block's lines → a batch; and the clock that runs through a file's batches and cuts them.

use std::collections::VecDeque;

use greenwave_model::{Batch, PartitionClock, Reject, RejectReason};

use super::lines::{Block, LONG_LINE_KEPT};
use crate::decode::Decoders;

/// Event time is divided into cells, and a block ends with the line that moves its file's clock into another one: so a
/// file with few lines is never far ahead of one with many. A minute has a whole number of them, so that the zone of
/// naive times cuts nothing otherwise.
const CELL_MS: i64 = 20_000;

/// A block's rows before its file's clock has run over them.
#[derive(Debug)]
pub struct Decoded {
    pub batch: Batch,
    /// By line, the bytes that count towards the limits on memory.
    pub lengths: Vec<u32>,
}

/// Decodes every line. The clock and what hangs on it come with [`cut`].
pub fn decode(
    block: &Block,
    number: u16,
    record_bytes_max: usize,
    (decoders, decoder): (&mut Decoders, usize),
) -> Decoded {
    let mut batch =
        Batch { partition: number, start: block.start, end: block.end(), finished: block.finished, ..Batch::default() };
    let lines = (block.end() - block.start) as usize;
    let mut lengths = Vec::with_capacity(lines);
    decoders.reserve(decoder, lines, &mut batch);
    for ((line, text), offset) in block.lines().zip(block.start..) {
        if line.length <= record_bytes_max {
            lengths.push(line.length as u32);
            decoders.decode(decoder, text, offset, None, &mut batch);
        } else {
            let kept = text.len().min(LONG_LINE_KEPT);
            lengths.push(kept as u32);
            batch.rejects.push(Reject {
                offset,
                timestamp_ms: None,
                reason: RejectReason::TooLarge,
                detail: format!("{} bytes are more than {record_bytes_max}", line.length),
                bytes: text[..kept].to_vec(),
            });
        }
    }
    Decoded { batch, lengths }
}

/// Whether a line that moves a file's clock so ends a block.
pub fn ends_block(before_ms: Option<i64>, after_ms: Option<i64>) -> bool {
    before_ms.zip(after_ms).is_some_and(|(before, after)| before.div_euclid(CELL_MS) != after.div_euclid(CELL_MS))
}

/// Where a block ends inside what was read at once, with the clock and the last arrival there.
struct End {
    offset: i64,
    clock: PartitionClock,
    last_arrival_ms: Option<i64>,
}

/// Runs the file's clock over what was read at once, a row arriving when the clock stands where the row has moved it,
/// and cuts it into blocks.
pub fn cut(decoded: Decoded, clock: &mut PartitionClock) -> VecDeque<Batch> {
    let Decoded { mut batch, lengths } = decoded;
    let mut ends: Vec<End> = vec![];
    let mut last_arrival_ms = None;
    let mut arrive = |event_ms: i64, offset: i64| {
        let before_ms = clock.now_ms;
        clock.observe(event_ms);
        last_arrival_ms = clock.now_ms;
        if ends_block(before_ms, clock.now_ms) {
            ends.push(End { offset: offset + 1, clock: clock.clone(), last_arrival_ms: last_arrival_ms.take() });
        }
        clock.now_ms.unwrap_or(event_ms)
    };
    for reading in &mut batch.readings {
        reading.arrival_ms = arrive(reading.event_ms, reading.record.offset());
    }
    for observation in &mut batch.observations {
        observation.arrival_ms = arrive(observation.event_ms, observation.record.offset());
    }
    if ends.last().is_none_or(|end| end.offset < batch.end) {
        ends.push(End { offset: batch.end, clock: clock.clone(), last_arrival_ms });
    }
    let first = batch.start;
    let mut blocks = VecDeque::with_capacity(ends.len());
    // From the back, so that every row moves once at most.
    for (place, end) in ends.iter().enumerate().rev() {
        let start = if place == 0 { first } else { ends[place - 1].offset };
        let mut block = if place == 0 { std::mem::take(&mut batch) } else { batch.split_off(start) };
        block.bytes =
            lengths[(start - first) as usize..(end.offset - first) as usize].iter().map(|&n| n as usize).sum();
        block.clock = end.clock.clone();
        block.last_arrival_ms = end.last_arrival_ms;
        blocks.push_front(block);
    }
    blocks
}
