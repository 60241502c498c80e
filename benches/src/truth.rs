//! What was really produced, record by record: a judge compares a lake with it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::workload::Record;

/// A CSV file: `partition,offset,kind,reason,id`. `reason` is that of a reject and empty for an event.
pub struct Truth(BufWriter<File>);

impl Truth {
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "partition,offset,kind,reason,id")?;
        Ok(Self(file))
    }

    pub fn write(&mut self, partition: &str, offset: i64, record: &Record) -> io::Result<()> {
        let (kind, reason, id) = (record.kind.name(), record.kind.reason(), record.id());
        writeln!(self.0, "{partition},{offset},{kind},{reason},{id}")
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}
