//! `greenwave status`: how a job is, from its state folder and from its process.

mod page;
mod words;

use greenwave_runtime::status::{Inquiry, State, inquire};

use crate::args::{Page, Status};
use crate::settings::Raw;
use crate::{Outcome, submit};

pub fn run(status: &Status) -> Outcome {
    let checked = match Raw::gather(&status.file, crate::settings::environment(), &status.conf).check() {
        Ok(checked) => checked,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| complain!("{mistake}"));
            complain!("greenwave: the settings do not tell where the job keeps its state");
            return Outcome::WrongUse;
        }
    };
    let name = match submit::job_name(&status.file, status.name.as_deref()) {
        Ok(name) => name,
        Err(error) => {
            complain!("greenwave: {error:#}");
            return Outcome::WrongUse;
        }
    };
    let Some(state) = checked.state else {
        complain!(
            "greenwave: job {name} keeps no state, so nothing tells where it runs; ask its `http` address itself"
        );
        return Outcome::WrongUse;
    };
    match inquire(&name, &state) {
        Ok(found) => {
            match status.output {
                Page::Text => page::lines(&found, &state).iter().for_each(|line| say!("{line}")),
                Page::Json => say!("{}", serde_json::to_string(&found).unwrap_or_default()),
            }
            outcome(&found)
        }
        Err(error) => {
            let outcome = if error.is_of_settings() { Outcome::WrongUse } else { Outcome::Failed };
            complain!("greenwave: {:#}", anyhow::Error::from(error));
            outcome
        }
    }
}

fn outcome(found: &Inquiry) -> Outcome {
    match found.state {
        State::Running => Outcome::Done,
        State::Unreachable => Outcome::Failed,
        State::Stopped | State::Killed | State::NeverRan => Outcome::NotRunning,
    }
}
