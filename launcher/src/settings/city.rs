//! `input = "simulate:?seed=7&for=1h"`: a simulated city, with the settings of `greenwave simulate` by the same names.

use clap::{CommandFactory, Parser};
use greenwave_sources::simulate::{START_MS, Settings, SimulateError};

use super::raw::distance;
use crate::args::City;
use crate::simulate::Start;

/// What clap reads the settings with: the flags of `greenwave simulate`.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Flags {
    #[command(flatten)]
    city: City,
}

/// What is behind `simulate:`, or every mistake in it, each a fact and its fix.
pub fn parse(text: &str) -> Result<Settings, Vec<(String, String)>> {
    let pairs = text.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
    let flags: Vec<String> = pairs.map(|pair| format!("--{pair}")).collect();
    let mistakes: Vec<_> = flags.iter().filter_map(|flag| mistake(flag)).collect();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let flags = Flags::try_parse_from(&flags).map_err(|error| vec![told(&error.to_string(), "give each once")])?;
    let start_ms = match flags.city.start {
        None => START_MS,
        Some(Start::At(ms)) => ms,
        Some(Start::Now) => {
            let fix = "give a time such as 2026-03-02T08:00:00";
            return Err(vec![told("start is `now`, and the next run would begin at another", fix)]);
        }
    };
    let settings = flags.city.settings(start_ms, flags.city.run_for);
    match settings.check() {
        Ok(()) => Ok(settings),
        Err(SimulateError::Settings { fact, fix }) => Err(vec![told(&fact, &fix)]),
        Err(other) => Err(vec![told(&other.to_string(), "correct it")]),
    }
}

/// What is wrong with one setting by itself.
fn mistake(flag: &str) -> Option<(String, String)> {
    let (name, value) = flag.trim_start_matches("--").split_once('=').unwrap_or((&flag[2..], ""));
    let command = Flags::command();
    let names: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
    if !names.contains(&name) {
        let nearest = names.iter().min_by_key(|known| distance(known, name)).filter(|known| distance(known, name) <= 3);
        let fix =
            nearest.map_or_else(|| format!("choose of {}", names.join(", ")), |it| format!("did you mean `{it}`?"));
        return Some(told(&format!("there is no setting `{name}`"), &fix));
    }
    let error = Flags::try_parse_from([flag]).err()?;
    let text = error.to_string();
    let why = text.lines().next().and_then(|line| line.rsplit_once(": ")).map_or("it has no value", |(_, why)| why);
    Some(told(&format!("{name} is `{value}`: {why}"), "see `greenwave simulate --help`"))
}

fn told(fact: &str, fix: &str) -> (String, String) {
    (format!("input is a simulated city, and {fact}"), fix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> String {
        let told = parse(text).expect_err(text);
        told.into_iter().map(|(fact, fix)| format!("{fact}; {fix}\n")).collect()
    }

    #[test]
    fn a_city_is_set_by_the_flags_of_simulate() {
        assert_eq!(parse("").expect("the defaults"), Settings::default());
        let settings = parse("?seed=7&vehicles=300&for=1h&too-late=0&clock-ahead=0s&side=12").expect("all are known");
        assert_eq!((settings.seed, settings.vehicles, settings.run_for_ms), (7, 300, Some(3_600_000)));
        assert_eq!((settings.disorder.too_late, settings.clock_ahead_ms, settings.side), (0.0, 0, 12));
        assert_eq!(parse("?start=2026-03-02T09:00:00").expect("a time").start_ms, START_MS + 3_600_000);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_fix() {
        for (text, told) in [
            ("?sed=7", "there is no setting `sed`; did you mean `seed`?"),
            ("?colour=red", "there is no setting `colour`; choose of seed, rate"),
            ("?seed=x&late=y", "late is `y`: invalid float literal"),
            ("?seed=x&late=y", "seed is `x`: invalid digit"),
            ("?seed", "seed is ``"),
            ("?seed=1&seed=2", "cannot be used multiple times"),
            ("?for=soon", "for is `soon`: expected a duration"),
            ("?start=now", "start is `now`"),
            ("?late=2", "give each from 0 to 1"),
            ("?vehicles=3", "3 vehicles; give 7 to 1000000"),
        ] {
            assert!(mistakes(text).contains(told), "{text}: {}", mistakes(text));
        }
    }
}
