//! What surrounds a reader thread: whatever ends it, its worker is told.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crate::link::Stopped;
use crate::{FromSource, Link, SourceError};

/// Why a reader ends before its input does.
#[derive(Debug)]
pub(crate) enum End {
    Stopped,
    Failed(SourceError),
}

impl From<Stopped> for End {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<SourceError> for End {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Runs a reader on a thread of its own. An error or a panic becomes [`FromSource::Failed`].
pub(crate) fn spawn(
    name: &str,
    link: Link,
    body: impl FnOnce(&Link) -> Result<(), End> + Send + 'static,
) -> JoinHandle<()> {
    let run = move || {
        let failure = match catch_unwind(AssertUnwindSafe(|| body(&link))) {
            Ok(Ok(()) | Err(End::Stopped)) => return,
            Ok(Err(End::Failed(error))) => error,
            Err(payload) => SourceError::Panicked { what: text_of(&*payload) },
        };
        let _ = link.send(FromSource::Failed(failure));
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(run).expect("a thread can be started at start-up")
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, atomic::AtomicBool};

    use super::*;
    use crate::Budget;

    #[test]
    fn a_panic_reaches_the_worker() {
        let (sender, heard) = crossbeam_channel::bounded(1);
        let budget = Arc::new(Budget::new(1));
        let link = Link { sender, wake: Arc::new(|| {}), budget, stop: Arc::new(AtomicBool::new(false)) };
        spawn("reader", link, |_| panic!("no such day")).join().unwrap();
        let FromSource::Failed(error) = heard.recv().unwrap() else { panic!("no failure was sent") };
        assert!(error.to_string().contains("no such day"), "{error}");
    }
}
