//! The live view of a run: what a person sees of a city while it is read.

use std::time::Instant;

use greenwave_model::iso;
use greenwave_runtime::Snapshot;
use greenwave_sinks::speed::{Kept, Replica};
use serde_json::Value;

const ROADS_SHOWN: u32 = 5;
const INCIDENTS_SHOWN: usize = 3;
const BAR: usize = 20;
/// The worst first.
const SEVERITIES: [&str; 4] = ["critical", "high", "medium", "low"];

/// Records a second, between the last two checkpoints that counted any.
#[derive(Default)]
pub struct Rate {
    counted: Option<(u64, Instant)>,
    per_second: f64,
}

impl Rate {
    pub fn of(&mut self, now: &Snapshot) -> f64 {
        let (records, at) = (now.counters.records, Instant::now());
        match self.counted {
            Some((before, _)) if before == records => {}
            Some((before, since)) => {
                self.per_second = (records - before) as f64 / (at - since).as_secs_f64();
                self.counted = Some((records, at));
            }
            None => self.counted = Some((records, at)),
        }
        self.per_second
    }
}

/// Lines of the whole view, rewritten every second.
pub fn screen(now: &Snapshot, rate: f64, replica: Option<&Replica>) -> Vec<String> {
    let mut lines = vec![clock(now), progress(now, rate)];
    let Some(replica) = replica else { return lines };
    lines.extend(city(replica));
    let worst: Vec<String> = (1..=ROADS_SHOWN).filter_map(|rank| worst_road(replica, rank)).collect();
    if !worst.is_empty() {
        lines.push(String::from("  worst roads, speed now of free flow"));
        lines.extend(worst);
    }
    lines.extend(incidents(replica));
    lines
}

/// The same in one line, for a log.
pub fn line(now: &Snapshot, rate: f64) -> String {
    format!("{}; {}", clock(now), progress(now, rate))
}

/// What time it is in the views, and how old that is.
fn clock(now: &Snapshot) -> String {
    let Some(visible) = now.visible_at else { return String::from("nothing to see yet") };
    let mut text = format!("city at {}, shown {:.1} s ago", iso::zulu(now.now_ms), visible.elapsed().as_secs_f64());
    match now.watermark_ms {
        Some(watermark_ms) => {
            let behind = (now.now_ms - watermark_ms) as f64 / 1e3;
            text.push_str(&format!(", complete up to {} ({behind:.0} s before)", iso::zulu(watermark_ms)));
        }
        None => text.push_str(", no window is complete yet"),
    }
    text
}

fn progress(now: &Snapshot, rate: f64) -> String {
    let checkpoint = now.checkpoint.map_or("none yet".into(), |at| format!("{:.0} s ago", at.elapsed().as_secs_f64()));
    let counters = now.counters;
    let mut text = format!(
        "{} records durable ({rate:.0}/s), checkpoint {checkpoint}, rejected {}, duplicates {}, too late {}",
        counters.records, counters.rejected, counters.duplicates, counters.too_late,
    );
    if now.idle > 0 {
        text.push_str(&format!(", {} of {} partitions idle", now.idle, now.partitions));
    }
    if let Some(why) = &now.speed_down {
        text.push_str(&format!(", speed layer down: {why}"));
    }
    text
}

fn row(kept: &Kept) -> Value {
    let mut json = vec![];
    kept.own_json(&mut json);
    serde_json::from_slice(&json).unwrap_or_default()
}

fn city(replica: &Replica) -> Option<String> {
    let row = row(&replica.get("city_summary", "summary")?);
    let whole = |column: &str| row[column].as_i64().unwrap_or(0);
    Some(format!(
        "  {} vehicles, {:.1} km/h on average, {} of {} roads congested, {} incidents",
        whole("total_vehicles"),
        row["average_city_speed"].as_f64()?,
        whole("congested_roads"),
        whole("roads_reporting"),
        whole("active_emergencies"),
    ))
}

fn worst_road(replica: &Replica, rank: u32) -> Option<String> {
    let row = row(&replica.get("hotspots", &rank.to_string())?);
    let number = |column: &str| row[column].as_f64();
    let (lost, speed, free) = (number("congestion")?, number("average_speed")?, number("free_flow_speed")?);
    let bar = "#".repeat((lost.clamp(0.0, 1.0) * BAR as f64).round() as usize);
    let road = row["road_id"].as_str()?;
    Some(format!("  {rank:>2} {bar:-<BAR$} {:>3.0} % slower  {speed:>5.1} of {free:>5.1} km/h  {road}", lost * 100.0))
}

/// The worst of those that are not resolved.
fn incidents(replica: &Replica) -> Vec<String> {
    let mut rows: Vec<Value> = replica.list("incidents").iter().map(|(_, kept)| row(kept)).collect();
    let text = |row: &Value, column: &str| row[column].as_str().unwrap_or("?").to_owned();
    let rank = |row: &Value| SEVERITIES.iter().position(|severity| row["severity"] == *severity);
    rows.sort_by_key(|row| (rank(row), text(row, "incident_id")));
    let told = |row: &Value| {
        let [severity, kind, road, status] = ["severity", "incident_type", "road_id", "status"].map(|c| text(row, c));
        format!("   ! {severity} {} on {road}, {status}", kind.to_lowercase())
    };
    rows.iter().take(INCIDENTS_SHOWN).map(told).collect()
}
