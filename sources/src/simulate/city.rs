//! What arrives of the city's reports, in order of arrival: some late, some twice, some broken.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::SimulateError;
use super::incidents::Incident;
use super::payload::{self, Spelling};
use super::random::{Random, share_of};
use super::record::{Fault, Kind, Record};
use super::report::{Feed, Report};
use super::roads::Roads;
use super::settings::Settings;
use super::world::{GAP_BEFORE_MS, World};

const OUT_OF_ORDER_MS: (i64, i64) = (1, 2_000);
const LATE_MS: (i64, i64) = (2_000, 60_000);
const TOO_LATE_MS: (i64, i64) = (20 * 60_000, 40 * 60_000);
const COPY_AFTER_MS: (i64, i64) = (1, 10_000);
/// The gateway uploads a minute after the start, and then every two hours.
const UPLOAD_EVERY_MS: i64 = 2 * 3_600_000;
const FIRST_UPLOAD_MS: i64 = 60_000;

/// All records in order of arrival.
#[derive(Debug)]
pub struct City {
    settings: Settings,
    world: World,
    random: Random,
    /// The next report that has not been sent on its way.
    upcoming: Report,
    held: BinaryHeap<Reverse<Held>>,
    /// By topic and partition.
    next_offset: [Vec<i64>; 5],
    key: Vec<u8>,
    payload: Vec<u8>,
}

/// A report on its way. Ordered by arrival, then as the reports were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    arrival_ms: i64,
    report: Report,
    kind: Kind,
}

impl City {
    pub fn new(settings: Settings) -> Result<Self, SimulateError> {
        settings.check()?;
        let mut world = World::new(&settings);
        Ok(Self {
            upcoming: world.next(),
            world,
            random: Random::new(settings.seed, !settings.start_ms as u64),
            held: BinaryHeap::new(),
            next_offset: settings.partitions.map(|count| vec![0; usize::from(count)]),
            key: Vec::with_capacity(64),
            payload: Vec::with_capacity(1_024),
            settings,
        })
    }

    /// Counts on from what the partitions of a topic hold already, in the order of [`super::Feed::ALL`].
    pub fn count_from(&mut self, ends: [Vec<i64>; 5]) {
        self.next_offset = ends;
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn roads(&self) -> Arc<Roads> {
        Arc::clone(self.world.roads())
    }

    pub(super) fn incidents(&self) -> &[Incident] {
        self.world.incidents()
    }

    /// The next record; `None` when the run's time is over.
    #[expect(clippy::should_implement_trait, reason = "the record is lent, which an iterator cannot do")]
    pub fn next(&mut self) -> Option<Record<'_>> {
        let held = self.arrive()?;
        let (partition, offset) = self.write(held);
        self.send_again(held, offset);
        Some(self.lend(held, partition, offset))
    }

