//! What a person sees while a job runs, and the summary at its end.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenwave_model::iso;
use greenwave_runtime::{Progress, Snapshot, Summary};

/// Lines of a run whose output is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Logs go to standard error; `GREENWAVE_LOG=debug` says more.
pub fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("GREENWAVE_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new("warn,greenwave_runtime=info,greenwave_sinks=info,greenwave_sources=info")
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let _ = log.with_ansi(std::io::stderr().is_terminal()).try_init();
}

/// Prints progress until told to stop: one line rewritten on a terminal, a line every ten seconds elsewhere.
pub fn watch(progress: Arc<Progress>, stop: crossbeam_channel::Receiver<()>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let terminal = std::io::stderr().is_terminal();
        let every = if terminal { Duration::from_secs(1) } else { PLAIN_EVERY };
        let mut before = (Instant::now(), progress.snapshot());
        while stop.recv_timeout(every) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            let now = (Instant::now(), progress.snapshot());
            let line = line(&before.1, &now.1, now.0 - before.0);
            let _ = if terminal {
                write!(std::io::stderr(), "\r\x1b[K{line}")
            } else {
                writeln!(std::io::stderr(), "{line}")
            };
            before = now;
        }
        if terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    })
}

fn line(before: &Snapshot, now: &Snapshot, apart: Duration) -> String {
    let rate = (now.counters.records - before.counters.records) as f64 / apart.as_secs_f64();
    let watermark = now.watermark_ms.map_or("none yet".into(), iso::zulu);
    let checkpoint = now.checkpoint.map_or("none yet".into(), |at| format!("{:.0} s ago", at.elapsed().as_secs_f64()));
    let mut line = format!(
        "{} records ({rate:.0}/s), tick {}, watermark {watermark}, checkpoint {checkpoint}, rejected {}, duplicates {}, too late {}",
        now.counters.records, now.ticks, now.counters.rejected, now.counters.duplicates, now.counters.too_late,
    );
    if now.idle > 0 {
        line.push_str(&format!(", {} of {} partitions idle", now.idle, now.partitions));
    }
    if let Some(why) = &now.speed_down {
        line.push_str(&format!(", speed layer down: {why}"));
    }
    line
}

/// The summary for people.
pub fn tell(name: &str, summary: &Summary) {
    let rate = summary.records as f64 / summary.seconds.max(0.001);
    println!("{name}: {} records in {:.1} s ({rate:.0}/s)", summary.records, summary.seconds);
    println!(
        "  accepted {}, duplicates {}, rejected {}, too late {} (late but counted {})",
        summary.accepted, summary.duplicates, summary.rejected, summary.too_late, summary.late
    );
    let views: Vec<String> = summary.views.iter().map(|(view, keys)| format!("{view} {keys}")).collect();
    println!("  live keys: {}", views.join(", "));
    println!("  {} ticks, {} cuts, peak memory {} MB", summary.ticks, summary.cuts, summary.peak_rss_bytes >> 20);
}
