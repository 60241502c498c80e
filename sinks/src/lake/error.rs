//! What can go wrong with the lake, by what the caller can do about it.

use std::{error::Error, io};

use crate::objects::Refusal;

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("cannot open the lake at {url}: {fact}; {fix}")]
    Address { url: String, fact: String, fix: &'static str },
    #[error(
        "cannot use the lake at {root}: it belongs to job `{owner}` and this is job `{job}`; give each job a lake of its own"
    )]
    Foreign { root: String, owner: String, job: String },
    #[error(
        "cannot use the lake at {root}: it was written by job `{job}` with another state; put that state back, or choose another lake or --name"
    )]
    OtherHistory { root: String, job: String },
    #[error("cannot {action} {place}: {fact}; {fix}")]
    Failed { action: &'static str, place: String, condition: Condition, fact: String, fix: &'static str },
    #[error(
        "cannot write to table {table} in the lake: column `{column}` is {there} there and {here} here; move the table away or restore it"
    )]
    Schema { table: String, column: String, there: String, here: String },
    /// Another writer committed part of what was offered while it was being written.
    #[error(
        "cannot commit {table} up to tick {tick}: it has reached {reached} meanwhile; offer the runs above that again"
    )]
    Moved { table: String, tick: u64, reached: u64 },
    #[error(
        "cannot commit {table} up to tick {tick}: {conflicts} other commits came first; let one process write this table"
    )]
    Contended { table: String, tick: u64, conflicts: usize },
    #[error("cannot read a staged run: {fact}; go back to the manifest before it")]
    Run { fact: String },
    #[error("cannot write {table}: `{date}` is no date; give the UTC date of the cut as YYYY-MM-DD")]
    Date { table: String, date: String },
}

/// Why a store refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Full,
    ReadOnly,
    Forbidden,
    NotAFolder,
    /// A fault of the network, the store or the bytes.
    Other,
}

impl LakeError {
    pub(super) fn failed(action: &'static str, place: impl ToString, cause: &(dyn Error + 'static)) -> Self {
        let place = place.to_string();
        if let Some(Refusal { fact, fix, is_final }) = Refusal::of(cause) {
            let condition = if is_final { Condition::Forbidden } else { Condition::Other };
            return Self::Failed { action, place, condition, fact, fix };
        }
        let condition = Condition::of(cause);
        Self::Failed { action, place, condition, fact: innermost(cause), fix: condition.fix() }
    }

    /// At the start of a run somebody is there to mend what keeps the lake from being opened.
    pub(super) fn at_start(self, root: &str) -> Self {
        match self {
            Self::Failed { fact, fix, .. } => Self::Address { url: root.to_owned(), fact, fix },
            other => other,
        }
    }

    /// For what never fails with sound code and memory: encoding, sorting.
    /// What stands between the rows and the lake, by its cause.
    pub fn broken(action: &'static str, place: impl ToString, cause: impl Error + 'static) -> Self {
        Self::failed(action, place, &cause)
    }
}

impl Condition {
    fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(io) = error.downcast_ref::<io::Error>() {
                match io.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => return Self::Full,
                    io::ErrorKind::ReadOnlyFilesystem => return Self::ReadOnly,
                    io::ErrorKind::PermissionDenied => return Self::Forbidden,
                    io::ErrorKind::NotADirectory => return Self::NotAFolder,
                    _ => {}
                }
            }
            if let Some(object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }) =
                error.downcast_ref()
            {
                return Self::Forbidden;
            }
            next = error.source();
        }
        Self::Other
    }

    fn fix(self) -> &'static str {
        match self {
            Self::Full => "free space there; what was staged waits and is written once",
            Self::ReadOnly => "mount it writable or name another folder",
            Self::Forbidden => "give this user the right to write there or name another folder",
            Self::NotAFolder => "remove the file that stands in its way or name another folder",
            Self::Other => "see that the store answers; what was staged waits and is written once",
        }
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
