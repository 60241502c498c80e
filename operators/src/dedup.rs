//! Dedup: one event counts once, however often its producer sent it.
//!
//! in    events of tick t, any order; a fingerprint of 0 is never a duplicate
//! out   first copies as they are found, and a copy with a smaller record than the first so far, marked with the record
//!       it displaces; beside them the verdict `Duplicate` for every other copy
//! state the fingerprints seen in each cut, in one bucket per cut; a bucket is dropped whole at the first cut by whose
//!       last cut it is older than the dedup horizon of arrival
//! late  no matter here: buckets follow arrival, not event time
//! moves by slice of the fingerprint, so one worker sees all copies; events without one stay evenly spread
//! fails never

use std::collections::{BTreeMap, VecDeque};

use std::marker::PhantomData;

use greenwave_model::{Clock, Event, RecordRef, VNODES};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::{Stream, channels::pact::Pipeline, operators::Operator};

use crate::fingerprints::{Bucket, Fingerprints, vnode};
use crate::graph::{Accepted, Verdict, VerdictRow};
use crate::state::{Saved, StateRow, States};
use crate::tick::{self, Closed, Durable, Rows, TickOperator};

/// The note of a fingerprint that an earlier bucket held when it was first seen in the open one.
const KNOWN_BEFORE: u32 = u32::MAX;
/// Readings looked up together.
const LOOKUPS: usize = 64;

struct ClosedBucket {
    bucket: Bucket,
    tick: u64,
    now_ms: i64,
    /// Fingerprints last seen in it.
    rows: usize,
}

/// Drops copies.
///
/// ```
/// use greenwave_model::{Clock, GpsReading, RecordRef};
/// use greenwave_operators::{dedup::Dedup, graph::Verdict, tick::{Rows, TickOperator}};
/// let clock = Clock { tick: 1, is_cut: true, publishes: true, restored: false, watermark_ms: 0, now_ms: 5_000,
///                     cut_watermark_ms: Clock::NEVER, cut_now_ms: Clock::NEVER };
/// let copy = |offset| GpsReading {
///     record: RecordRef::new(0, offset), fingerprint: 77, device: "bus".into(), road: "A40".into(), event_ms: 4_000,
///     arrival_ms: 5_000, speed_kmh: 30.0, latitude: 51.0, longitude: 7.0, direction_deg: f64::NAN };
///
/// let mut dedup = Dedup::new(60_000);
/// let (mut out, mut verdicts) = (Rows::default(), Rows::default());
/// dedup.fold(&clock, vec![copy(5), copy(9), copy(2)], &mut out, &mut verdicts);
/// let displaced: Vec<_> = out.take().iter().map(|accepted| accepted.displaces()).collect();
/// assert_eq!(displaced, [None, Some(RecordRef::new(0, 5))]);     // the smallest record is the first
/// let dropped: Vec<_> = verdicts.take().iter().map(|(_, record, _)| record.offset()).collect();
/// assert_eq!(dropped, [9, 5]);
/// ```
pub struct Dedup<E> {
    horizon_ms: i64,
    seen: Fingerprints,
    /// Oldest first.
    closed: VecDeque<ClosedBucket>,
    open: Bucket,
    /// The smallest record of each fingerprint that is new in the open bucket, by its note.
    firsts: Vec<RecordRef>,
    /// The fingerprints of the open bucket, and of the one closed last.
    opened: Vec<u128>,
    settled: Vec<u128>,
    events: PhantomData<E>,
}

impl<E: Event> Dedup<E> {
    pub fn new(horizon_ms: i64) -> Self {
        Self {
            horizon_ms,
            seen: Fingerprints::new(),
            closed: VecDeque::new(),
            open: 1,
            firsts: Vec::new(),
            opened: Vec::new(),
            settled: Vec::new(),
            events: PhantomData,
        }
    }

    fn oldest(&self) -> Bucket {
        self.closed.front().map_or(self.open, |closed| closed.bucket)
    }

    /// What passes of a copy, and the record that does not.
    #[inline]
    fn judge(&mut self, reading: E, oldest: Bucket) -> (Option<Accepted<E>>, Option<RecordRef>) {
        if reading.fingerprint() == 0 {
            return (Some(Accepted::first(reading)), None);
        }
        let record = reading.record();
        let (seen, was_there) = self.seen.enter(reading.fingerprint(), self.open, oldest);
        if !was_there {
            seen.note = self.firsts.len() as u32;
            self.firsts.push(record);
            self.opened.push(reading.fingerprint());
            return (Some(Accepted::first(reading)), None);
        }
        if seen.bucket != self.open {
            self.closed[(seen.bucket - oldest) as usize].rows -= 1;
            (seen.bucket, seen.note) = (self.open, KNOWN_BEFORE);
            self.opened.push(reading.fingerprint());
        }
        if seen.note == KNOWN_BEFORE {
            return (None, Some(record));
        }
        let first = &mut self.firsts[seen.note as usize];
        if record >= *first {
            return (None, Some(record));
        }
        let displaced = std::mem::replace(first, record);
        (Some(Accepted::instead_of(displaced, reading)), Some(displaced))
    }
}

impl<E: Event> TickOperator for Dedup<E> {
    type In = E;
    type Out = Accepted<E>;
    type Side = VerdictRow;
    const NAME: &'static str = "dedup";

