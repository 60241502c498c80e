//! Rows of `raw/<topic>`, as a worker collects them over a cut.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use greenwave_model::topics::TOPICS;
use greenwave_model::{Batch, PartitionKey};

use super::columns::{Texts, bigints, doubles, maybe_bigints, timestamps};
use super::observations::RawObservationRows;
use super::tables::Table;

/// Rows of every topic.
#[derive(Debug)]
pub struct RawRows {
    gps: RawGpsRows,
    /// By the topic's place.
    others: Vec<RawObservationRows>,
}

impl Default for RawRows {
    fn default() -> Self {
        Self { gps: RawGpsRows::default(), others: TOPICS.iter().map(|spec| RawObservationRows::new(spec)).collect() }
    }
}

impl RawRows {
    /// Every event of the batch.
    pub fn append(&mut self, batch: &Batch, key: &PartitionKey) {
        if let Some(observation) = batch.observations.first() {
            self.others[usize::from(observation.topic)].append(batch, key);
        }
        if !batch.readings.is_empty() {
            self.gps.append(batch, key);
        }
    }

    /// What the rows hold in memory, about.
    pub fn bytes(&self) -> usize {
        self.gps.bytes() + self.others.iter().map(RawObservationRows::bytes).sum::<usize>()
    }

    /// Tables and their rows.
    pub fn finish(&mut self) -> Vec<(String, RecordBatch)> {
        let gps = self.gps.finish().map(|rows| (Table::raw_gps().name, rows));
        let others = self.others.iter_mut().zip(TOPICS);
        let others = others.filter_map(|(rows, spec)| rows.finish().map(|rows| (Table::raw(spec).name, rows)));
        gps.into_iter().chain(others).collect()
    }
}

/// Appends whole batches column by column; `finish` starts the next cut.
#[derive(Debug)]
pub struct RawGpsRows {
    schema: SchemaRef,
    id: Texts,
    device: Texts,
    timestamp_us: Vec<i64>,
    speed: Vec<f64>,
    latitude: Vec<f64>,
    longitude: Vec<f64>,
    direction: Vec<f64>,
    vehicle_type: Texts,
    road: Texts,
    topic: Texts,
    partition: Texts,
    offset: Vec<i64>,
    arrival_ms: Vec<i64>,
    arrived: Vec<bool>,
}

impl Default for RawGpsRows {
    fn default() -> Self {
        Self {
            schema: Table::raw_gps().schema,
            id: Texts::default(),
            device: Texts::default(),
            timestamp_us: Vec::new(),
            speed: Vec::new(),
            latitude: Vec::new(),
            longitude: Vec::new(),
            direction: Vec::new(),
            vehicle_type: Texts::default(),
            road: Texts::default(),
            topic: Texts::default(),
            partition: Texts::default(),
            offset: Vec::new(),
            arrival_ms: Vec::new(),
            arrived: Vec::new(),
        }
    }
}

impl RawGpsRows {
    /// Every reading of the batch. A batch decoded without its raw texts has null ids and vehicle types.
    pub fn append(&mut self, batch: &Batch, key: &PartitionKey) {
        let readings = &batch.readings;
        match &batch.raw {
            Some(raw) => {
                debug_assert_eq!((raw.id.len(), raw.vehicle_type.len()), (readings.len(), readings.len()));
                self.id.append(&raw.id);
                self.vehicle_type.append(&raw.vehicle_type);
            }
            None => {
                self.id.repeat("", readings.len());
                self.vehicle_type.repeat("", readings.len());
            }
        }
        for reading in readings {
            self.device.push(&reading.device);
            self.road.push(&reading.road);
        }
        self.topic.repeat(&key.topic, readings.len());
        self.partition.repeat(&key.partition, readings.len());
        self.timestamp_us.extend(readings.iter().map(|r| r.event_ms * 1_000));
        self.speed.extend(readings.iter().map(|r| r.speed_kmh));
        self.latitude.extend(readings.iter().map(|r| r.latitude));
        self.longitude.extend(readings.iter().map(|r| r.longitude));
        self.direction.extend(readings.iter().map(|r| r.direction_deg));
        self.offset.extend(readings.iter().map(|r| r.record.offset()));
        self.arrival_ms.extend(readings.iter().map(|r| r.arrival_ms));
        self.arrived.resize(self.offset.len(), batch.timestamped);
    }

    pub fn rows(&self) -> usize {
        self.offset.len()
    }

    /// What the rows hold in memory, about.
    pub fn bytes(&self) -> usize {
        let texts = [&self.id, &self.device, &self.vehicle_type, &self.road, &self.topic, &self.partition];
        texts.iter().map(|t| t.memory()).sum::<usize>() + self.rows() * (7 * 8 + 1)
    }

    pub fn finish(&mut self) -> Option<RecordBatch> {
        if self.rows() == 0 {
            return None;
        }
        let columns = vec![
            self.id.finish(),
            self.device.finish(),
            timestamps(&mut self.timestamp_us),
            doubles(&mut self.speed),
            doubles(&mut self.latitude),
            doubles(&mut self.longitude),
            doubles(&mut self.direction),
            self.vehicle_type.finish(),
            self.road.finish(),
            self.topic.finish(),
            self.partition.finish(),
            bigints(&mut self.offset),
            maybe_bigints(&mut self.arrival_ms, &mut self.arrived),
        ];
        Some(RecordBatch::try_new(self.schema.clone(), columns).expect("columns in the table's order, equally long"))
    }
}
