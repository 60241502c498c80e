//! The command line as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
    /// Run a job
    Submit(Submit),
    /// Tell every mistake in a settings file, with line, fact and fix
    Check(Check),
    /// Print a completion script for a shell
    Completions(Completions),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  greenwave submit --master local[2] dataflows/settings/city.toml
  greenwave submit city.toml --conf input=kafka://broker:9092 --conf speed=redis://localhost:6379
  greenwave submit city.toml --conf input=./recorded --conf state=none --output json
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
    /// Take the place of a process that still runs this job, and discard what Redis holds of another state of it
    #[arg(long)]
    pub take_over: bool,
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

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as tick=20ms")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    crate::settings::duration(text).ok_or_else(|| "expected a duration such as 30s, 500ms, 10m or 2h".to_owned())
}
