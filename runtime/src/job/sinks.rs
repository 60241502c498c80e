//! The sinks, opened; a lake or a city of another job is refused.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};
use greenwave_model::topics::TOPICS;
use greenwave_sinks::lake::{Lake, Owner, Table};
use greenwave_sinks::speed::{FromSpeed, Speed, SpeedError, SpeedSettings};

use super::{CITY, Job, RunError};
use crate::fate::Fate;
use crate::manifest::Manifest;
use crate::progress::Progress;

pub fn open_lake(
    job: &Job,
    history: &str,
    tokio: &tokio::runtime::Handle,
) -> Result<Option<(Lake, Vec<Table>)>, RunError> {
    let Some(location) = &job.lake else { return Ok(None) };
    let mut lake = Lake::open_at(location, Owner { job: &job.name, history }, tokio.clone())?;
    for reference in &job.references {
        lake.put_reference(&reference.name, &reference.hash, reference.bytes.clone())?;
    }
    let mut tables = vec![Table::rejects(), Table::dropped(), Table::cuts()];
    tables.extend(TOPICS.iter().map(|topic| Table::raw(topic)));
    tables.extend(job.views.iter().map(|view| Table::view(view)));
    Ok(Some((lake, tables)))
}

/// Rows at or below a tick that a table has reached are taken for its own: a job that counts ticks anew would lose them.
/// A table that has not reached what was committed has lost rows that nothing would write again.
pub fn refuse_other_lake(
    job: &str,
    lake: Option<&mut (Lake, Vec<Table>)>,
    manifest: &Manifest,
) -> Result<(), RunError> {
    let restored = manifest.tick();
    let Some((lake, tables)) = lake else { return Ok(()) };
    if manifest.is_unstaged {
        return Err(RunError::LakeHole { job: job.to_owned() });
    }
    for table in tables {
        let (job, table, reached) = (job.to_owned(), table.name.clone(), lake.committed(&table.name)?);
        if let Some(&known) = manifest.lake.get(&table).filter(|known| Some(**known) > reached) {
            let lake = reached.map_or("there is no such table".into(), |tick| format!("it is at tick {tick}"));
            return Err(RunError::LakeBehind { job, table, lake, known });
        }
        if let Some(lake) = reached.filter(|reached| Some(*reached) > restored) {
            let state =
                restored.map_or("there is no checkpoint".into(), |tick| format!("the checkpoint is of tick {tick}"));
            return Err(RunError::LakeAhead { job, table, lake, state });
        }
    }
    Ok(())
}

/// Offsets of one city mean nothing in another.
pub fn refuse_other_city(job: &Job, manifest: &Manifest) -> Result<(), RunError> {
    let Some(binding) = &manifest.binding else { return Ok(()) };
    match job.references.iter().find(|reference| reference.name == CITY) {
        Some(ours) if binding.references.get(CITY) != Some(&ours.hash) => {
            Err(RunError::OtherCity { job: job.name.clone() })
        }
        _ => Ok(()),
    }
}

type Listed = Vec<(u64, String)>;

/// What a claim of the speed layer says of us.
pub fn speed_settings(job: &Job, history: String, manifest: &Manifest) -> SpeedSettings {
    let mut settings = job.speed.clone();
    if let SpeedSettings::Redis(redis) = &mut settings {
        redis.history = history;
        redis.restored = manifest.tick().unwrap_or(0);
        redis.take_over = job.take_over;
    }
    settings
}

/// A speed layer that does not answer stops nothing: its values appear when it returns.
pub fn start_speed(
    settings: SpeedSettings,
    generation: u64,
    workers: usize,
    events: Sender<FromSpeed>,
) -> Result<(Speed, Option<Listed>), RunError> {
    match Speed::start(settings.clone(), generation, workers, events.clone()) {
        Ok((speed, claim)) => Ok((speed, claim.map(|claim| claim.ticks))),
        Err(error @ SpeedError::Unreachable { .. }) => {
            tracing::warn!(%error, "speed layer is down, going on without it until it returns");
            Ok((Speed::start_unclaimed(settings, generation, workers, events)?, None))
        }
        Err(error) => Err(error.into()),
    }
}

pub fn listen_to_speed(heard: Receiver<FromSpeed>, progress: Arc<Progress>, fate: Arc<Fate>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for event in heard {
            match event {
                FromSpeed::Visible { tick, at } => {
                    tracing::debug!(tick, "tick visible");
                    progress.visible(tick, at);
                }
                FromSpeed::Fenced { by } => fate.fail(RunError::Fenced { by }),
                FromSpeed::Down { why } => {
                    tracing::warn!(%why, "speed layer is down; the job and the lake go on");
                    progress.speed_down(Some(why));
                }
                FromSpeed::Up => {
                    tracing::info!("speed layer is back");
                    progress.speed_down(None);
                }
            }
        }
    })
}
