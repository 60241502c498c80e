//! `greenwave demo`: a simulated city through the whole engine, with nothing else on the machine.

mod folder;

use std::path::{Path, PathBuf};

use greenwave_dataflows::CITY_SETTINGS;
use greenwave_runtime::Summary;
use greenwave_sources::simulate::Settings;

use crate::args::{Demo, Output, Submit};
use crate::settings::Raw;
use crate::{Outcome, check, submit};
use folder::DemoFolder;

const JOB: &str = "demo";

pub fn run(demo: &Demo) -> Outcome {
    let city = Settings {
        seed: demo.seed,
        vehicles: demo.vehicles,
        rate: demo.rate,
        run_for_ms: demo.run_for.map(|length| length.as_millis() as i64),
        ..Settings::default()
    };
    if let Err(error) = city.check() {
        complain!("greenwave: {error}");
        return Outcome::WrongUse;
    }
    let folder = match DemoFolder::take(&demo.dir, &flags(demo), demo.fresh) {
        Ok(folder) => folder,
        Err(error) => {
            complain!("greenwave: {error:#}");
            return Outcome::WrongUse;
        }
    };
    let checked = match Raw::shipped("city.toml", CITY_SETTINGS, &conf(demo, &folder)).check() {
        Ok(checked) => checked,
        Err(mistakes) => {
            check::tell(&mistakes);
            return Outcome::WrongUse;
        }
    };
    let submit = Submit {
        file: PathBuf::from("city.toml"),
        master: demo.workers,
        conf: vec![],
        name: Some(JOB.to_owned()),
        run_for: None,
        take_over: false,
        from: None,
        output: demo.output,
    };
    match submit::carry_out(&submit, checked) {
        Ok((name, summary)) => {
            submit::tell(&submit, &name, &summary);
            if demo.output == Output::Text {
                tell_how_to_go_on(demo, &folder, &summary);
            }
            if summary.drained { Outcome::Drained } else { Outcome::Done }
        }
        Err(outcome) => outcome,
    }
}

/// The flags that make a city what it is, as typed.
fn flags(demo: &Demo) -> String {
    let rate = demo.rate.map_or_else(String::new, |rate| format!(" --rate {rate}"));
    format!("--seed {} --vehicles {}{rate}", demo.seed, demo.vehicles)
}

/// What the demo sets otherwise than the shipped file.
fn conf(demo: &Demo, folder: &DemoFolder) -> Vec<(String, String)> {
    let mut input = format!("simulate:?seed={}&vehicles={}", demo.seed, demo.vehicles);
    if let Some(rate) = demo.rate {
        input.push_str(&format!("&rate={rate}"));
    }
    if let Some(length) = demo.run_for {
        input.push_str(&format!("&for={}ms", length.as_millis()));
    }
    let path = |path: PathBuf| path.display().to_string();
    let pairs = [
        ("input", input),
        ("speed", "memory:".to_owned()),
        ("lake", path(folder.lake())),
        ("state", path(folder.state())),
        ("pace", demo.pace.clone()),
        ("lake_every", "1".to_owned()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn tell_how_to_go_on(demo: &Demo, folder: &DemoFolder, summary: &Summary) {
    let command = command(demo, summary.drained);
    if summary.counters.cuts == 0 {
        say!("nothing is durable yet, so it begins anew with: {command}");
        return;
    }
    say!("it goes on with: {command}");
    say!("the lake: {} (Delta tables; docs/views.md says what their columns mean)", folder.lake().display());
    say!("its slowest five minutes in SQL, for DuckDB:");
    say!("  {}", slowest(&folder.lake()));
}

/// The command that goes on: of a run that has come to its end, without the end.
fn command(demo: &Demo, with_end: bool) -> String {
    let defaults = (Settings::default().seed, Settings::default().vehicles);
    let program = std::env::args().next().unwrap_or_else(|| "greenwave".into());
    let mut words = vec![quoted(&program), "demo".to_owned()];
    let mut flag = |name: &str, value: String| words.extend([format!("--{name}"), quoted(&value)]);
    if demo.dir != Path::new("greenwave-demo") {
        flag("dir", demo.dir.display().to_string());
    }
    if demo.seed != defaults.0 {
        flag("seed", demo.seed.to_string());
    }
    if demo.vehicles != defaults.1 {
        flag("vehicles", demo.vehicles.to_string());
    }
    if let Some(rate) = demo.rate {
        flag("rate", rate.to_string());
    }
    if demo.pace != "10x" {
        flag("pace", demo.pace.clone());
    }
    if let Some(length) = demo.run_for.filter(|_| with_end) {
        flag("for", format!("{}ms", length.as_millis()));
    }
    words.join(" ")
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn slowest(lake: &Path) -> String {
    let files = lake.join("views/road_traffic/*/*.parquet").display().to_string().replace('\'', "''");
    format!(
        "SELECT road_id, window_start::VARCHAR AS window_start, round(average_speed, 1) AS speed, round(free_flow_speed, 1) AS free_flow, \
         report_count FROM '{files}' WHERE window_s = 300 QUALIFY row_number() OVER (PARTITION BY road_id, window_start \
         ORDER BY tick DESC) = 1 ORDER BY travel_time_index DESC NULLS LAST LIMIT 5;"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_for_more() {
        assert_eq!(quoted("/tmp/city-1"), "/tmp/city-1");
        assert_eq!(quoted("my city's"), "'my city'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
