//! A topic, filled beforehand: each thread reads its share of the partitions to the end they had at the start.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::Pass;
use crate::batches::Batches;
use crate::events::Groups;

const ANSWER: Duration = Duration::from_secs(15);
/// A batch that is not full by then is taken as it is.
const FILLED_WITHIN: Duration = Duration::from_millis(20);

/// A partition's number and its end.
type End = (i32, i64);

pub fn pass(brokers: &str, topic: &str, threads: usize, output: Option<&Path>) -> anyhow::Result<Pass> {
    let ends = ends(brokers, topic)?;
    let shares: Vec<Vec<End>> = (0..threads)
        .map(|thread| ends.iter().copied().skip(thread).step_by(threads).collect())
        .filter(|share: &Vec<End>| !share.is_empty())
        .collect();
    let parts: Vec<anyhow::Result<(Groups, Instant)>> = thread::scope(|scope| {
        let readers: Vec<_> = shares.iter().map(|share| scope.spawn(|| read(brokers, topic, share))).collect();
        readers.into_iter().map(|reader| reader.join().expect("a reader does not panic")).collect()
    });
    let (mut groups, mut start) = (Groups::default(), Instant::now());
    for part in parts {
        let (more, first) = part?;
        start = start.min(first);
        groups.merge(more);
    }
    if let Some(output) = output {
        groups.write(&output.join("q1.csv"))?;
    }
    Ok(Pass { events: groups.events(), groups: groups.len(), seconds: start.elapsed().as_secs_f64(), cpu_seconds: 0.0 })
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "plain_loop")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "false")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.max.messages.kbytes", "65536")
        .set("fetch.message.max.bytes", "4194304");
    config
}

fn ends(brokers: &str, topic: &str) -> anyhow::Result<Vec<End>> {
    let asker: BaseConsumer = config(brokers).create()?;
    let metadata = asker.fetch_metadata(Some(topic), ANSWER).with_context(|| format!("no answer from {brokers}"))?;
    let partitions: Vec<i32> = metadata.topics().iter().flat_map(|it| it.partitions()).map(|it| it.id()).collect();
    if partitions.is_empty() {
        bail!("{brokers} has no topic {topic}");
    }
    let end = |partition| Ok((partition, asker.fetch_watermarks(topic, partition, ANSWER)?.1));
    let ends: anyhow::Result<Vec<End>> = partitions.into_iter().map(end).collect();
    Ok(ends?.into_iter().filter(|(_, end)| *end > 0).collect())
}

/// Folds one thread's partitions; the time is that of its first record.
fn read(brokers: &str, topic: &str, share: &[End]) -> anyhow::Result<(Groups, Instant)> {
    let mut assignment = TopicPartitionList::new();
    for (partition, _) in share {
        assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    let consumer: BaseConsumer = config(brokers).create()?;
    consumer.assign(&assignment)?;
    let mut batches = Batches::of(&consumer)?;
    let mut left = share.to_vec();
    let (mut groups, mut first, mut heard) = (Groups::default(), None, Instant::now());
    while !left.is_empty() {
        let got = batches.next(FILLED_WITHIN, |partition, offset, payload| {
            first.get_or_insert_with(Instant::now);
            groups.fold(&serde_json::from_slice(payload)?)?;
            left.retain(|(number, end)| *number != partition || offset + 1 < *end);
            Ok(())
        })?;
        if got > 0 {
            heard = Instant::now();
        } else if heard.elapsed() > ANSWER {
            bail!("{topic} gave nothing for {ANSWER:?}; partitions {left:?} are not at their end");
        }
    }
    Ok((groups, first.unwrap_or_else(Instant::now)))
}
