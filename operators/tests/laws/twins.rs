//! Slow twins: loops over everything that ever came, sharing nothing with the operators but the nouns.

use std::collections::{BTreeMap, BTreeSet};

use greenwave_model::views::{
    CameraTotals, HOTSPOTS, Hotspot, RoadCurrent, RoadTotals, RoadTraffic, VehicleLocation, WindowKey,
};
use greenwave_model::{Cell, Cells, Change, Deltas, GpsReading, Name, Position, RecordRef, ViewRow};

use super::{Random, Shown, random::Clocks};

/// What a cut binds, and what the cut before it bound.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub now_ms: i64,
    pub watermark_ms: i64,
    pub cut_now_ms: Option<i64>,
    pub cut_watermark_ms: Option<i64>,
}

impl Times {
    pub fn of<R>(history: &[super::Cut<R>], number: usize) -> Self {
        let (cut, before) = (&history[number], number.checked_sub(1).map(|number| &history[number]));
        Self {
            now_ms: cut.now_ms,
            watermark_ms: cut.watermark_ms,
            cut_now_ms: before.map(|cut| cut.now_ms),
            cut_watermark_ms: before.map(|cut| cut.watermark_ms),
        }
    }

    fn passed(&self, ms: i64) -> bool {
        self.cut_watermark_ms.is_some_and(|watermark_ms| watermark_ms >= ms)
    }

    pub fn expired(&self, ms: i64) -> bool {
        self.cut_now_ms.is_some_and(|now_ms| now_ms >= ms)
    }
}

fn minute(ms: i64) -> i64 {
    ms - ms.rem_euclid(60_000)
}

/// Copies against all copies of earlier cuts that are young enough.
#[derive(Default)]
pub struct DedupTwin {
    pub horizon_ms: i64,
    pub cuts: Vec<(i64, BTreeSet<u128>)>,
}

impl DedupTwin {
    pub fn cut(&mut self, rows: &[GpsReading], times: Times) -> (Vec<GpsReading>, Vec<RecordRef>) {
        let (mut accepted, mut duplicates) = (Vec::new(), Vec::new());
        for row in rows {
            let known = self.cuts.iter().any(|(_, seen)| seen.contains(&row.fingerprint));
            let smaller = rows.iter().any(|at| at.fingerprint == row.fingerprint && at.record < row.record);
            if row.fingerprint != 0 && (known || smaller) {
                duplicates.push(row.record);
            } else {
                accepted.push(row.clone());
            }
        }
        self.cuts.push((times.now_ms, rows.iter().map(|row| row.fingerprint).filter(|print| *print != 0).collect()));
        let horizon_ms = self.horizon_ms;
        self.cuts.retain(|(now_ms, _)| !times.expired(now_ms + horizon_ms));
        (accepted, duplicates)
    }
}

/// `too_late`, `late` or nothing.
pub fn lateness(event_ms: i64, horizon_ms: i64, times: Times) -> Option<&'static str> {
    if times.passed(minute(event_ms) + 60_000 + horizon_ms) {
        Some("too_late")
    } else {
        times.passed(event_ms + 1).then_some("late")
    }
}

#[derive(Default)]
pub struct LatestTwin(BTreeMap<Name, (RecordRef, VehicleLocation)>);

impl LatestTwin {
    pub fn cut(
        &mut self,
        rows: impl Iterator<Item = (Name, RecordRef, VehicleLocation)>,
        times: Times,
    ) -> BTreeMap<Name, VehicleLocation> {
        for (key, record, mut value) in rows {
            value.arrival_ms = value.arrival_ms.min(times.now_ms);
            let standing = self.0.get(&key);
            if standing
                .is_none_or(|(r, v)| (value.event_ms, std::cmp::Reverse(record)) > (v.event_ms, std::cmp::Reverse(*r)))
            {
                self.0.insert(key, (record, value));
            }
        }
        self.0.retain(|_, (_, value)| !times.expired(value.arrival_ms + 300_000));
        self.0.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect()
    }
}

