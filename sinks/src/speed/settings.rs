//! What a job says about its speed layer, and what it learns from it at the start.

use std::time::Duration;

/// Where current values go.
#[derive(Clone, Debug)]
pub enum SpeedSettings {
    None,
    /// Inside this process, for as long as it lives.
    Memory,
    Redis(RedisSettings),
}

#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// `redis://[user:password@]host:port[/db]` or `redis+unix://path`. Its db, 0 unless named, holds the contract keys.
    pub url: String,
    /// Holds everything that is no contract key: some readers `GET` every key of the first.
    pub second_db: u8,
    /// Owns `key_prefix`; names the keys `greenwave:<key_prefix><job>:…` of the second db.
    pub job: String,
    /// Which state the job has: another one of the same name is refused.
    pub history: String,
    /// The tick that the job is restored at; 0 where it starts.
    pub restored: u64,
    /// Discard what another history of the job left.
    pub take_over: bool,
    /// Before every key that readers look up by name.
    pub key_prefix: String,
    /// Go on, with a warning, where Redis may evict keys that have no expiry.
    pub allow_evicting: bool,
    /// Write the stream of deltas beside the values.
    pub feed: bool,
    /// For connecting, and for every answer after that.
    pub connect_timeout: Duration,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            second_db: 1,
            job: "greenwave".into(),
            history: String::new(),
            restored: 0,
            take_over: false,
            key_prefix: String::new(),
            allow_evicting: false,
            feed: true,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// What Redis knows of the job when a new generation claims it. From here on every older generation is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Bound ticks that readers may have seen, with their bindings as pushed, oldest first. Those above the restored
    /// checkpoint are to be repeated exactly.
    pub ticks: Vec<(u64, String)>,
    /// The highest tick listed or trimmed.
    pub listed: u64,
    /// The tick each group has reached, 0 where that is unknown.
    pub applied: Vec<u64>,
}
