//! A Delta table's log: the only file that knows the Delta library.
//!
//! The library makes one conditional put a commit and neither rebases nor retries. It would take a transaction
//! version that goes back; that check is in `lake`, on the snapshot that the commit is built on.

use std::{collections::HashMap, error::Error, sync::Arc};

use arrow_array::{RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType as ArrowType, Field, Schema};
use delta_kernel::{
    Engine, FileMeta, KernelError, KernelResult, Snapshot,
    checkpoint::CheckpointSpec,
    committer::FileSystemCommitter,
    engine::{arrow_conversion::TryFromArrow, arrow_data::ArrowEngineData},
    expressions::{ColumnName, Scalar},
    schema::{StructField, StructType},
    snapshot::SnapshotRef,
    transaction::{
        CommitResult, CommittedTransaction, Transaction, UpdateTableOperation, create_table::create_table,
        data_layout::DataLayout,
    },
};
use delta_kernel_default_engine::{
    DefaultEngineBuilder, build_add_file_metadata, executor::tokio::TokioMultiThreadExecutor,
    parquet::DataFileMetadata, stats::FileStatsAccumulator,
};
use greenwave_model::CrashPoint;
use url::Url;

use super::{LakeError, place::Place, tables::DATE, tables::Table};

const ENGINE: &str = concat!("greenwave/", env!("CARGO_PKG_VERSION"));
/// The field of a commit's `commitInfo` by which an attempt knows its own.
const ATTEMPT: &str = "greenwaveAttempt";
/// A reader opens a table by its last checkpoint and the commits after it.
const COMMITS_PER_CHECKPOINT: u64 = 50;

#[derive(Clone)]
pub(super) struct Kernel(Arc<dyn Engine>);

impl Kernel {
    pub fn new(place: &Place) -> Self {
        let executor = Arc::new(TokioMultiThreadExecutor::new(place.runtime.clone()));
        Self(Arc::new(DefaultEngineBuilder::new(place.store.clone()).with_task_executor(executor).build()))
    }
}

/// A Parquet file that stands but is in no commit yet.
pub(super) struct DataFile {
    pub path: String,
    pub url: Url,
    /// Its `date`, in days since 1970.
    pub days: i32,
    pub bytes: u64,
    pub rows: u64,
    pub written_ms: i64,
    pub stats: FileStats,
}

/// Minimum, maximum and null count of the columns by which a file can be passed over: its order, times and numbers.
pub(super) struct FileStats(StructArray);

impl FileStats {
    pub fn of(table: &Table, rows: &[RecordBatch]) -> Result<Self, LakeError> {
        let collect = || -> KernelResult<Option<StructArray>> {
            let schema = StructType::try_from_arrow(table.schema.as_ref())?;
            let ordered = |field: &Field| !matches!(field.data_type(), ArrowType::Utf8 | ArrowType::Binary);
            let useful = |field: &&Arc<Field>| ordered(field) || table.sort.contains(&field.name().as_str());
            let columns = table.schema.fields().iter().filter(useful);
            let columns: Vec<_> = columns.map(|field| ColumnName::new([field.name()])).collect();
            let mut stats = FileStatsAccumulator::new(&columns, &schema);
            rows.iter().try_for_each(|batch| stats.merge(batch))?;
            stats.finish()
        };
        let stats = collect().map_err(|cause| failed("sum up the rows of", &table.name, &cause))?;
        Ok(Self(stats.expect("a file has rows")))
    }
}

pub(super) enum Outcome {
    Committed {
        version: u64,
    },
    /// Not known to be committed, with an error unless the version was taken.
    Unsure {
        version: u64,
        error: Option<LakeError>,
    },
}

/// A table as of one snapshot.
pub(super) struct Log {
    kernel: Kernel,
    shown: String,
    app: String,
    snapshot: SnapshotRef,
    txn: Option<u64>,
}

