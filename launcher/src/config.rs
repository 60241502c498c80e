//! `greenwave config show`: what a job would run with, and where each value comes from.

use crate::settings::{KEYS, Origin, Raw};
use crate::{Outcome, args, check};

pub fn run(config: &args::Config) -> Outcome {
    let args::ConfigCommand::Show(show) = &config.command;
    let raw = Raw::gather(&show.file, crate::settings::environment(), &show.conf);
    for (name, value, origin) in lines(&raw) {
        if show.origin {
            say!("{name} = {value:?}  # {origin}");
        } else {
            say!("{name} = {value:?}");
        }
    }
    match raw.check() {
        Ok(_) => Outcome::Done,
        Err(mistakes) => {
            check::tell(&mistakes);
            Outcome::WrongUse
        }
    }
}

/// Every setting in the order of the shipped files, then what goes to librdkafka as it is.
fn lines(raw: &Raw) -> Vec<(String, String, Origin)> {
    let known = KEYS.iter().map(|key| match raw.values.get(key.name) {
        Some(value) => (key.name.to_owned(), shown(key.name, &value.text), value.origin.clone()),
        None => (key.name.to_owned(), key.default.to_owned(), Origin::Default),
    });
    let passed = raw.values.iter().filter(|(name, _)| name.starts_with("kafka."));
    let passed = passed.map(|(name, value)| (name.clone(), shown(name, &value.text), value.origin.clone()));
    known.chain(passed).collect()
}

/// Secrets are not for screens.
///
/// `redis://user:secret@host` is shown as `redis://user:...@host`.
fn shown(name: &str, text: &str) -> String {
    if name.contains("password") || name.contains("secret") {
        return "...".into();
    }
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    match rest.rsplit_once('@').and_then(|(who, host)| Some((who.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{scheme}://{user}:...@{host}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(shown("speed", "redis://ann:s3:cret@host:6379/0"), "redis://ann:...@host:6379/0");
        assert_eq!(shown("speed", "redis://host:6379"), "redis://host:6379");
        assert_eq!(shown("kafka.sasl.password", "s3cret"), "...");
    }
}
