//! Settings: five mistakes in one file are five lines, each with its place; the shipped files are whole and true.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use greenwave_launcher::settings::{KEYS, Raw};

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dataflows/settings").join(name)
}

fn mistakes(text: &str, conf: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.toml");
    std::fs::write(&file, text).unwrap();
    let conf: Vec<(String, String)> = conf.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let told = Raw::gather(&file, std::iter::empty(), &conf).check().err().unwrap_or_default();
    let name = format!("{}/", folder.path().display());
    told.iter().map(|mistake| mistake.to_string().replace(&name, "")).collect()
}

#[test]
fn five_mistakes_are_told_at_once_with_line_and_fix() {
    let told = mistakes(
        "tick = 50\nchekpoint = \"10s\"\nstate = \"none\"\nspeed = \"postgres://x\"\n\nidle_after = \"soon\"\n",
        &[],
    );
    assert_eq!(told.len(), 5, "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("job.toml:1: tick is a number, `50`; write tick")), "{told:#?}");
    assert!(told.iter().any(|line| line == "job.toml:2: there is no setting `chekpoint`; did you mean `checkpoint`?"));
    assert!(told.iter().any(|line| line.starts_with("job.toml:3: state = none is only for an input that ends")));
    assert!(told.iter().any(|line| line.starts_with("job.toml:4: speed is `postgres://x`; write memory:")));
    assert!(told.iter().any(|line| line.starts_with("job.toml:6: idle_after is `soon`, no duration; write")));
}

#[test]
fn what_is_empty_or_unknown_is_told() {
    let told = mistakes("dataflow = \"citty\"\nlake = \"\"\n[topics]\ngps_data = \" \"\n", &[]);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(
        told.iter().any(|line| line == "job.toml:1: there is no dataflow `citty`; choose one of city"),
        "{told:#?}"
    );
    assert!(told.iter().any(|line| line.starts_with("job.toml:2: lake is empty")), "{told:#?}");
    assert!(told.iter().any(|line| line.starts_with("job.toml:4: topics.gps_data is empty")), "{told:#?}");
}

#[test]
fn dead_letters_go_to_a_topic_that_nobody_reads() {
    let told = |text: &str| mistakes(text, &[]);
    assert!(told("dead_letters = \"city.rejects\"").is_empty());
    for read in ["gps_data", "traffic_data"] {
        let told = told(&format!("dead_letters = \"{read}\""));
        assert!(told[0].contains(&format!("dead_letters is `{read}`, a topic that the job reads")), "{told:?}");
    }
    assert!(told("dead_letters = \"no name\"")[0].contains("letters, digits"));
    let told = told("dead_letters = \"rejects\"\ninput = \".\"");
    assert!(told[0].starts_with("job.toml:1: dead_letters is `rejects`, a topic at the input's brokers"), "{told:?}");
    assert!(told[0].contains("the table `rejects` of the lake"), "{told:?}");
}

#[test]
fn keys_of_the_older_job_need_a_redis() {
    let told = mistakes("[redis]\ncompatibility = true\n", &[]);
    assert!(told[0].starts_with("job.toml:2: redis.compatibility is true, and speed is no redis"), "{told:?}");
    assert!(mistakes("speed = \"redis://h:6379\"\n[redis]\ncompatibility = true\n", &[]).is_empty());
}

#[test]
fn places_in_buckets_are_checked() {
    let one = |text: &str| mistakes(text, &[]).join("; ");
    assert_eq!(one("lake = \"s3://city/lake\"\nstate = \"s3://city/state/\"\n"), "");
    for wrong in ["s3:/city", "s3://", "s3://City/lake", "s3://city/a//b", "s3://city/../b", "s3://city/a b"] {
        let told = one(&format!("lake = \"{wrong}\""));
        assert!(told.starts_with(&format!("job.toml:1: lake is `{wrong}`, no address of a bucket")), "{told}");
    }
    let told = one("lake = \"s3://city/a\"\nstate = \"s3://city/a/\"");
    assert!(told.starts_with("job.toml:1: lake and state are the same place"), "{told}");
    assert!(one("lake = \"gs://city/a\"").contains("lake is on gs"));
    let told = one("[s3]\nendpoint = \"http://host:9000\"\nkms_key = \"k\"\n");
    assert!(told.contains("job.toml:2: s3.endpoint is `http://host:9000`"), "{told}");
    assert!(told.contains("job.toml:3: s3.kms_key is given, and s3.encryption is `bucket`"), "{told}");
    assert_eq!(one("[s3]\nendpoint = \"http://host:9000\"\nallow_http = true\nencryption = \"kms\""), "");
    assert!(one("[s3]\nendpoint = \"host:9000\"").contains("no address"));
}

#[test]
fn the_command_line_wins_and_its_mistakes_name_it() {
    assert!(mistakes("tick = \"1ms\"", &[("tick", "30ms")]).is_empty());
    let told = mistakes("", &[("tick", "1ms")]);
    assert_eq!(told, ["--conf tick: tick is 1ms, the shortest is 20ms; raise tick"]);
}

/// Nobody minds another port where nobody wrote one.
#[test]
fn an_address_for_http_that_was_written_is_that_very_one() {
    let http = |conf: &[(&str, &str)]| {
        let conf: Vec<(String, String)> = conf.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Raw::gather(&shipped("city.toml"), std::iter::empty(), &conf).check().map(|checked| checked.http)
    };
    let usual = http(&[]).unwrap().unwrap();
    assert_eq!((usual.address.as_str(), usual.may_move), ("127.0.0.1:9464", true));
    let written = http(&[("http", "[::1]:9000")]).unwrap().unwrap();
    assert_eq!((written.address.as_str(), written.may_move), ("[::1]:9000", false));
    assert_eq!(http(&[("http", "none")]).unwrap(), None);
    for wrong in ["9464", ":9464", "localhost", "localhost:http", "127.0.0.1:70000", ""] {
        let told = http(&[("http", wrong)]).unwrap_err();
        assert!(told[0].to_string().starts_with(&format!("--conf http: http is `{wrong}`, no address")), "{told:?}");
    }
}

#[test]
fn the_environment_stands_between_file_and_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.toml");
    std::fs::write(&file, "tick = \"30ms\"").unwrap();
    let environment = || [("GREENWAVE_TICK".to_owned(), "40ms".to_owned())].into_iter();
    let tick = |conf: &[(String, String)]| Raw::gather(&file, environment(), conf).check().unwrap().tick.as_millis();
    assert_eq!(tick(&[]), 40);
    assert_eq!(tick(&[("tick".into(), "70ms".into())]), 70);
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_told_with_its_place() {
    let told = mistakes("tick = \n", &[]);
    assert!(told[0].starts_with("job.toml:1: is not TOML"), "{told:?}");
    let told = Raw::gather(Path::new("nowhere.toml"), std::iter::empty(), &[]).check().unwrap_err();
    assert!(told[0].to_string().starts_with("nowhere.toml:1: cannot be read"), "{told:?}");
}

#[test]
fn the_shipped_file_shows_every_setting_at_its_default() {
    let raw = Raw::gather(&shipped("city.toml"), std::iter::empty(), &[]);
    assert!(raw.mistakes.is_empty(), "{:?}", raw.mistakes);
    for key in KEYS {
        let shown = raw.values.get(key.name).unwrap_or_else(|| panic!("city.toml does not show `{}`", key.name));
        assert_eq!(shown.text, key.default, "city.toml and the default of `{}` differ", key.name);
    }
    raw.check().unwrap();
}

#[test]
fn every_shipped_file_is_without_mistakes() {
    let folder = tempfile::tempdir().unwrap();
    let input = [("input".to_owned(), folder.path().display().to_string())];
    let files = std::fs::read_dir(shipped("")).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
        let told = Raw::gather(&path, std::iter::empty(), &input).check().err();
        assert!(told.is_none(), "{}: {told:?}", path.display());
    }
}

/// Old producers' variables still set up a job, unless its file says otherwise.
#[test]
fn variables_of_older_systems_are_aliases() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.toml");
    std::fs::write(&file, "input = \"kafka://localhost:9092\"\n[topics]\nweather_data = \"meteo\"\n").unwrap();
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", "broker:9092"),
        ("GPS_TOPIC", "positions"),
        ("WEATHER_TOPIC", "weather"),
        ("VEHICLE_TOPIC", ""),
        ("AWS_ENDPOINT_URL", "https://any"),
        ("AWS_ENDPOINT_URL_S3", "https://s3"),
    ];
    let variables = variables.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned()));
    let raw = Raw::gather(&file, variables, &[]);
    let told = |name: &str| raw.values.get(name).map(|value| (value.text.clone(), value.origin.to_string()));
    assert_eq!(told("input"), Some(("kafka://broker:9092".into(), "environment KAFKA_BOOTSTRAP_SERVERS".into())));
    assert_eq!(told("topics.gps_data"), Some(("positions".into(), "environment GPS_TOPIC".into())));
    assert_eq!(told("topics.weather_data").unwrap().0, "meteo", "the file has said something else");
    assert_eq!(told("s3.endpoint").unwrap().0, "https://s3", "what is said of S3 alone wins, in whichever order");
    assert_eq!(told("topics.vehicle_data"), None, "an empty variable says nothing");
}
