//! Rows of `raw/<topic>` of the topics that are described by fields, as a worker collects them over a cut.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use greenwave_model::{Batch, PartitionKey, TopicSpec, Value};

use super::columns::{Texts, bigints, doubles, maybe_bigints, timestamps};
use super::tables::Table;

/// Appends whole batches; `finish` starts the next cut.
#[derive(Debug)]
pub struct RawObservationRows {
    schema: SchemaRef,
    id: Texts,
    device: Texts,
    timestamp_us: Vec<i64>,
    latitude: Vec<f64>,
    longitude: Vec<f64>,
    fields: Vec<Column>,
    topic: Texts,
    partition: Texts,
    offset: Vec<i64>,
    arrival_ms: Vec<i64>,
    arrived: Vec<bool>,
}

#[derive(Debug)]
enum Column {
    Text(Texts),
    Number(Vec<f64>),
}

impl Column {
    fn push(&mut self, value: &Value) {
        match (self, value) {
            (Self::Text(texts), Value::Text(text)) => texts.push(text),
            (Self::Text(texts), _) => texts.push(""),
            (Self::Number(numbers), Value::Number(number)) => numbers.push(*number),
            (Self::Number(numbers), _) => numbers.push(f64::NAN),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Text(texts) => texts.memory(),
            Self::Number(numbers) => numbers.len() * 8,
        }
    }
}

impl RawObservationRows {
    pub fn new(spec: &TopicSpec) -> Self {
        let column = |is_number| if is_number { Column::Number(Vec::new()) } else { Column::Text(Texts::default()) };
        Self {
            schema: Table::raw(spec).schema,
            id: Texts::default(),
            device: Texts::default(),
            timestamp_us: Vec::new(),
            latitude: Vec::new(),
            longitude: Vec::new(),
            fields: spec.fields.iter().map(|field| column(field.is_number())).collect(),
            topic: Texts::default(),
            partition: Texts::default(),
            offset: Vec::new(),
            arrival_ms: Vec::new(),
            arrived: Vec::new(),
        }
    }

    pub fn append(&mut self, batch: &Batch, key: &PartitionKey) {
        for observation in &batch.observations {
            self.id.push(&observation.id);
            self.device.push(&observation.device);
            self.timestamp_us.push(observation.event_ms * 1_000);
            self.latitude.push(observation.latitude);
            self.longitude.push(observation.longitude);
            self.fields.iter_mut().zip(&observation.values).for_each(|(column, value)| column.push(value));
            self.offset.push(observation.record.offset());
            self.arrival_ms.push(observation.arrival_ms);
        }
        self.topic.repeat(&key.topic, batch.observations.len());
        self.partition.repeat(&key.partition, batch.observations.len());
        self.arrived.resize(self.offset.len(), batch.timestamped);
    }

    pub fn rows(&self) -> usize {
        self.offset.len()
    }

    /// What the rows hold in memory, about.
    pub fn bytes(&self) -> usize {
        let texts = [&self.id, &self.device, &self.topic, &self.partition];
        let fields = self.fields.iter().map(Column::memory).sum::<usize>();
        texts.iter().map(|texts| texts.memory()).sum::<usize>() + fields + self.rows() * (5 * 8 + 1)
    }

    pub fn finish(&mut self) -> Option<RecordBatch> {
        if self.rows() == 0 {
            return None;
        }
        let mut columns = vec![
            self.id.finish(),
            self.device.finish(),
            timestamps(&mut self.timestamp_us),
            doubles(&mut self.latitude),
            doubles(&mut self.longitude),
        ];
        columns.extend(self.fields.iter_mut().map(|column| match column {
            Column::Text(texts) => texts.finish(),
            Column::Number(numbers) => doubles(numbers),
        }));
        columns.extend([
            self.topic.finish(),
            self.partition.finish(),
            bigints(&mut self.offset),
            maybe_bigints(&mut self.arrival_ms, &mut self.arrived),
        ]);
        Some(RecordBatch::try_new(self.schema.clone(), columns).expect("columns in the table's order, equally long"))
    }
}
