//! Every metric there is: its name, kind, labels and meaning, and where its numbers come from.

use std::fmt::Write;

use super::{PartitionState, Status};

/// The content type of the Prometheus text format.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    Info,
    Generation,
    Ready,
    LoopAge,
    Records,
    RejectedRecords,
    DroppedRecords,
    LateRecords,
    Checkpoints,
    Ticks,
    Tick,
    TickAge,
    CheckpointTick,
    CheckpointAge,
    CheckpointDuration,
    StateStoreUp,
    SpeedLayerUp,
    VisibleTick,
    VisibleAge,
    LakeUp,
    LakeTick,
    LakeAge,
    LakeCommitDuration,
    Watermark,
    WatermarkLag,
    Partitions,
    PartitionOffset,
    PartitionLagRecords,
    PartitionLag,
    ResidentMemory,
    StartTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// What is known of a metric before there is a number.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    /// A sentence without its full stop.
    pub help: &'static str,
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Description {
    Description { name, kind: Kind::Counter, labels, help }
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Description {
    Description { name, kind: Kind::Gauge, labels, help }
}

const TOPIC: &[&str] = &["topic"];
const PARTITION: &[&str] = &["topic", "partition"];

impl Metric {
    /// In the order of the page.
    pub const ALL: &[Self] = &[
        Self::Info,
        Self::Generation,
        Self::Ready,
        Self::LoopAge,
        Self::Records,
        Self::RejectedRecords,
        Self::DroppedRecords,
        Self::LateRecords,
        Self::Checkpoints,
        Self::Ticks,
        Self::Tick,
        Self::TickAge,
        Self::CheckpointTick,
        Self::CheckpointAge,
        Self::CheckpointDuration,
        Self::StateStoreUp,
        Self::SpeedLayerUp,
        Self::VisibleTick,
        Self::VisibleAge,
        Self::LakeUp,
        Self::LakeTick,
        Self::LakeAge,
        Self::LakeCommitDuration,
        Self::Watermark,
        Self::WatermarkLag,
        Self::Partitions,
        Self::PartitionOffset,
        Self::PartitionLagRecords,
        Self::PartitionLag,
        Self::ResidentMemory,
        Self::StartTime,
    ];

    #[rustfmt::skip]
    pub fn description(self) -> Description {
        match self {
            Self::Info => gauge("greenwave_info", &["job_name", "version"], "1, and which job and version this is"),
            Self::Generation => gauge("greenwave_generation", &[], "Runs of the job so far, this one included"),
            Self::Ready => gauge("greenwave_ready", &[], "1 while /ready answers 200"),
            Self::LoopAge => gauge("greenwave_loop_age_seconds", &[], "Since the loop of the leader came round; /live fails above 60"),
            Self::Records => counter("greenwave_records_total", &[], "Records in a checkpoint, since the job's first start"),
            Self::RejectedRecords => counter("greenwave_rejected_records_total", &["reason"], "Those of them that are no event, by reason"),
            Self::DroppedRecords => counter("greenwave_dropped_records_total", &["verdict"], "Those of them that no view counts, by verdict"),
            Self::LateRecords => counter("greenwave_late_records_total", &[], "Those of them that came late and corrected a window"),
            Self::Checkpoints => counter("greenwave_checkpoints_total", &[], "Checkpoints since the job's first start"),
            Self::Ticks => counter("greenwave_ticks_total", &[], "Ticks bound by this process"),
            Self::Tick => gauge("greenwave_tick", &[], "The tick bound last"),
            Self::TickAge => gauge("greenwave_tick_age_seconds", &[], "Since it was bound; a live input binds one a second at least"),
            Self::CheckpointTick => gauge("greenwave_checkpoint_tick", &[], "The tick that the next start goes on from"),
            Self::CheckpointAge => gauge("greenwave_checkpoint_age_seconds", &[], "Since the last checkpoint, or since the start while there is none"),
            Self::CheckpointDuration => gauge("greenwave_checkpoint_duration_seconds", &[], "How long the manifest of the last checkpoint took"),
            Self::StateStoreUp => gauge("greenwave_state_store_up", &[], "0 while the state store does not answer; checkpoints wait for it"),
            Self::SpeedLayerUp => gauge("greenwave_speed_layer_up", &[], "0 while Redis is away and readers see old values"),
            Self::VisibleTick => gauge("greenwave_visible_tick", &[], "The tick that readers of the speed layer see"),
            Self::VisibleAge => gauge("greenwave_visible_age_seconds", &[], "Since it became visible"),
            Self::LakeUp => gauge("greenwave_lake_up", &[], "0 while the lake does not take rows; they wait in the state store"),
            Self::LakeTick => gauge("greenwave_lake_tick", &[], "The tick up to which the lake has all rows"),
            Self::LakeAge => gauge("greenwave_lake_age_seconds", &[], "Since the last commit to the lake by this process"),
            Self::LakeCommitDuration => gauge("greenwave_lake_commit_duration_seconds", &[], "How long it took, all tables together"),
            Self::Watermark => gauge("greenwave_watermark_timestamp_seconds", TOPIC, "Event time up to which the topic is complete"),
            Self::WatermarkLag => gauge("greenwave_watermark_lag_seconds", TOPIC, "How far that is behind the clock"),
            Self::Partitions => gauge("greenwave_partitions", &["topic", "state"], "Partitions or files by state: reading, behind, idle, finished"),
            Self::PartitionOffset => gauge("greenwave_partition_offset", PARTITION, "Records below this offset are in a tick; brokers only"),
            Self::PartitionLagRecords => gauge("greenwave_partition_lag_records", PARTITION, "Records at the broker and in no tick"),
            Self::PartitionLag => gauge("greenwave_partition_lag_seconds", PARTITION, "Age of the last record in a tick while others wait, else 0"),
            Self::ResidentMemory => gauge("process_resident_memory_bytes", &[], "Memory of the process"),
            Self::StartTime => gauge("process_start_time_seconds", &[], "When it started"),
        }
    }

    /// Every number of it: values of its labels, in their order, and the number.
    fn samples(self, status: &Status, mut put: impl FnMut(&[&str], f64)) {
        let flag = |is: bool| f64::from(u8::from(is));
        let logs = || status.partitions.iter().filter(|partition| partition.lag_records.is_some());
        let lake = status.lake.as_ref();
        let mut one = |value: Option<f64>| value.into_iter().for_each(|value| put(&[], value));
        match self {
            Self::Info => put(&[&status.job, &status.version], 1.0),
            Self::Generation => one(Some(status.generation as f64)),
            Self::Ready => one(Some(flag(status.unready.is_none()))),
            Self::LoopAge => one(status.loop_age_s),
            Self::Records => one(Some(status.counters.records as f64)),
            Self::RejectedRecords => {
                status.counters.rejects.iter().for_each(|(reason, count)| put(&[reason.as_str()], count as f64));
            }
            Self::DroppedRecords => {
                put(&["duplicate"], status.counters.duplicates as f64);
                put(&["too_late"], status.counters.too_late as f64);
            }
            Self::LateRecords => one(Some(status.counters.late as f64)),
            Self::Checkpoints => one(Some(status.counters.cuts as f64)),
            Self::Ticks => one(Some(status.tick.ticks as f64)),
            Self::Tick => one(Some(status.tick.tick as f64)),
            Self::TickAge => one(status.tick.age_s),
            Self::CheckpointTick => one(Some(status.checkpoint.tick as f64)),
            Self::CheckpointAge => one(Some(status.checkpoint.age_s)),
            Self::CheckpointDuration => one(Some(status.checkpoint.took_s)),
            Self::StateStoreUp => one(Some(flag(status.checkpoint.down.is_none()))),
            Self::SpeedLayerUp => one((status.speed.kind != "none").then_some(flag(status.speed.down.is_none()))),
            Self::VisibleTick => one((status.speed.kind != "none").then_some(status.speed.tick as f64)),
            Self::VisibleAge => one(status.speed.age_s.filter(|_| status.speed.kind != "none")),
            Self::LakeUp => one(lake.map(|lake| flag(lake.down.is_none()))),
            Self::LakeTick => one(lake.map(|lake| lake.tick as f64)),
            Self::LakeAge => one(lake.and_then(|lake| lake.age_s)),
            Self::LakeCommitDuration => one(lake.map(|lake| lake.took_s)),
            Self::Watermark => {
                let all = status.watermarks.iter();
                all.for_each(|(topic, watermark)| put(&[topic], watermark.watermark_ms as f64 / 1e3));
            }
            Self::WatermarkLag => {
                status.watermarks.iter().for_each(|(topic, watermark)| put(&[topic], watermark.lag_s));
            }
            Self::Partitions => partitions(status, put),
            Self::PartitionOffset => logs().for_each(|log| put(&[&log.topic, &log.partition], log.end as f64)),
            Self::PartitionLagRecords => {
                let lag = logs().filter_map(|log| Some((log, log.lag_records?)));
                lag.for_each(|(log, records)| put(&[&log.topic, &log.partition], records as f64));
            }
            Self::PartitionLag => {
                let lag = logs().filter_map(|log| Some((log, log.lag_s?)));
                lag.for_each(|(log, lag_s)| put(&[&log.topic, &log.partition], lag_s));
            }
            Self::ResidentMemory => one(Some(status.resident_memory_bytes as f64)),
            Self::StartTime => one(Some(status.started_ms as f64 / 1e3)),
        }
    }
}

/// A topic's partitions by state, the empty states included: a series that comes and goes is no alarm.
fn partitions(status: &Status, mut put: impl FnMut(&[&str], f64)) {
    let mut topics: Vec<&str> = status.partitions.iter().map(|partition| partition.topic.as_str()).collect();
    topics.sort_unstable();
    topics.dedup();
    for topic in topics {
        for state in PartitionState::ALL {
            let of = status.partitions.iter().filter(|partition| partition.topic == topic && partition.state == state);
            put(&[topic, state.as_str()], of.count() as f64);
        }
    }
}

/// The page of `/metrics`. Files have no series of their own, since there may be any number of them.
pub fn exposition(status: &Status) -> String {
    let mut page = String::new();
    for metric in Metric::ALL {
        let Description { name, kind, labels, help } = metric.description();
        let mut is_first = true;
        metric.samples(status, |values, number| {
            if std::mem::take(&mut is_first) {
                let _ = writeln!(page, "# HELP {name} {help}.\n# TYPE {name} {}", kind.as_str());
            }
            let labels: Vec<String> =
                labels.iter().zip(values).map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(page, "{name}{labels} {number}");
        });
    }
    page
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The table of `docs/metrics.md`.
pub fn table() -> String {
    let mut table = String::from("| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for metric in Metric::ALL {
        let Description { name, kind, labels, help } = metric.description();
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(table, "| `{name}` | {} | {} | {help} |", kind.as_str(), labels.join(", "));
    }
    table
}
