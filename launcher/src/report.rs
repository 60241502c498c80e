//! What a person sees while a job runs, and the summary at its end.

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use greenwave_runtime::{Progress, Summary};
use greenwave_sinks::speed::Replica;

use crate::live;

/// The first look, and every one on a terminal.
const EVERY: Duration = Duration::from_secs(1);
/// Lines of a run whose output is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Logs go to standard error; `GREENWAVE_LOG=debug` says more.
pub fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GREENWAVE_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new("warn,greenwave_runtime=info,greenwave_sinks=info,greenwave_sources=info")
    });
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .log_internal_errors(false);
    let _ = log.with_ansi(std::io::stderr().is_terminal()).try_init();
}

/// Shows progress until told to stop: on a terminal a few lines rewritten every second, elsewhere one line at a time.
pub fn watch(
    progress: Arc<Progress>,
    replica: Arc<OnceLock<Arc<Replica>>>,
    stop: crossbeam_channel::Receiver<()>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let terminal = std::io::stderr().is_terminal();
        let (mut rate, mut shown, mut wait) = (live::Rate::default(), 0, EVERY);
        while stop.recv_timeout(wait) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            wait = if terminal { EVERY } else { PLAIN_EVERY };
            let now = progress.snapshot();
            let rate = rate.of(&now);
            if terminal {
                let lines = live::screen(&now, rate, replica.get().map(|replica| &**replica), size());
                let up = if shown > 0 { format!("\x1b[{shown}A\x1b[J") } else { String::new() };
                complain!("{up}{}", lines.join("\n"));
                shown = lines.len();
            } else {
                complain!("{}", live::line(&now, rate));
            }
        }
    })
}

fn size() -> live::Size {
    let (columns, rows) = terminal_size::terminal_size_of(std::io::stderr())
        .map_or((80, 24), |(columns, rows)| (columns.0.into(), rows.0.into()));
    live::Size { columns, rows }
}

/// The summary for people.
pub fn tell(name: &str, summary: &Summary) {
    match summary.ticks {
        0 => say!("{name}: nothing new; {} records in all", summary.counters.records),
        _ => say!("{name}: {} records in all, {:.1} s", summary.counters.records, summary.seconds),
    }
    say!(
        "  accepted {}, duplicates {}, rejected {}, too late {} (late but counted {})",
        summary.accepted,
        summary.counters.duplicates,
        summary.counters.rejected,
        summary.counters.too_late,
        summary.counters.late
    );
    let views: Vec<String> = summary.views.iter().map(|(view, keys)| format!("{view} {keys}")).collect();
    say!("  live keys: {}", views.join(", "));
    say!("  ticks {}, cuts {}, peak memory {} MB", summary.ticks, summary.counters.cuts, summary.peak_rss_bytes >> 20);
}