    /// The next record of one topic; those of others pass unwritten. A city is asked for all records or for those of one
    /// topic.
    pub(super) fn next_of(&mut self, feed: Feed) -> Option<Record<'_>> {
        loop {
            let held = self.arrive()?;
            if held.report.feed() == feed {
                let (partition, offset) = self.write(held);
                self.send_again(held, offset);
                return Some(self.lend(held, partition, offset));
            }
            // Nobody counts its offsets.
            self.send_again(held, -1);
        }
    }

    /// The next report to arrive.
    #[inline]
    fn arrive(&mut self) -> Option<Held> {
        let held = loop {
            let happens_ms = self.upcoming.event_ms;
            if let Some(Reverse(held)) = self.held.peek()
                && held.arrival_ms <= happens_ms
            {
                let held = *held;
                self.held.pop();
                break held;
            }
            let report = std::mem::replace(&mut self.upcoming, self.world.next());
            let Some(sent) = self.send(report) else { continue };
            if sent.arrival_ms <= happens_ms {
                break sent;
            }
            self.held.push(Reverse(sent));
        };
        let end_ms = self.settings.run_for_ms.map(|length| self.settings.start_ms + length);
        end_ms.is_none_or(|end_ms| held.arrival_ms < end_ms).then_some(held)
    }

    /// What becomes of a report on its way; `None` if it is over before the start.
    #[inline]
    fn send(&mut self, mut report: Report) -> Option<Held> {
        let start_ms = self.settings.start_ms;
        let at_ms = report.event_ms;
        let gateway = self.settings.gateway_vehicles;
        if report.vehicle().is_some_and(|vehicle| vehicle < gateway) {
            let arrival_ms = self.upload_after(at_ms);
            return (arrival_ms >= start_ms).then_some(Held { arrival_ms, report, kind: Kind::Backlog });
        }
        let has_wrong_clock = self.settings.clock_ahead_ms != 0 && report.vehicle() == Some(gateway);
        if at_ms < start_ms {
            return if has_wrong_clock { None } else { self.send_before_the_start(report) };
        }
        if has_wrong_clock {
            report.event_ms += self.settings.clock_ahead_ms;
            return Some(Held { arrival_ms: at_ms, report, kind: Kind::Ahead });
        }
        let (kind, delay_ms) = self.fate();
        Some(Held { arrival_ms: at_ms + delay_ms, report, kind })
    }

    /// When the gateway sends what it got until then.
    fn upload_after(&self, at_ms: i64) -> i64 {
        let first_ms = self.settings.start_ms + FIRST_UPLOAD_MS;
        first_ms + (at_ms - first_ms + UPLOAD_EVERY_MS - 1).div_euclid(UPLOAD_EVERY_MS) * UPLOAD_EVERY_MS
    }

    /// Of those days only what is far too late still comes in. Vehicles report rarely then, so more of it is held up.
    fn send_before_the_start(&mut self, report: Report) -> Option<Held> {
        let share = self.settings.disorder.too_late * GAP_BEFORE_MS as f64 / self.settings.gap_ms();
        let arrival_ms = report.event_ms + self.random.between(TOO_LATE_MS.0, TOO_LATE_MS.1);
        let comes = self.random.unit() < share && arrival_ms >= self.settings.start_ms;
        comes.then_some(Held { arrival_ms, report, kind: Kind::TooLate })
    }

    #[inline]
    fn fate(&mut self) -> (Kind, i64) {
        let disorder = &self.settings.disorder;
        let mut lot = self.random.unit();
        let mut falls_on = |share: f64| {
            lot -= share;
            lot < 0.0
        };
        let (kind, (from, to)) = match () {
            () if falls_on(disorder.broken) => {
                let fault = Fault::ALL[self.random.between(0, Fault::ALL.len() as i64) as usize];
                return (Kind::Broken(fault), 0);
            }
            () if falls_on(disorder.too_late) => (Kind::TooLate, TOO_LATE_MS),
            () if falls_on(disorder.late) => (Kind::Late, LATE_MS),
            () if falls_on(disorder.out_of_order) => (Kind::Fine, OUT_OF_ORDER_MS),
            () => return (Kind::Fine, 0),
        };
        (kind, self.random.between(from, to))
    }

    /// Writes it out; its partition and offset.
    #[inline]
    fn write(&mut self, held: Held) -> (u16, i64) {
        let Held { report, kind, .. } = held;
        let fault = if let Kind::Broken(fault) = kind { Some(fault) } else { None };
        let is_variant = share_of(self.settings.seed, report.number) < self.settings.disorder.variants;
        let spelling = if is_variant { Spelling::Variant } else { Spelling::Usual };
        payload::write(&report, spelling, fault, self.world.roads(), &mut self.key, &mut self.payload);
        let offsets = &mut self.next_offset[report.feed() as usize];
        let partition = (xxh3_64(&self.key) % offsets.len() as u64) as usize;
        let offset = offsets[partition];
        offsets[partition] += 1;
        (partition as u16, offset)
    }

    /// Some are sent a second time.
    #[inline]
    fn send_again(&mut self, held: Held, offset: i64) {
        let Held { arrival_ms, report, kind } = held;
        if matches!(kind, Kind::Fine | Kind::Late) && self.random.unit() < self.settings.disorder.copies {
            let again_ms = arrival_ms + self.random.between(COPY_AFTER_MS.0, COPY_AFTER_MS.1);
            self.held.push(Reverse(Held { arrival_ms: again_ms, report, kind: Kind::Copy { of: offset } }));
        }
    }

    fn lend(&self, held: Held, partition: u16, offset: i64) -> Record<'_> {
        let Held { arrival_ms, report, kind } = held;
        let (feed, key, payload) = (report.feed(), &self.key[..], &self.payload[..]);
        Record { feed, partition, offset, arrival_ms, key, payload, kind, report }
    }
}
