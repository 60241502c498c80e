//! The command line as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use greenwave_sources::simulate::{Disorder, Settings};

use crate::savepoint::{parse_from, parse_name};
use crate::simulate::{self, Start};

/// Stream processing for city traffic: Kafka topics in, the state of every road and vehicle out.
#[derive(Debug, Parser)]
#[command(name = "greenwave", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Line {
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong use or settings, 3 stopped by a signal after draining,
75 fenced by a newer generation of the same job";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a simulated city: needs no service and no file
    Demo(Demo),
    /// Run a job
    Submit(Submit),
    /// Show how a job is: running or not, and what it waits for
    Status(Status),
    /// Keep a checkpoint under a name, or show those that are kept
    Savepoint(SavepointArgs),
    /// Tell every mistake in a settings file, with line, fact and fix
    Check(Check),
    /// Make up a city: its records into Kafka or a folder, and the truth about them
    Simulate(Box<Simulate>),
    /// Show settings
    Config(Config),
    /// Print a completion script for a shell
    Completions(Completions),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  greenwave submit --master local[2] dataflows/settings/city.toml
  greenwave submit city.toml --conf input=kafka://broker:9092 --conf speed=redis://localhost:6379
  greenwave submit city.toml --conf input=./recorded --conf state=none --output json
  greenwave submit city.toml --conf 'input=simulate:?seed=7&for=1h' --conf pace=60x
  greenwave submit city.toml --for 30s")]
pub struct Submit {
    /// Settings of the job, a TOML file; the job is named after it
    pub file: PathBuf,
    /// Where to run: local[N] is this process with N worker threads, local[*] one for each core
    #[arg(long, value_name = "MASTER", default_value = "local[2]", value_parser = parse_master)]
    pub master: Workers,
    /// Override one setting; may be repeated
    #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub conf: Vec<(String, String)>,
    /// Name of the job: its state, its lake tables and its keys belong to this name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// End after this long, counted from the first tick: one last cut, everything durable, exit 0. A folder is read on
    /// from its last cut by the next run
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub run_for: Option<Duration>,
    /// Begin with the state of another job's savepoint, JOB/NAME; the same command goes on later
    #[arg(long, value_name = "JOB/NAME", value_parser = parse_from)]
    pub from: Option<String>,
    /// Take the place of a process that still runs this job, and discard what Redis holds of another state of it
    #[arg(long)]
    pub take_over: bool,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Works while the job runs and while it does not. Garbage collection leaves a savepoint's objects alone until it is
removed.

Examples:
  greenwave savepoint city.toml before-upgrade
  greenwave savepoint city.toml
  greenwave savepoint city.toml before-upgrade --remove
  greenwave submit city.toml --name trial --from city/before-upgrade --conf lake=./trial/lake"
)]
pub struct SavepointArgs {
    /// Settings of the job, as they were given to submit
    pub file: PathBuf,
    /// Name of the savepoint; without one all are shown
    #[arg(value_parser = parse_name)]
    pub name: Option<String>,
    /// Remove it
    #[arg(long, requires = "name")]
    pub remove: bool,
    /// Override one setting; may be repeated
    #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub conf: Vec<(String, String)>,
    /// Name of the job, as it was given to submit
    #[arg(long = "name", value_name = "NAME")]
    pub job: Option<String>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Page::Text)]
    pub output: Page,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The job is found through its state folder, and asked at the address it listens at (setting http).

Exit codes: 0 it runs, 3 it does not, 1 a process has it and does not answer, 2 wrong use or settings

