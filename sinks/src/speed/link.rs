//! A connection to Redis, checked once, and rounds of calls over it.

use std::time::Duration;

use greenwave_model::CrashPoint;
use redis::{Client, Connection, ConnectionInfo, IntoConnectionInfo, RedisError, Value};

use super::answer::Answer;
use super::encode::SCRIPT;
use super::error::SpeedError;
use super::settings::RedisSettings;

/// Sent as soon as this much is encoded, so that Redis works while the rest is being encoded.
const SEND_BYTES: usize = 32 << 10;

const CLUSTER: &str = "it is a Redis Cluster, and a script of ours writes keys of many slots";

/// Where Redis is, from the settings.
#[derive(Clone, Debug)]
pub(super) struct Place {
    info: ConnectionInfo,
    /// Without the password.
    pub shown: String,
    allow_evicting: bool,
    answer_limit: Duration,
}

impl Place {
    pub fn of(settings: &RedisSettings) -> Result<Self, SpeedError> {
        let shown = shown(&settings.url);
        let wrong = |fact: String, fix| SpeedError::Settings { url: shown.clone(), fact, fix };
        let info = settings.url.as_str().into_connection_info();
        let info = info.map_err(|error| wrong(error.to_string(), "write redis://host:port or redis+unix://path"))?;
        if info.redis_settings().db() == i64::from(settings.second_db) {
            let fact = format!("db {} holds the contract keys and is also the second db", settings.second_db);
            return Err(wrong(fact, "give redis.second_db another number"));
        }
        if settings.job.is_empty() {
            return Err(wrong("the job has no name".into(), "name it"));
        }
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        Ok(Self {
            info: info.set_tcp_settings(tcp),
            shown,
            allow_evicting: settings.allow_evicting,
            answer_limit: settings.connect_timeout.max(Duration::from_millis(1)),
        })
    }

    pub fn contract_db(&self) -> i64 {
        self.info.redis_settings().db()
    }

    fn error(&self, error: &RedisError) -> SpeedError {
        let (url, fact) = (self.shown.clone(), error.to_string());
        let not_yet = matches!(error.code(), Some("LOADING" | "MASTERDOWN" | "BUSY"));
        if error.is_io_error() || error.is_timeout() || error.is_connection_dropped() || not_yet {
            return SpeedError::Unreachable { url, fact };
        }
        match error.is_cluster_error() {
            true => SpeedError::Refused { url, fact: format!("{CLUSTER} ({fact})") },
            false => SpeedError::Refused { url, fact },
        }
    }
}

/// The address as it may be shown.
fn shown(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("...")) {
            Ok(()) => url.into(),
            Err(()) => "redis".into(),
        },
        _ => url.to_owned(),
    }
}

pub(super) struct Link {
    connection: Connection,
    /// Encoded and not yet sent.
    out: Vec<u8>,
    /// Calls whose answers were not read yet.
    asked: usize,
    /// Redis may evict what has no expiry, and the settings allow that.
    pub evicting: bool,
}

