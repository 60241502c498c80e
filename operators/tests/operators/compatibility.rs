//! Latest of an older job's keys: of events of several topics the newest stands, ties go to the first topic, then to the
//! smaller record.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use greenwave_model::topics::TOPICS;
use greenwave_model::views::compatibility::{Cameras, Compatible, Family};
use greenwave_model::{Clock, Name, Observation, RecordRef, Value};
use greenwave_operators::States;
use greenwave_operators::latest::{Report, latest};
use timely::dataflow::operators::vec::Map;

use crate::latest::standing;
use crate::laws::random::Clocks;
use crate::laws::twins::Times;
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

/// The family whose keys leave first, so that some do.
type Row = Report<Compatible<Cameras>>;

#[derive(Clone)]
struct Older;

impl Subject for Older {
    type Row = Row;

    fn build<'s>(&self, rows: Ticked<'s, Row>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        latest(rows, clock, states).0.map(standing)
    }

    fn history(&self, random: &mut Random) -> History<Row> {
        let mut clocks = Clocks::new(random);
        let mut offset = 0;
        let mut report = |random: &mut Random, clocks: &Clocks| {
            offset += 1;
            let topic = random.below(TOPICS.len() as u64) as u8;
            let event = Observation {
                topic,
                record: RecordRef::new(u16::from(topic), offset),
                fingerprint: u128::from(random.below(3)),
                id: format!("{offset}").into(),
                device: format!("bus_{}", random.below(8)).into(),
                // A producer gives its five events one time.
                event_ms: clocks.event_ms(random, 60_000, 10_000) / 5_000 * 5_000,
                arrival_ms: clocks.arrival_ms(random),
                latitude: 51.0,
                longitude: 7.0,
                values: Box::new([Value::Number(random.speed_kmh()), Value::Absent]),
            };
            let (key, record) = (event.device.clone(), event.record);
            Report { key, rank: topic, record, value: Compatible::new(event) }
        };
        let cuts = (0..8).map(|number| {
            clocks.step(random, number == 0);
            let rows = (0..random.below(16)).map(|_| report(random, &clocks)).collect();
            Cut { rows, watermark_ms: clocks.watermark_ms, now_ms: clocks.now_ms }
        });
        cuts.collect()
    }

    fn twin(&self, history: &History<Row>) -> Vec<Vec<String>> {
        let mut newest: BTreeMap<Name, Row> = BTreeMap::new();
        let first = |row: &Row| (row.value.event.event_ms, Reverse((row.rank, row.record)));
        let cut = |(number, cut): (usize, &Cut<Row>)| {
            let times = Times::of(history, number);
            for row in &cut.rows {
                let mut row = row.clone();
                row.value.event.arrival_ms = row.value.event.arrival_ms.min(times.now_ms);
                if newest.get(&row.key).is_none_or(|standing| first(&row) > first(standing)) {
                    newest.insert(row.key.clone(), row);
                }
            }
            newest.retain(|_, row| !times.expired(row.value.event.arrival_ms + Cameras::KEPT_MS));
            newest.iter().map(|(key, row)| format!("{key} = {:?}", row.value)).collect()
        };
        history.iter().enumerate().map(cut).collect()
    }
}

#[test]
fn keys_of_an_older_job_obey_the_laws() {
    obeys(Older);
}
