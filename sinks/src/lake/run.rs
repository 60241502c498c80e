//! Staged runs: the rows of one table, cut and worker as Arrow IPC, until the lake takes them.

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::{
    CompressionType,
    reader::StreamDecoder,
    writer::{IpcWriteOptions, StreamWriter},
};
use bytes::Bytes;

use super::LakeError;

/// One batch as an IPC stream, lz4 inside.
pub fn encode(rows: &RecordBatch) -> Result<Bytes, LakeError> {
    let failed = |cause| LakeError::broken("encode", "a staged run", cause);
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).map_err(failed)?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &rows.schema(), options).map_err(failed)?;
    writer.write(rows).map_err(failed)?;
    Ok(writer.into_inner().map_err(failed)?.into())
}

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