/// A report that counts: of copies, the one with the smallest record.
#[derive(Clone, Debug)]
pub struct Counted {
    pub road: Name,
    pub device: Name,
    pub record: RecordRef,
    pub event_ms: i64,
    pub arrival_ms: i64,
    pub speed_kmh: f64,
    pub position: Position,
    pub by_camera: bool,
}

pub struct PanesTwin {
    pub horizon_ms: i64,
    pub skew_ms: i64,
    pub count_devices: bool,
    pub free_flow: BTreeMap<Name, f64>,
    pub reports: Vec<Counted>,
}

pub type Windows = BTreeMap<(Name, u32, i64), RoadTraffic>;

impl PanesTwin {
    fn said<'a>(&'a self, road: &'a Name, from: i64, to: i64) -> impl Iterator<Item = &'a Counted> {
        self.reports.iter().filter(move |at| at.road == *road && from <= at.event_ms && at.event_ms < to)
    }

    fn of_road<'a>(&'a self, road: &'a Name, from: i64, to: i64) -> impl Iterator<Item = &'a Counted> {
        self.said(road, from, to).filter(|at| !at.by_camera)
    }

    fn of_cameras(&self, road: &Name, from: i64, to: i64) -> CameraTotals {
        let speeds: Vec<f64> =
            self.said(road, from, to).filter(|at| at.by_camera).map(|at| at.speed_kmh * 1e6).collect();
        let speed_sum_e6 = speeds.iter().map(|speed| speed.round_ties_even() as i64).sum();
        CameraTotals { reports: speeds.len() as u32, speed_sum_e6 }
    }

    fn value(&self, road: &Name, from: i64, to: i64) -> Option<RoadTraffic> {
        let mut totals: Option<RoadTotals> = None;
        for at in self.of_road(road, from, to) {
            let sum = (at.speed_kmh * 1e6).round_ties_even() as i64;
            totals = Some(match totals {
                None => RoadTotals {
                    reports: 1,
                    speed_sum_e6: sum,
                    speed_min_kmh: at.speed_kmh,
                    speed_max_kmh: at.speed_kmh,
                },
                Some(so_far) => RoadTotals {
                    reports: so_far.reports + 1,
                    speed_sum_e6: so_far.speed_sum_e6 + sum,
                    speed_min_kmh: so_far.speed_min_kmh.min(at.speed_kmh),
                    speed_max_kmh: so_far.speed_max_kmh.max(at.speed_kmh),
                },
            });
        }
        let devices: BTreeSet<_> = self.of_road(road, from, to).map(|at| &at.device).collect();
        let vehicles = self.count_devices.then_some(devices.len() as u32);
        let (cameras, free_flow_kmh) = (self.of_cameras(road, from, to), self.free_flow.get(road).copied());
        Some(RoadTraffic { totals: totals?, cameras, vehicles, free_flow_kmh })
    }

    fn current(&self, road: &Name, times: Times) -> Option<RoadCurrent> {
        let minutes: BTreeSet<i64> = self.of_road(road, i64::MIN, i64::MAX).map(|at| minute(at.event_ms)).collect();
        let eligible =
            |from: &i64| self.of_road(road, *from, from + 60_000).any(|at| at.event_ms <= times.now_ms + self.skew_ms);
        let last = minutes.into_iter().rev().find(eligible)?;
        let newest =
            self.of_road(road, last, last + 60_000).max_by_key(|at| (at.event_ms, std::cmp::Reverse(at.record)))?;
        if times.passed(last + 300_000 + self.horizon_ms) || times.expired(newest.arrival_ms + 600_000) {
            return None;
        }
        let window = self.value(road, last - 240_000, last + 60_000)?;
        Some(RoadCurrent {
            window_s: 300,
            window_start_ms: last - 240_000,
            totals: window.totals,
            cameras: window.cameras,
            vehicles: window.vehicles,
            free_flow_kmh: window.free_flow_kmh,
            newest_event_ms: newest.event_ms,
            arrival_ms: newest.arrival_ms,
            position: newest.position,
            weather_factor: None,
        })
    }

