//! `incidents`: what has happened and is not resolved.

use greenwave_model::topics::INCIDENT;
use greenwave_model::views::{Incident, Severity, Status};
use greenwave_model::{Clock, Observation};
use greenwave_operators::States;
use greenwave_operators::latest::{Latest, Report, latest};
use greenwave_operators::tick::Ports;
use timely::dataflow::{Stream, operators::vec::Map};

use crate::observed::Observed;

/// The view, and by how many it has become more.
pub fn incidents<'s>(
    observed: Observed<'s>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Ports<'s, Latest<Incident>> {
    let reports = observed.map(|event| {
        let event = event.into_event();
        let (key, record, value) = (event.text(&INCIDENT, "incident_id"), event.record, of(&event));
        Report { key, rank: 0, record, value }
    });

    latest(reports, clock.clone(), states)
}

fn of(event: &Observation) -> Incident {
    let text = |name| event.text(&INCIDENT, name);
    let kind = text("incident_type");
    Incident {
        status: Status::of(&text("status")),
        severity: Severity::of(&text("severity"), &kind),
        kind,
        latitude: event.latitude,
        longitude: event.longitude,
        road: text("road_id"),
        description: text("description"),
        event_ms: event.event_ms,
        arrival_ms: event.arrival_ms,
    }
}
