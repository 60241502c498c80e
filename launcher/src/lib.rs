//! The command line: one file a command, settings raw then checked, fixed exit codes.
//!
//! Exit codes: 0 done · 1 failed · 2 wrong use or settings · 3 stopped by a signal after draining, or (`status`) not
//! running · 75 fenced by a newer generation.

#[macro_use]
mod say;

mod args;
mod check;
mod completions;
mod config;
mod crash;
mod dataflows;
mod demo;
mod live;
mod references;
mod report;
mod savepoint;
pub mod settings;
mod signals;
mod simulate;
mod status;
mod submit;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
    WrongUse,
    /// Stopped by a signal; the next run goes on from the last cut.
    Drained,
    /// Of a job that was asked for.
    NotRunning,
    Fenced,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::WrongUse => 2,
            Outcome::Drained | Outcome::NotRunning => 3,
            Outcome::Fenced => 75,
        })
    }
}

/// Runs a command line.
pub fn run(line: impl IntoIterator<Item = OsString>) -> ExitCode {
    report::start_log();
    signals::end_on_panic();
    let command = match args::Line::try_parse_from(line) {
        Ok(line) => line.command,
        Err(told) => {
            let _ = told.print();
            let fine = matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if fine { Outcome::Done } else { Outcome::WrongUse }.into();
        }
    };
    let outcome = match command {
        args::Command::Demo(demo) => demo::run(&demo),
        args::Command::Submit(submit) => submit::run(submit),
        args::Command::Status(status) => status::run(&status),
        args::Command::Savepoint(args) => savepoint::run(&args),
        args::Command::Check(check) => check::run(check),
        args::Command::Simulate(simulate) => simulate::run(&simulate),
        args::Command::Config(config) => config::run(&config),
        args::Command::Completions(completions) => completions::run(completions),
    };
    outcome.into()
}
