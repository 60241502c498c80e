//! `greenwave submit`: run a job on this machine.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use greenwave_dataflows::CitySettings;
use greenwave_model::Name;
use greenwave_model::views::Rule;
use greenwave_runtime::{CITY, Fate, Input, Job, Progress, Reference, RunError, Summary, run as run_job};
use greenwave_sinks::kafka::LetterSettings;
use greenwave_sinks::speed::{RedisSettings, SpeedSettings};
use greenwave_sources::decode::DecodeSettings;
use greenwave_sources::folder::{FolderSettings, Origin};
use greenwave_sources::kafka::{self, KafkaSettings, Start};

use crate::args::{Output, Submit};
use crate::dataflows::{DATAFLOWS, Dataflow};
use crate::references::Tables;
use crate::settings::{Checked, InputKind, Raw, SpeedKind, StartAt};
use crate::{Outcome, check, crash, report, signals};

/// Records above this size are rejects: a GPS report has some 200 bytes.
const RECORD_BYTES_MAX: usize = 1 << 20;

pub fn run(submit: Submit) -> Outcome {
    let checked = match Raw::gather(&submit.file, crate::settings::environment(), &submit.conf).check() {
        Ok(checked) => checked,
        Err(mistakes) => {
            check::tell(&mistakes);
            return Outcome::WrongUse;
        }
    };
    match carry_out(&submit, checked) {
        Ok((name, summary)) => {
            tell(&submit, &name, &summary);
            if summary.drained { Outcome::Drained } else { Outcome::Done }
        }
        Err(outcome) => outcome,
    }
}

/// Runs a job to its end, and shows how it goes; what went wrong has been told.
pub fn carry_out(submit: &Submit, checked: Checked) -> Result<(String, Summary), Outcome> {
    let job = job(submit, checked).map_err(|error| {
        complain!("greenwave: {error:#}");
        Outcome::WrongUse
    })?;
    if let Err(mistake) = crash::await_from_environment() {
        complain!("greenwave: {mistake}");
        return Err(Outcome::WrongUse);
    }
    let name = job.name.clone();
    let (fate, progress) = (Arc::new(Fate::default()), Arc::new(Progress::default()));
    if let Err(error) = signals::drain_on_signal(fate.clone()) {
        complain!("greenwave: cannot listen for signals: {error}");
        return Err(Outcome::Failed);
    }
    let (stop_watching, stopped) = crossbeam_channel::bounded(0);
    let replica = Arc::new(OnceLock::new());
    let watcher = (submit.output == Output::Text).then(|| report::watch(progress.clone(), replica.clone(), stopped));
    let ended = run_job(job, &fate, &progress, |here| {
        let _ = replica.set(here);
    });
    drop(stop_watching);
    watcher.map(std::thread::JoinHandle::join);
    match ended {
        Ok(summary) => Ok((name, summary)),
        Err(error) => {
            let outcome = outcome(&error);
            complain!("greenwave: {:#}", anyhow::Error::from(error));
            Err(outcome)
        }
    }
}

/// The summary, as it was asked for.
pub fn tell(submit: &Submit, name: &str, summary: &Summary) {
    match submit.output {
        Output::Text => report::tell(name, summary),
        Output::Json => say!("{}", serde_json::to_string(summary).unwrap_or_default()),
    }
}

fn outcome(error: &RunError) -> Outcome {
    match error.exit_code() {
        2 => Outcome::WrongUse,
        75 => Outcome::Fenced,
        _ => Outcome::Failed,
    }
}

