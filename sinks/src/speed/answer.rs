//! What the script answers.

use greenwave_model::GROUPS;
use redis::Value;

#[derive(Debug)]
pub(super) enum Answer {
    /// `OK`; or `SKIP`: it had been done.
    Done,
    /// `GAP`, `UNLISTED` or `HOLE`: refused, and the seal after it says what to do.
    Refused,
    Fenced {
        by: u64,
    },
    Lost,
    Unlisted,
    Behind(Vec<usize>),
    Visible,
    Owned(String),
    /// What is there is of another history of the job.
    Foreign,
    Claimed(Box<Claimed>),
}

/// The state of the job's keys at a claim.
#[derive(Debug)]
pub(super) struct Claimed {
    /// Redis did not know this generation any more, or not yet: the list is ours now and every group stale.
    pub lost: bool,
    pub listed: u64,
    pub applied: [u64; GROUPS as usize],
    pub ticks: Vec<(u64, String)>,
    /// Bindings of discarded lists.
    pub held: Vec<(u64, String)>,
}

impl Answer {
    pub fn read(value: Value) -> Result<Self, String> {
        let parts = match value {
            Value::Array(parts) => parts,
            Value::ServerError(error) => return Err(redis::RedisError::from(error).to_string()),
            other => return Err(format!("it answers {other:?} to a script")),
        };
        let mut parts = parts.into_iter();
        let word = parts.next().map(text).unwrap_or_default();
        Ok(match word.as_str() {
            "OK" | "LOST" if parts.len() == 4 => Self::Claimed(Box::new(claimed(word == "LOST", parts))),
            "OK" | "SKIP" => Self::Done,
            "GAP" | "HOLE" => Self::Refused,
            "FENCED" => Self::Fenced { by: parts.next().map(text).and_then(|by| by.parse().ok()).unwrap_or(0) },
            "LOST" => Self::Lost,
            "UNLISTED" => Self::Unlisted,
            "BEHIND" => Self::Behind(parts.filter_map(|group| text(group).parse().ok()).collect()),
            "VISIBLE" => Self::Visible,
            "FOREIGN" => Self::Foreign,
            "OWNED" => Self::Owned(parts.next().map(text).unwrap_or_default()),
            _ => return Err(format!("its script answers `{word}`")),
        })
    }
}

fn claimed(lost: bool, mut parts: impl Iterator<Item = Value>) -> Claimed {
    let listed = parts.next().map(text).and_then(|listed| listed.parse().ok()).unwrap_or(0);
    let mut applied = [0; GROUPS as usize];
    let positions = parts.next().map(texts).unwrap_or_default();
    for pair in positions.chunks_exact(2) {
        if let (Ok(group), Ok(tick)) = (pair[0].parse::<usize>(), pair[1].parse())
            && let Some(position) = applied.get_mut(group)
        {
            *position = tick;
        }
    }
    let mut entries = || parts.next().map(texts).unwrap_or_default().into_iter().filter_map(entry).collect();
    Claimed { lost, listed, applied, ticks: entries(), held: entries() }
}

/// `<tick> <binding>`.
fn entry(text: String) -> Option<(u64, String)> {
    let (tick, binding) = text.split_once(' ')?;
    Some((tick.parse().ok()?, binding.to_owned()))
}

fn text(value: Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::SimpleString(text) => text,
        Value::Okay => "OK".into(),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    }
}

fn texts(value: Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.into_iter().map(text).collect(),
        _ => vec![],
    }
}
