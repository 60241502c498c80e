//! Columns that grow by whole batches and give themselves up as Arrow arrays.

use std::{mem, sync::Arc};

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use greenwave_model::TextColumn;

/// Leaves an empty vector of the same capacity: the next cut is about as long as the last.
fn give_up<T>(column: &mut Vec<T>) -> Vec<T> {
    let capacity = column.len();
    mem::replace(column, Vec::with_capacity(capacity))
}

/// Texts end to end; empty ones are null.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<i32>,
    empty: usize,
}

impl Texts {
    /// A text column stays below 2 GiB: rows are handed over long before.
    fn end(&self) -> i32 {
        i32::try_from(self.bytes.len()).expect("a cut's text column is below 2 GiB")
    }

    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.empty += usize::from(text.is_empty());
        self.ends.push(self.end());
    }

    pub fn repeat(&mut self, text: &str, times: usize) {
        let (start, len) = (self.bytes.len(), text.len());
        self.bytes.extend_from_slice(text.as_bytes());
        // Copies what is there until there is enough, so that a short text costs no call a row.
        while self.bytes.len() - start < times * len {
            let more = (self.bytes.len() - start).min(start + times * len - self.bytes.len());
            self.bytes.extend_from_within(start..start + more);
        }
        self.bytes.truncate(start + times * len);
        self.end();
        self.ends.extend((1..=times).map(|row| (start + row * len) as i32));
        self.empty += if text.is_empty() { times } else { 0 };
    }

    pub fn append(&mut self, texts: &TextColumn) {
        let base = self.end();
        self.bytes.extend_from_slice(&texts.bytes);
        self.end();
        let mut last = 0;
        for &end in &texts.ends {
            self.empty += usize::from(end == last);
            last = end;
        }
        self.ends.extend(texts.ends.iter().map(|&end| base + end as i32));
    }

    pub fn memory(&self) -> usize {
        self.bytes.len() + self.ends.len() * 4
    }

    pub fn finish(&mut self) -> ArrayRef {
        let ends = give_up(&mut self.ends);
        let nulls = (mem::take(&mut self.empty) > 0).then(|| {
            let mut start = 0;
            ends.iter().map(|&end| mem::replace(&mut start, end) != end).collect::<NullBuffer>()
        });
        let mut offsets = Vec::with_capacity(ends.len() + 1);
        offsets.push(0);
        offsets.extend_from_slice(&ends);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let bytes = Buffer::from_vec(give_up(&mut self.bytes));
        Arc::new(StringArray::try_new(offsets, bytes, nulls).expect("whole texts laid end to end"))
    }
}

pub(super) fn bigints(column: &mut Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::new(give_up(column).into(), None))
}

/// Values, and for each whether there is one.
pub(super) fn maybe_bigints(column: &mut Vec<i64>, present: &mut Vec<bool>) -> ArrayRef {
    let nulls = NullBuffer::from(mem::take(present));
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    Arc::new(Int64Array::new(give_up(column).into(), nulls))
}

/// NaN is null.
pub(super) fn doubles(column: &mut Vec<f64>) -> ArrayRef {
    let values = give_up(column);
    let nulls = values.iter().any(|v| v.is_nan()).then(|| values.iter().map(|v| !v.is_nan()).collect::<NullBuffer>());
    Arc::new(Float64Array::new(values.into(), nulls))
}

/// Microseconds.
pub(super) fn timestamps(column: &mut Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::new(give_up(column).into(), None).with_timezone("UTC"))
}