fn job(submit: &Submit, checked: Checked) -> anyhow::Result<Job> {
    let name = job_name(&submit.file, submit.name.as_deref())?;
    let dataflow = DATAFLOWS.iter().find(|dataflow| dataflow.name == checked.dataflow).with_context(|| {
        let known: Vec<&str> = DATAFLOWS.iter().map(|dataflow| dataflow.name).collect();
        format!("there is no dataflow `{}`; choose one of {}", checked.dataflow, known.join(", "))
    })?;
    if submit.run_for.is_some() && checked.state.is_none() {
        anyhow::bail!(
            "--for needs a state: without one, what was read since the last cut is lost; name a folder with `--conf state=FOLDER`"
        );
    }
    if submit.from.is_some() && checked.state.is_none() {
        anyhow::bail!("--from needs the state store that has the savepoint; name it with `--conf state=…`");
    }
    let mut tables = Tables::read(&checked)?;
    if let InputKind::City(settings) = &checked.input {
        tables.files.push(Reference::new(CITY, settings.identity()));
    }
    let city = CitySettings {
        dedup: checked.dedup,
        dedup_horizon_ms: checked.dedup_horizon.as_millis() as i64,
        correction_horizon_ms: checked.correction_horizon.as_millis() as i64,
        clock_skew_ms: checked.clock_skew.as_millis() as i64,
        vehicle_count: checked.vehicle_count,
        speed_from: checked.speed_from.clone(),
        free_flow: tables.free_flow,
        routes: tables.routes,
        rules: tables.rules,
        views: checked.views.clone(),
    };
    let decisive = serde_json::json!({
        "dedup": city.dedup,
        "dedup_horizon_ms": city.dedup_horizon_ms,
        "correction_horizon_ms": city.correction_horizon_ms,
        "clock_skew_ms": city.clock_skew_ms,
        "out_of_orderness_ms": checked.out_of_orderness.as_millis() as i64,
        "vehicle_count": city.vehicle_count,
        "speed_from": city.speed_from,
        "alerts": city.rules.iter().map(rule).collect::<Vec<_>>(),
        "views": city.views.names(),
        "zone_offset_min": checked.zone_offset_min,
    });
    Ok(Job {
        workers: submit.master.0,
        input: input(&checked),
        speed: speed(&checked, &name),
        dead_letters: dead_letters(&checked, &name),
        lake: checked.lake.clone(),
        state: checked.state.clone(),
        tick: checked.tick,
        checkpoint: checked.checkpoint,
        idle_after: checked.idle_after,
        lake_every: checked.lake_every,
        out_of_orderness_ms: checked.out_of_orderness.as_millis() as i64,
        run_for: submit.run_for,
        pace: checked.pace,
        take_over: submit.take_over,
        from: submit.from.clone(),
        http: checked.http.clone(),
        dataflow: dataflow.name,
        views: dataflow.views,
        settings: decisive.to_string(),
        references: tables.files,
        build: build(dataflow, city),
        name,
    })
}

/// A rule as it stands in the settings that decide answers.
fn rule(rule: &Rule) -> serde_json::Value {
    let Rule { name, watches, at_least, severity } = rule;
    serde_json::json!({
        "rule": name,
        "watches": watches.as_str(),
        "at_least": at_least,
        "severity": severity.as_str(),
    })
}

fn build(dataflow: &Dataflow, city: CitySettings) -> greenwave_runtime::Build {
    (dataflow.build)(city)
}

/// The file's stem unless `--name` says otherwise: it becomes part of folders and keys.
pub fn job_name(file: &Path, name: Option<&str>) -> anyhow::Result<String> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = name.unwrap_or(stem);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.chars().all(plain) {
        bail!("cannot name a job `{name}`: a name has 1 to 64 letters, digits, - and _; give one with --name");
    }
    Ok(name.to_owned())
}

fn input(checked: &Checked) -> Input {
    let decode = DecodeSettings {
        zone_offset_min: checked.zone_offset_min,
        with_raw: checked.lake.is_some(),
        fingerprint: checked.dedup,
        record_bytes_max: RECORD_BYTES_MAX,
    };
    match &checked.input {
        InputKind::Folder(path) => Input::Folder(FolderSettings { origin: Origin::Path(path.clone()), decode }),
        InputKind::City(city) => Input::Folder(FolderSettings { origin: Origin::City(city.clone()), decode }),
        InputKind::Kafka { brokers } => Input::Kafka(KafkaSettings {
            brokers: brokers.clone(),
            topics: topics(checked),
            start: match checked.start {
                StartAt::Earliest => Start::Earliest,
                StartAt::Latest => Start::Latest,
                StartAt::TimestampMs(ms) => Start::Timestamp(ms),
            },
            connect_timeout: checked.connect_timeout,
            pass_through: checked.kafka.clone(),
            decode,
            clock_skew_ms: checked.clock_skew.as_millis() as i64,
        }),
    }
}

fn dead_letters(checked: &Checked, job: &str) -> Option<LetterSettings> {
    let (InputKind::Kafka { brokers }, Some(topic)) = (&checked.input, &checked.dead_letters) else { return None };
    Some(LetterSettings {
        brokers: brokers.clone(),
        topic: topic.clone(),
        job: job.to_owned(),
        connect_timeout: checked.connect_timeout,
        pass_through: checked.kafka.clone(),
    })
}

/// A topic that nobody has named goes by its older names too.
fn topics(checked: &Checked) -> Vec<(String, Name)> {
    let mut topics = checked.topics.clone();
    for (theirs, ours) in &checked.topics {
        if theirs == ours {
            topics.extend(kafka::usual(ours).map(|alias| (alias.to_owned(), ours.clone())));
        }
    }
    topics
}

fn speed(checked: &Checked, job: &str) -> SpeedSettings {
    match &checked.speed {
        SpeedKind::None => SpeedSettings::None,
        SpeedKind::Memory => SpeedSettings::Memory,
        SpeedKind::Redis { url } => SpeedSettings::Redis(RedisSettings {
            url: url.clone(),
            second_db: checked.redis_second_db,
            job: job.to_owned(),
            key_prefix: checked.redis_key_prefix.clone(),
            allow_evicting: checked.redis_allow_evicting,
            feed: checked.redis_feed,
            connect_timeout: checked.connect_timeout,
            ..RedisSettings::default()
        }),
    }
}
