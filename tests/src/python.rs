//! Python with the lake's readers: what judges the lake shares no code with what wrote it.

use std::path::PathBuf;

use crate::cache;

/// The interpreter that can import `duckdb`, `deltalake` and `pyarrow`, once `tests/servers/install` has been run.
pub fn python() -> Option<PathBuf> {
    let (python, mark) = cache::python_and_mark();
    (python.exists() && mark.exists()).then_some(python)
}
