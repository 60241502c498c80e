//! The live view of a run: what a person sees of a city while it is read.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Instant;

use greenwave_model::iso;
use greenwave_model::views::Severity;
use greenwave_runtime::Snapshot;
use greenwave_sinks::speed::{Kept, Replica};
use serde_json::Value;

const ROADS_SHOWN: u32 = 5;
const INCIDENTS_SHOWN: usize = 3;
const ROUTES_SHOWN: usize = 3;
const ALERTS_SHOWN: usize = 3;
const BAR: usize = 20;
/// Looks that a rate is taken over.
const LOOKS: usize = 10;

/// Records a second taken into ticks, over the last looks.
#[derive(Default)]
pub struct Rate {
    looks: VecDeque<(u64, Instant)>,
}

impl Rate {
    pub fn of(&mut self, now: &Snapshot) -> f64 {
        let at = Instant::now();
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now.read, at));
        let (before, since) = self.looks[0];
        let seconds = (at - since).as_secs_f64();
        if seconds > 0.0 { now.read.saturating_sub(before) as f64 / seconds } else { 0.0 }
    }
}

/// What a terminal shows.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// Lines of the whole view, rewritten every second.
pub fn screen(now: &Snapshot, rate: f64, replica: Option<&Replica>, size: Size) -> Vec<String> {
    let mut lines = vec![clock(now)];
    if let Some(replica) = replica {
        lines.extend(city(now, replica));
        lines.extend(slowest(now, replica));
        lines.extend(titled("worst roads: share of free flow lost, mean speed of five minutes", worst_roads(replica)));
        lines.extend(titled("slowest routes", routes(replica)));
        lines.extend(titled("worst incidents", incidents(replica)));
        lines.extend(titled("open alerts: since, severity, rule, value of threshold, subject", alerts(replica)));
    }
    fit(lines, progress(now, rate), size)
}

/// A line that wraps, or that has left the screen, would not be overwritten.
fn fit(mut lines: Vec<String>, progress: Vec<String>, size: Size) -> Vec<String> {
    let room = size.rows.saturating_sub(progress.len() + 2);
    if lines.len() > room {
        lines.retain(|line| !line.is_empty());
        lines.truncate(room);
    }
    let all = lines.into_iter().chain([String::new()]).chain(progress);
    all.map(|line| line.chars().take(size.columns.saturating_sub(1)).collect()).collect()
}

/// The same in one line, for a log.
pub fn line(now: &Snapshot, rate: f64) -> String {
    format!("{}; {}", clock(now), progress(now, rate).join("; "))
}

fn titled(title: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    [String::new(), format!("  {title}")].into_iter().chain(lines).collect()
}

/// What time it is in the views, and how old that is.
fn clock(now: &Snapshot) -> String {
    let Some(visible) = now.visible_at else { return String::from("nothing to see yet") };
    format!("city at {}, shown {:.1} s ago", iso::zulu(now.now_ms), visible.elapsed().as_secs_f64())
}

fn progress(now: &Snapshot, rate: f64) -> Vec<String> {
    let counters = now.counters;
    let checkpoint = now.checkpoint.map_or("none yet".into(), |at| format!("{:.0} s ago", at.elapsed().as_secs_f64()));
    let complete = now.watermark_ms.map_or("no window complete yet".into(), |watermark_ms| {
        format!("windows complete up to {:.0} s before", (now.now_ms - watermark_ms) as f64 / 1e3)
    });
    let mut lines = vec![
        format!("{} records read ({rate:.0}/s), {complete}", now.read),
        format!(
            "checkpoint {checkpoint}: {} durable, rejected {}, duplicates {}, too late {}",
            counters.records, counters.rejected, counters.duplicates, counters.too_late
        ),
    ];
    if now.idle > 0 {
        lines.push(format!("{} of {} partitions idle", now.idle, now.partitions));
    }
    lines.extend(now.speed_down.as_ref().map(|why| format!("speed layer down: {why}")));
    lines
}

fn row(kept: &Kept) -> Value {
    let mut json = vec![];
    kept.own_json(&mut json);
    serde_json::from_slice(&json).unwrap_or_default()
}

fn rows(replica: &Replica, view: &str) -> Vec<Value> {
    replica.list(view).iter().map(|(_, kept)| row(kept)).collect()
}

fn text(row: &Value, column: &str) -> String {
    row[column].as_str().unwrap_or("?").to_owned()
}

/// Vehicles and incidents are counted at cuts: before the first there is nothing to say of them.
fn city(now: &Snapshot, replica: &Replica) -> Option<String> {
    let row = row(&replica.get("city_summary", "summary")?);
    let whole = |column: &str| row[column].as_i64().unwrap_or(0);
    let (speed, congested, roads) =
        (row["average_city_speed"].as_f64()?, whole("congested_roads"), whole("roads_reporting"));
    let roads = format!("{speed:.1} km/h on average, {congested} of {roads} roads congested");
    let (vehicles, incidents) = (whole("total_vehicles"), whole("active_emergencies"));
    if now.cuts == 0 && vehicles == 0 {
        return Some(format!("{roads}; vehicles are counted at the first checkpoint"));
    }
    Some(format!("{vehicles} vehicles, {roads}, {incidents} incidents"))
}