    pub fn cut(&mut self, rows: impl Iterator<Item = Counted>, times: Times) -> (Windows, BTreeMap<Name, RoadCurrent>) {
        for mut row in rows.filter(|row| !times.passed(minute(row.event_ms) + 60_000 + self.horizon_ms)) {
            row.arrival_ms = row.arrival_ms.min(times.now_ms);
            self.reports.push(row);
        }
        let (mut windows, mut currents) = (Windows::new(), BTreeMap::new());
        for at in self.reports.iter().filter(|at| !at.by_camera) {
            let own = (60, minute(at.event_ms));
            for (window_s, start) in (0..5).map(|back| (300, own.1 - back * 60_000)).chain([own]) {
                let key = (at.road.clone(), window_s, start);
                if windows.contains_key(&key) || times.passed(start + 300_000 + self.horizon_ms) {
                    continue;
                }
                let value = self.value(&at.road, start, start + i64::from(window_s) * 1_000);
                windows.insert(key, value.expect("it holds this report"));
            }
            if !currents.contains_key(&at.road)
                && let Some(current) = self.current(&at.road, times)
            {
                currents.insert(at.road.clone(), current);
            }
        }
        (windows, currents)
    }
}

pub fn hotspots(speeds: &BTreeMap<Name, f64>, free_flow: &BTreeMap<Name, f64>) -> BTreeMap<u32, Hotspot> {
    let known = speeds.iter().filter_map(|(road, speed)| Some((road, *speed, *free_flow.get(road)?)));
    let mut roads: Vec<Hotspot> = known
        .map(|(road, average_kmh, free_flow_kmh)| Hotspot { road: road.clone(), average_kmh, free_flow_kmh })
        .collect();
    roads.sort_by(|a, b| b.congestion().total_cmp(&a.congestion()).then_with(|| a.road.cmp(&b.road)));
    (1..=HOTSPOTS).zip(roads).collect()
}

/// A view's history: what each cut's content makes of the one before.
#[derive(Default)]
pub struct PublishTwin {
    standing: BTreeMap<String, Standing>,
}

#[derive(Clone)]
struct Standing {
    /// The whole value: what is not in its cells, an expiry, is part of it too.
    value: String,
    is_final: bool,
    revision: u32,
}

impl PublishTwin {
    /// The content of a view at a cut, in cells, with its finality; and the keys that were removed, not retired.
    pub fn cut<V: ViewRow>(
        &mut self,
        content: impl Iterator<Item = (V::Key, V)>,
        times: Times,
        removed: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let (mut lines, mut next) = (Vec::new(), BTreeMap::new());
        for (key, value) in content {
            let is_final = V::final_at_ms(&key).is_some_and(|end_ms| end_ms <= times.watermark_ms);
            let cells = cells_text(|out| V::cells(&key, Some(&value), out));
            let (key, value) = (key_text::<V>(&key), format!("{value:?}"));
            let before = self.standing.get(&key);
            let same = before.is_some_and(|was| was.value == value && was.is_final == is_final);
            let revision = before.map_or(0, |was| was.revision) + u32::from(!same);
            if !same {
                lines.push(format!("row {key}: {cells} final {is_final} revision {revision}"));
            }
            lines.push(format!("{key} = {cells} final {is_final} revision {revision}"));
            next.insert(key, Standing { value, is_final, revision });
        }
        let gone = self.standing.iter().filter(|(key, _)| !next.contains_key(*key) && removed(key));
        lines.extend(gone.map(|(key, was)| format!("row {key}: removed revision {}", was.revision + 1)));
        self.standing = next;
        lines.sort();
        lines
    }
}