impl Log {
    /// `None` if there is no such table.
    pub fn load(kernel: &Kernel, place: &Place, table: &str, app: String) -> Result<Option<Self>, LakeError> {
        if !place.has_any(&format!("{table}/_delta_log"))? {
            return Ok(None);
        }
        let shown = place.shown(table);
        let load = || {
            let snapshot = Snapshot::builder_for(folder(place, table)).build(kernel.0.as_ref())?;
            let txn = txn(&snapshot, &app, kernel)?;
            Ok((snapshot, txn))
        };
        let (snapshot, txn) = load().map_err(|cause| failed("read the table", &shown, &cause))?;
        Ok(Some(Self { kernel: kernel.clone(), shown, app, snapshot, txn }))
    }

    /// Makes the table, unless another writer is first.
    pub fn create(kernel: &Kernel, place: &Place, table: &Table, app: String) -> Result<Self, LakeError> {
        let create = || {
            let mut fields: Vec<_> = table.schema.fields().iter().map(|field| field.as_ref().clone()).collect();
            fields.push(Field::new(DATE, ArrowType::Date32, true));
            let schema = Arc::new(StructType::try_from_arrow(&Schema::new(fields))?);
            create_table(folder(place, &table.name), schema, ENGINE, false)
                .with_data_layout(DataLayout::partitioned([DATE]))
                .with_table_properties([("delta.appendOnly", "true"), ("delta.checkpointInterval", "50")])
                .build(kernel.0.as_ref(), Box::new(FileSystemCommitter::new()))?
                .commit(kernel.0.as_ref())
        };
        let created = create();
        if let Some(log) = Self::load(kernel, place, &table.name, app)? {
            return Ok(log);
        }
        let shown = place.shown(&table.name);
        Err(match created {
            Err(cause) => failed("create the table", shown, &cause),
            Ok(CommitResult::Retryable(retryable)) => failed("create the table", shown, &retryable.error),
            Ok(_) => failed("create the table", shown, &KernelError::generic("its log is gone")),
        })
    }

    /// Takes in what others have committed.
    pub fn reload(&mut self) -> Result<(), LakeError> {
        let load = || {
            let snapshot = Snapshot::builder_from(self.snapshot.clone()).build(self.kernel.0.as_ref())?;
            let txn = txn(&snapshot, &self.app, &self.kernel)?;
            Ok((snapshot, txn))
        };
        (self.snapshot, self.txn) = load().map_err(|cause| failed("read the table", &self.shown, &cause))?;
        Ok(())
    }

    /// The last tick whose rows the table has.
    pub fn txn(&self) -> Option<u64> {
        self.txn
    }

    /// Refuses a table whose columns are not those that stand here.
    pub fn check(&self, table: &Table) -> Result<(), LakeError> {
        self.new_columns(table).map(|_| ())
    }

    /// One put of one commit on exactly this snapshot.
    pub fn append(
        &mut self,
        table: &Table,
        tick: u64,
        attempt: &str,
        files: &[&DataFile],
    ) -> Result<Outcome, LakeError> {
        let version = self.snapshot.version() + 1;
        let new = self.new_columns(table)?;
        let transaction = self
            .transaction(new, tick, attempt, files)
            .map_err(|cause| failed("prepare a commit to", &self.shown, &cause))?;
        Ok(match transaction.commit(self.kernel.0.as_ref()) {
            Ok(CommitResult::Committed(committed)) => {
                CrashPoint::LakeCommitted.pass();
                self.advance(committed, tick)?;
                Outcome::Committed { version }
            }
            Ok(CommitResult::Conflicted(_)) => Outcome::Unsure { version, error: None },
            Ok(CommitResult::Retryable(retryable)) => {
                Outcome::Unsure { version, error: Some(failed("commit to", &self.shown, &retryable.error)) }
            }
            Err(cause) => Outcome::Unsure { version, error: Some(failed("commit to", &self.shown, &cause)) },
        })
    }

