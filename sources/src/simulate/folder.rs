//! A city's records as an input folder: a sub-folder a topic, a file a partition, a line a record.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::record::Record;
use super::report::Feed;
use super::{City, SimulateError, tables};

const BUFFER_BYTES: usize = 256 << 10;

pub struct Folder {
    path: PathBuf,
    /// By topic and partition.
    files: [Vec<BufWriter<File>>; 5],
}

impl Folder {
    /// Makes the folder. It must hold no records yet.
    pub fn create(path: &Path, city: &City) -> Result<Self, SimulateError> {
        let mut names = Feed::ALL.into_iter().flat_map(|feed| [feed.folder(), feed.topic()]);
        if let Some(found) = names.find(|name| holds_records(&path.join(name))) {
            return Err(SimulateError::FolderInUse { path: path.to_owned(), found: format!("records in {found}/") });
        }
        let failed = |source| SimulateError::Write { path: path.to_owned(), source };
        let mut files = [const { Vec::new() }; 5];
        for (feed, files) in Feed::ALL.into_iter().zip(&mut files) {
            fs::create_dir_all(path.join(feed.folder())).map_err(failed)?;
            for partition in 0..city.settings().partitions[feed as usize] {
                let file = File::create(path.join(partition_name(feed, partition))).map_err(failed)?;
                files.push(BufWriter::with_capacity(BUFFER_BYTES, file));
            }
        }
        for name in [tables::FREE_FLOW, tables::ROUTES] {
            fs::write(path.join(name), tables::table(city.settings(), name)).map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), files })
    }

    #[inline]
    pub fn write(&mut self, record: &Record<'_>) -> Result<(), SimulateError> {
        let file = &mut self.files[record.feed as usize][usize::from(record.partition)];
        let written = file.write_all(record.payload).and_then(|()| file.write_all(b"\n"));
        written.map_err(|source| SimulateError::Write { path: self.path.clone(), source })
    }

    pub fn finish(&mut self) -> Result<(), SimulateError> {
        let flushed = self.files.iter_mut().flatten().try_for_each(BufWriter::flush);
        flushed.map_err(|source| SimulateError::Write { path: self.path.clone(), source })
    }
}

/// Files without a byte, of a run that was refused for another reason, are no records.
fn holds_records(folder: &Path) -> bool {
    let has_bytes = |entry: io::Result<fs::DirEntry>| entry.and_then(|it| it.metadata()).is_ok_and(|it| it.len() > 0);
    folder.read_dir().is_ok_and(|mut entries| entries.any(has_bytes))
}

/// A partition's file, which is the name that a reader of the folder has for it.
pub(super) fn partition_name(feed: Feed, partition: u16) -> String {
    format!("{}/part-{partition:05}.jsonl", feed.folder())
}
