//! Dedup: a fingerprint goes through once per horizon, and the smallest record of a cut is the one.

use greenwave_model::{Clock, GpsReading};
use greenwave_operators::{States, dedup::dedup};
use timely::dataflow::operators::{Concat, vec::Map};

use crate::laws::twins::{DedupTwin, Times, copies};
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

const HORIZON_MS: i64 = 60_000;

#[derive(Clone)]
struct Dedup;

impl Subject for Dedup {
    type Row = GpsReading;

    fn build<'s>(&self, rows: Ticked<'s, GpsReading>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        let (accepted, duplicates) = dedup(rows, clock, HORIZON_MS, states);
        let accepted = accepted.flat_map(|row| {
            let counted = Shown::Line(format!("accepted {:?}", row.event().record), 1);
            let displaced = row.displaces().map(|record| Shown::Line(format!("accepted {record:?}"), -1));
            std::iter::once(counted).chain(displaced)
        });
        accepted.concat(duplicates.map(|(verdict, record, n)| Shown::Line(format!("{verdict:?} {record:?}"), n)))
    }

    fn history(&self, random: &mut Random) -> History<GpsReading> {
        copies(random, 7, 30, HORIZON_MS)
    }

    fn twin(&self, history: &History<GpsReading>) -> Vec<Vec<String>> {
        let mut twin = DedupTwin { horizon_ms: HORIZON_MS, ..DedupTwin::default() };
        let cut = |(number, cut): (usize, &Cut<GpsReading>)| {
            let (accepted, duplicates) = twin.cut(&cut.rows, Times::of(history, number));
            let accepted = accepted.iter().map(|row| format!("accepted {:?} × 1", row.record));
            let mut lines: Vec<_> =
                accepted.chain(duplicates.iter().map(|record| format!("Duplicate {record:?} × 1"))).collect();
            lines.sort();
            lines
        };
        history.iter().enumerate().map(cut).collect()
    }
}

#[test]
fn dedup_obeys_the_laws() {
    obeys(Dedup);
}
