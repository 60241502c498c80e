//! A block's lines → a batch; and the clock that runs through a file's batches.

use greenwave_model::{Batch, PartitionClock, Reject, RejectReason};

use super::lines::{Block, LONG_LINE_KEPT};
use crate::decode::Decoders;

/// Decodes every line. The clock and what hangs on it come with [`run_clock`].
pub fn decode(
    block: &Block,
    number: u16,
    record_bytes_max: usize,
    (decoders, decoder): (&mut Decoders, usize),
) -> Batch {
    let mut batch =
        Batch { partition: number, start: block.start, end: block.end(), finished: block.finished, ..Batch::default() };
    decoders.reserve(decoder, (block.end() - block.start) as usize, &mut batch);
    for ((line, text), offset) in block.lines().zip(block.start..) {
        if line.length <= record_bytes_max {
            batch.bytes += line.length;
            decoders.decode(decoder, text, offset, None, &mut batch);
        } else {
            let kept = text.len().min(LONG_LINE_KEPT);
            batch.bytes += kept;
            batch.rejects.push(Reject {
                offset,
                timestamp_ms: None,
                reason: RejectReason::TooLarge,
                detail: format!("{} bytes are more than {record_bytes_max}", line.length),
                bytes: text[..kept].to_vec(),
            });
        }
    }
    batch
}

/// Runs the file's clock over a batch: a row arrives when the clock stands where the row has moved it.
pub fn run_clock(batch: &mut Batch, clock: &mut PartitionClock) {
    let mut arrival_ms = |event_ms| {
        clock.observe(event_ms);
        clock.now_ms.unwrap_or(event_ms)
    };
    batch.last_arrival_ms = None;
    for reading in &mut batch.readings {
        reading.arrival_ms = arrival_ms(reading.event_ms);
        batch.last_arrival_ms = Some(reading.arrival_ms);
    }
    for observation in &mut batch.observations {
        observation.arrival_ms = arrival_ms(observation.event_ms);
        batch.last_arrival_ms = Some(observation.arrival_ms);
    }
    batch.clock = clock.clone();
}
