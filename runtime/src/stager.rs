//! A worker's staging thread: encodes a cut's state and lake rows, writes them to the state store and says what it
//! wrote. Off the dataflow's thread, so that a slow store makes a checkpoint late and stalls no tick.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use crossbeam_channel::{Receiver, Sender, bounded};
use greenwave_model::{Binding, Change, CrashPoint, Deltas, PartitionKey, RecordRef, iso};
use greenwave_operators::graph::Verdict;
use greenwave_operators::state::{Saved, SavedPart};
use greenwave_sinks::lake::{self, DroppedRows, ViewRows};

use crate::background;
use crate::control::{CutParts, OperatorPart};
use crate::fate::Fate;
use crate::landing::Landed;
use crate::manifest::{Counters, Part, StagedRun};
use crate::store::{Store, StoreError};

/// Work waiting for the staging thread. When it is full the worker waits, and Kafka is the buffer.
const WAITING_MAX: usize = 8;

pub enum ToStager {
    /// Rows of a table, handed over early to bound memory. `cut` counts this worker's cuts; `tick` is the one being
    /// emitted, so that the object is too young for garbage collection until its manifest names it.
    Rows {
        cut: u64,
        tick: u64,
        table: String,
        rows: RecordBatch,
    },
    Cut(Box<CutJob>),
}

/// What a worker knows of a cut once every worker has processed it.
pub struct CutJob {
    pub cut: u64,
    pub binding: Arc<Binding>,
    pub saved: Vec<SavedPart>,
    pub landed: Landed,
    pub counters: Counters,
    /// The row of `raw/_cuts`, on one worker.
    pub cut_row: Option<RecordBatch>,
}

#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot encode rows of {what}; this is a defect of greenwave, please report it")]
    Encode { what: String, source: arrow_schema::ArrowError },
    #[error(transparent)]
    Lake(#[from] greenwave_sinks::lake::LakeError),
}

pub struct Stager {
    pub jobs: Sender<ToStager>,
    pub done: Receiver<CutParts>,
    thread: JoinHandle<()>,
}

impl Stager {
    pub fn start(
        store: Store,
        generation: u64,
        with_lake: bool,
        fate: Arc<Fate>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let (jobs, inbox) = bounded(WAITING_MAX);
        let (outbox, done) = bounded(WAITING_MAX);
        let mut staging = Staging { store, generation, with_lake, early: BTreeMap::new() };
        let thread = background::spawn("stager", move || {
            for job in inbox {
                match staging.work(job) {
                    Ok(None) => {}
                    Ok(Some(parts)) => {
                        if outbox.send(parts).is_err() {
                            return;
                        }
                        wake();
                    }
                    Err(error) => return fate.fail(error.into()),
                }
            }
        });
        Self { jobs, done, thread }
    }

    /// Ends the thread after the work it has been given.
    pub fn stop(self) {
        drop((self.jobs, self.done));
        let _ = self.thread.join();
    }
}

struct Staging {
    store: Store,
    generation: u64,
    with_lake: bool,
    /// Runs written for cuts to come.
    early: BTreeMap<u64, Vec<(String, Part)>>,
}

impl Staging {
    fn work(&mut self, job: ToStager) -> Result<Option<CutParts>, StageError> {
        match job {
            ToStager::Rows { cut, tick, table, rows } => {
                let part = self.stage(tick, &table, &rows)?;
                self.early.entry(cut).or_default().push((table, part));
                Ok(None)
            }
            ToStager::Cut(job) => self.cut(*job).map(Some),
        }
    }

