//! `greenwave check`: every mistake in a settings file at once.

use crate::settings::{Mistake, Raw};
use crate::{Outcome, args};

pub fn run(check: args::Check) -> Outcome {
    match Raw::gather(&check.file, crate::settings::environment(), &check.conf).check() {
        Ok(_) => {
            say!("{}: no mistakes", check.file.display());
            Outcome::Done
        }
        Err(mistakes) => {
            tell(&mistakes);
            Outcome::WrongUse
        }
    }
}

pub fn tell(mistakes: &[Mistake]) {
    for mistake in mistakes {
        complain!("{mistake}");
    }
    let noun = if mistakes.len() == 1 { "mistake" } else { "mistakes" };
    complain!("greenwave: {} {noun} in the settings, nothing was started", mistakes.len());
}
