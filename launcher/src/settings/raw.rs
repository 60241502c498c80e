//! Settings as written, each with the place it was written at.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml_edit::{Item, Value};

use super::keys::{KEYS, USUAL_VARIABLES, is_known};

/// Where a value comes from: later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    Line { file: String, line: usize },
    Environment(String),
    CommandLine(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::CommandLine(key) => write!(f, "--conf {key}"),
        }
    }
}

/// One mistake: the place, the fact, the fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub origin: Origin,
    pub fact: String,
    pub fix: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.origin, self.fact, self.fix)
    }
}

#[derive(Clone, Debug)]
pub struct RawValue {
    pub text: String,
    /// What the file held where it is no text: `a number`, `a list`. Text from elsewhere fits any kind.
    pub kind: &'static str,
    pub origin: Origin,
}

/// Every value given, by dotted key.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    pub values: BTreeMap<String, RawValue>,
    pub mistakes: Vec<Mistake>,
}

impl Raw {
    /// File, then variables of other systems, then `GREENWAVE_*`, then `--conf`.
    pub fn gather(file: &Path, environment: impl Iterator<Item = (String, String)>, conf: &[(String, String)]) -> Self {
        let mut raw = Self::default();
        raw.read_file(file);
        raw.overridden(environment, conf)
    }

    /// What a shipped file says, under the values given.
    pub fn shipped(name: &str, text: &str, conf: &[(String, String)]) -> Self {
        let mut raw = Self::default();
        raw.read_text(name, text);
        raw.overridden(std::iter::empty(), conf)
    }

    fn overridden(self, environment: impl Iterator<Item = (String, String)>, conf: &[(String, String)]) -> Self {
        let mut raw = self;
        let environment: Vec<_> = environment.collect();
        for (variable, key, scheme) in USUAL_VARIABLES {
            let said = environment.iter().find(|(name, text)| name == variable && !text.is_empty());
            said.inspect(|(name, text)| raw.usual_variable(name, key, format!("{scheme}{text}")));
        }
        for (name, text) in environment {
            let Some(rest) = name.strip_prefix("GREENWAVE_") else { continue };
            let lower = rest.to_lowercase();
            let matching = KEYS.iter().find(|key| key.name.replace('.', "_") == lower);
            if let Some(key) = matching {
                let origin = Origin::Environment(name.clone());
                raw.values.insert(key.name.into(), RawValue { text, kind: "a text", origin });
            }
        }
        for (key, text) in conf {
            let origin = Origin::CommandLine(key.clone());
            raw.put(key.clone(), RawValue { text: text.clone(), kind: "a text", origin });
        }
        raw
    }

    /// A variable of another system says something only where the file leaves the default.
    fn usual_variable(&mut self, name: &str, key: &str, text: String) {
        let default = KEYS.iter().find(|known| known.name == key).map_or("", |known| known.default);
        if self.values.get(key).is_none_or(|value| value.text == default) {
            let origin = Origin::Environment(name.to_owned());
            self.values.insert(key.into(), RawValue { text, kind: "a text", origin });
        }
    }

    fn read_file(&mut self, file: &Path) {
        let name = file.display().to_string();
        let at = |line| Origin::Line { file: name.clone(), line };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                let fact = format!("cannot be read: {error}");
                let fix = "give the path of a settings file; dataflows/settings/city.toml is one".into();
                return self.mistakes.push(Mistake { origin: at(1), fact, fix });
            }
        };
        self.read_text(&name, &text);
    }

    fn read_text(&mut self, name: &str, text: &str) {
        let at = |line| Origin::Line { file: name.to_owned(), line };
        match toml_edit::Document::parse(text) {
            Ok(document) => {
                let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
                self.read_table("", document.as_table(), &|offset| at(line_of(offset)));
            }
            Err(error) => {
                let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
                let fact = format!("is not TOML: {}", error.message().replace('\n', ", "));
                self.mistakes.push(Mistake {
                    origin: at(line),
                    fact,
                    fix: "correct this line; each is written as key = \"value\"".into(),
                });
            }
        }
    }

    fn read_table(&mut self, prefix: &str, table: &toml_edit::Table, at: &dyn Fn(usize) -> Origin) {
        for (key, item) in table.iter() {
            let dotted = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
            let start = table.key(key).and_then(|key| key.span()).map_or(0, |span| span.start);
            match item {
                Item::Table(inner) => self.read_table(&dotted, inner, at),
                Item::Value(value) => {
                    let (text, kind) = plain(value);
                    self.put(dotted, RawValue { text, kind, origin: at(start) });
                }
                Item::None | Item::ArrayOfTables(_) => {
                    let (fact, fix) = (format!("{dotted} is a list of tables"), "write one value".into());
                    self.mistakes.push(Mistake { origin: at(start), fact, fix });
                }
            }
        }
    }

    fn put(&mut self, key: String, value: RawValue) {
        if is_known(&key) {
            self.values.insert(key, value);
            return;
        }
        let nearest = KEYS.iter().min_by_key(|known| distance(known.name, &key)).map_or("", |known| known.name);
        let fix = if distance(nearest, &key) <= 3 {
            format!("did you mean `{nearest}`?")
        } else {
            "remove it; dataflows/settings/city.toml shows every key".to_owned()
        };
        self.mistakes.push(Mistake { origin: value.origin, fact: format!("there is no setting `{key}`"), fix });
    }
}

fn plain(value: &Value) -> (String, &'static str) {
    match value {
        Value::String(text) => (text.value().clone(), "a text"),
        Value::Integer(number) => (number.value().to_string(), "a number"),
        Value::Float(number) => (number.value().to_string(), "a number"),
        Value::Boolean(flag) => (flag.value().to_string(), "true or false"),
        Value::Datetime(time) => (time.value().to_string(), "a date"),
        Value::Array(_) => (value.to_string().trim().to_owned(), "a list"),
        Value::InlineTable(_) => (value.to_string().trim().to_owned(), "a table"),
    }
}

/// Edits between two words (Levenshtein).
pub(super) fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
