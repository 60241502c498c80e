//! A file as blocks of lines.
//!
//! A line ends with `\n` or `\r\n`; the last one need not. A blank line is a line, but nothing follows a final newline.
//! What a block holds never depends on how the bytes happened to arrive. Memory is bounded: of a line that is too long
//! only the beginning is kept.

use std::fmt;
use std::path::Path;

use super::compressed::{Bytes, Form};
use crate::SourceError;

/// Lines of a block at most. A block ends at every multiple of it, wherever a run began.
pub const BLOCK_LINES: i64 = 1024;
/// Bytes kept of a line that is too long, as of any record that is.
pub const LONG_LINE_KEPT: usize = 64 << 10;
/// Bytes asked of a file at once: a block of reports of 200 bytes takes four.
const CHUNK: usize = 256 << 10;

/// One line of a block: `bytes[from..to]`, and how long it really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    from: usize,
    to: usize,
    pub length: usize,
}

/// Lines `start..start + lines.len()` of a file.
#[derive(Debug)]
pub struct Block {
    pub start: i64,
    /// Nothing comes after it.
    pub finished: bool,
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

impl Block {
    /// An empty one, for lines that are made.
    pub fn new(start: i64) -> Self {
        Self { start, finished: false, bytes: vec![], lines: vec![] }
    }

    pub fn push(&mut self, line: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(line);
        self.lines.push(Line { from, to: self.bytes.len(), length: line.len() });
    }

    pub fn end(&self) -> i64 {
        self.start + self.lines.len() as i64
    }

    /// Every line with its text, or the beginning of it.
    pub fn lines(&self) -> impl Iterator<Item = (Line, &[u8])> {
        self.lines.iter().map(|line| (*line, &self.bytes[line.from..line.to]))
    }
}

pub struct LineReader {
    bytes: Bytes,
    /// Read and not yet handed out.
    rest: Vec<u8>,
    at_end: bool,
    next: i64,
    /// A line longer than this is cut to [`LONG_LINE_KEPT`]; it is too large for a record.
    cut_over: usize,
}

impl fmt::Debug for LineReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}", self.bytes.path().display(), self.next)
    }
}

impl LineReader {
    pub fn open(path: &Path, form: Form, record_bytes_max: usize) -> Result<Self, SourceError> {
        // Two more than a record may have: one of them may be a carriage return.
        let cut_over = record_bytes_max.saturating_add(2).max(LONG_LINE_KEPT);
        Ok(Self { bytes: Bytes::open(path, form)?, rest: vec![], at_end: false, next: 0, cut_over })
    }

    /// Passes over lines, to resume at line `next`.
    pub fn skip_to(&mut self, next: i64) -> Result<(), SourceError> {
        while self.next < next {
            let block = self.lines_up_to(next.min(self.next + BLOCK_LINES))?;
            if block.finished && block.end() < next {
                return Err(SourceError::FileShorter { path: self.bytes.path().to_owned(), lines: block.end(), next });
            }
        }
        Ok(())
    }

    /// The lines up to the next multiple of [`BLOCK_LINES`].
    pub fn block(&mut self) -> Result<Block, SourceError> {
        self.lines_up_to((self.next / BLOCK_LINES + 1) * BLOCK_LINES)
    }

    fn lines_up_to(&mut self, end: i64) -> Result<Block, SourceError> {
        let most = (end - self.next) as usize;
        let mut splitter = Splitter::new(std::mem::take(&mut self.rest), self.cut_over);
        while !splitter.split(most) && !self.at_end {
            self.at_end = !self.bytes.read_onto(&mut splitter.bytes, CHUNK)?;
        }
        if splitter.lines.len() < most {
            splitter.close();
        }
        self.rest = splitter.bytes.split_off(splitter.line_from);
        while self.rest.is_empty() && !self.at_end {
            self.at_end = !self.bytes.read_onto(&mut self.rest, CHUNK)?;
        }
        let finished = self.at_end && self.rest.is_empty();
        let block = Block { start: self.next, finished, bytes: splitter.bytes, lines: splitter.lines };
        self.next = block.end();
        Ok(block)
    }
}

/// Finds lines in bytes that keep coming.
struct Splitter {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// Where the line being read begins, and up to where it has no end.
    line_from: usize,
    searched: usize,
    /// Bytes of the line being read that were dropped, and the last of them.
    dropped: usize,
    dropped_last: u8,
    cut_over: usize,
}

impl Splitter {
    fn new(bytes: Vec<u8>, cut_over: usize) -> Self {
        Self { bytes, lines: vec![], line_from: 0, searched: 0, dropped: 0, dropped_last: 0, cut_over }
    }

    /// Takes the lines that are there; true when there are `most` of them.
    fn split(&mut self, most: usize) -> bool {
        while self.lines.len() < most {
            let Some(ahead) = memchr::memchr(b'\n', &self.bytes[self.searched..]) else {
                self.searched = self.bytes.len();
                self.cut_long();
                return false;
            };
            self.take(self.searched + ahead);
            self.searched += ahead + 1;
            self.line_from = self.searched;
        }
        true
    }

    /// The last line, if no newline ends it.
    fn close(&mut self) {
        if self.line_from < self.bytes.len() {
            self.take(self.bytes.len());
            self.line_from = self.bytes.len();
        }
    }

    fn take(&mut self, to: usize) {
        let from = self.line_from;
        let cut = self.dropped > 0;
        let last = if cut && to == from + LONG_LINE_KEPT {
            self.dropped_last
        } else {
            self.bytes[from..to].last().copied().unwrap_or(0)
        };
        let carriage_return = usize::from(last == b'\r');
        let length = to - from + self.dropped - carriage_return;
        self.lines.push(Line { from, to: from + length.min(to - from), length });
        self.dropped = 0;
    }

    fn cut_long(&mut self) {
        let length = self.bytes.len() - self.line_from;
        if length > self.cut_over {
            self.dropped += length - LONG_LINE_KEPT;
            self.dropped_last = self.bytes[self.bytes.len() - 1];
            self.bytes.truncate(self.line_from + LONG_LINE_KEPT);
            self.searched = self.bytes.len();
        }
    }
}
