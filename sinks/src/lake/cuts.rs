//! The row of `raw/_cuts` that a cut leaves: what a replay needs to decide as the stream did.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use greenwave_model::Binding;

use super::tables::Table;

/// One row. The texts are the binding's and the settings' JSON.
pub fn cut_row(binding_json: &str, settings_json: &str, plan_hash: &str, binding: &Binding) -> RecordBatch {
    let bigint = |value: u64| Arc::new(Int64Array::from(vec![value as i64]));
    let text = |text: &str| Arc::new(StringArray::from(vec![text]));
    let timestamp =
        |ms: Option<i64>| Arc::new(TimestampMicrosecondArray::from(vec![ms.map(|ms| ms * 1_000)]).with_timezone("UTC"));
    let columns: Vec<arrow_array::ArrayRef> = vec![
        bigint(binding.tick),
        bigint(binding.generation),
        timestamp(Some(binding.now_ms)),
        timestamp(binding.view_watermark_ms()),
        text(binding_json),
        text(settings_json),
        text(plan_hash),
    ];
    RecordBatch::try_new(Table::cuts().schema, columns).expect("columns in the table's order, one row each")
}
