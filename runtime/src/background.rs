//! Threads whose work may wait: encoding, compressing and committing yield the cores to what is being shown.

use std::thread::JoinHandle;

/// On the scale of `nice`: about a tenth of a core's share beside a busy thread, all of it beside an idle one.
const NICENESS: i32 = 10;

/// Lowers the calling thread's share. Where the system refuses, it works at the usual one.
pub fn yield_cores() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        yield_cores();
        work();
    });
    thread.expect("the system has room for a thread")
}
