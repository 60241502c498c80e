//! Where state and lake stand: a folder of this machine, or a path in an S3 bucket.

mod refusal;
mod s3;

pub use refusal::Refusal;
pub use s3::{Encryption, S3Address, S3Settings};

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, Result, path::Path};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    Folder(PathBuf),
    S3(S3Address),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::S3(address) => address.fmt(f),
        }
    }
}

/// Creates an object if there is none; true if what stands there then is `content`. "Exists" and errors may both hide a
/// create of our own, so what can be read back decides; where nothing can, the answer is told.
pub async fn create(store: &dyn ObjectStore, path: &Path, content: Bytes) -> Result<bool> {
    let Err(refused) = store.put_opts(path, content.clone().into(), PutMode::Create.into()).await else {
        return Ok(true);
    };
    let Ok(found) = store.get(path).await else { return Err(refused) };
    Ok(found.bytes().await? == content)
}
