//! Lateness: the verdict is that of the last cut's watermark, whatever the tick.

use greenwave_model::{Clock, RecordRef};
use greenwave_operators::{Accepted, States, lateness::lateness};
use timely::dataflow::operators::{Concat, vec::Map};

use crate::laws::twins::{self, Times, copies};
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

const HORIZON_MS: i64 = 60_000;

#[derive(Clone)]
struct Lateness;

impl Subject for Lateness {
    type Row = Accepted;

    fn build<'s>(&self, rows: Ticked<'s, Accepted>, clock: Ticked<'s, Clock>, _: &States) -> Ticked<'s, Shown> {
        let (counted, verdicts) = lateness(rows, clock, HORIZON_MS);
        let counted = counted.map(|row| Shown::Line(format!("counted {:?}", row.event().record), 1));
        counted.concat(verdicts.map(|(verdict, record, n)| Shown::Line(format!("{verdict:?} {record:?}"), n)))
    }

    /// Each row alone, or after one that it displaces.
    fn history(&self, random: &mut Random) -> History<Accepted> {
        let copies = copies(random, 6, 30, HORIZON_MS);
        let accept = |cut: Cut<greenwave_model::GpsReading>, random: &mut Random| {
            let rows = cut.rows.into_iter().flat_map(|row| {
                let smaller = RecordRef::new(row.record.partition(), row.record.offset() / 2);
                let copy = random.one_in(4).then(|| {
                    Accepted::instead_of(row.record, greenwave_model::GpsReading { record: smaller, ..row.clone() })
                });
                std::iter::once(Accepted::first(row)).chain(copy)
            });
            Cut { rows: rows.collect(), watermark_ms: cut.watermark_ms, now_ms: cut.now_ms }
        };
        copies.into_iter().map(|cut| accept(cut, random)).collect()
    }

    fn twin(&self, history: &History<Accepted>) -> Vec<Vec<String>> {
        let cut = |(number, cut): (usize, &Cut<Accepted>)| {
            let mut lines = Vec::new();
            for row in &cut.rows {
                let record = row.event().record;
                let displaced = cut.rows.iter().any(|at| at.displaces() == Some(record));
                let verdict = twins::lateness(row.event().event_ms, HORIZON_MS, Times::of(history, number));
                if verdict != Some("too_late") {
                    lines.push(format!("counted {record:?} × 1"));
                }
                let named = match verdict {
                    Some("too_late") => "TooLate",
                    Some(_) => "Late",
                    None => continue,
                };
                if !displaced {
                    lines.push(format!("{named} {record:?} × 1"));
                }
            }
            lines.sort();
            lines
        };
        history.iter().enumerate().map(cut).collect()
    }
}

#[test]
fn lateness_obeys_the_laws() {
    obeys(Lateness);
}
