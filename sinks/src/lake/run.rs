//! Staged runs: the rows of one table, cut and worker as Arrow IPC, until the lake takes them.

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::{reader::StreamDecoder, writer::StreamWriter};
use bytes::Bytes;

use super::LakeError;

/// One batch as an IPC stream. Not compressed: lz4 would take a third off its bytes for three times its time, and a run
/// lives for a minute.
pub fn encode(rows: &RecordBatch) -> Result<Bytes, LakeError> {
    let failed = |cause| LakeError::broken("encode", "a staged run", cause);
    // Room for the rows and for what describes them, so that nothing is copied twice.
    let bytes = Vec::with_capacity(memory(rows) + 64 * rows.num_columns() * 4 + 4_096);
    let mut writer = StreamWriter::try_new(bytes, &rows.schema()).map_err(failed)?;
    writer.write(rows).map_err(failed)?;
    Ok(writer.into_inner().map_err(failed)?.into())
}

/// Rows that share the memory of `bytes`.
pub fn decode(bytes: Bytes) -> Result<RecordBatch, LakeError> {
    let damaged = |cause: arrow_schema::ArrowError| LakeError::Run { fact: cause.to_string() };
    let mut decoder = StreamDecoder::new();
    let mut rest = Buffer::from(bytes);
    let rows = decoder.decode(&mut rest).map_err(damaged)?;
    // A second batch, or a missing end, would be rows lost without a word.
    let more = decoder.decode(&mut rest).map_err(damaged)?;
    decoder.finish().map_err(damaged)?;
    match (rows, more) {
        (Some(rows), None) => Ok(rows),
        (None, _) => Err(LakeError::Run { fact: "it ends before its rows".into() }),
        (Some(_), Some(_)) => Err(LakeError::Run { fact: "it holds more than one batch".into() }),
    }
}

/// What the rows take, by their own slices: batches decoded from one run share its memory.
pub(super) fn memory(rows: &RecordBatch) -> usize {
    rows.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}
