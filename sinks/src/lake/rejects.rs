//! Rows of `rejects` and `dropped`: records that are no event, and events that no view counts.

use std::{mem, sync::Arc};

use arrow_array::{RecordBatch, builder::BinaryBuilder};
use arrow_schema::SchemaRef;
use greenwave_model::{Batch, PartitionKey};

use super::columns::{Texts, bigints, maybe_bigints};
use super::tables::Table;

/// Topic, partition and offset of each row.
#[derive(Debug, Default)]
struct Records {
    topic: Texts,
    partition: Texts,
    offset: Vec<i64>,
}

impl Records {
    fn push(&mut self, key: &PartitionKey, offset: i64) {
        self.topic.push(&key.topic);
        self.partition.push(&key.partition);
        self.offset.push(offset);
    }

    fn memory(&self) -> usize {
        self.topic.memory() + self.partition.memory() + self.offset.len() * 8
    }
}

#[derive(Debug)]
pub struct RejectRows {
    schema: SchemaRef,
    records: Records,
    arrival_ms: Vec<i64>,
    arrived: Vec<bool>,
    reason: Texts,
    detail: Texts,
    bytes: BinaryBuilder,
}

impl Default for RejectRows {
    fn default() -> Self {
        Self {
            schema: Table::rejects().schema,
            records: Records::default(),
            arrival_ms: Vec::new(),
            arrived: Vec::new(),
            reason: Texts::default(),
            detail: Texts::default(),
            bytes: BinaryBuilder::new(),
        }
    }
}

impl RejectRows {
    pub fn append(&mut self, batch: &Batch, key: &PartitionKey) {
        for reject in &batch.rejects {
            self.records.push(key, reject.offset);
            self.arrival_ms.push(reject.timestamp_ms.unwrap_or(0));
            self.arrived.push(reject.timestamp_ms.is_some());
            self.reason.push(reject.reason.as_str());
            self.detail.push(&reject.detail);
            self.bytes.append_value(&reject.bytes);
        }
    }

    pub fn rows(&self) -> usize {
        self.arrived.len()
    }

    pub fn bytes(&self) -> usize {
        let texts = self.reason.memory() + self.detail.memory() + self.bytes.values_slice().len();
        self.records.memory() + texts + self.rows() * 13
    }

    pub fn finish(&mut self) -> Option<RecordBatch> {
        if self.rows() == 0 {
            return None;
        }
        let columns = vec![
            self.records.topic.finish(),
            self.records.partition.finish(),
            bigints(&mut self.records.offset),
            maybe_bigints(&mut self.arrival_ms, &mut self.arrived),
            self.reason.finish(),
            self.detail.finish(),
            Arc::new(mem::take(&mut self.bytes).finish()),
        ];
        Some(RecordBatch::try_new(self.schema.clone(), columns).expect("columns in the table's order, equally long"))
    }
}

#[derive(Debug)]
pub struct DroppedRows {
    schema: SchemaRef,
    records: Records,
    verdict: Texts,
    tick: Vec<i64>,
}

impl Default for DroppedRows {
    fn default() -> Self {
        Self {
            schema: Table::dropped().schema,
            records: Records::default(),
            verdict: Texts::default(),
            tick: Vec::new(),
        }
    }
}

impl DroppedRows {
    /// `tick` is the cut that listed it.
    pub fn append(&mut self, key: &PartitionKey, offset: i64, verdict: &'static str, tick: u64) {
        self.records.push(key, offset);
        self.verdict.push(verdict);
        self.tick.push(tick as i64);
    }

    pub fn rows(&self) -> usize {
        self.tick.len()
    }

    pub fn finish(&mut self) -> Option<RecordBatch> {
        if self.rows() == 0 {
            return None;
        }
        let columns = vec![
            self.records.topic.finish(),
            self.records.partition.finish(),
            bigints(&mut self.records.offset),
            self.verdict.finish(),
            bigints(&mut self.tick),
        ];
        Some(RecordBatch::try_new(self.schema.clone(), columns).expect("columns in the table's order, equally long"))
    }
}
