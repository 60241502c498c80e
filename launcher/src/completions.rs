//! `greenwave completions`: what a shell needs to complete our command line.

use clap::CommandFactory;

use crate::{Outcome, args};

pub fn run(completions: args::Completions) -> Outcome {
    clap_complete::generate(completions.shell, &mut args::Line::command(), "greenwave", &mut std::io::stdout());
    Outcome::Done
}
