//! Every table of the lake: its name, its columns, its order.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use greenwave_model::topics::GPS;
use greenwave_model::{Kind, TopicSpec, ViewSpec};

/// The partition column: the UTC date of the cut's clock. It stands in the path of a file, not in its rows.
pub(super) const DATE: &str = "date";

/// A table without its partition column. Every column may be null, so that one can be added later.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub name: String,
    pub schema: SchemaRef,
    /// The columns its files are sorted by.
    pub sort: Vec<&'static str>,
}

const RECORD: [(&str, DataType); 3] =
    [("_topic", DataType::Utf8), ("_partition", DataType::Utf8), ("_offset", DataType::Int64)];
const ARRIVAL: [(&str, DataType); 1] = [("_timestamp_ms", DataType::Int64)];
const BY_RECORD: [&str; 3] = ["_topic", "_partition", "_offset"];

impl Table {
    /// Every event of a topic as decoded, before dedup and lateness.
    pub fn raw(spec: &TopicSpec) -> Self {
        if spec.name == GPS.name {
            return Self::raw_gps();
        }
        let event = [
            ("id", DataType::Utf8),
            ("device_id", DataType::Utf8),
            ("timestamp", timestamp()),
            ("latitude", DataType::Float64),
            ("longitude", DataType::Float64),
        ];
        let kind = |is_number| if is_number { DataType::Float64 } else { DataType::Utf8 };
        let fields = spec.fields.iter().map(|field| (field.name, kind(field.is_number())));
        let columns = event.into_iter().chain(fields).chain(RECORD).chain(ARRIVAL);
        Self::new(&format!("raw/{}", spec.name), columns, BY_RECORD)
    }

    /// Every GPS event as decoded, before dedup and lateness.
    pub fn raw_gps() -> Self {
        let event = [
            ("id", DataType::Utf8),
            ("device_id", DataType::Utf8),
            ("timestamp", timestamp()),
            ("speed", DataType::Float64),
            ("latitude", DataType::Float64),
            ("longitude", DataType::Float64),
            ("direction", DataType::Float64),
            ("vehicle_type", DataType::Utf8),
            ("road_id", DataType::Utf8),
        ];
        Self::new("raw/gps_data", event.into_iter().chain(RECORD).chain(ARRIVAL), BY_RECORD)
    }

    /// Records that are no event.
    pub fn rejects() -> Self {
        let why = [
            ("_timestamp_ms", DataType::Int64),
            ("reason", DataType::Utf8),
            ("detail", DataType::Utf8),
            ("bytes", DataType::Binary),
        ];
        Self::new("rejects", RECORD.into_iter().chain(why), BY_RECORD)
    }

    /// Events that no view counts.
    pub fn dropped() -> Self {
        let verdict = [("verdict", DataType::Utf8), ("tick", DataType::Int64)];
        Self::new("dropped", RECORD.into_iter().chain(verdict), BY_RECORD)
    }

    /// The binding of every cut.
    pub fn cuts() -> Self {
        let columns = [
            ("tick", DataType::Int64),
            ("generation", DataType::Int64),
            ("now", timestamp()),
            ("watermark", timestamp()),
            ("binding", DataType::Utf8),
            ("settings", DataType::Utf8),
            ("plan_hash", DataType::Utf8),
        ];
        Self::new("raw/_cuts", columns, ["tick"])
    }

    /// The history of a view: at most one row per key and cut.
    pub fn view(spec: &ViewSpec) -> Self {
        let stamp = [
            ("revision", DataType::Int64),
            ("is_final", DataType::Boolean),
            ("removed", DataType::Boolean),
            ("tick", DataType::Int64),
            ("watermark", timestamp()),
        ];
        let own = spec.columns.iter().map(|column| (column.name, data_type(column.kind)));
        let keys = spec.columns.iter().filter(|column| column.key).map(|column| column.name);
        Self::new(&format!("views/{}", spec.name), own.chain(stamp), keys.chain(["tick"]))
    }

    fn new(
        name: &str,
        columns: impl IntoIterator<Item = (&'static str, DataType)>,
        sort: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let fields: Vec<_> = columns.into_iter().map(|(name, kind)| Field::new(name, kind, true)).collect();
        Self { name: name.into(), schema: Arc::new(Schema::new(fields)), sort: sort.into_iter().collect() }
    }

    pub(super) fn sort_indices(&self) -> Vec<usize> {
        self.sort.iter().map(|name| self.schema.index_of(name).expect("tables sort by their own columns")).collect()
    }
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Double => DataType::Float64,
        Kind::Bigint => DataType::Int64,
        Kind::Timestamp => timestamp(),
    }
}
