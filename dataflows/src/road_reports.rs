//! What is said of roads: by the topics that count as reports of vehicles, and by cameras.

use greenwave_model::topics::{CAMERA, GPS, VEHICLE};
use greenwave_model::{Name, Observation, Position, TopicSpec};
use greenwave_operators::Accepted;
use greenwave_operators::reports::{RoadReport, device_of};
use greenwave_operators::road::Roads;
use timely::dataflow::Stream;
use timely::dataflow::operators::{Concat, vec::Map};

use crate::city::CitySettings;
use crate::observed::{ByTopic, known};

/// Topics that may count as reports of vehicles.
pub const SPEED_TOPICS: [&TopicSpec; 2] = [&GPS, &VEHICLE];

type Reports<'s> = Stream<'s, u64, Vec<RoadReport>>;

/// `of_readings` are there only where `gps_data` counts.
pub fn road_reports<'s>(of_readings: Reports<'s>, observed: &ByTopic<'s>, settings: &CitySettings) -> Reports<'s> {
    let devices = settings.vehicle_count;
    let of_cameras = of_topic(observed, &CAMERA, false);
    let all = of_readings.concat(of_cameras);
    if settings.counts(&VEHICLE) { all.concat(of_topic(observed, &VEHICLE, devices)) } else { all }
}

fn of_topic<'s>(observed: &ByTopic<'s>, topic: &'static TopicSpec, devices: bool) -> Reports<'s> {
    let mut roads = Roads::default();
    observed.of(topic).flat_map(move |event| report(&mut roads, topic, devices, event))
}

/// Nothing, where the event has no speed.
fn report(roads: &mut Roads, topic: &TopicSpec, devices: bool, accepted: Accepted<Observation>) -> Option<RoadReport> {
    let displaces = accepted.displaces().is_some();
    let event = accepted.into_event();
    let Observation { record, event_ms, arrival_ms, latitude, longitude, .. } = event;
    let own: Name = event.text(topic, "road_id");
    Some(RoadReport {
        road: roads.name(&own, latitude, longitude)?,
        device: if devices { device_of(&event.device) } else { [0; 2] },
        record,
        event_ms,
        arrival_ms,
        speed_kmh: known(event.number(topic, "speed"))?,
        position: Position::new(latitude, longitude),
        by_camera: topic.name == CAMERA.name,
        displaces,
    })
}
