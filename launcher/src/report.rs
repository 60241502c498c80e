//! What a person sees while a job runs, and the summary at its end.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use greenwave_model::iso;
use greenwave_runtime::{Progress, Snapshot, Summary};
use greenwave_sinks::speed::Replica;

/// Lines of a run whose output is no terminal.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// Worst roads shown beside the progress.
const ROADS_SHOWN: u32 = 5;

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
        let every = if terminal { Duration::from_secs(1) } else { PLAIN_EVERY };
        let mut before = (Instant::now(), progress.snapshot());
        let mut shown = 0;
        while stop.recv_timeout(every) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            let now = (Instant::now(), progress.snapshot());
            let mut lines = vec![line(&before.1, &now.1, now.0 - before.0)];
            lines.extend(replica.get().map(|replica| worst_roads(replica)).unwrap_or_default());
            let up = if terminal && shown > 0 { format!("\x1b[{shown}A\x1b[J") } else { String::new() };
            let _ = writeln!(std::io::stderr(), "{up}{}", lines.join("\n"));
            shown = lines.len();
            before = now;
        }
    })
}

/// The first ranks of the hotspots, with a bar as long as the share of speed that is lost.
fn worst_roads(replica: &Replica) -> Vec<String> {
    (1..=ROADS_SHOWN).filter_map(|rank| worst_road(replica, rank)).collect()
}

fn worst_road(replica: &Replica, rank: u32) -> Option<String> {
    let mut json = vec![];
    replica.get("hotspots", &rank.to_string())?.own_json(&mut json);
    let row: serde_json::Value = serde_json::from_slice(&json).ok()?;
    let number = |column: &str| row[column].as_f64();
    let (lost, speed, free) = (number("congestion")?, number("average_speed")?, number("free_flow_speed")?);
    let bar = "#".repeat((lost.clamp(0.0, 1.0) * 20.0).round() as usize);
    let road = row["road_id"].as_str()?;
    Some(format!("  {rank}  {bar:<20}  {:>3.0} % slower  road {road}: {speed:.1} of {free:.1} km/h", lost * 100.0))
}

fn line(before: &Snapshot, now: &Snapshot, apart: Duration) -> String {
    let rate = (now.counters.records - before.counters.records) as f64 / apart.as_secs_f64();
    let watermark = now.watermark_ms.map_or("none yet".into(), iso::zulu);
    let checkpoint = now.checkpoint.map_or("none yet".into(), |at| format!("{:.0} s ago", at.elapsed().as_secs_f64()));
    let mut line = format!(
        "{} records durable ({rate:.0}/s), tick {}, watermark {watermark}, checkpoint {checkpoint}, rejected {}, duplicates {}, too late {}",
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
    match summary.ticks {
        0 => say!("{name}: nothing new; {} records in all", summary.records),
        _ => say!("{name}: {} records in all, {:.1} s", summary.records, summary.seconds),
    }
    say!(
        "  accepted {}, duplicates {}, rejected {}, too late {} (late but counted {})",
        summary.accepted,
        summary.duplicates,
        summary.rejected,
        summary.too_late,
        summary.late
    );
    let views: Vec<String> = summary.views.iter().map(|(view, keys)| format!("{view} {keys}")).collect();
    say!("  live keys: {}", views.join(", "));
    say!("  ticks {}, cuts {}, peak memory {} MB", summary.ticks, summary.cuts, summary.peak_rss_bytes >> 20);
}
