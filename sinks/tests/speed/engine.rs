//! A job in small: it restores, repeats, mints ticks over the log and commits manifests, as the real one does.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, unbounded};
use greenwave_model::Deltas;
use greenwave_sinks::speed::{FromSpeed, RedisSettings, Speed, SpeedError, SpeedSettings, ToSpeed};
use greenwave_tests::Redis;
use serde_json::{Value, json};

use crate::world::{State, World};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a restart finds in the state store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub tick: u64,
    pub end: u64,
}

pub struct Engine {
    pub world: World,
    pub generation: u64,
    pub speed: Speed,
    pub events: Receiver<FromSpeed>,
    pub tick: u64,
    pub end: u64,
    pub visible: u64,
    /// Ticks of the claim, repeated.
    pub repeated: Vec<u64>,
}

pub fn settings(redis: &Redis) -> RedisSettings {
    RedisSettings {
        url: redis.unix_url(),
        job: "city".into(),
        connect_timeout: Duration::from_secs(5),
        ..Default::default()
    }
}

pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

impl Engine {
    pub fn start(
        settings: &RedisSettings,
        world: World,
        generation: u64,
        manifest: Manifest,
    ) -> Result<Self, SpeedError> {
        let (sender, events) = unbounded();
        let settings = RedisSettings { restored: manifest.tick, ..settings.clone() };
        let (speed, claim) = Speed::start(SpeedSettings::Redis(settings), generation, 1, sender)?;
        let mut engine = Self::restored(world, generation, manifest, speed, events);
        for (tick, binding) in claim.unwrap().ticks.iter().filter(|(tick, _)| *tick > manifest.tick) {
            let parsed: Value = serde_json::from_str(binding).unwrap();
            engine.bind(*tick, parsed["partitions"][0]["end"].as_u64().unwrap(), binding.clone(), now_ms());
            engine.repeated.push(*tick);
        }
        Ok(engine)
    }

    pub fn start_unclaimed(settings: &RedisSettings, world: World, generation: u64, manifest: Manifest) -> Self {
        let (sender, events) = unbounded();
        let speed = Speed::start_unclaimed(SpeedSettings::Redis(settings.clone()), generation, 1, sender).unwrap();
        Self::restored(world, generation, manifest, speed, events)
    }

    fn restored(world: World, generation: u64, from: Manifest, speed: Speed, events: Receiver<FromSpeed>) -> Self {
        world.fill(from.end).into_iter().for_each(|deltas| speed.send(ToSpeed::Fill { deltas }));
        let Manifest { tick, end } = from;
        Self { world, generation, speed, events, tick, end, visible: 0, repeated: vec![] }
    }

    /// Mints a tick that takes `records` more; a manifest of it if it is a cut.
    pub fn mint(&mut self, records: u64, is_cut: bool) -> Manifest {
        let tick = (self.tick + 1).max(self.generation << 32);
        let end = self.end + records;
        let binding = json!({"tick": tick, "generation": self.generation, "is_cut": is_cut,
            "partitions": [{"topic": "log", "partition": "0", "end": end}]});
        self.bind(tick, end, binding.to_string(), now_ms());
        Manifest { tick, end }
    }

    fn bind(&mut self, tick: u64, end: u64, binding: String, now_ms: i64) {
        self.speed.send(ToSpeed::Bound { tick, before: self.tick, binding: binding.into(), now_ms });
        self.world
            .deltas(self.end, end)
            .into_iter()
            .for_each(|deltas| self.speed.send(ToSpeed::Deltas { tick, deltas }));
        self.speed.send(ToSpeed::Complete { worker: 0, tick });
        (self.tick, self.end) = (tick, end);
    }

    /// A tick with deltas of the caller's.
    pub fn say(&mut self, deltas: Vec<Arc<dyn Deltas>>, now_ms: i64) -> u64 {
        let tick = (self.tick + 1).max(self.generation << 32);
        let before = std::mem::replace(&mut self.tick, tick);
        self.speed.send(ToSpeed::Bound { tick, before, binding: "{}".into(), now_ms });
        deltas.into_iter().for_each(|deltas| self.speed.send(ToSpeed::Deltas { tick, deltas }));
        self.speed.send(ToSpeed::Complete { worker: 0, tick });
        tick
    }

    pub fn commit(&self, manifest: Manifest) -> Manifest {
        self.speed.send(ToSpeed::Durable { tick: manifest.tick });
        manifest
    }

    /// The same where it may be visible already.
    pub fn wait_until_visible(&mut self) {
        if self.visible < self.tick {
            self.wait();
        }
    }

    /// Waits until the last tick is visible; the events on the way.
    pub fn wait(&mut self) -> Vec<FromSpeed> {
        let last = self.tick;
        self.wait_for(|event| matches!(event, FromSpeed::Visible { tick, .. } if *tick >= last))
    }

    pub fn wait_for(&mut self, wanted: impl Fn(&FromSpeed) -> bool) -> Vec<FromSpeed> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = vec![];
        loop {
            let event = self.events.recv_deadline(deadline);
            let event = event.unwrap_or_else(|_| panic!("generation {} waits; it saw {seen:?}", self.generation));
            if let FromSpeed::Visible { tick, .. } = event {
                assert!(tick > self.visible, "visible goes back from {} to {tick}", self.visible);
                self.visible = tick;
            }
            let found = wanted(&event);
            seen.push(event);
            if found {
                return seen;
            }
        }
    }

    /// Every key in Redis as the log says, and the replica too.
    pub fn assert_same(&self, redis: &Redis) {
        self.assert_same_with(redis, &settings(redis));
    }

    pub fn assert_same_with(&self, redis: &Redis, settings: &RedisSettings) {
        let (mut contract, mut own) = (redis.connection(), redis.connection());
        let _: () = redis::cmd("SELECT").arg(settings.second_db).query(&mut own).unwrap();
        let prefix = &settings.key_prefix;
        for (key, state) in self.world.content(self.end) {
            let bus: Option<String> = get(&mut contract, &format!("{prefix}bus:position:{key}"));
            let stop: Option<String> = get(&mut own, &format!("{prefix}stops:{key}"));
            let [bus, stop] = [bus, stop]
                .map(|json| json.map(|json| serde_json::from_str::<Value>(&json).unwrap()["seq"].as_i64().unwrap()));
            let kept = self.speed.replica().get("buses", &key).is_some();
            match state {
                State::Set(seq) => assert!(
                    bus == Some(seq) && stop == bus && kept,
                    "{key} is {bus:?} and {stop:?}, kept: {kept}, record {seq}, end {}",
                    self.end
                ),
                State::Removed => assert!(bus.is_none() && stop.is_none() && !kept, "{key} is {bus:?} and {stop:?}"),
                State::Retired(seq) => {
                    for found in [bus, stop] {
                        assert!(
                            found.is_none_or(|found| found <= seq) && !kept,
                            "{key} is {found:?}, retired at {seq}"
                        );
                    }
                }
            }
        }
    }
}

pub fn get(connection: &mut redis::Connection, key: &str) -> Option<String> {
    redis::cmd("GET").arg(key).query(connection).unwrap()
}
