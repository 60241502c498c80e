//! The table of rules: what `alerts` watches.

use std::collections::HashSet;
use std::path::Path;

use greenwave_model::views::{Level, Rule, Severity, Watches};

/// Used where no file is named.
pub const SHIPPED: &str = include_str!("../../../dataflows/settings/alerts.csv");

/// Reads `rule`, `watches`, `at_least` (a number, or a word where words are watched) and `severity`.
pub fn parse(path: &Path, text: &str) -> anyhow::Result<Vec<Rule>> {
    let mut known = HashSet::new();
    let columns = [&["rule"][..], &["watches"], &["at_least"], &["severity"]];
    super::lines(path, text, columns, |[rule, watches, at_least, severity]| {
        let name = super::name("rule", rule)?;
        if !known.insert(name.clone()) {
            return Err(format!("rule {name} stands there twice"));
        }
        let watches = one_of("watches", watches, &Watches::ALL, Watches::as_str)?;
        let at_least = match watches {
            Watches::IncidentSeverity => one_of("at_least", at_least, &Severity::ALL, Severity::as_str)? as u8 as f64,
            Watches::CongestionLevel => one_of("at_least", at_least, &Level::ALL, Level::as_str)? as u8 as f64,
            _ => super::number("at_least", at_least, 0.0, 1e9)?,
        };
        let severity = one_of("severity", severity, &Severity::ALL, Severity::as_str)?;
        Ok(Rule { name, watches, at_least, severity })
    })
}

fn one_of<T: Copy>(column: &str, text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
        format!("{column} is `{text}`; choose one of {}", names.join(", "))
    })
}
