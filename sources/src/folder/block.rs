//! A block's lines → a batch; and the clock that runs through a file's batches.

use greenwave_model::{Batch, PartitionClock, Reject, RejectReason};

use super::lines::{Block, LONG_LINE_KEPT};
use crate::decode::GpsDecoder;

/// Decodes every line. The clock and what hangs on it come with [`run_clock`].
pub fn decode(block: &Block, number: u16, record_bytes_max: usize, decoder: &mut GpsDecoder) -> Batch {
    let mut batch = Batch {
        partition: number,
        start: block.start,
        end: block.end(),
        finished: block.finished,
        readings: Vec::with_capacity((block.end() - block.start) as usize),
        ..Batch::default()
    };
    for ((line, text), offset) in block.lines().zip(block.start..) {
        if line.length <= record_bytes_max {
            batch.bytes += line.length;
            decoder.decode(text, offset, None, &mut batch);
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
    for reading in &mut batch.readings {
        clock.observe(reading.event_ms);
        reading.arrival_ms = clock.now_ms.unwrap_or(reading.event_ms);
    }
    batch.last_arrival_ms = batch.readings.last().map(|reading| reading.arrival_ms);
    batch.clock = clock.clone();
}
