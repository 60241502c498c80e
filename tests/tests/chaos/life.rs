//! One life of the job: started, befallen, ended as it is written.

use std::time::Duration;

use greenwave_model::CrashPoint;
use greenwave_tests::{Job, try_wait_for, wait_for};

use crate::schedule::{End, Life, Trouble};
use crate::tally::Tally;
use crate::world::{LIMIT, Start, World};

/// A tick that readers have seen is there to be repeated, unless the process before died right after a cut.
const TRIES: u32 = 5;

/// Exit codes of a process that is late, or second.
const FENCED: i32 = 75;
const REFUSED: i32 = 2;

/// A process, and the newest manifest when it was started.
struct Running {
    job: Job,
    manifest: u64,
    /// It may have ended for want of room on a disk.
    may_fail: bool,
}

/// Lives it to its end.
pub fn live(world: &mut World, life: &Life, tally: &mut Tally) {
    for attempt in 0.. {
        world.assert_fed();
        assert!(attempt < TRIES, "no process of {TRIES} came to the end of {life:?}");
        if lived(world, life, tally) {
            return;
        }
    }
}

/// False when it has to be tried again: it passed by where it was to end.
fn lived(world: &mut World, life: &Life, tally: &mut Tally) -> bool {
    tally.lives += 1;
    let mut running = begin(world, life, tally);
    befall(world, life, &mut running, tally);
    match life.end {
        End::Killed(after) => {
            if !running.lasts(world, after) {
                return running.may_fail;
            }
            running.job.kill_9();
            tally.event("killed at any time");
        }
        End::KilledAt(point, _) => {
            if !running.stands(world, point) {
                return running.may_fail;
            }
            running.job.kill_9();
            tally.killed_at(point);
        }
        End::Overslept(after, checkpoints) => {
            if !running.lasts(world, after) {
                return running.may_fail;
            }
            running.job.signal(libc::SIGSTOP);
            oversleep(world, running.job, checkpoints, life);
            tally.event("woken too late at any time");
        }
        End::OversleptAt(point, _, checkpoints) => {
            if !running.stands(world, point) {
                return running.may_fail;
            }
            oversleep(world, running.job, checkpoints, life);
            tally.overslept_at(point);
        }
        End::Interrupted(after) => {
            if !running.lasts(world, after) {
                return running.may_fail;
            }
            interrupt(&mut running.job);
            tally.event("ended by Ctrl-C");
        }
    }
    true
}

fn begin(world: &mut World, life: &Life, tally: &mut Tally) -> Running {
    let stands_at = match life.end {
        End::KilledAt(point, nth) | End::OversleptAt(point, nth, _) => Some((point, nth)),
        End::Killed(_) | End::Overslept(..) | End::Interrupted(_) => None,
    };
    let start = Start { workers: life.workers, take_over: false, stands_at };
    let manifest = newest(world);
    if let Some((_, missing @ Trouble::RedisMissing(down))) = life.trouble {
        world.redis.kill_9();
        let job = world.start(start);
        std::thread::sleep(down);
        world.redis.restart();
        tally.event(word(missing));
        return Running { job, manifest, may_fail: false };
    }
    let mut job = world.start(start);
    if life.twin {
        job = survivor(job, world.start(start));
        tally.event("two processes started at once");
    }
    Running { job, manifest, may_fail: false }
}

fn newest(world: &World) -> u64 {
    world.checkpoints().manifests().last().copied().unwrap_or(0)
}

fn befall(world: &mut World, life: &Life, running: &mut Running, tally: &mut Tally) {
    let Some((after, trouble)) = life.trouble.filter(|(_, trouble)| world.can(*trouble)) else { return };
    if matches!(trouble, Trouble::RedisMissing(_)) {
        return;
    }
    std::thread::sleep(after);
    world.befall(trouble);
    running.may_fail = matches!(trouble, Trouble::StateFull(_));
    tally.event(word(trouble));
}

fn word(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::RedisFlushed => "FLUSHALL",
        Trouble::RedisKilled(_) => "Redis killed and empty again",
        Trouble::RedisMissing(_) => "Redis missing at a start",
        Trouble::RedisPaused(_) => "Redis silent",
        Trouble::BrokerKilled => "broker killed and restarted",
        Trouble::BrokerStopped => "broker stopped and restarted",
        Trouble::StateFull(_) => "disk of the state full",
        Trouble::LakeFull(_) => "disk of the lake full",
    }
}

/// Of two processes that start at once exactly one goes on.
fn survivor(mut one: Job, mut other: Job) -> Job {
    let first = wait_for("the end of one of two processes", LIMIT, || {
        one.ended().map(|status| (true, status)).or_else(|| other.ended().map(|status| (false, status)))
    });
    let (loser, winner) = if first.0 { (one, other) } else { (other, one) };
    let code = first.1.code();
    assert!(code == Some(FENCED) || code == Some(REFUSED), "the second of two ended with {code:?}:\n{}", loser.said());
    winner
}

