//! From what was written to what can run: every mistake is found before any is told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use greenwave_dataflows::{SPEED_TOPICS, Views};
use greenwave_model::topics::{TOPICS, named};
use greenwave_model::{Name, TopicSpec};
use greenwave_runtime::status::HttpSettings;
use greenwave_sinks::objects::Location;
use greenwave_sources::{kafka, simulate};

use super::keys::{Form, KEYS};
use super::raw::{Mistake, Origin, Raw, RawValue};
use crate::dataflows::DATAFLOWS;

/// The shortest tick: below it the fixed cost of a tick outweighs its rows.
const TICK_MIN: Duration = Duration::from_millis(20);

#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    Kafka { brokers: String },
    Folder(PathBuf),
    City(simulate::Settings),
}

impl InputKind {
    fn ends(&self) -> bool {
        match self {
            Self::Kafka { .. } => false,
            Self::Folder(_) => true,
            Self::City(settings) => settings.run_for_ms.is_some(),
        }
    }
}

/// Where a reference table is.
#[derive(Clone, Debug, PartialEq)]
pub enum TableAt {
    /// A file that exists.
    File(PathBuf),
    /// A file that a simulated city's folder would have.
    City(simulate::Settings, &'static str),
}

impl TableAt {
    /// For messages.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::City(_, name) => PathBuf::from(format!("simulate:{name}")),
        }
    }

    pub fn read(&self) -> std::io::Result<String> {
        match self {
            Self::File(path) => std::fs::read_to_string(path),
            Self::City(settings, name) => Ok(simulate::table(settings, name)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeedKind {
    None,
    Memory,
    Redis { url: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAt {
    Earliest,
    Latest,
    TimestampMs(i64),
}

/// Where the rules of alerts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertsFrom {
    Nothing,
    Shipped,
    File(PathBuf),
}

/// Settings whose existence proves that they fit together.
#[derive(Clone, Debug)]
pub struct Checked {
    pub dataflow: String,
    pub input: InputKind,
    pub speed: SpeedKind,
    pub lake: Option<Location>,
    pub state: Option<Location>,
    pub http: Option<HttpSettings>,
    pub tick: Duration,
    pub checkpoint: Duration,
    pub lake_every: u32,
    pub out_of_orderness: Duration,
    pub clock_skew: Duration,
    pub idle_after: Duration,
    pub correction_horizon: Duration,
    pub zone_offset_min: i32,
    pub views: Views,
    pub dedup: bool,
    pub dedup_horizon: Duration,
    pub vehicle_count: bool,
    /// Names of topics.
    pub speed_from: Vec<&'static str>,
    /// `None`: no table.
    pub free_flow: Option<TableAt>,
    pub routes: Option<TableAt>,
    pub alerts: AlertsFrom,
    pub start: StartAt,
    pub connect_timeout: Duration,
    /// The topic that every reject is sent to, at the brokers of the input.
    pub dead_letters: Option<String>,
    /// Topics at the broker, and ours.
    pub topics: Vec<(String, Name)>,
    pub kafka: BTreeMap<String, String>,
    /// Of a folder, as a multiple of real time.
    pub pace: Option<f64>,
    pub redis_second_db: u8,
    pub redis_key_prefix: String,
    pub redis_feed: bool,
    pub redis_allow_evicting: bool,
    pub redis_compatibility: bool,
}

pub(super) struct Reader {
    values: BTreeMap<String, RawValue>,
    mistakes: Vec<Mistake>,
}

impl Raw {
    /// All mistakes at once, or settings that can run.
    pub fn check(self) -> Result<Checked, Vec<Mistake>> {
        let mut read = Reader { values: self.values, mistakes: self.mistakes };
        let checked = read.checked();
        read.relations(&checked);
        if read.mistakes.is_empty() { Ok(checked) } else { Err(read.mistakes) }
    }
}

impl Reader {
    fn checked(&mut self) -> Checked {
        let input = self.input();
        let free_flow = self.table("free_flow", simulate::FREE_FLOW, "road_id and free_flow", &input);
        let routes = self.table("routes", simulate::ROUTES, "route_id, road_id and length_m", &input);
        let compatibility = self.flag("redis.compatibility");
        let connect_timeout = self.duration("connect_timeout");
        let s3 = self.s3(connect_timeout);
        let unless_none = |text: String| (text != "none").then_some(text);
        Checked {
            dataflow: self.dataflow(),
            speed: self.speed(),
            lake: self.location("lake", &s3),
            state: self.location("state", &s3),
            http: self.http(),
            tick: self.duration("tick"),
            checkpoint: self.duration("checkpoint"),
            lake_every: self.number("lake_every", 1, 100_000) as u32,
            out_of_orderness: self.duration("out_of_orderness"),
            clock_skew: self.duration("clock_skew"),
            idle_after: self.duration("idle_after"),
            correction_horizon: self.duration("correction_horizon"),
            zone_offset_min: self.zone(),
            views: if compatibility { self.views().with_compatibility() } else { self.views() },
            dedup: self.flag("dedup"),
            dedup_horizon: self.duration("dedup_horizon"),
            vehicle_count: self.flag("vehicle_count"),
            speed_from: self.speed_from(),
            free_flow,
            routes,
            alerts: self.alerts(),
            start: self.start(),
            connect_timeout,
            dead_letters: unless_none(self.text("dead_letters")),
            topics: TOPICS.iter().map(|topic| self.topic(topic)).collect(),
            kafka: self.pass_through(),
            pace: self.pace(),
            redis_second_db: self.number("redis.second_db", 1, 15) as u8,
            redis_key_prefix: self.text("redis.key_prefix"),
            redis_feed: self.flag("redis.feed"),
            redis_allow_evicting: self.flag("redis.allow_evicting"),
            redis_compatibility: compatibility,
            input,
        }
    }

    /// What single values cannot show.
    fn relations(&mut self, checked: &Checked) {
        if checked.tick < TICK_MIN {
            self.wrong("tick", format!("tick is {:?}, the shortest is {TICK_MIN:?}", checked.tick), "raise tick");
        }
        if checked.checkpoint < checked.tick {
            let fact = format!("checkpoint {:?} is shorter than tick {:?}", checked.checkpoint, checked.tick);
            self.wrong("checkpoint", fact, "raise checkpoint, or lower tick");
        }
        if checked.state.is_none() && !checked.input.ends() {
            let (what, fix) = match checked.input {
                InputKind::City(_) => ("a city without `for`", "name a folder for the state, or say how long: for=1h"),
                _ => ("kafka", "name a folder for the state"),
            };
            let fact = format!("state = none is only for an input that ends, and {what} does not");
            self.wrong("state", fact, fix);
        }
        if checked.redis_compatibility && !matches!(checked.speed, SpeedKind::Redis { .. }) {
            let fact = "redis.compatibility is true, and speed is no redis".to_owned();
            self.wrong("redis.compatibility", fact, "write speed = \"redis://host:6379\", or leave it false");
        }
        self.dead_letters(checked);
        if checked.lake == checked.state && checked.state.is_some() {
            self.wrong("lake", "lake and state are the same place".to_owned(), "give each a place of its own");
        }
    }

    fn dead_letters(&mut self, checked: &Checked) {
        let Some(topic) = &checked.dead_letters else { return };
        let fact = format!("dead_letters is `{topic}`");
        let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let is_name =
            (1..=249).contains(&topic.len()) && topic.chars().all(is_legal) && !topic.chars().all(|c| c == '.');
        let is_read =
            |(theirs, ours): &(String, Name)| theirs == topic || kafka::usual(ours).any(|alias| alias == topic);
        if !is_name {
            let fix = "write the name of a topic, of letters, digits, - _ and ., or none";
            self.wrong("dead_letters", fact, fix);
        } else if !matches!(checked.input, InputKind::Kafka { .. }) {
            let fix = "write dead_letters = \"none\": the table `rejects` of the lake has them";
            self.wrong("dead_letters", format!("{fact}, a topic at the input's brokers, and the input has none"), fix);
        } else if checked.topics.iter().any(is_read) {
            // Every letter would come back as a reject.
            self.wrong("dead_letters", format!("{fact}, a topic that the job reads"), "name another topic");
        }
    }

    fn raw(&self, name: &str) -> RawValue {
        let default = || {
            let key = KEYS.iter().find(|key| key.name == name);
            RawValue { text: key.map_or("", |key| key.default).into(), kind: "a text", origin: Origin::Default }
        };
        self.values.get(name).cloned().unwrap_or_else(default)
    }

    pub(super) fn wrong(&mut self, name: &str, fact: String, fix: &str) {
        let origin = self.raw(name).origin;
        self.mistakes.push(Mistake { origin, fact, fix: fix.into() });
    }

    /// The text of a value, after its form has been checked.
    fn formed(&mut self, name: &str, form: Form, example: &str) -> String {
        let raw = self.raw(name);
        let fits = match form {
            Form::Text | Form::Duration => raw.kind == "a text",
            Form::Flag => raw.kind != "a number" && matches!(raw.text.as_str(), "true" | "false"),
            Form::Number => matches!(raw.kind, "a number" | "a text") && raw.text.parse::<i64>().is_ok(),
        };
        if !fits {
            let fact = format!("{name} is {}, `{}`", raw.kind, raw.text);
            self.wrong(name, fact, &format!("write {name} = {example}"));
            return KEYS.iter().find(|key| key.name == name).map_or("", |key| key.default).into();
        }
        raw.text
    }

    pub(super) fn text(&mut self, name: &str) -> String {
        self.formed(name, Form::Text, "\"a text\"")
    }

    fn dataflow(&mut self) -> String {
        let name = self.text("dataflow");
        let known: Vec<&str> = DATAFLOWS.iter().map(|dataflow| dataflow.name).collect();
        if !known.contains(&name.as_str()) {
            let fact = format!("there is no dataflow `{name}`");
            self.wrong("dataflow", fact, &format!("choose one of {}", known.join(", ")));
        }
        name
    }

    fn topic(&mut self, topic: &TopicSpec) -> (String, Name) {
        let setting = format!("topics.{}", topic.name);
        let theirs = self.text(&setting);
        if theirs.trim().is_empty() {
            self.wrong(&setting, format!("{setting} is empty"), "write the topic's name at the broker");
        }
        (theirs, Name::new_static(topic.name))
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        self.formed(name, Form::Flag, "true or false") == "true"
    }

    fn number(&mut self, name: &str, least: i64, most: i64) -> i64 {
        let number = self.formed(name, Form::Number, &least.to_string()).parse().unwrap_or(least);
        if !(least..=most).contains(&number) {
            self.wrong(name, format!("{name} is {number}"), &format!("choose {least} to {most}"));
        }
        number
    }

    pub(super) fn duration(&mut self, name: &str) -> Duration {
        let text = self.formed(name, Form::Duration, "\"10s\"");
        super::duration(&text).unwrap_or_else(|| {
            let fix = format!("write {name} = \"10s\"; units are ms, s, m and h");
            self.wrong(name, format!("{name} is `{text}`, no duration"), &fix);
            Duration::from_secs(10)
        })
    }

    fn input(&mut self) -> InputKind {
        let text = self.text("input");
        match text.split_once(':') {
            Some(("kafka", brokers)) if brokers.len() > 2 && brokers.starts_with("//") => {
                InputKind::Kafka { brokers: brokers[2..].trim_end_matches('/').to_owned() }
            }
            Some(("simulate", city)) => InputKind::City(super::city::parse(city).unwrap_or_else(|mistakes| {
                mistakes.into_iter().for_each(|(fact, fix)| self.wrong("input", fact, &fix));
                simulate::Settings { run_for_ms: Some(0), ..simulate::Settings::default() }
            })),
            Some((scheme @ ("kafka" | "s3" | "http" | "https"), _)) => {
                let fact = format!("input is `{text}`, and this version reads no {scheme} of that form");
                self.wrong("input", fact, "write kafka://host:9092, simulate:?seed=7 or the path of a folder");
                InputKind::Folder(text.into())
            }
            _ => {
                let path = PathBuf::from(text.strip_prefix("file://").unwrap_or(&text));
                if !path.is_dir() {
                    let fact = format!("input is `{text}`, and there is no such folder");
                    self.wrong(
                        "input",
                        fact,
                        "write kafka://host:9092, simulate:?seed=7 or the path of a folder that exists",
                    );
                }
                InputKind::Folder(path)
            }
        }
    }

    fn speed(&mut self) -> SpeedKind {
        let text = self.text("speed");
        match text.as_str() {
            "none" => SpeedKind::None,
            "memory:" | "memory" => SpeedKind::Memory,
            url if ["redis://", "rediss://", "redis+unix://", "unix://"]
                .iter()
                .any(|scheme| url.starts_with(scheme)) =>
            {
                SpeedKind::Redis { url: text }
            }
            _ => {
                let fact = format!("speed is `{text}`");
                self.wrong("speed", fact, "write memory:, redis://host:6379 or none");
                SpeedKind::None
            }
        }
    }

    fn start(&mut self) -> StartAt {
        let text = self.text("start");
        match text.as_str() {
            "earliest" => StartAt::Earliest,
            "latest" => StartAt::Latest,
            number => number.parse().map(StartAt::TimestampMs).unwrap_or_else(|_| {
                let fact = format!("start is `{text}`");
                self.wrong("start", fact, "write earliest, latest or milliseconds since 1970");
                StartAt::Earliest
            }),
        }
    }

    /// `host:port` or `none`. Where the usual address is left as it is, another one does as well.
    fn http(&mut self) -> Option<HttpSettings> {
        let address = self.text("http");
        if address == "none" {
            return None;
        }
        let parts = address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        if parts.is_none_or(|(host, _)| host.is_empty()) {
            let fact = format!("http is `{address}`, no address");
            self.wrong("http", fact, "write host:port such as 127.0.0.1:9464, or none");
        }
        let may_move = KEYS.iter().any(|key| key.name == "http" && key.default == address);
        Some(HttpSettings { address, may_move })
    }

    /// `all`, or names with commas between.
    fn views(&mut self) -> Views {
        let text = self.text("views");
        if text == "all" {
            return Views::all();
        }
        let wanted: Vec<&str> = text.split(',').map(str::trim).collect();
        let all = Views::all();
        for name in wanted.iter().filter(|name| !all.names().contains(name)) {
            let fix = format!("choose of {}, or write all", all.names().join(", "));
            self.wrong("views", format!("there is no view `{name}`"), &fix);
        }
        Views::those(|name| wanted.contains(&name))
    }

    /// `max`, `1x`, `60x`.
    fn pace(&mut self) -> Option<f64> {
        let text = self.text("pace");
        let parsed = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
        match parsed.filter(|pace| *pace > 0.0 && pace.is_finite()) {
            None if text == "max" => None,
            None => {
                self.wrong("pace", format!("pace is `{text}`"), "write max, or a multiple of real time such as 60x");
                None
            }
            pace => pace,
        }
    }

    /// `+01:00`, `-05:30`, `UTC`.
    fn zone(&mut self) -> i32 {
        let text = self.text("zone");
        let parsed = || {
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
            let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
            ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
        };
        if matches!(text.as_str(), "UTC" | "Z") {
            return 0;
        }
        parsed().unwrap_or_else(|| {
            self.wrong(
                "zone",
                format!("zone is `{text}`"),
                "write the offset of naive timestamps from UTC, such as +01:00",
            );
            0
        })
    }

    /// `gps`, `vehicle` or both, with a comma between.
    fn speed_from(&mut self) -> Vec<&'static str> {
        let text = self.text("speed_from");
        let mut chosen = Vec::new();
        for name in text.split(',').map(str::trim) {
            let topic = named(name).map(|place| TOPICS[place].name);
            match topic.filter(|topic| SPEED_TOPICS.iter().any(|known| known.name == *topic)) {
                Some(topic) if !chosen.contains(&topic) => chosen.push(topic),
                Some(_) => {}
                None => self.wrong("speed_from", format!("speed_from names `{name}`"), "choose of gps and vehicle"),
            }
        }
        chosen
    }

    /// A CSV file. `auto`: one with the usual name in an input folder, if it is there.
    fn table(&mut self, name: &str, usual: &'static str, columns: &str, input: &InputKind) -> Option<TableAt> {
        let text = self.text(name);
        match (text.as_str(), input) {
            ("none", _) | ("auto", InputKind::Kafka { .. }) => None,
            ("auto", InputKind::Folder(folder)) => {
                Some(folder.join(usual)).filter(|path| path.is_file()).map(TableAt::File)
            }
            ("auto", InputKind::City(settings)) => Some(TableAt::City(settings.clone(), usual)),
            (path, _) => {
                let fix = format!("name a CSV file with the columns {columns}, or write none");
                self.file(name, path, &fix).map(TableAt::File)
            }
        }
    }

    fn file(&mut self, name: &str, path: &str, fix: &str) -> Option<PathBuf> {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Some(path);
        }
        self.wrong(name, format!("{name} is `{}`, and there is no such file", path.display()), fix);
        None
    }

    fn alerts(&mut self) -> AlertsFrom {
        let text = self.text("alerts");
        let fix = "name a CSV file with the columns rule, watches, at_least and severity, or write shipped or none";
        match text.as_str() {
            "none" => AlertsFrom::Nothing,
            "shipped" => AlertsFrom::Shipped,
            path => self.file("alerts", path, fix).map_or(AlertsFrom::Nothing, AlertsFrom::File),
        }
    }

    fn pass_through(&self) -> BTreeMap<String, String> {
        let ours = self.values.iter().filter_map(|(key, value)| Some((key.strip_prefix("kafka.")?, value)));
        ours.map(|(key, value)| (key.to_owned(), value.text.clone())).collect()
    }
}
