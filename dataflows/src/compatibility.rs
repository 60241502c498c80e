//! The keys of an older job: the newest event under each. Redis alone has them, so no rows go to the lake.

use greenwave_model::topics::{CAMERA, INCIDENT, VEHICLE, WEATHER};
use greenwave_model::views::Status;
use greenwave_model::views::compatibility::{
    Cameras, Compatible, Emergencies, Family, Positions, Realtime, Stations, Vehicles, observation, place_key,
};
use greenwave_model::{Clock, GpsReading, Name, Observation};
use greenwave_operators::latest::{Report, latest};
use greenwave_operators::publish::publish;
use greenwave_operators::{Accepted, States};
use timely::dataflow::Stream;
use timely::dataflow::operators::{Concatenate, generic::operator::empty, vec::Filter, vec::Map};

use crate::city::Landed;
use crate::observed::ByTopic;

pub fn compatibility<'s>(
    readings: Stream<'s, u64, Vec<Accepted<GpsReading>>>,
    observed: &ByTopic<'s>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Vec<Landed<'s>> {
    let positions = readings.map(|reading| observation(reading.into_event()));
    let [vehicles, cameras, weather, incidents] =
        [&VEHICLE, &CAMERA, &WEATHER, &INCIDENT].map(|topic| observed.of(topic).map(Accepted::into_event));
    let all = [&positions, &vehicles, &cameras, &weather, &incidents].map(Clone::clone);
    let active = incidents.filter(|event| Status::of(&event.text(&INCIDENT, "status")) == Status::Active);
    let device = |event: &Observation| event.device.clone();

    vec![
        newest::<Realtime>(clock.scope().concatenate(all), device, clock, states),
        newest::<Vehicles>(vehicles, device, clock, states),
        newest::<Positions>(positions, device, clock, states),
        newest::<Emergencies>(active, device, clock, states),
        newest::<Stations>(weather, |event| place_key(event.latitude, event.longitude), clock, states),
        newest::<Cameras>(cameras, |event| event.text(&CAMERA, "camera_id"), clock, states),
    ]
}

/// Of events of the same time the one of the first topic stands: gps over vehicle over camera.
fn newest<'s, F: Family>(
    events: Stream<'s, u64, Vec<Observation>>,
    key: impl Fn(&Observation) -> Name + 'static,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Landed<'s> {
    let reports = events.map(move |event| {
        let (key, rank, record) = (key(&event), event.topic, event.record);
        Report { key, rank, record, value: Compatible::<F>::new(event) }
    });

    let (deltas, _rows) = publish(latest(reports, clock.clone(), states).0, clock.clone(), states);
    (deltas, empty(clock.scope()))
}
