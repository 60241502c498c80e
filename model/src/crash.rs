//! Crash points: the places of the protocol at which a test stops the process, and kills it or wakes it too late.
//!
//! They are in every build, so that what is tested is what is shipped. Passing one looks at a static that is empty unless
//! the process was told at its start to stand still somewhere; none of them is in code that runs for every event.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

macro_rules! crash_points {
    ($($(#[$doc:meta])* $point:ident = $name:literal,)*) => {
        /// A place at which a process may die; what it has done by then is what the name says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CrashPoint {
            $($(#[$doc])* $point,)*
        }

        impl CrashPoint {
            /// All of them, in the order of a job's life.
            pub const ALL: &[Self] = &[$(Self::$point,)*];

            /// As it is written in the environment and on the line that tells of it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)*
                }
            }
        }
    };
}

crash_points! {
    /// The number is ours, and no sign of life is given yet.
    GenerationTaken = "generation-taken",
    /// Redis refuses every older generation, and the state store knows nothing of that.
    RedisClaimed = "redis-claimed",
    /// One part of the state is read.
    StatePartLoaded = "state-part-loaded",
    /// The state is read, and the record of the takeover not written.
    TakeoverReady = "takeover-ready",
    TakeoverRecorded = "takeover-recorded",
    /// A tick that readers have seen is bound again, and its groups are not written.
    RepeatBound = "repeat-bound",
    /// A tick is decided, and nobody but the leader knows.
    TickBound = "tick-bound",
    /// Redis lists the tick and has nothing else of it.
    TickListed = "tick-listed",
    /// One group of the tick is written, others may not be.
    GroupWritten = "group-written",
    /// All groups are written, and the tick is not called visible.
    GroupsWritten = "groups-written",
    /// Readers see the tick, and the job does not know that they do.
    TickSealed = "tick-sealed",
    /// One part of a cut is on the state store.
    PartUploaded = "part-uploaded",
    /// All parts are, and no manifest names them.
    PartsComplete = "parts-complete",
    /// The manifest is written, and nobody is told.
    ManifestWritten = "manifest-written",
    /// The leader is told.
    ManifestTold = "manifest-told",
    /// Garbage collection has removed one object.
    GarbageRemoved = "garbage-removed",
    /// It has removed all objects it may, and no manifest yet.
    OldManifestsNext = "old-manifests-next",
    OldManifestRemoved = "old-manifest-removed",
    /// A table of the lake is made, and has no rows.
    TableCreated = "table-created",
    /// The files of a lake commit are written, and the commit is not.
    LakeCommitNext = "lake-commit-next",
    LakeCommitted = "lake-committed",
    /// Readers of a table's log are to get a checkpoint of it.
    LogCheckpointNext = "log-checkpoint-next",
    /// Every table has its rows, and the leader does not know.
    LakeUntold = "lake-untold",
    /// A Redis that was lost is claimed again, and its groups are not written.
    RedisClaimedAgain = "redis-claimed-again",
    /// One group of it is swapped in whole, others are not.
    GroupResynced = "group-resynced",
    /// The workers of a run that is stopped have ended.
    WorkersEnded = "workers-ended",
    /// Everything of the run is durable and visible, and its end is not told.
    EndNext = "end-next",
    EndTold = "end-told",
}

struct Awaited {
    point: CrashPoint,
    /// How often it is to be passed.
    nth: u32,
    passed: AtomicU32,
    stand: fn(CrashPoint),
}

static AWAITED: OnceLock<Awaited> = OnceLock::new();

impl CrashPoint {
    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|point| point.name() == name)
    }

    /// Has `stand` called when this point is passed for the `nth` time. Only the first call in a process counts.
    pub fn await_here(self, nth: u32, stand: fn(CrashPoint)) {
        let _ = AWAITED.set(Awaited { point: self, nth, passed: AtomicU32::new(0), stand });
    }

    /// The process is at this point.
    pub fn pass(self) {
        if let Some(awaited) = AWAITED.get() {
            awaited.pass(self);
        }
    }

    /// Whether somebody waits for this point, so that what is buffered before it had better be sent.
    pub fn is_awaited(self) -> bool {
        AWAITED.get().is_some_and(|awaited| awaited.point == self)
    }
}

impl Awaited {
    fn pass(&self, point: CrashPoint) {
        if point == self.point && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.nth {
            (self.stand)(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        for point in CrashPoint::ALL {
            assert_eq!(CrashPoint::named(point.name()), Some(*point));
        }
        assert_eq!(CrashPoint::named("nowhere"), None);
    }

    #[test]
    fn only_the_nth_pass_of_the_awaited_point_stands() {
        static STOOD: AtomicU32 = AtomicU32::new(0);
        let stand = |_| {
            STOOD.fetch_add(1, Ordering::Relaxed);
        };
        let awaited = Awaited { point: CrashPoint::TickListed, nth: 2, passed: AtomicU32::new(0), stand };
        let stood = [CrashPoint::TickListed, CrashPoint::TickBound, CrashPoint::TickListed, CrashPoint::TickListed]
            .map(|point| {
                awaited.pass(point);
                STOOD.load(Ordering::Relaxed)
            });
        assert_eq!(stood, [0, 0, 1, 1]);
    }
}
