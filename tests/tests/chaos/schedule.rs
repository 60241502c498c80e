//! What happens to the job, life by life: a pure function of the seed.

use std::time::Duration;

use greenwave_model::CrashPoint;
use greenwave_tests::traffic::Random;

/// One process, or two of which one survives.
#[derive(Clone, Debug)]
pub struct Life {
    pub workers: u64,
    /// A second process is started at the same moment.
    pub twin: bool,
    pub trouble: Option<(Duration, Trouble)>,
    pub end: End,
}

/// What befalls the servers and disks, so long after the start of the process. All of it is over before the life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    RedisFlushed,
    /// Killed; it comes back empty after so long.
    RedisKilled(Duration),
    /// It is gone when the process starts.
    RedisMissing(Duration),
    /// Connections stand, and nobody answers.
    RedisPaused(Duration),
    BrokerKilled,
    BrokerStopped,
    StateFull(Duration),
    LakeFull(Duration),
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By kill -9, so long after its first checkpoint.
    Killed(Duration),
    /// By kill -9 where it passes a crash point for the nth time.
    KilledAt(CrashPoint, u32),
    /// It stands still so long after its first checkpoint, and wakes when another process has taken over and made so many
    /// checkpoints.
    Overslept(Duration, u64),
    /// The same at a crash point.
    OversleptAt(CrashPoint, u32, u64),
    /// By Ctrl-C, so long after its first checkpoint.
    Interrupted(Duration),
}

/// Every crash point and every trouble once, then whatever comes for as long as the run is to last.
pub struct Schedule {
    random: Random,
    listed: std::vec::IntoIter<Life>,
}

impl Schedule {
    pub fn drawn_from(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x9C4A_0500);
        let mut lives: Vec<Life> = Vec::new();
        let later = CrashPoint::ALL.iter().filter(|point| !is_early(**point) && !is_rare(**point));
        for &point in later {
            let end = match may_oversleep(point) && random.chance(300) {
                true => End::OversleptAt(point, nth(&mut random, point), 1 + random.below(7)),
                false => End::KilledAt(point, nth(&mut random, point)),
            };
            lives.push(plain(&mut random, end));
        }
        for trouble in troubles(&mut random) {
            let end = End::Killed(after(&mut random));
            lives.push(Life { trouble: Some(trouble), ..plain(&mut random, end) });
        }
        for _ in 0..2 {
            let (after, checkpoints) = (after(&mut random), 1 + random.below(7));
            lives.push(plain(&mut random, End::Overslept(after, checkpoints)));
            let end = End::Interrupted(after);
            lives.push(plain(&mut random, end));
            lives.push(Life { twin: true, ..plain(&mut random, End::Killed(after)) });
        }
        shuffle(&mut random, &mut lives);
        // Tables are made in the first life; a table's log has fifty commits in one of the last.
        let early = CrashPoint::ALL.iter().filter(|point| is_early(**point));
        for &point in early {
            let end = End::KilledAt(point, nth(&mut random, point));
            lives.insert(0, plain(&mut random, end));
        }
        for &point in CrashPoint::ALL.iter().filter(|point| is_rare(**point)) {
            let end = End::KilledAt(point, nth(&mut random, point));
            lives.push(plain(&mut random, end));
        }
        Self { random, listed: lives.into_iter() }
    }

    /// What is left of the list.
    pub fn listed(&mut self) -> Option<Life> {
        self.listed.next()
    }

    /// A life of a long run: troubles meet crash points.
    pub fn further(&mut self) -> Life {
        let random = &mut self.random;
        let points: Vec<CrashPoint> =
            CrashPoint::ALL.iter().copied().filter(|point| !is_early(*point) && !is_rare(*point)).collect();
        let point = points[random.below(points.len() as u64) as usize];
        let (nth, after, checkpoints) = (nth(random, point), after(random), 1 + random.below(7));
        let end = match random.below(10) {
            0..3 => End::Killed(after),
            3 => End::Overslept(after, checkpoints),
            4 => End::Interrupted(after),
            5 | 6 if may_oversleep(point) => End::OversleptAt(point, nth, checkpoints),
            _ => End::KilledAt(point, nth),
        };
        let befallen = random.chance(400);
        let troubles = troubles(random);
        let trouble = befallen.then(|| troubles[random.below(troubles.len() as u64) as usize]);
        let twin = trouble.is_none() && matches!(end, End::Killed(_)) && random.chance(200);
        Life { trouble, twin, ..plain(random, end) }
    }
}

fn plain(random: &mut Random, end: End) -> Life {
    Life { workers: [1, 2, 2, 4][random.below(4) as usize], twin: false, trouble: None, end }
}

fn after(random: &mut Random) -> Duration {
    Duration::from_millis(random.below(1_500))
}

/// One of each, with the time it comes and the time it lasts.
fn troubles(random: &mut Random) -> Vec<(Duration, Trouble)> {
    let mut lasts = |least: u64, most: u64| Duration::from_millis(least + random.below(most - least));
    let troubles = [
        Trouble::RedisFlushed,
        Trouble::RedisKilled(lasts(1, 4_000)),
        Trouble::RedisMissing(lasts(1_000, 4_000)),
        Trouble::RedisPaused(lasts(500, 4_000)),
        Trouble::BrokerKilled,
        Trouble::BrokerStopped,
        // Some are over while the job still tries, others are not.
        Trouble::StateFull(lasts(500, 9_000)),
        Trouble::LakeFull(lasts(500, 4_000)),
    ];
    troubles.map(|trouble| (lasts(300, 2_500), trouble)).into()
}

/// How often a point is passed before it counts; a life of a few seconds passes it as often.
fn nth(random: &mut Random, point: CrashPoint) -> u32 {
    let most = match point {
        CrashPoint::GroupWritten | CrashPoint::GroupResynced => 40,
        CrashPoint::PartUploaded => 30,
        CrashPoint::LakeCommitNext | CrashPoint::LakeCommitted => 15,
        CrashPoint::TickBound | CrashPoint::TickListed | CrashPoint::GroupsWritten | CrashPoint::TickSealed => 8,
        CrashPoint::StatePartLoaded | CrashPoint::TableCreated => 5,
        CrashPoint::GarbageRemoved => 4,
        _ => 1,
    };
    1 + random.below(most) as u32
}

/// Passed by the first lives alone.
fn is_early(point: CrashPoint) -> bool {
    point == CrashPoint::TableCreated
}

/// Passed every fifty commits.
fn is_rare(point: CrashPoint) -> bool {
    point == CrashPoint::LogCheckpointNext
}

/// A process that is about to end well may do so, whoever has taken over; the others must find that they are late.
fn may_oversleep(point: CrashPoint) -> bool {
    point < CrashPoint::WorkersEnded
}

fn shuffle(random: &mut Random, lives: &mut [Life]) {
    for last in (1..lives.len()).rev() {
        lives.swap(last, random.below(last as u64 + 1) as usize);
    }
}