impl Running {
    /// Whether it is there so long after its first checkpoint.
    fn lasts(&mut self, world: &World, after: Duration) -> bool {
        self.checkpointed(world) && try_wait_for(after, || self.has_failed().then_some(())).is_none()
    }

    fn checkpointed(&mut self, world: &World) -> bool {
        let (store, before) = (world.checkpoints(), self.manifest);
        wait_for("a checkpoint", LIMIT, || {
            if self.has_failed() {
                return Some(false);
            }
            (store.checkpoint() > before).then_some(true)
        })
    }

    /// Whether it comes to stand at the point; whatever leads there is done.
    fn stands(&mut self, world: &World, point: CrashPoint) -> bool {
        match point {
            CrashPoint::RedisClaimedAgain | CrashPoint::GroupResynced => {
                if !self.checkpointed(world) {
                    return false;
                }
                world.redis.flush_all();
            }
            CrashPoint::WorkersEnded | CrashPoint::EndNext | CrashPoint::EndTold => {
                if !self.checkpointed(world) {
                    return false;
                }
                self.job.interrupt();
            }
            _ => {}
        }
        let (store, before) = (world.checkpoints(), self.manifest);
        let line = format!("greenwave: standing at {}", point.name());
        let stood = wait_for(&line, LIMIT, || {
            if self.job.stderr().contains(&line) {
                return Some(true);
            }
            // It had nothing to repeat: the next one has, if this one dies with ticks listed after its checkpoint.
            let is_past = point == CrashPoint::RepeatBound && store.checkpoint() > before && lists_ticks(world);
            (self.has_failed() || is_past).then_some(false)
        });
        if stood {
            wait_for("the process to stand still", LIMIT, || is_stopped(self.job.pid()).then_some(()));
        }
        stood
    }

    /// Whether it has ended by itself, as it may where a disk was full.
    fn has_failed(&mut self) -> bool {
        let Some(status) = self.job.ended() else { return false };
        let _ = self.job.wait(LIMIT);
        assert!(self.may_fail, "greenwave ended with {status} by itself; it said:\n{}", self.job.said());
        assert_eq!(status.code(), Some(1), "{}", self.job.said());
        println!("        it ended by itself: {}", self.job.stderr().pop().unwrap_or_default());
        true
    }
}

/// Whether Redis lists a tick after the newest checkpoint, which the next start is to repeat.
fn lists_ticks(world: &World) -> bool {
    let mut redis = world.redis.connection();
    redis::cmd("SELECT").arg(1).query::<()>(&mut redis).expect("Redis is up");
    let last: Option<String> =
        redis::cmd("LINDEX").arg("greenwave:city:ticks").arg(-1).query(&mut redis).expect("a list");
    let listed = last.and_then(|entry| entry.split(' ').next()?.parse::<u64>().ok());
    let checkpoint = world.checkpoints().newest().and_then(|manifest| manifest["binding"]["tick"].as_u64());
    listed > checkpoint
}

/// Another process takes over, and then the one that stands is woken: it must find that it is late.
fn oversleep(world: &mut World, mut late: Job, checkpoints: u64, life: &Life) {
    let before = newest(world);
    let mut next = world.start(Start { workers: 3 - life.workers.min(2), take_over: true, stands_at: None });
    wait_for("checkpoints of the process that took over", LIMIT, || {
        assert!(next.ended().is_none(), "the process that took over ended; it said:\n{}", next.said());
        (world.checkpoints().checkpoint() > before + checkpoints).then_some(())
    });
    late.signal(libc::SIGCONT);
    let status = late.wait(LIMIT);
    assert_eq!(status.code(), Some(FENCED), "woken too late, {life:?}; it said:\n{}", late.said());
    let made = newest(world);
    wait_for("a checkpoint beside a process that woke up", LIMIT, || {
        assert!(next.ended().is_none(), "the process that took over ended; it said:\n{}", next.said());
        (world.checkpoints().checkpoint() > made).then_some(())
    });
    next.kill_9();
}

/// Ctrl-C, and a good end.
pub fn interrupt(job: &mut Job) -> serde_json::Value {
    job.interrupt();
    let status = job.wait(LIMIT);
    assert_eq!(status.code(), Some(3), "{}", job.said());
    let summary = job.summary();
    assert_eq!(summary["restore_differences"], 0, "{summary}");
    summary
}

/// The state of a process, after the closing bracket of its name: `T` where a signal has stopped it.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
}
