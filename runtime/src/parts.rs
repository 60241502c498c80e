//! State parts: an operator's rows as Arrow IPC, sorted by vnode.

use std::{io::Cursor, sync::Arc};

use arrow_array::{Array, BinaryArray, RecordBatch, UInt8Array};
use arrow_ipc::{reader::FileReader, writer::FileWriter};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use bytes::Bytes;
use greenwave_operators::state::StateRow;

pub fn encode(mut rows: Vec<StateRow>) -> Result<Bytes, ArrowError> {
    rows.sort_by(|a, b| (a.vnode, &a.key).cmp(&(b.vnode, &b.key)));
    let schema = Arc::new(Schema::new(vec![
        Field::new("vnode", DataType::UInt8, false),
        Field::new("key", DataType::Binary, false),
        Field::new("value", DataType::Binary, false),
    ]));
    let batch = RecordBatch::try_new(
        schema.clone(),
        vec![
            Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.vnode))),
            Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.key))),
            Arc::new(BinaryArray::from_iter_values(rows.iter().map(|row| &row.value))),
        ],
    )?;
    let mut writer = FileWriter::try_new(Vec::with_capacity(batch.get_array_memory_size()), &schema)?;
    writer.write(&batch)?;
    writer.finish()?;
    Ok(writer.into_inner()?.into())
}

/// The rows, each handed to `take`.
pub fn decode(content: Bytes, mut take: impl FnMut(StateRow)) -> Result<(), ArrowError> {
    for batch in FileReader::try_new(Cursor::new(content), None)? {
        let batch = batch?;
        let columns = (batch.column(0).as_any(), batch.column(1).as_any(), batch.column(2).as_any());
        let (Some(vnodes), Some(keys), Some(values)) = (
            columns.0.downcast_ref::<UInt8Array>(),
            columns.1.downcast_ref::<BinaryArray>(),
            columns.2.downcast_ref::<BinaryArray>(),
        ) else {
            return Err(ArrowError::SchemaError("a state part has the columns vnode, key, value".into()));
        };
        for row in 0..batch.num_rows() {
            take(StateRow { vnode: vnodes.value(row), key: keys.value(row).into(), value: values.value(row).into() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_sorted_by_vnode() {
        let row = |vnode, key: &str| StateRow { vnode, key: key.into(), value: vec![vnode; 3] };
        let content = encode(vec![row(7, "b"), row(1, "z"), row(7, "a")]).expect("encodes");
        let mut seen = vec![];
        decode(content, |row| seen.push((row.vnode, String::from_utf8(row.key).expect("text"), row.value)))
            .expect("decodes");
        let expected = [(1, "z"), (7, "a"), (7, "b")].map(|(v, k)| (v, k.to_owned(), vec![v; 3]));
        assert_eq!(seen, expected);
    }
}
