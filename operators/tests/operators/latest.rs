//! Latest: the newest report of a vehicle stands, ties go to the smaller record.

use greenwave_model::views::VehicleLocation;
use greenwave_model::{Change, Clock, GpsReading, ViewRow};
use greenwave_operators::latest::{Report, latest};
use greenwave_operators::publish::Upsert;
use greenwave_operators::{Accepted, States, reports::Reporter};
use timely::dataflow::operators::vec::Map;

use crate::laws::twins::{LatestTwin, Times, copies};
use crate::laws::{Cut, History, Random, Shown, Subject, Ticked, obeys};

type Row = Report<VehicleLocation>;

/// What an upsert makes of its key.
pub fn standing<V: ViewRow>(upsert: Upsert<V>) -> Shown {
    let mut key = String::new();
    V::key_text(&upsert.key, &mut key);
    let value = match upsert.change {
        Change::Set(value) => Some(format!("{value:?}")),
        Change::Remove | Change::Retire => None,
    };
    Shown::Put(key, value)
}

#[derive(Clone)]
struct Latest;

impl Subject for Latest {
    type Row = Row;

    fn build<'s>(&self, rows: Ticked<'s, Row>, clock: Ticked<'s, Clock>, states: &States) -> Ticked<'s, Shown> {
        latest(rows, clock, states).0.map(standing)
    }

    fn history(&self, random: &mut Random) -> History<Row> {
        let mut reporter = Reporter::new(false);
        let mut report = |row: GpsReading| reporter.reports(Accepted::first(row)).1;
        copies(random, 9, 20, 60_000)
            .into_iter()
            .map(|cut| Cut {
                rows: cut.rows.into_iter().map(&mut report).collect(),
                watermark_ms: cut.watermark_ms,
                now_ms: cut.now_ms,
            })
            .collect()
    }

    fn twin(&self, history: &History<Row>) -> Vec<Vec<String>> {
        let mut twin = LatestTwin::default();
        let cut = |(number, cut): (usize, &Cut<Row>)| {
            let rows = cut.rows.iter().map(|row| (row.key.clone(), row.record, row.value.clone()));
            let content = twin.cut(rows, Times::of(history, number));
            content.iter().map(|(key, value)| format!("{key} = {value:?}")).collect()
        };
        history.iter().enumerate().map(cut).collect()
    }
}

#[test]
fn latest_obeys_the_laws() {
    obeys(Latest);
}
