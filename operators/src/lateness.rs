//! Lateness: the one verdict on time, decidable from an event's time and the last cut alone.
//!
//! in    events that are no duplicates, any order of event times
//! out   the same without those that are too late; beside them a verdict for each late and each too late record
//! state none
//! late  behind the last cut's watermark: passes, and is counted; pane closed for corrections by then: stops here
//! moves nothing, events stay on their worker
//! fails never

use std::marker::PhantomData;

use greenwave_model::{Clock, Event};
use timely::dataflow::{Stream, channels::pact::Pipeline};

use crate::graph::{Accepted, Verdict, VerdictRow};
use crate::panes::closed;
use crate::tick::{self, Closed, Rows, TickOperator};

/// Judges events by the watermark of the last cut.
///
/// ```
/// use greenwave_model::{Clock, GpsReading, RecordRef};
/// use greenwave_operators::{graph::Accepted, graph::Verdict, lateness::Lateness, tick::{Rows, TickOperator}};
/// let clock = Clock { tick: 9, is_cut: false, publishes: true, restored: false, watermark_ms: 130_000, now_ms: 130_000,
///                     cut_watermark_ms: 120_000, cut_now_ms: 120_000 };
/// let at = |offset, event_ms| Accepted::first(GpsReading {
///     record: RecordRef::new(0, offset), fingerprint: 0, device: "bus".into(), road: "A40".into(), event_ms,
///     arrival_ms: 125_000, speed_kmh: 30.0, latitude: 51.0, longitude: 7.0, direction_deg: f64::NAN });
///
/// let mut lateness = Lateness::new(60_000);
/// let (mut out, mut verdicts) = (Rows::default(), Rows::default());
/// lateness.fold(&clock, vec![at(1, 59_999), at(2, 60_000), at(3, 120_000)], &mut out, &mut verdicts);
/// assert_eq!(out.take().len(), 2);
/// assert_eq!(verdicts.take(), [(Verdict::TooLate, RecordRef::new(0, 1), 1), (Verdict::Late, RecordRef::new(0, 2), 1)]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Lateness<E> {
    correction_horizon_ms: i64,
    events: PhantomData<E>,
}

impl<E: Event> Lateness<E> {
    pub fn new(correction_horizon_ms: i64) -> Self {
        Self { correction_horizon_ms, events: PhantomData }
    }

    fn verdict(&self, clock: &Clock, event_ms: i64) -> Option<Verdict> {
        if event_ms >= clock.cut_watermark_ms {
            None
        } else if closed(event_ms, self.correction_horizon_ms, clock) {
            Some(Verdict::TooLate)
        } else {
            Some(Verdict::Late)
        }
    }
}

impl<E: Event> TickOperator for Lateness<E> {
    type In = Accepted<E>;
    type Out = Accepted<E>;
    type Side = VerdictRow;
    const NAME: &'static str = "lateness";

    fn fold(
        &mut self,
        clock: &Clock,
        mut rows: Vec<Accepted<E>>,
        out: &mut Rows<Accepted<E>>,
        side: &mut Rows<VerdictRow>,
    ) {
        rows.retain(|row| {
            let Some(verdict) = self.verdict(clock, row.event().event_ms()) else {
                return true;
            };
            side.give((verdict, row.event().record(), 1));
            // The copy it displaces has the same event time, so it was given the same verdict.
            if let Some(displaced) = row.displaces() {
                side.give((verdict, displaced, -1));
            }
            verdict == Verdict::Late
        });
        out.give_container(rows);
    }

    fn close(&mut self, _: &Clock, _: &mut Rows<Accepted<E>>, _: &mut Rows<VerdictRow>) -> Closed {
        Closed::Whole
    }
}

/// Judges every event of a stream: those to be counted, and the verdicts.
pub fn lateness<'s, E: Event>(
    accepted: Stream<'s, u64, Vec<Accepted<E>>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    correction_horizon_ms: i64,
) -> tick::Ports<'s, Lateness<E>> {
    tick::run(accepted, clock, Pipeline, Lateness::new(correction_horizon_ms))
}
