//! Signals and panics: the two ways a process is told to end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use greenwave_runtime::Fate;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// First signal: a last cut (of a folder: the last one its bytes make), commit, exit 3. A second one ends at once;
/// nothing durable is harmed by that.
pub fn drain_on_signal(fate: Arc<Fate>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        for _signal in signals.forever() {
            if fate.is_stopping() {
                end_now();
            }
            complain!("greenwave: stopping: what is counted becomes durable first; once more to end at once");
            fate.stop();
        }
    });
    Ok(())
}

/// For work that is whole at every moment: the first signal sets the flag, a second one ends at once.
pub fn flag_on_signal() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, stop.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

/// A panic on one worker would leave the others waiting for ever: the process ends, and the next start restores.
pub fn end_on_panic() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tell(panic);
        complain!("greenwave: this is a defect, please report it; the next start goes on from the last checkpoint");
        end_now();
    }));
}

#[expect(clippy::disallowed_methods, reason = "nothing that is dropped is needed: what counts is durable already")]
fn end_now() -> ! {
    std::process::exit(1)
}