impl Link {
    /// Connects, refuses what the script cannot work with, and loads the script.
    pub fn open(place: &Place, limit: Duration) -> Result<Self, SpeedError> {
        let failed = |error: RedisError| place.error(&error);
        let client = Client::open(place.info.clone()).map_err(failed)?;
        let mut connection = client.get_connection_with_timeout(limit).map_err(failed)?;
        connection.set_read_timeout(Some(place.answer_limit)).map_err(failed)?;
        connection.set_write_timeout(Some(place.answer_limit)).map_err(failed)?;
        let info: String = redis::cmd("INFO").query(&mut connection).map_err(failed)?;
        let evicting = check(place, &info)?;
        let loaded: Result<String, _> = redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).query(&mut connection);
        loaded.map_err(failed)?;
        Ok(Self { connection, out: vec![], asked: 0, evicting })
    }

    /// Adds a call to the round.
    pub fn ask(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), String> {
        encode(&mut self.out);
        self.asked += 1;
        if self.out.len() >= SEND_BYTES { self.send() } else { Ok(()) }
    }

    /// A crash point of the round: whoever stands there has sent what was asked before.
    pub fn pass(&mut self, point: CrashPoint) -> Result<(), String> {
        if point.is_awaited() {
            self.send()?;
        }
        point.pass();
        Ok(())
    }

    /// Ends the round. After an error the link is of no use: answers may still be on their way.
    pub fn answers(&mut self) -> Result<Vec<Answer>, String> {
        self.send()?;
        let asked = std::mem::take(&mut self.asked);
        let mut answers = Vec::with_capacity(asked);
        for _ in 0..asked {
            let value: Value = self.connection.recv_response().map_err(|error| error.to_string())?;
            answers.push(Answer::read(value)?);
        }
        Ok(answers)
    }

    fn send(&mut self) -> Result<(), String> {
        // The last call of a round may have been sent with those before it.
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.connection.send_packed_command(&self.out).map_err(|error| error.to_string());
        self.out.clear();
        sent
    }
}

/// Whether the server may evict; an error where it cannot be used.
fn check(place: &Place, info: &str) -> Result<bool, SpeedError> {
    let field = |name: &str| {
        let of = |line: &'_ str| line.strip_prefix(name)?.strip_prefix(':').map(|value| value.trim().to_owned());
        info.lines().find_map(of)
    };
    let refused = |fact| Err(SpeedError::Refused { url: place.shown.clone(), fact });
    if field("redis_mode").as_deref() == Some("cluster") {
        return refused(CLUSTER.into());
    }
    let version = field("redis_version").unwrap_or_default();
    if version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major < 7) {
        return refused(format!("its version is {version} and 7.0 is the oldest that is tested"));
    }
    match field("maxmemory_policy").filter(|policy| policy.starts_with("allkeys-")) {
        Some(policy) if !place.allow_evicting => Err(SpeedError::Evicting { url: place.shown.clone(), policy }),
        evicting => Ok(evicting.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(settings: RedisSettings) -> Result<Place, SpeedError> {
        Place::of(&settings)
    }

    #[test]
    fn an_evicting_policy_a_cluster_and_an_old_version_are_refused() {
        let strict = place(RedisSettings::default()).unwrap();
        let of = |mode: &str, version: &str, policy: &str| {
            format!("# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\nmaxmemory_policy:{policy}\r\n")
        };
        assert!(!check(&strict, &of("standalone", "7.0.15", "noeviction")).unwrap());
        assert!(!check(&strict, &of("standalone", "10.1.0", "volatile-lru")).unwrap());
        assert!(matches!(
            check(&strict, &of("standalone", "7.0.15", "allkeys-lru")),
            Err(SpeedError::Evicting { policy, .. }) if policy == "allkeys-lru"
        ));
        assert!(check(&strict, &of("cluster", "7.0.15", "noeviction")).unwrap_err().to_string().contains("Cluster"));
        assert!(check(&strict, &of("standalone", "6.2.1", "noeviction")).unwrap_err().to_string().contains("6.2.1"));
        let lenient = place(RedisSettings { allow_evicting: true, ..RedisSettings::default() }).unwrap();
        assert!(check(&lenient, &of("standalone", "7.0.15", "allkeys-lfu")).unwrap());
    }

    #[test]
    fn settings_that_cannot_work_are_refused_and_passwords_not_shown() {
        let url = |url: &str| place(RedisSettings { url: url.into(), ..RedisSettings::default() });
        assert!(matches!(url("redis://127.0.0.1:1/1"), Err(SpeedError::Settings { .. })));
        assert!(matches!(url("ftp://there"), Err(SpeedError::Settings { .. })));
        assert_eq!(url("redis://u:secret@there:1/").unwrap().shown, "redis://u:...@there:1/");
        assert_eq!(url("redis://there:1/3").unwrap().contract_db(), 3);
    }
}