    fn fold(&mut self, _: &Clock, rows: Vec<E>, out: &mut Rows<Accepted<E>>, side: &mut Rows<VerdictRow>) {
        let oldest = self.oldest();
        let prints: Vec<u128> = rows.iter().map(|reading| reading.fingerprint()).collect();
        let (mut at, mut warm) = (0, 0);
        let pass = |reading| {
            if at % LOOKUPS == 0 {
                let next = prints.len().min(at + LOOKUPS);
                warm = prints[at..next].iter().fold(warm, |warm, print| warm | self.seen.touch(*print));
            }
            at += 1;
            let (accepted, dropped) = self.judge(reading, oldest);
            if let Some(record) = dropped {
                side.give((Verdict::Duplicate, record, 1));
            }
            accepted
        };
        // The same size and place: what passes stays in its container.
        let passed = rows.into_iter().filter_map(pass).collect();
        std::hint::black_box(warm);
        out.give_container(passed);
    }

    fn close(&mut self, clock: &Clock, _: &mut Rows<Accepted<E>>, _: &mut Rows<VerdictRow>) -> Closed {
        if !clock.is_cut || clock.restored {
            return Closed::Whole;
        }
        self.settled = std::mem::take(&mut self.opened);
        let rows = self.settled.len();
        self.opened.reserve(rows);
        self.closed.push_back(ClosedBucket { bucket: self.open, tick: clock.tick, now_ms: clock.now_ms, rows });
        self.open += 1;
        self.firsts.clear();
        while self.closed.front().is_some_and(|oldest| oldest.now_ms + self.horizon_ms <= clock.cut_now_ms) {
            self.closed.pop_front();
        }
        Closed::Whole
    }
}

/// A bucket's rows: the key holds the cut's tick and clock, the value the slice's fingerprints, 16 bytes each.
impl<E: Event> Durable for Dedup<E> {
    const ID: &'static str = E::COPIES_ID;

    fn save(&mut self, clock: &Clock) -> Saved {
        let keep_from_tick = self.closed.front().map_or(clock.tick + 1, |oldest| oldest.tick);
        let Some(last) = self.closed.back() else {
            return Saved { rows: Vec::new(), keep_from_tick };
        };
        let mut slices = vec![Vec::new(); VNODES as usize];
        for fingerprint in self.settled.drain(..) {
            slices[usize::from(vnode(fingerprint))].extend_from_slice(&fingerprint.to_le_bytes());
        }
        let key = [last.tick.to_le_bytes(), last.now_ms.to_le_bytes()].concat();
        let filled = slices.into_iter().enumerate().filter(|(_, value)| !value.is_empty());
        let rows = filled.map(|(vnode, value)| StateRow { vnode: vnode as u8, key: key.clone(), value }).collect();
        Saved { rows, keep_from_tick }
    }

    fn load(&mut self, rows: Vec<StateRow>, _: bool) {
        let mut cuts: BTreeMap<(u64, i64), Vec<StateRow>> = BTreeMap::new();
        for row in rows {
            let (tick, now_ms) = row.key.split_at_checked(8).expect("keys hold a tick and a clock");
            let tick = u64::from_le_bytes(tick.try_into().expect("eight bytes"));
            let now_ms = i64::from_le_bytes(now_ms.try_into().expect("a key has sixteen bytes"));
            cuts.entry((tick, now_ms)).or_default().push(row);
        }
        for ((tick, now_ms), rows) in cuts {
            let mut entered = 0;
            for fingerprint in rows.iter().flat_map(|row| row.value.as_chunks::<16>().0) {
                let (seen, was_there) = self.seen.enter(u128::from_le_bytes(*fingerprint), self.open, 1);
                if was_there {
                    self.closed[seen.bucket as usize - 1].rows -= 1;
                }
                seen.bucket = self.open;
                entered += 1;
            }
            self.closed.push_back(ClosedBucket { bucket: self.open, tick, now_ms, rows: entered });
            self.open += 1;
        }
    }

    fn live_rows(&self) -> usize {
        self.closed.iter().map(|closed| closed.rows).sum()
    }
}

/// Drops copies from a stream of events: those that pass, and a verdict for each that does not.
pub fn dedup<'s, E: Event>(
    readings: Stream<'s, u64, Vec<E>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    horizon_ms: i64,
    states: &States,
) -> tick::Ports<'s, Dedup<E>> {
    let slice = |reading: &E| match reading.fingerprint() {
        0 => reading.record().offset() as u8,
        fingerprint => vnode(fingerprint),
    };
    let slot = states.register(Dedup::<E>::ID, Dedup::<E>::SCHEMA);
    let readings = tick::received(readings);
    tick::run_durable(readings, clock, tick::by_vnode(slice), Dedup::new(horizon_ms), slot)
}

/// Takes every event for the first of its kind.
pub fn accept_all<'s, E: Event>(readings: Stream<'s, u64, Vec<E>>) -> Stream<'s, u64, Vec<Accepted<E>>> {
    readings.unary::<CapacityContainerBuilder<Vec<Accepted<E>>>, _, _, _>(Pipeline, "accept all", |_, _| {
        |input, output| {
            input.for_each(|capability, rows| {
                // The same size and place: the container is taken over as it is.
                let mut accepted: Vec<_> = std::mem::take(rows).into_iter().map(Accepted::first).collect();
                output.session(&capability).give_container(&mut accepted);
            });
        }
    })
}
