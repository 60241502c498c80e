//! `cameras`: what each camera saw last.

use greenwave_model::topics::CAMERA;
use greenwave_model::views::Camera;
use greenwave_model::{Clock, Observation};
use greenwave_operators::States;
use greenwave_operators::latest::{Report, latest};
use greenwave_operators::publish::publish;
use timely::dataflow::{Stream, operators::vec::Map};

use crate::city::Landed;
use crate::observed::{Observed, known};

pub fn cameras<'s>(observed: Observed<'s>, clock: &Stream<'s, u64, Vec<Clock>>, states: &States) -> Landed<'s> {
    let reports = observed.map(|event| {
        let event = event.into_event();
        let (key, record, value) = (event.text(&CAMERA, "camera_id"), event.record, of(&event));
        Report { key, rank: 0, record, value }
    });

    publish(latest(reports, clock.clone(), states).0, clock.clone(), states)
}

fn of(event: &Observation) -> Camera {
    Camera {
        road: event.text(&CAMERA, "road_id"),
        latitude: event.latitude,
        longitude: event.longitude,
        speed_kmh: known(event.number(&CAMERA, "speed")),
        direction_deg: known(event.number(&CAMERA, "direction")),
        vehicle_count: known(event.number(&CAMERA, "vehicle_count")),
        detections: event.text(&CAMERA, "detections"),
        event_ms: event.event_ms,
        arrival_ms: event.arrival_ms,
    }
}