    fn cut(&mut self, job: CutJob) -> Result<CutParts, StageError> {
        let tick = job.binding.tick;
        let mut operators = vec![];
        for saved in job.saved {
            operators.push(self.operator(tick, saved)?);
        }
        let verdicts = consolidated(job.landed.verdicts);
        let mut counters = job.counters;
        for (verdict, _record, count) in &verdicts {
            let counter = match verdict {
                Verdict::Duplicate => &mut counters.duplicates,
                Verdict::TooLate => &mut counters.too_late,
                Verdict::Late => &mut counters.late,
            };
            *counter = counter.wrapping_add_signed(*count);
        }
        let mut runs = vec![];
        if self.with_lake {
            let tables = tables_of_cut(&job.binding, &verdicts, &job.landed.rows, job.cut_row);
            for (table, rows) in tables {
                runs.push((table.clone(), self.stage(tick, &table, &rows)?));
            }
            let early = self.early.remove(&job.cut).unwrap_or_default();
            runs.extend(early);
        }
        let date = iso::date(job.binding.now_ms);
        let staged = |part: Part| StagedRun {
            object: part.object,
            tick,
            date: date.clone(),
            rows: part.rows,
            bytes: part.bytes,
            crc32: part.crc32,
        };
        let runs = runs.into_iter().map(|(table, part)| (table, staged(part))).collect();
        Ok(CutParts { tick, operators, runs, counters })
    }

    fn operator(&self, tick: u64, saved: SavedPart) -> Result<OperatorPart, StageError> {
        let Saved { rows, keep_from_tick } = saved.saved;
        let mut part = None;
        if !rows.is_empty() {
            let count = rows.len() as u64;
            let encode = |source| StageError::Encode { what: saved.id.into(), source };
            let content = crate::parts::encode(rows).map_err(encode)?;
            part = Some(self.put(tick, saved.id, content, count)?);
        }
        Ok(OperatorPart { id: saved.id.into(), schema: saved.schema, keep_from_tick, part })
    }

    fn stage(&self, tick: u64, table: &str, rows: &RecordBatch) -> Result<Part, StageError> {
        let content = lake::encode(rows)?;
        self.put(tick, &table.replace('/', "."), content, rows.num_rows() as u64)
    }

    fn put(&self, tick: u64, id: &str, content: bytes::Bytes, rows: u64) -> Result<Part, StageError> {
        let object = format!("state/{tick}/{}-{id}-{:016x}", self.generation, crate::nonce());
        let (bytes, crc32) = (content.len() as u64, crc32fast::hash(&content));
        self.store.put(&object, content)?;
        CrashPoint::PartUploaded.pass();
        Ok(Part { object, tick, rows, bytes, crc32 })
    }
}

/// Adds up what was said of each record within the cut: a verdict taken back leaves nothing.
fn consolidated(verdicts: Vec<(Verdict, RecordRef, i64)>) -> Vec<(Verdict, RecordRef, i64)> {
    let mut sums: HashMap<(Verdict, RecordRef), i64> = HashMap::new();
    for (verdict, record, diff) in verdicts {
        *sums.entry((verdict, record)).or_default() += diff;
    }
    sums.into_iter().filter(|(_, sum)| *sum != 0).map(|((verdict, record), sum)| (verdict, record, sum)).collect()
}

fn tables_of_cut(
    binding: &Binding,
    verdicts: &[(Verdict, RecordRef, i64)],
    rows: &[Arc<dyn Deltas>],
    cut_row: Option<RecordBatch>,
) -> Vec<(String, RecordBatch)> {
    let mut tables: Vec<(String, RecordBatch)> = cut_row.into_iter().map(|row| ("raw/_cuts".into(), row)).collect();
    let mut dropped = DroppedRows::default();
    for (verdict, record, _count) in verdicts {
        let word = match verdict {
            Verdict::Duplicate => "duplicate",
            Verdict::TooLate => "too_late",
            Verdict::Late => continue,
        };
        let key: &PartitionKey = &binding.partitions[usize::from(record.partition())].key;
        dropped.append(key, record.offset(), word, binding.tick);
    }
    tables.extend(dropped.finish().map(|rows| ("dropped".into(), rows)));
    let mut views: BTreeMap<&str, ViewRows> = BTreeMap::new();
    for deltas in rows {
        let view = views.entry(deltas.spec().name).or_insert_with(|| ViewRows::new(deltas.spec()));
        for row in (0..deltas.len()).filter(|&row| deltas.change(row) != Change::Retire) {
            view.append(&**deltas, row, binding.tick, binding.view_watermark_ms());
        }
    }
    tables.extend(views.into_iter().filter_map(|(name, mut view)| Some((format!("views/{name}"), view.finish()?))));
    tables
}
