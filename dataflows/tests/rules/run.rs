//! Runs the whole city over a few events by hand, and shows what stands in its views.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use greenwave_dataflows::{CitySettings, FreeFlow, Inputs, RouteTable, States, Views, city};
use greenwave_model::topics::{TOPICS, named, place};
use greenwave_model::views::Rule;
use greenwave_model::{Cell, Cells, Change, Clock, Deltas, GpsReading, Observation, RecordRef, TopicSpec, Value};
use timely::dataflow::operators::{Input, Inspect, Probe};

/// Every clock of these tests begins here.
pub const EIGHT: i64 = 1_772_438_400_000;

/// View → key → column → text.
pub type Shown = BTreeMap<String, BTreeMap<String, BTreeMap<&'static str, String>>>;

/// What happens up to a cut.
#[derive(Default)]
pub struct Cut {
    pub now_ms: i64,
    pub watermark_ms: i64,
    pub gps: Vec<GpsReading>,
    pub observations: Vec<Observation>,
}

pub struct Settings(pub CitySettings);

impl Settings {
    pub fn new() -> Self {
        Self(CitySettings {
            dedup: true,
            dedup_horizon_ms: 60_000,
            correction_horizon_ms: 600_000,
            clock_skew_ms: 10_000,
            vehicle_count: true,
            speed_from: vec!["gps_data"],
            free_flow: Arc::default(),
            routes: Arc::default(),
            rules: Vec::new(),
            views: Views::all(),
        })
    }

    pub fn free_flow(mut self, roads: &[(&'static str, f64)]) -> Self {
        self.0.free_flow = Arc::new(FreeFlow::new(roads.iter().map(|(road, kmh)| ((*road).into(), *kmh))));
        self
    }

    pub fn routes(mut self, lines: &[(&'static str, &'static str, f64)]) -> Self {
        self.0.routes = Arc::new(RouteTable::new(lines.iter().map(|line| (line.0.into(), line.1.into(), line.2))));
        self
    }

    pub fn rules(mut self, rules: Vec<Rule>) -> Self {
        self.0.rules = rules;
        self
    }

    pub fn speed_from(mut self, topics: &[&'static str]) -> Self {
        self.0.speed_from = topics.to_vec();
        self
    }

    /// What stands after each cut.
    pub fn run(self, cuts: Vec<Cut>) -> Vec<Shown> {
        timely::execute_directly(move |worker| {
            let standing: Rc<RefCell<Shown>> = Rc::default();
            let states = States::new(0, 1, false);
            let ((mut gps, mut observations, mut clock), probe) = worker.dataflow::<u64, _, _>(|scope| {
                let (gps_in, gps) = scope.new_input();
                let (observations_in, observations) = scope.new_input();
                let (clock_in, clock) = scope.new_input();
                let outputs = city(Inputs { gps, observations, clock }, &self.0, &states);
                let kept = standing.clone();
                let deltas = outputs.deltas.inspect(move |batch| keep(&mut kept.borrow_mut(), &**batch));
                ((gps_in, observations_in, clock_in), deltas.probe().0)
            });
            let (mut cut_watermark_ms, mut cut_now_ms) = (Clock::NEVER, Clock::NEVER);
            let mut shown = Vec::new();
            for (tick, cut) in (1..).zip(cuts) {
                gps.advance_to(tick);
                observations.advance_to(tick);
                clock.advance_to(tick);
                let Cut { now_ms, watermark_ms, gps: readings, observations: others } = cut;
                readings.into_iter().for_each(|reading| gps.send(reading));
                others.into_iter().for_each(|other| observations.send(other));
                clock.send(Clock {
                    tick,
                    is_cut: true,
                    publishes: true,
                    restored: false,
                    watermark_ms,
                    now_ms,
                    cut_watermark_ms,
                    cut_now_ms,
                });
                (cut_watermark_ms, cut_now_ms) = (watermark_ms, now_ms);
                gps.advance_to(tick + 1);
                observations.advance_to(tick + 1);
                clock.advance_to(tick + 1);
                worker.step_while(|| probe.less_than(&(tick + 1)));
                shown.push(standing.borrow().clone());
            }
            shown
        })
    }
}

struct Texts(Vec<String>);

impl Cells for Texts {
    fn cell(&mut self, cell: Cell<'_>) {
        self.0.push(match cell {
            Cell::Null => String::new(),
            Cell::Text(text) => text.into(),
            Cell::Double(number) => number.to_string(),
            Cell::Bigint(number) => number.to_string(),
            Cell::Timestamp(ms) => (ms - EIGHT).to_string(),
        });
    }
}

fn keep(standing: &mut Shown, batch: &dyn Deltas) {
    let spec = batch.spec();
    let view = standing.entry(spec.name.into()).or_default();
    for row in 0..batch.len() {
        let (mut key, mut texts) = (String::new(), Texts(Vec::new()));
        batch.key_text(row, &mut key);
        batch.cells(row, &mut texts);
        match batch.change(row) {
            Change::Set(()) => {
                let mut columns: BTreeMap<_, _> = spec.columns.iter().map(|column| column.name).zip(texts.0).collect();
                if let Some(stored) = batch.stored(row) {
                    let mut json = Vec::new();
                    stored.contract_json(&mut json);
                    columns.insert("contract", String::from_utf8(json).unwrap());
                }
                view.insert(key, columns);
            }
            Change::Remove | Change::Retire => drop(view.remove(&key)),
        }
    }
}

/// A reading of a vehicle on a road, half a second on its way.
pub fn gps(offset: i64, device: &str, road: &str, at_ms: i64, speed_kmh: f64) -> GpsReading {
    GpsReading {
        record: RecordRef::new(0, offset),
        fingerprint: 1 + offset as u128,
        device: device.into(),
        road: road.into(),
        event_ms: EIGHT + at_ms,
        arrival_ms: EIGHT + at_ms + 500,
        speed_kmh,
        latitude: 51.5,
        longitude: -0.1,
        direction_deg: f64::NAN,
    }
}

/// An event of another topic, at the same place, with those fields.
pub fn other(topic: &TopicSpec, offset: i64, device: &str, at_ms: i64, fields: &[(&str, Value)]) -> Observation {
    assert_eq!(named(topic.name), Some(usize::from(place(topic))));
    let value = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
    let known = TOPICS[usize::from(place(topic))].fields;
    for (name, _) in fields {
        assert!(known.iter().any(|field| field.name == *name), "{} has no field {name}", topic.name);
    }
    Observation {
        topic: place(topic),
        record: RecordRef::new(1 + u16::from(place(topic)), offset),
        fingerprint: (u128::from(place(topic)) << 64) + 1 + offset as u128,
        id: format!("{offset}").into(),
        device: device.into(),
        event_ms: EIGHT + at_ms,
        arrival_ms: EIGHT + at_ms + 500,
        latitude: 51.5,
        longitude: -0.1,
        values: known.iter().map(|field| value(field.name).unwrap_or(Value::Absent)).collect(),
    }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.into())
}
