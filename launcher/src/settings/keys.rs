//! Every setting there is: name, default, meaning. The shipped files show each of them; a test compares.

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Duration,
    Flag,
    Number,
}

#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub form: Form,
    pub default: &'static str,
}

const fn key(name: &'static str, form: Form, default: &'static str) -> Key {
    Key { name, form, default }
}

pub const KEYS: &[Key] = &[
    key("dataflow", Form::Text, "city"),
    // the outer world
    key("input", Form::Text, "kafka://localhost:9092"),
    key("speed", Form::Text, "memory:"),
    key("lake", Form::Text, "greenwave/lake"),
    key("state", Form::Text, "greenwave/state"),
    // buckets
    key("s3.endpoint", Form::Text, ""),
    key("s3.region", Form::Text, ""),
    key("s3.allow_http", Form::Flag, "false"),
    key("s3.path_style", Form::Flag, "true"),
    key("s3.encryption", Form::Text, "bucket"),
    key("s3.kms_key", Form::Text, ""),
    // how it is seen
    key("http", Form::Text, "127.0.0.1:9464"),
    // time
    key("tick", Form::Duration, "50ms"),
    key("checkpoint", Form::Duration, "10s"),
    key("lake_every", Form::Number, "6"),
    key("out_of_orderness", Form::Duration, "10s"),
    key("clock_skew", Form::Duration, "10s"),
    key("idle_after", Form::Duration, "30s"),
    key("correction_horizon", Form::Duration, "10m"),
    key("zone", Form::Text, "+00:00"),
    // what is computed
    key("views", Form::Text, "all"),
    key("dedup", Form::Flag, "true"),
    key("dedup_horizon", Form::Duration, "60s"),
    key("vehicle_count", Form::Flag, "true"),
    key("speed_from", Form::Text, "gps"),
    key("free_flow", Form::Text, "auto"),
    key("routes", Form::Text, "auto"),
    key("alerts", Form::Text, "shipped"),
    // where and how fast to read
    key("pace", Form::Text, "max"),
    key("start", Form::Text, "earliest"),
    key("connect_timeout", Form::Duration, "15s"),
    key("dead_letters", Form::Text, "none"),
    key("topics.gps_data", Form::Text, "gps_data"),
    key("topics.vehicle_data", Form::Text, "vehicle_data"),
    key("topics.traffic_camera_data", Form::Text, "traffic_camera_data"),
    key("topics.weather_data", Form::Text, "weather_data"),
    key("topics.emergency_incident_data", Form::Text, "emergency_incident_data"),
    // redis
    key("redis.second_db", Form::Number, "1"),
    key("redis.key_prefix", Form::Text, ""),
    key("redis.feed", Form::Flag, "true"),
    key("redis.allow_evicting", Form::Flag, "false"),
    key("redis.compatibility", Form::Flag, "false"),
];

/// Variables that other systems are set up with: name, our setting, what belongs before the value. The first that says
/// something of a setting wins.
pub const USUAL_VARIABLES: &[(&str, &str, &str)] = &[
    ("KAFKA_BOOTSTRAP_SERVERS", "input", "kafka://"),
    ("GPS_TOPIC", "topics.gps_data", ""),
    ("VEHICLE_TOPIC", "topics.vehicle_data", ""),
    ("TRAFFIC_CAMERA_TOPIC", "topics.traffic_camera_data", ""),
    ("WEATHER_TOPIC", "topics.weather_data", ""),
    ("EMERGENCY_INCIDENT_TOPIC", "topics.emergency_incident_data", ""),
    ("AWS_ENDPOINT_URL_S3", "s3.endpoint", ""),
    ("AWS_ENDPOINT_URL", "s3.endpoint", ""),
    ("AWS_REGION", "s3.region", ""),
    ("AWS_DEFAULT_REGION", "s3.region", ""),
    ("AWS_ALLOW_HTTP", "s3.allow_http", ""),
];

/// `kafka.*` goes to librdkafka as it is; everything else is in the list.
pub fn is_known(name: &str) -> bool {
    KEYS.iter().any(|key| key.name == name) || name.starts_with("kafka.")
}
