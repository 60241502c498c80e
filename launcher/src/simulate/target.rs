//! Where a city's records go, and when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenwave_sources::simulate::{City, Folder, Record, SimulateError, Topics};

use super::wall_ms;
use crate::args::Simulate;

/// A signal is heard within so long.
const NAP: Duration = Duration::from_millis(100);

/// Where records go.
pub enum Target {
    Folder(Folder),
    /// With what is added to the city's time to have that of the wall clock.
    Topics(Topics, i64),
}

impl Target {
    /// The city as the target has partitions for it, and the target.
    pub fn open(simulate: &Simulate) -> Result<(City, Self), SimulateError> {
        let settings = super::settings(simulate, wall_ms());
        let Some(brokers) = &simulate.kafka else {
            let city = City::new(settings)?;
            let folder = simulate.out.as_deref().expect("clap asks for one of the two");
            let folder = Folder::create(folder, &city)?;
            return Ok((city, Self::Folder(folder)));
        };
        // Wrong settings are told before anybody is asked for topics.
        City::new(settings)?;
        let topics = Topics::open(brokers, simulate.city.size.partitions)?;
        // Looking for topics took a while: now is now.
        let now_ms = wall_ms();
        let settings = topics.settings(super::settings(simulate, now_ms));
        let ahead_ms = now_ms - settings.start_ms;
        let mut city = City::new(settings)?;
        city.count_from(topics.ends());
        Ok((city, Self::Topics(topics, ahead_ms)))
    }

    pub fn write(&mut self, record: &Record<'_>) -> Result<(), SimulateError> {
        match self {
            Self::Folder(folder) => folder.write(record),
            Self::Topics(topics, ahead_ms) => topics.send(record, record.arrival_ms + *ahead_ms),
        }
    }

    /// Waits for the time of a record; false if told to stop meanwhile.
    pub fn wait(&self, arrival_ms: i64, stop: &AtomicBool) -> bool {
        let Self::Topics(_, ahead_ms) = self else { return true };
        loop {
            let left_ms = arrival_ms + ahead_ms - wall_ms();
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            if left_ms <= 0 {
                return true;
            }
            std::thread::sleep(NAP.min(Duration::from_millis(left_ms.unsigned_abs())));
        }
    }

    pub fn finish(&mut self) -> Result<(), SimulateError> {
        match self {
            Self::Folder(folder) => folder.finish(),
            Self::Topics(topics, _) => topics.finish(),
        }
    }
}
