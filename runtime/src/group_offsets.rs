//! Offsets in Kafka's own consumer group, for lag tools only: a restore never asks for them.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use greenwave_model::{Binding, PartitionKey};
use greenwave_sources::kafka::{Group, KafkaSettings};

use crate::background;

/// The end of a run waits this long for a broker that does not answer.
const PATIENCE_AT_END: Duration = Duration::from_secs(3);

pub struct GroupOffsets {
    checkpoints: Sender<Vec<(PartitionKey, i64)>>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

impl GroupOffsets {
    /// The group is `greenwave-<job>`, unless `[kafka]` names another.
    pub fn start(settings: KafkaSettings, job: &str) -> Self {
        let named = settings.pass_through.get("group.id").cloned();
        let name = named.unwrap_or_else(|| format!("greenwave-{job}"));
        let (checkpoints, inbox) = unbounded::<Vec<_>>();
        let (ending, ended) = bounded(0);
        background::spawn("group offsets", move || {
            let _ending: Sender<()> = ending;
            let mut group = Group::new(settings, name);
            let mut told = false;
            while let Ok(first) = inbox.recv() {
                let newest = inbox.try_iter().last().unwrap_or(first);
                let committed = group.commit(&newest);
                if let Err(error) = &committed
                    && !told
                {
                    tracing::warn!(%error, "kafka does not take the group's offsets; only lag tools miss them");
                }
                told = committed.is_err();
            }
        });
        Self { checkpoints, ended }
    }

    /// What a checkpoint has made durable.
    pub fn checkpoint(&self, binding: &Binding) {
        let next = binding.partitions.iter().map(|partition| (partition.key.clone(), partition.end));
        let _ = self.checkpoints.send(next.collect());
    }

    /// Commits what is left and ends.
    pub fn stop(self) {
        drop(self.checkpoints);
        let _ = self.ended.recv_timeout(PATIENCE_AT_END);
    }
}
