//! Latest of incidents: status only moves forward, and who is resolved leaves at once and does not come back.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use greenwave_model::views::{INCIDENT_KEPT_MS, Incident, Severity, Status};
use greenwave_model::{Clock, Name, RecordRef};
use greenwave_operators::States;
use greenwave_operators::latest::{Report, latest};
use timely::dataflow::operators::vec::Map;

use crate::latest::standing;
use crate::laws::random::Clocks;
use crate::laws::twins::Times;
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

type Row = Report<Incident>;

#[derive(Clone)]
struct Incidents;

impl Subject for Incidents {
    type Row = Row;

    fn build<'s>(&self, rows: Ticked<'s, Row>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        latest(rows, clock, states).0.map(standing)
    }

    fn history(&self, random: &mut Random) -> History<Row> {
        let mut clocks = Clocks::new(random);
        let mut offset = 0;
        let mut report = |random: &mut Random, clocks: &Clocks| {
            offset += 1;
            let value = Incident {
                kind: random.pick(&["accident", "theft"]).into(),
                status: random.pick(&[Status::Active, Status::Active, Status::Responding, Status::Resolved]),
                severity: random.pick(&[Severity::Low, Severity::Critical]),
                latitude: 51.0,
                longitude: 7.0,
                road: "A40".into(),
                description: "".into(),
                event_ms: clocks.event_ms(random, 60_000, 10_000),
                arrival_ms: clocks.arrival_ms(random),
            };
            let key = format!("incident_{}", random.below(12)).into();
            Report { key, rank: random.below(2) as u8, record: RecordRef::new(random.below(2) as u16, offset), value }
        };
        let cuts = (0..8).map(|number| {
            clocks.step(random, number == 0);
            let rows = (0..random.below(12)).map(|_| report(random, &clocks)).collect();
            Cut { rows, watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        });
        cuts.collect()
    }

    fn twin(&self, history: &History<Row>) -> Vec<Vec<String>> {
        let mut known: BTreeMap<Name, Vec<Row>> = BTreeMap::new();
        let cut = |(number, cut): (usize, &Cut<Row>)| {
            let times = Times::of(history, number);
            for row in &cut.rows {
                let mut row = row.clone();
                row.value.arrival_ms = row.value.arrival_ms.min(times.now_ms);
                known.entry(row.key.clone()).or_default().push(row);
            }
            let newest = |rows: &Vec<Row>| {
                let first = |row: &&Row| (row.value.event_ms, Reverse((row.rank, row.record)));
                let status = rows.iter().map(|row| row.value.status).max().expect("a key has a report");
                Incident { status, ..rows.iter().max_by_key(first).expect("a key has a report").value.clone() }
            };
            known.retain(|_, rows| !times.expired(newest(rows).arrival_ms + INCIDENT_KEPT_MS));
            let open: Vec<_> = known.iter().map(|(key, rows)| (key, newest(rows))).collect();
            let open = open.iter().filter(|(_, value)| value.status != Status::Resolved);
            open.map(|(key, value)| format!("{key} = {value:?}")).collect()
        };
        history.iter().enumerate().map(cut).collect()
    }
}

#[test]
fn incidents_obey_the_laws() {
    obeys(Incidents);
}