fn key_text<V: ViewRow>(key: &V::Key) -> String {
    let mut text = format!("{}/", V::SPEC.name);
    V::key_text(key, &mut text);
    text
}

struct CellsText(String);

impl Cells for CellsText {
    fn cell(&mut self, cell: Cell<'_>) {
        self.0 += &format!("{cell:?} ");
    }
}

fn cells_text(cells: impl FnOnce(&mut dyn Cells)) -> String {
    let mut text = CellsText(String::new());
    cells(&mut text);
    text.0
}

/// Deltas as what stands, rows as lines.
pub fn shown(batch: &dyn Deltas, rows: bool) -> Vec<Shown> {
    let row_of = |row: usize| {
        let mut key = format!("{}/", batch.spec().name);
        batch.key_text(row, &mut key);
        let value = cells_text(|out| batch.cells(row, out));
        let stamp = format!("final {} revision {}", batch.is_final(row), batch.revision(row));
        match batch.change(row) {
            Change::Set(()) if rows => Shown::Row(format!("row {key}: {value} {stamp}")),
            Change::Set(()) => Shown::Put(key, Some(format!("{value} {stamp}"))),
            Change::Remove if rows => Shown::Row(format!("row {key}: removed revision {}", batch.revision(row))),
            Change::Retire if rows => Shown::Row(format!("row {key}: retired, which is no row")),
            Change::Remove | Change::Retire => Shown::Put(key, None),
        }
    };
    (0..batch.len()).map(row_of).collect()
}

/// A reading somewhere on one of a few roads.
pub fn reading(random: &mut Random, clocks: &Clocks, offset: i64, horizon_ms: i64, skew_ms: i64) -> GpsReading {
    let road = random.pick(&["A40", "A40", "B227", "L441", "K18", "", "a road with a name of more than 23 bytes"]);
    GpsReading {
        record: RecordRef::new(random.below(3) as u16, offset),
        fingerprint: if random.one_in(8) { 0 } else { u128::from(random.next()) << 64 | u128::from(random.next()) },
        device: format!("vehicle_{}", random.below(9)).into(),
        road: road.into(),
        event_ms: clocks.event_ms(random, horizon_ms, skew_ms),
        arrival_ms: clocks.arrival_ms(random),
        speed_kmh: random.speed_kmh(),
        latitude: 51.4 + random.below(3) as f64 / 100.0,
        longitude: 6.8 + random.below(3) as f64 / 100.0,
        direction_deg: if random.one_in(3) { f64::NAN } else { random.below(360) as f64 },
    }
}

pub fn window_key((road, window_s, window_start_ms): (Name, u32, i64)) -> WindowKey {
    WindowKey { road, window_s, window_start_ms }
}

/// Readings of which every third is a copy of one of the same cut or of an earlier one.
pub fn copies(random: &mut Random, cuts: usize, rows: u64, horizon_ms: i64) -> super::History<GpsReading> {
    let mut clocks = Clocks::new(random);
    let mut sent: Vec<GpsReading> = Vec::new();
    let cut = |number| {
        clocks.step(random, number == 0);
        let count = if random.one_in(6) { 0 } else { random.below(rows) };
        let rows = (0..count).map(|_| {
            let offset = random.below(1 << 40) as i64;
            let mut row = reading(random, &clocks, offset, horizon_ms, 10_000);
            if random.one_in(3) && !sent.is_empty() {
                let recent = sent.len() - 1 - random.below(sent.len().min(20) as u64) as usize;
                let (record, arrival_ms) = (row.record, row.arrival_ms);
                row = GpsReading { record, arrival_ms, ..sent[recent].clone() };
            }
            sent.push(row.clone());
            row
        });
        super::Cut { rows: rows.collect(), watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
    };
    (0..cuts).map(cut).collect()
}
