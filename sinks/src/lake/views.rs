//! Rows of `views/<view>`: the value of each changed key at a cut.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder},
};
use arrow_schema::SchemaRef;
use greenwave_model::{Cell, Cells, Change, Deltas, Kind, ViewSpec};

use super::tables::Table;

#[derive(Debug)]
enum CellColumn {
    Text(StringBuilder),
    Double(Float64Builder),
    Bigint(Int64Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl CellColumn {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Double => Self::Double(Float64Builder::new()),
            Kind::Bigint => Self::Bigint(Int64Builder::new()),
            Kind::Timestamp => Self::Timestamp(timestamp_builder()),
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(column), Cell::Text(text)) => column.append_value(text),
            (Self::Double(column), Cell::Double(value)) => column.append_option((!value.is_nan()).then_some(value)),
            (Self::Bigint(column), Cell::Bigint(value)) => column.append_value(value),
            (Self::Timestamp(column), Cell::Timestamp(ms)) => column.append_value(ms * 1_000),
            (column, cell) => {
                debug_assert_eq!(cell, Cell::Null, "a cell of another kind than its column {column:?}");
                column.push_null();
            }
        }
    }

    fn push_null(&mut self) {
        match self {
            Self::Text(column) => column.append_null(),
            Self::Double(column) => column.append_null(),
            Self::Bigint(column) => column.append_null(),
            Self::Timestamp(column) => column.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(column) => Arc::new(column.finish()),
            Self::Double(column) => Arc::new(column.finish()),
            Self::Bigint(column) => Arc::new(column.finish()),
            Self::Timestamp(column) => Arc::new(column.finish()),
        }
    }
}

fn timestamp_builder() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_timezone("UTC")
}

/// Fills one row, cell after cell.
struct RowOf<'a> {
    columns: &'a mut [CellColumn],
    next: usize,
}

impl Cells for RowOf<'_> {
    fn cell(&mut self, cell: Cell<'_>) {
        self.columns[self.next].push(cell);
        self.next += 1;
    }
}

#[derive(Debug)]
pub struct ViewRows {
    schema: SchemaRef,
    cells: Vec<CellColumn>,
    revision: Int64Builder,
    is_final: BooleanBuilder,
    removed: BooleanBuilder,
    tick: Int64Builder,
    watermark: TimestampMicrosecondBuilder,
}

impl ViewRows {
    pub fn new(spec: &'static ViewSpec) -> Self {
        Self {
            schema: Table::view(spec).schema,
            cells: spec.columns.iter().map(|column| CellColumn::new(column.kind)).collect(),
            revision: Int64Builder::new(),
            is_final: BooleanBuilder::new(),
            removed: BooleanBuilder::new(),
            tick: Int64Builder::new(),
            watermark: timestamp_builder(),
        }
    }

    /// One change at the cut `tick`. A retired key's last value stands, so it has no row.
    pub fn append(&mut self, deltas: &dyn Deltas, row: usize, tick: u64, watermark_ms: Option<i64>) {
        let removed = match deltas.change(row) {
            Change::Set(()) => false,
            Change::Remove => true,
            Change::Retire => return,
        };
        let mut cells = RowOf { columns: &mut self.cells, next: 0 };
        deltas.cells(row, &mut cells);
        assert_eq!(cells.next, self.cells.len(), "a row of {} has a cell for every column", deltas.spec().name);
        self.revision.append_value(deltas.revision(row).into());
        self.is_final.append_value(deltas.is_final(row));
        self.removed.append_value(removed);
        self.tick.append_value(tick as i64);
        self.watermark.append_option(watermark_ms.map(|ms| ms * 1_000));
    }

    pub fn rows(&self) -> usize {
        self.tick.values_slice().len()
    }

    pub fn finish(&mut self) -> Option<RecordBatch> {
        if self.rows() == 0 {
            return None;
        }
        let mut columns: Vec<ArrayRef> = self.cells.iter_mut().map(CellColumn::finish).collect();
        columns.push(Arc::new(self.revision.finish()));
        columns.push(Arc::new(self.is_final.finish()));
        columns.push(Arc::new(self.removed.finish()));
        columns.push(Arc::new(self.tick.finish()));
        columns.push(Arc::new(self.watermark.finish()));
        Some(RecordBatch::try_new(self.schema.clone(), columns).expect("columns in the table's order, equally long"))
    }
}
