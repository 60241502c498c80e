//! A file's bytes, decompressed, and the place in the file where reading stopped.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

use crate::SourceError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    Gzip,
    Zstd,
}

/// An open file. `.gz` and `.zst` may hold several members or frames, one after the other.
pub struct Bytes {
    path: PathBuf,
    form: Form,
    stream: Box<dyn Read + Send>,
    passed: Arc<AtomicU64>,
    /// When it was opened.
    length: u64,
}

impl Bytes {
    pub fn open(path: &Path, form: Form) -> Result<Self, SourceError> {
        let unreadable = |source| SourceError::FileUnreadable { path: path.to_owned(), byte: 0, source };
        let passed = Arc::new(AtomicU64::new(0));
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        if length == 0 && form != Form::Plain {
            let source = io::ErrorKind::UnexpectedEof.into();
            return Err(SourceError::FileDamaged { path: path.to_owned(), byte: 0, source });
        }
        let counted = Counted { file, passed: passed.clone() };
        let stream: Box<dyn Read + Send> = match form {
            Form::Plain => Box::new(counted),
            Form::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(128 << 10, counted))),
            Form::Zstd => Box::new(zstd::stream::read::Decoder::new(counted).map_err(unreadable)?),
        };
        Ok(Self { path: path.to_owned(), form, stream, passed, length })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends up to `most` bytes to `buffer`. False at the end of the file.
    pub fn read_onto(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<bool, SourceError> {
        let before = buffer.len();
        buffer.resize(before + most, 0);
        let outcome = loop {
            match self.stream.read(&mut buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        buffer.truncate(before + outcome.as_ref().map_or(0, |read| *read));
        let read = outcome.map_err(|source| self.failed(source))?;
        let passed = self.passed.load(Ordering::Relaxed);
        if read == 0 && passed < self.length {
            let (path, length) = (self.path.clone(), self.length);
            return Err(SourceError::FileShrank { path, passed, length });
        }
        Ok(read > 0)
    }

    /// What the system says is the system's; anything else is in the compressed bytes.
    fn failed(&self, source: io::Error) -> SourceError {
        let (path, byte) = (self.path.clone(), self.passed.load(Ordering::Relaxed));
        if self.form == Form::Plain || source.raw_os_error().is_some() {
            SourceError::FileUnreadable { path, byte, source }
        } else {
            SourceError::FileDamaged { path, byte, source }
        }
    }
}

struct Counted {
    file: File,
    passed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.passed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
