//! The layout of a Parquet file, chosen by column for size and speed (`benches/src/bin/parquet.rs` measures it).

use arrow_array::RecordBatch;
use arrow_schema::DataType;
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    basic::{Compression, Encoding, ZstdLevel},
    errors::ParquetError,
    file::{metadata::SortingColumn, properties::WriterProperties},
    schema::types::ColumnPath,
};

use super::{LakeError, order::in_order, tables::Table};

/// Small enough to be skipped by its statistics, large enough for dictionaries to pay.
const ROW_GROUP_ROWS: usize = 256 * 1024;

/// The rows of all runs, sorted, as the bytes of one Parquet file.
pub fn parquet(table: &Table, runs: &[RecordBatch]) -> Result<Vec<u8>, LakeError> {
    let sorted = in_order(runs, &table.sort_indices())
        .map_err(|cause| LakeError::broken("sort the rows of", &table.name, cause))?;
    written(table, &sorted).map_err(|cause| LakeError::broken("encode the rows of", &table.name, cause))
}

fn written(table: &Table, rows: &[RecordBatch]) -> Result<Vec<u8>, ParquetError> {
    // Without Arrow's own copy of the schema: the Parquet types say all that there is.
    let options = ArrowWriterOptions::new().with_properties(properties(table)).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), table.schema.clone(), options)?;
    for batch in rows {
        writer.write(batch)?;
    }
    writer.into_inner()
}

fn properties(table: &Table) -> WriterProperties {
    let sorting = table
        .sort_indices()
        .into_iter()
        .map(|index| SortingColumn { column_idx: index as i32, descending: false, nulls_first: true })
        .collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("1 is a level of zstd")))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_sorting_columns(Some(sorting))
        .set_created_by(concat!("greenwave ", env!("CARGO_PKG_VERSION")).into());
    for field in table.schema.fields() {
        // A dictionary of values that hardly repeat is built, outgrown and thrown away.
        let encoding = match (field.name().as_str(), field.data_type()) {
            ("id", _) | (_, DataType::Binary) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            (_, DataType::Int64 | DataType::Timestamp(..)) => Encoding::DELTA_BINARY_PACKED,
            _ => continue,
        };
        let column = ColumnPath::from(field.name().as_str());
        properties =
            properties.set_column_dictionary_enabled(column.clone(), false).set_column_encoding(column, encoding);
    }
    properties.build()
}