/// The worst road, how slow it is, and how old its newest report is by the city's clock.
fn slowest(now: &Snapshot, replica: &Replica) -> Vec<String> {
    let told = || {
        let worst = row(&replica.get("hotspots", "1")?);
        let (speed, free) = (worst["average_speed"].as_f64()?, worst["free_flow_speed"].as_f64()?);
        let road = text(&worst, "road_id");
        let current = row(&replica.get("road_current", &road)?);
        let age_ms = now.now_ms - iso::parse(current["timestamp"].as_str()?)?;
        let age = age_ms.max(0) / 1_000;
        Some(format!("worst road: {road}, {speed:.1} km/h instead of {free:.1}, last report {age} s ago there"))
    };
    told().into_iter().flat_map(|line| [String::new(), line]).collect()
}

fn worst_roads(replica: &Replica) -> Vec<String> {
    (1..=ROADS_SHOWN).filter_map(|rank| worst_road(replica, rank)).collect()
}

fn worst_road(replica: &Replica, rank: u32) -> Option<String> {
    let row = row(&replica.get("hotspots", &rank.to_string())?);
    let number = |column: &str| row[column].as_f64();
    let (lost, speed, free) = (number("congestion")?, number("average_speed")?, number("free_flow_speed")?);
    let bar = "#".repeat((lost.clamp(0.0, 1.0) * BAR as f64).round() as usize);
    let road = row["road_id"].as_str()?;
    Some(format!("  {rank:>2} {bar:-<BAR$} {:>3.0} %  {speed:>5.1} of {free:>5.1} km/h  {road}", lost * 100.0))
}

/// Those that take the most times their free-flow time.
fn routes(replica: &Replica) -> Vec<String> {
    let mut rows = rows(replica, "routes");
    let index = |row: &Value| row["travel_time_index"].as_f64().unwrap_or(0.0);
    rows.sort_by(|a, b| index(b).total_cmp(&index(a)).then_with(|| text(a, "route_id").cmp(&text(b, "route_id"))));
    let told = |row: &Value| {
        let minutes = |column: &str| row[column].as_f64().map(|seconds| seconds / 60.0);
        let (takes, free) = (minutes("travel_time_s")?, minutes("free_flow_s")?);
        let (route, worst) = (text(row, "route_id"), text(row, "worst_road"));
        Some(format!("     {route:<16} {takes:>5.1} min instead of {free:>5.1}, worst at {worst}"))
    };
    rows.iter().filter_map(told).take(ROUTES_SHOWN).collect()
}

/// The worst of those that are not resolved.
fn incidents(replica: &Replica) -> Vec<String> {
    let told = |row: &Value| {
        let [severity, kind, road, status] = ["severity", "incident_type", "road_id", "status"].map(|c| text(row, c));
        format!("   ! {severity} {} on {road}, {status}", kind.to_lowercase())
    };
    worst(rows(replica, "incidents"), "incident_id").iter().take(INCIDENTS_SHOWN).map(told).collect()
}

/// Those that are not over.
fn alerts(replica: &Replica) -> Vec<String> {
    let open: Vec<Value> = rows(replica, "alerts").into_iter().filter(|row| row["state"] == "open").collect();
    let told = |row: &Value| {
        let [severity, rule, subject, opened] = ["severity", "rule", "subject", "opened_at"].map(|c| text(row, c));
        let [value, threshold] = ["value", "threshold"].map(|c| row[c].as_f64().unwrap_or(0.0));
        let since = opened.get(11..19).unwrap_or("?");
        format!("   ! {since} {severity} {rule}: {value:.0} of {threshold:.0}, {subject}")
    };
    worst(open, "subject").iter().take(ALERTS_SHOWN).map(told).collect()
}

/// By severity, then by name.
fn worst(mut rows: Vec<Value>, name: &str) -> Vec<Value> {
    let rank = |row: &Value| Severity::ALL.iter().position(|severity| row["severity"] == severity.as_str());
    rows.sort_by_key(|row| (Reverse(rank(row)), text(row, name)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_terminal_shows_the_worst_and_the_progress() {
        let lines: Vec<String> =
            (0..30).map(|n| if n % 3 == 0 { String::new() } else { format!("line {n:<90}") }).collect();
        let progress = vec![String::from("records read"), String::from("checkpoint")];
        let shown = fit(lines.clone(), progress.clone(), Size { columns: 80, rows: 12 });
        assert_eq!(shown.len(), 11, "one row is left for what comes after");
        assert!(shown[0].starts_with("line 1") && shown.iter().all(|line| line.len() < 80));
        assert_eq!(shown[9..], progress);
        assert_eq!(fit(lines, progress, Size { columns: 120, rows: 40 }).len(), 33);
    }
}