Examples:
  greenwave status dataflows/settings/city.toml
  greenwave status city.toml --name night --conf state=/var/lib/greenwave/state
  greenwave status city.toml --output json | jq .live.waits_for"
)]
pub struct Status {
    /// Settings of the job, as they were given to submit
    pub file: PathBuf,
    /// Override one setting, as it was for submit; may be repeated
    #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub conf: Vec<(String, String)>,
    /// Name of the job, if it is not that of the file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Page::Text)]
    pub output: Page,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// A page for people
    Text,
    /// One JSON object
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  greenwave demo
  greenwave demo --pace 60x --for 1h
  greenwave demo --dir /tmp/city --seed 7 --vehicles 20000 --rate 5000
  greenwave demo --fresh --output json --for 10m --pace max")]
pub struct Demo {
    /// Where its lake and its state are; another run with the same folder goes on
    #[arg(long, value_name = "FOLDER", default_value = "greenwave-demo")]
    pub dir: PathBuf,
    /// Another seed is another city
    #[arg(long, default_value_t = Settings::default().seed)]
    pub seed: u64,
    #[arg(long, default_value_t = Settings::default().vehicles)]
    pub vehicles: u32,
    /// Records a second of the city's clock; without it every vehicle reports every 1 to 5 s
    #[arg(long, value_name = "RECORDS")]
    pub rate: Option<f64>,
    /// How much faster than real the city's clock goes, or max
    #[arg(long, default_value = "10x")]
    pub pace: String,
    /// How long the city is watched from its beginning, by its own clock; without it until Ctrl-C
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub run_for: Option<Duration>,
    /// Worker threads
    #[arg(long, value_name = "N", default_value = "2", value_parser = parse_workers)]
    pub workers: Workers,
    /// Begin anew: removes what an earlier demo wrote into the folder
    #[arg(long)]
    pub fresh: bool,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  greenwave check dataflows/settings/city.toml
  greenwave check city.toml --conf tick=20ms")]
pub struct Check {
    /// Settings of a job, a TOML file
    pub file: PathBuf,
    /// Override one setting; may be repeated
    #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub conf: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true), after_help = "Examples:
  greenwave simulate --out city --truth city/truth --for 30m
  greenwave simulate --out city --seed 7 --vehicles 20000 --rate 10000 --for 1h
  greenwave simulate --kafka localhost:9092 --rate 1000
  greenwave simulate --out tidy --broken 0 --late 0 --too-late 0 --copies 0 --gateway 0 --clock-ahead 0s")]
pub struct Simulate {
    /// Send to the five topics at these brokers, as it happens; a missing topic is made with 4 partitions
    #[arg(long, value_name = "BROKERS", group = "target")]
    pub kafka: Option<String>,
    /// Write an input folder, as fast as it goes: a sub-folder a topic, segments.csv and routes.csv
    #[arg(long, value_name = "FOLDER", group = "target")]
    pub out: Option<PathBuf>,
    /// Also write what every record is and what every view should have shown
    #[arg(long, value_name = "FOLDER")]
    pub truth: Option<PathBuf>,
    #[command(flatten)]
    pub city: City,
    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// A simulated city: flags of `simulate`, and what may stand behind `input=simulate:?`.
#[derive(Debug, Args)]
pub struct City {
    /// The same seed and settings give the same bytes
    #[arg(long, default_value_t = Settings::default().seed)]
    pub seed: u64,
    /// Records a second; without it every vehicle reports every 1 to 5 s
    #[arg(long, value_name = "RECORDS")]
    pub rate: Option<f64>,
    #[arg(long, default_value_t = Settings::default().vehicles)]
    pub vehicles: u32,
    /// How long the city is watched, by its own clock; 10m into a folder, without end elsewhere
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub run_for: Option<Duration>,
    /// Where event time begins: now, or UTC. By default now to Kafka and 2026-03-02T08:00:00 elsewhere
    #[arg(long, value_name = "TIME", value_parser = simulate::parse_start)]
    pub start: Option<Start>,
    #[command(flatten)]
    pub disorder: DisorderArguments,
    #[command(flatten)]
    pub size: SizeArguments,
}

/// What goes wrong on the way. Shares are of the records, 0 to 1.
#[derive(Debug, Args)]
#[command(next_help_heading = "Disorder, as shares of the records")]
pub struct DisorderArguments {
    /// Up to 2 s old when they arrive
    #[arg(long, value_name = "SHARE", default_value_t = Disorder::default().out_of_order)]
    pub out_of_order: f64,
    /// 2 to 60 s old
    #[arg(long, value_name = "SHARE", default_value_t = Disorder::default().late)]
    pub late: f64,
    /// 20 to 40 minutes old
    #[arg(long, value_name = "SHARE", default_value_t = Disorder::default().too_late)]
    pub too_late: f64,
    /// Arrive again within 10 s, byte for byte
    #[arg(long, value_name = "SHARE", default_value_t = Disorder::default().copies)]
    pub copies: f64,
    /// Not JSON, cut off, without device, out of range, or of 1970
    #[arg(long, value_name = "SHARE", default_value_t = Disorder::default().broken)]
    pub broken: f64,
    /// Written with the other names that producers use: deviceId, latitude and longitude
    #[arg(long, value_name = "SHARE", default_value_t = Disorder::default().variants)]
    pub variants: f64,
    /// How far the clock of one vehicle is ahead; 0s for a right one
    #[arg(long, value_name = "DURATION", default_value = "3h", value_parser = parse_duration)]
    pub clock_ahead: Duration,
    /// Vehicles whose gateway uploads two hours of reports at once, a minute after the start
    #[arg(long, value_name = "VEHICLES", default_value_t = Settings::default().gateway_vehicles)]
    pub gateway: u32,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Size of the city")]
pub struct SizeArguments {
    /// Crossings along each side of the grid
    #[arg(long, value_name = "CROSSINGS", default_value_t = Settings::default().side)]
    pub side: u16,
    #[arg(long, value_name = "COUNT", default_value_t = Settings::default().cameras)]
    pub cameras: u16,
    /// Weather stations
    #[arg(long, value_name = "COUNT", default_value_t = Settings::default().stations)]
    pub stations: u16,
    /// Incidents at the same time, about
    #[arg(long, value_name = "COUNT", default_value_t = Settings::default().incidents)]
    pub incidents: u16,
    /// Files, or partitions of a topic that is made
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pub partitions: u16,
}

#[derive(Debug, Args)]
pub struct Config {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting a job would run with
    Show(ConfigShow),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  greenwave config show dataflows/settings/city.toml
  greenwave config show city.toml --origin --conf tick=20ms")]
pub struct ConfigShow {
    /// Settings of a job, a TOML file
    pub file: PathBuf,
    /// Say where each value comes from: a line of the file, the environment, --conf or the default
    #[arg(long)]
    pub origin: bool,
    /// Override one setting; may be repeated
    #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub conf: Vec<(String, String)>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  greenwave completions bash > /etc/bash_completion.d/greenwave")]
pub struct Completions {
    pub shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Progress while it runs and a summary
    Text,
    /// One JSON object, the summary, as the last line
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers(pub usize);

/// A group has one writer, and there are 64 groups.
const WORKERS_MAX: usize = 64;

fn parse_master(text: &str) -> Result<Workers, String> {
    let wrong = || format!("expected local[N] with N from 1 to {WORKERS_MAX}, or local[*]");
    let inside = text.strip_prefix("local[").and_then(|rest| rest.strip_suffix(']'));
    let workers = match inside {
        None if text == "local" => 1,
        None => return Err(wrong()),
        Some("*") => std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX),
        Some(number) => number.parse().map_err(|_| wrong())?,
    };
    if (1..=WORKERS_MAX).contains(&workers) { Ok(Workers(workers)) } else { Err(wrong()) }
}

fn parse_workers(text: &str) -> Result<Workers, String> {
    parse_master(&format!("local[{text}]")).map_err(|_| format!("expected 1 to {WORKERS_MAX}, or *"))
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as tick=20ms")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    crate::settings::duration(text).ok_or_else(|| "expected a duration such as 30s, 500ms, 10m or 2h".to_owned())
}
