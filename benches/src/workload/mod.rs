//! The congestion-replay workload: 20,000 vehicles report their position and speed every 5 to 30 s from 10,000 road
//! segments, some of which are far more popular than others. 1 % of the reports arrive up to a minute late, 0.5 %
//! arrive a second time. On request some are broken, some hopelessly late, some name no segment.
//!
//! The same settings give the same records, for ever: files, a topic and a benchmark in memory see one workload.

mod arguments;
mod faults;
mod line;
mod random;
mod report;
mod segments;
mod wheel;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub use arguments::WorkloadArguments;
pub use faults::Fault;
pub use random::Random;
pub use report::{Kind, Record, Report};
pub use segments::Segments;

use report::VEHICLE_TYPES;
use wheel::Wheel;

/// 2026-03-02T08:00:00Z, where the workload begins unless told otherwise.
pub const START_MS: i64 = 1_772_438_400_000;
/// Milliseconds between two reports of a vehicle, from and to.
pub const GAP_MS: (u32, u32) = (5_000, 30_000);
const LATE_MS_MAX: u32 = 60_000;
const COPY_AFTER_MS_MAX: u32 = 10_000;
const TOO_LATE_MS: (u32, u32) = (20 * 60_000, 40 * 60_000);
/// Reports a vehicle sends from one segment, at most.
const STAY_MAX: u32 = 8;

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub seed: u64,
    pub start_ms: i64,
    pub vehicles: u32,
    pub segments: u32,
    pub gap_ms: (u32, u32),
    /// Every report takes up to so long to arrive.
    pub jitter_ms: u32,
    /// Shares of the reports.
    pub late: f64,
    pub copies: f64,
    pub broken: f64,
    pub too_late: f64,
    pub no_road: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 42,
            start_ms: START_MS,
            vehicles: 20_000,
            segments: 10_000,
            gap_ms: GAP_MS,
            jitter_ms: 0,
            late: 0.01,
            copies: 0.005,
            broken: 0.0,
            too_late: 0.0,
            no_road: 0.0,
        }
    }
}

impl Settings {
    /// The same vehicles, reporting so often that about `rate` records arrive in a second; fewer vehicles for a rate
    /// below the workload's own.
    pub fn at_rate(self, rate: f64) -> Self {
        let usual_ms = f64::from(GAP_MS.0 + GAP_MS.1) / 2.0;
        let per_report = 1.0 + self.copies;
        let vehicles = f64::from(self.vehicles).min((rate / per_report * usual_ms / 1_000.0).ceil()).max(1.0);
        let scale = (vehicles * per_report * 1_000.0 / rate / usual_ms).min(1.0);
        let scaled = |ms: u32| ((f64::from(ms) * scale).round() as u32).max(1);
        Self { vehicles: vehicles as u32, gap_ms: (scaled(GAP_MS.0), scaled(GAP_MS.1)), ..self }
    }
}

struct Vehicle {
    segment: u32,
    /// Reports it still sends from there.
    left: u32,
    vehicle_type: u8,
    heading_e1: u32,
}

/// All records in the order of their arrival, without end.
pub struct Workload {
    settings: Settings,
    random: Random,
    segments: Segments,
    vehicles: Vec<Vehicle>,
    due: Wheel,
    /// Records on their way.
    held: BinaryHeap<Reverse<Record>>,
    /// The next record that was not held up.
    prompt: Option<Record>,
    made: u64,
}

impl Workload {
    pub fn new(settings: Settings) -> Self {
        let mut random = Random::new(settings.seed);
        let segments = Segments::new(settings.segments, &mut random);
        let mut due = Wheel::new(settings.start_ms, settings.vehicles);
        let mut vehicles = Vec::with_capacity(settings.vehicles as usize);
        for number in 0..settings.vehicles {
            vehicles.push(Vehicle {
                segment: segments.pick(&mut random),
                left: 1 + random.below(STAY_MAX),
                vehicle_type: vehicle_type(&mut random),
                heading_e1: random.below(3_600),
            });
            due.add(number, settings.start_ms + i64::from(random.below(settings.gap_ms.1)));
        }
        let (held, prompt, made) = (BinaryHeap::new(), None, 0);
        Self { settings, random, segments, vehicles, due, held, prompt, made }
    }

    pub fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The next vehicle's report, as it is when it happens.
    fn report(&mut self) -> Report {
        let (number, at_ms) = self.due.next();
        let (from, to) = self.settings.gap_ms;
        self.due.add(number, at_ms + i64::from(from + self.random.below(to - from + 1)));
        let vehicle = &mut self.vehicles[number as usize];
        if vehicle.left == 0 {
            vehicle.segment = self.segments.pick(&mut self.random);
            vehicle.left = 1 + self.random.below(STAY_MAX);
            vehicle.heading_e1 = self.random.below(3_600);
        }
        vehicle.left -= 1;
        let segment = self.segments.get(vehicle.segment);
        let share = segment.flow(at_ms) * (1.0 + 0.2 * self.random.bell());
        let speed_e1 = (f64::from(segment.free_flow_e2) / 10.0 * share).round().clamp(1.0, 1_300.0);
        let mut near = |degrees_e5: i32| degrees_e5 - 200 + self.random.below(400) as i32;
        let (latitude_e5, longitude_e5) = (near(segment.latitude_e5), near(segment.longitude_e5));
        Report {
            id: [self.random.bits(), self.random.bits()],
            vehicle: number,
            event_ms: at_ms,
            speed_e1: speed_e1 as u32,
            latitude_e5,
            longitude_e5,
            heading_e1: (vehicle.heading_e1 + self.random.below(20)) % 3_600,
            vehicle_type: vehicle.vehicle_type,
            segment: Some(vehicle.segment).filter(|_| !self.random.chance(self.settings.no_road)),
        }
    }

