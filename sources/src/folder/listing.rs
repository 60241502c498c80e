//! Which files of an input folder are partitions of which topic.

use std::fs;
use std::path::{Path, PathBuf};

use greenwave_model::topics::{self, TOPICS};
use greenwave_model::{Name, PartitionKey, RecordRef};

use super::compressed::Form;
use crate::SourceError;

/// Sub-folders inside each other; a ring of links ends here.
const DEPTH_MAX: usize = 32;
const RECORDS: [&str; 3] = ["json", "jsonl", "ndjson"];

/// A file of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub key: PartitionKey,
    pub path: PathBuf,
    pub form: Form,
}

/// Every partition below `input`.
pub fn list(input: &Path) -> Result<Vec<Listed>, SourceError> {
    let (mut files, mut folders, mut others) = (vec![], vec![], vec![]);
    for (name, path) in entries(input)? {
        match topics::named(&name) {
            Some(topic) if path.is_dir() => {
                descend(&path, &Name::new_static(TOPICS[topic].name), &name, 0, &mut files)?;
                folders.push(name);
            }
            _ if path.is_dir() => others.push(name),
            _ => {}
        }
    }
    if folders.is_empty() {
        let expected = TOPICS.iter().flat_map(|topic| [&[topic.name], topic.aliases].concat());
        let expected = expected.collect::<Vec<_>>().join(" or ");
        let found = if others.is_empty() { "no sub-folder at all".to_owned() } else { others.join(", ") };
        return Err(SourceError::NoTopicFolder { path: input.to_owned(), expected, found });
    }
    if !others.is_empty() {
        tracing::info!(folders = others.join(", "), "sub-folders that are no topic are not read");
    }
    if files.is_empty() {
        let expected = RECORDS.map(|record| format!(".{record}")).join(", ") + ", plain, .gz or .zst";
        return Err(SourceError::NoFiles { path: input.to_owned(), folders: folders.join(", "), expected });
    }
    if files.len() > RecordRef::PARTITIONS_MAX {
        let (files, most) = (files.len(), RecordRef::PARTITIONS_MAX);
        return Err(SourceError::TooManyFiles { path: input.to_owned(), files, most });
    }
    Ok(files)
}

fn descend(folder: &Path, topic: &Name, place: &str, depth: usize, files: &mut Vec<Listed>) -> Result<(), SourceError> {
    if depth == DEPTH_MAX {
        let source = std::io::Error::other(format!("{DEPTH_MAX} folders inside each other"));
        return Err(SourceError::InputFolder { path: folder.to_owned(), source });
    }
    for (name, path) in entries(folder)? {
        let place = format!("{place}/{name}");
        if path.is_dir() {
            descend(&path, topic, &place, depth + 1, files)?;
        } else if let Some(form) = form(&name) {
            let unreadable = |source| SourceError::FileUnreadable { path: path.clone(), byte: 0, source };
            if !fs::metadata(&path).map_err(unreadable)?.is_file() {
                tracing::warn!(path = %path.display(), "it is no file, so it is not read");
                continue;
            }
            let key = PartitionKey { topic: topic.clone(), partition: place.into() };
            files.push(Listed { key, path, form });
        }
    }
    Ok(())
}

/// Names and paths in a folder. Names that begin with a dot belong to whoever is writing or editing, not to us.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let failed = |source| SourceError::InputFolder { path: folder.to_owned(), source };
    let mut found = vec![];
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| SourceError::PathNotText { path: path.clone() })?;
        if !name.starts_with('.') {
            found.push((name, path));
        }
    }
    found.sort();
    Ok(found)
}

fn form(name: &str) -> Option<Form> {
    let (stem, form) = if let Some(stem) = name.strip_suffix(".gz") {
        (stem, Form::Gzip)
    } else if let Some(stem) = name.strip_suffix(".zst") {
        (stem, Form::Zstd)
    } else {
        (name, Form::Plain)
    };
    let (_, ending) = stem.rsplit_once('.')?;
    RECORDS.contains(&ending).then_some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_form() {
        let table = [
            ("a.json", Some(Form::Plain)),
            ("a.b.jsonl", Some(Form::Plain)),
            ("a.ndjson.gz", Some(Form::Gzip)),
            ("a.jsonl.zst", Some(Form::Zstd)),
            ("a.csv", None),
            ("a.gz", None),
            ("json", None),
            ("a.jsonl.tmp", None),
        ];
        for (name, expected) in table {
            assert_eq!(form(name), expected, "{name}");
        }
    }
}