    /// Columns of ours that the table has not got yet.
    fn new_columns(&self, table: &Table) -> Result<Vec<StructField>, LakeError> {
        let there = self.snapshot.schema();
        let here = StructType::try_from_arrow(table.schema.as_ref())
            .map_err(|cause| failed("describe", &table.name, &KernelError::from(cause)))?;
        let mut new = Vec::new();
        for field in here.fields() {
            match there.field(field.name()) {
                None => new.push(field.clone()),
                Some(old) if old.data_type() == field.data_type() => {}
                Some(old) => {
                    return Err(LakeError::Schema {
                        table: table.name.clone(),
                        column: field.name().clone(),
                        there: old.data_type().to_string(),
                        here: field.data_type().to_string(),
                    });
                }
            }
        }
        Ok(new)
    }

    fn transaction(
        &self,
        new: Vec<StructField>,
        tick: u64,
        attempt: &str,
        files: &[&DataFile],
    ) -> KernelResult<Transaction> {
        let mut builder = self.snapshot.clone().update_table(UpdateTableOperation::StreamingUpdate, ENGINE, true);
        builder = if new.is_empty() {
            builder.with_blind_append()
        } else {
            new.into_iter().fold(builder, |builder, field| builder.add_column(field))
        };
        let info = Schema::new(vec![Field::new(ATTEMPT, ArrowType::Utf8, true)]);
        let info_schema = Arc::new(StructType::try_from_arrow(&info)?);
        let info = RecordBatch::try_new(Arc::new(info), vec![Arc::new(StringArray::from(vec![attempt]))])?;
        let mut transaction = builder
            .build(self.kernel.0.as_ref(), Box::new(FileSystemCommitter::new()))?
            .with_transaction_id(self.app.clone(), tick as i64)
            .with_commit_info(Box::new(ArrowEngineData::new(info)), info_schema);
        let state = transaction.write_state()?;
        for file in files {
            let date = HashMap::from([(DATE.to_owned(), Scalar::Date(file.days))]);
            let context = state.write_context_builder().with_partition_values(date).build()?;
            let meta = FileMeta::new(file.url.clone(), file.written_ms, file.bytes);
            let meta = DataFileMetadata::new(meta, file.stats.0.clone());
            transaction.add_files(build_add_file_metadata(meta, &context)?);
        }
        Ok(transaction)
    }

    /// Chains the snapshot on a commit of our own. A checkpoint that fails is tried again at the next commit.
    fn advance(&mut self, committed: CommittedTransaction, tick: u64) -> Result<(), LakeError> {
        let Some(snapshot) = committed.post_commit_snapshot() else { return self.reload() };
        self.snapshot = snapshot.clone();
        self.txn = Some(tick);
        if committed.post_commit_stats().commits_since_checkpoint >= COMMITS_PER_CHECKPOINT {
            CrashPoint::LogCheckpointNext.pass();
            match self.snapshot.checkpoint(self.kernel.0.as_ref(), Some(&CheckpointSpec::V1)) {
                Ok((_, snapshot)) => self.snapshot = snapshot,
                Err(error) => tracing::warn!(%error, table = self.shown, "no log checkpoint this time"),
            }
        }
        Ok(())
    }
}

/// True if the commit carries the attempt's name.
pub(super) fn is_commit_of(commit: &[u8], attempt: &str) -> bool {
    let lines = commit.split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice::<serde_json::Value>(line).ok()).any(|action| {
        action.get("commitInfo").and_then(|info| info.get(ATTEMPT)).and_then(|it| it.as_str()) == Some(attempt)
    })
}

fn txn(snapshot: &Snapshot, app: &str, kernel: &Kernel) -> KernelResult<Option<u64>> {
    let version = snapshot.get_app_id_version(app, kernel.0.as_ref())?;
    Ok(version.map(|version| version as u64))
}

fn folder(place: &Place, table: &str) -> String {
    place.url(table).to_string() + "/"
}

fn failed(action: &'static str, place: impl ToString, cause: &KernelError) -> LakeError {
    let mut cause = cause;
    while let KernelError::Backtraced { source, .. } = cause {
        cause = source;
    }
    let inner: &(dyn Error + 'static) = match cause {
        KernelError::ObjectStore(inner) => inner,
        KernelError::IOError(inner) => inner,
        other => other,
    };
    LakeError::failed(action, place, inner)
}