    /// Makes the next report's records. The last one made is prompt, or all are held.
    fn make(&mut self) -> Option<Record> {
        let mut report = self.report();
        let at_ms = report.event_ms;
        let mut kind = self.kind();
        let mut arrival_ms = at_ms;
        match kind {
            Kind::Late => arrival_ms += 1 + i64::from(self.random.below(LATE_MS_MAX)),
            Kind::TooLate => {
                let (from, to) = TOO_LATE_MS;
                report.event_ms -= i64::from(from + self.random.below(to - from));
            }
            _ if self.settings.jitter_ms > 0 => arrival_ms += i64::from(self.random.below(self.settings.jitter_ms)),
            _ => {}
        }
        let sound = matches!(kind, Kind::OnTime | Kind::Late);
        if sound && self.random.chance(self.settings.copies) {
            let again = arrival_ms + 1 + i64::from(self.random.below(COPY_AFTER_MS_MAX));
            let latest = at_ms + i64::from(LATE_MS_MAX.max(self.settings.jitter_ms));
            let copy = self.record(again.min(latest), Kind::Copy, report.clone());
            self.held.push(Reverse(copy));
        }
        if arrival_ms == at_ms && kind == Kind::Late {
            kind = Kind::OnTime;
        }
        let record = self.record(arrival_ms, kind, report);
        if arrival_ms == at_ms {
            return Some(record);
        }
        self.held.push(Reverse(record));
        None
    }

    fn record(&mut self, arrival_ms: i64, kind: Kind, report: Report) -> Record {
        self.made += 1;
        Record { arrival_ms, number: self.made, kind, report }
    }

    fn kind(&mut self) -> Kind {
        let Settings { broken, too_late, late, .. } = self.settings;
        let at = self.random.unit();
        if at < broken {
            return Kind::Broken(Fault::ALL[self.random.below(Fault::ALL.len() as u32) as usize]);
        }
        match at - broken {
            at if at < too_late => Kind::TooLate,
            at if at < too_late + late => Kind::Late,
            _ => Kind::OnTime,
        }
    }
}

fn vehicle_type(random: &mut Random) -> u8 {
    let at = random.unit();
    let mut sum = 0.0;
    let passed = VEHICLE_TYPES.iter().take_while(|(_, share)| {
        sum += share;
        sum <= at
    });
    passed.count().min(VEHICLE_TYPES.len() - 1) as u8
}

impl Iterator for Workload {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.prompt.is_none() {
            self.prompt = self.make();
            // Nothing still to be made can arrive before the vehicle that is due next.
            let next_ms = self.due.next_ms();
            if self.prompt.is_none() && self.held.peek().is_some_and(|held| held.0.arrival_ms < next_ms) {
                break;
            }
        }
        let prompt_ms = self.prompt.as_ref().map_or(i64::MAX, |record| record.arrival_ms);
        if self.held.peek().is_some_and(|held| held.0.arrival_ms <= prompt_ms) {
            return self.held.pop().map(|held| held.0);
        }
        self.prompt.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(records: &[Record], wanted: impl Fn(&Record) -> bool) -> f64 {
        records.iter().filter(|record| wanted(record)).count() as f64 / records.len() as f64
    }

    #[test]
    fn shares_and_order_are_as_promised() {
        let settings = Settings { broken: 0.02, too_late: 0.01, no_road: 0.1, ..Settings::default() };
        let records: Vec<Record> = Workload::new(settings).take(500_000).collect();
        assert!(records.is_sorted_by_key(|record| record.arrival_ms));
        for (kind, expected) in [("late", 0.01), ("copy", 0.005), ("broken", 0.02), ("too_late", 0.01)] {
            let found = share(&records, |record| record.kind.name() == kind);
            assert!((found / expected - 1.0).abs() < 0.15, "{kind}: {found}");
        }
        let without_road = share(&records, |record| record.report.segment.is_none());
        assert!((without_road / 0.1 - 1.0).abs() < 0.05, "{without_road}");
        let seconds = (records[499_999].arrival_ms - records[0].arrival_ms) as f64 / 1_000.0;
        assert!((500_000.0 / seconds / 1_149.0 - 1.0).abs() < 0.1, "{seconds}");
    }

    #[test]
    fn a_copy_follows_its_report_and_says_the_same() {
        let mut firsts = std::collections::HashMap::new();
        let mut copies = 0;
        for record in Workload::new(Settings { jitter_ms: 2_000, ..Settings::default() }).take(100_000) {
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            assert!(record.arrival_ms <= record.report.event_ms + 60_000);
            match firsts.insert(record.id(), bytes.clone()) {
                Some(first) => assert_eq!((record.kind, first), (Kind::Copy, bytes)),
                None => assert!(matches!(record.kind, Kind::OnTime | Kind::Late | Kind::Copy)),
            }
            copies += usize::from(record.kind == Kind::Copy);
        }
        assert!(copies > 300);
    }

    #[test]
    fn a_rate_is_met_by_reporting_more_often_or_by_fewer_vehicles() {
        for (rate, records) in [(10_000.0, 300_000), (100.0, 9_000)] {
            let settings = Settings { jitter_ms: 2_000, ..Settings::default() }.at_rate(rate);
            let arrivals: Vec<i64> = Workload::new(settings).take(records).map(|record| record.arrival_ms).collect();
            let seconds = (arrivals[records - 1] - arrivals[records / 3]) as f64 / 1_000.0;
            let found = (records - records / 3) as f64 / seconds;
            assert!((found / rate - 1.0).abs() < 0.05, "{found} instead of {rate}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_records() {
        let first = |seed| Workload::new(Settings { seed, ..Settings::default() }).nth(50_000);
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
