//! Why a run ends early, and its exit code.

use greenwave_sinks::kafka::LetterError;
use greenwave_sinks::lake::LakeError;
use greenwave_sinks::speed::SpeedError;
use greenwave_sources::{Answer, Fault, SourceError};

use crate::generation::GenerationError;
use crate::manifest::ManifestError;
use crate::savepoint::SavepointError;
use crate::stager::StageError;
use crate::status::HttpError;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Savepoint(#[from] SavepointError),
    #[error(transparent)]
    Generation(#[from] GenerationError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Speed(#[from] SpeedError),
    #[error(transparent)]
    Letters(#[from] LetterError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(
        "cannot go on: redis knows generation {by} of this job, and this process is older; only one process may run a job"
    )]
    Fenced { by: u64 },
    #[error(
        "cannot resume job {job} from its checkpoint: {changes}; put it back, or start under another --name with its own state and lake"
    )]
    PlanChanged { job: String, changes: String },
    #[error(
        "cannot restore from {object} in the state store {place}: {why}; restore it from a backup, or start under another --name"
    )]
    Damaged { object: String, place: String, why: String },
    #[error(
        "cannot resume job {job}: table {table} of the lake has its rows up to tick {lake}, and {state}; put the state back that belongs to this lake, or choose another lake or --name"
    )]
    LakeAhead { job: String, table: String, lake: u64, state: String },
    #[error(
        "cannot resume job {job}: table {table} of the lake lacks rows that were committed ({lake}, and the checkpoint knows tick {known}); put the lake back, or start under another --name with its own state and lake"
    )]
    LakeBehind { job: String, table: String, lake: String, known: u64 },
    #[error(
        "cannot write to a lake: job {job} has run without one, and the lake would lack those rows; go on with lake=none, or start under another --name"
    )]
    LakeHole { job: String },
    #[error(
        "cannot resume job {job}: its checkpoint is of another simulated city; give `input` the settings it began with, or start under another --name with its own state and lake"
    )]
    OtherCity { job: String },
    #[error("cannot run the dataflow: {0}; this is a defect of greenwave, please report it")]
    Engine(String),
}

impl RunError {
    /// 2: the person at the keyboard can mend it; 75: another process has the job; 1: anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Fenced { .. } | Self::Manifest(ManifestError::Fenced { .. }) => 75,
            Self::Speed(SpeedError::Fenced { .. }) => 75,
            Self::Generation(GenerationError::Lost { .. } | GenerationError::Superseded { .. }) => 75,
            Self::Generation(GenerationError::Alive { .. }) | Self::PlanChanged { .. } | Self::OtherCity { .. } => 2,
            Self::LakeAhead { .. } | Self::LakeBehind { .. } | Self::LakeHole { .. } => 2,
            Self::Store(StoreError::Open { .. } | StoreError::Refused { .. } | StoreError::NotConditional { .. }) => 2,
            Self::Http(_) => 2,
            Self::Savepoint(error) if error.is_of_use() => 2,
            Self::Source(error) if error.answer() == Answer::Stop(Fault::Settings) => 2,
            Self::Letters(error) if error.is_of_settings() => 2,
            Self::Lake(LakeError::OtherHistory { .. }) => 2,
            Self::Lake(LakeError::Foreign { .. } | LakeError::Address { .. } | LakeError::Schema { .. }) => 2,
            Self::Speed(SpeedError::OtherHistory { .. }) => 2,
            Self::Speed(SpeedError::Foreign { .. } | SpeedError::Evicting { .. } | SpeedError::Settings { .. }) => 2,
            _ => 1,
        }
    }
}
