//! Reference tables: CSV files with a header that are joined to the streams. Every wrong line is told at once.

mod alerts;
mod free_flow;
mod routes;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use greenwave_dataflows::{FreeFlow, RouteTable};
use greenwave_model::views::Rule;
use greenwave_runtime::Reference;

use crate::settings::{AlertsFrom, Checked, TableAt};

/// Mistakes of one file that are told.
const TOLD_MAX: usize = 10;

/// The tables of a run, and the files they come from.
#[derive(Default)]
pub struct Tables {
    pub free_flow: Arc<FreeFlow>,
    pub routes: Arc<RouteTable>,
    pub rules: Vec<Rule>,
    pub files: Vec<Reference>,
}

impl Tables {
    pub fn read(checked: &Checked) -> anyhow::Result<Self> {
        let mut tables = Self::default();
        if let Some(at) = &checked.free_flow {
            tables.free_flow = Arc::new(free_flow::parse(&at.path(), &tables.file("free_flow", at)?)?);
        }
        if let Some(at) = &checked.routes {
            tables.routes = Arc::new(routes::parse(&at.path(), &tables.file("routes", at)?)?);
        }
        tables.rules = match &checked.alerts {
            AlertsFrom::Nothing => Vec::new(),
            AlertsFrom::Shipped => alerts::parse(Path::new("alerts.csv"), alerts::SHIPPED)?,
            AlertsFrom::File(path) => alerts::parse(path, &tables.file("alerts", &TableAt::File(path.clone()))?)?,
        };
        Ok(tables)
    }

    fn file(&mut self, name: &str, at: &TableAt) -> anyhow::Result<String> {
        let text = at.read().with_context(|| format!("cannot read {}", at.path().display()))?;
        self.files.push(Reference::new(name, text.clone()));
        Ok(text)
    }
}

/// Reads the lines of a table: of each those columns, each known by one of its names. Other columns are ignored.
fn lines<const N: usize, T>(
    path: &Path,
    text: &str,
    columns: [&[&str]; N],
    mut line: impl FnMut([&str; N]) -> Result<T, String>,
) -> anyhow::Result<Vec<T>> {
    let at = |line: u64| format!("cannot read {}:{line}", path.display());
    let mut table = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = table.headers().with_context(|| at(1))?.clone();
    let place = |names: &[&str]| header.iter().position(|column| names.contains(&column));
    let places = columns.map(place);
    if places.contains(&None) {
        let wanted = columns.map(|names| names[0]).join(", ");
        let header: Vec<&str> = header.iter().collect();
        bail!("{}: the header is `{}`; it must name {wanted}", at(1), header.join(","));
    }
    let (mut rows, mut mistakes) = (Vec::new(), Vec::new());
    for record in table.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                mistakes.push(format!("{}: {error}", at(line_of(text, error.position()))));
                continue;
            }
        };
        let fields = places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default());
        match line(fields) {
            Ok(row) => rows.push(row),
            Err(why) => mistakes.push(format!("{}: {why}", at(line_of(text, record.position())))),
        }
    }
    if mistakes.is_empty() {
        return Ok(rows);
    }
    let more = mistakes.len().saturating_sub(TOLD_MAX);
    mistakes.truncate(TOLD_MAX);
    if more > 0 {
        mistakes.push(format!("and {more} lines more"));
    }
    bail!(mistakes.join("\n"))
}

/// The line a record begins in. The reader's own count is one behind where lines end in CR and LF.
fn line_of(text: &str, position: Option<&csv::Position>) -> u64 {
    let byte = position.map_or(0, |position| position.byte() as usize).min(text.len());
    let rest = &text.as_bytes()[byte..];
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let before = &text.as_bytes()[..byte + skipped];
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// A number between two others, the least one excluded.
fn number(name: &str, text: &str, above: f64, below: f64) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| *number > above && *number < below);
    number.ok_or_else(|| format!("{name} is `{text}`; write a number above {above} and below {below}"))
}

/// A name that becomes part of keys.
fn name(column: &str, text: &str) -> Result<greenwave_model::Name, String> {
    let is_plain =
        !text.is_empty() && text.len() <= 128 && !text.contains([':', '/']) && !text.contains(char::is_control);
    if is_plain {
        Ok(text.into())
    } else {
        Err(format!("{column} is `{text}`; write 1 to 128 bytes without `:` and `/`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_told_by_its_number_however_lines_end() {
        for end in ["\n", "\r\n"] {
            let text = ["rule,watches,at_least,severity", "ok,silent_s,5,low", "", "x,silent_s,-5,low", ""].join(end);
            let told = alerts::parse(Path::new("rules.csv"), &text).expect_err("a negative number").to_string();
            assert!(told.starts_with("cannot read rules.csv:4: at_least is `-5`"), "{told}");
        }
    }
}
