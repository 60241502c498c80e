//! `weather` and `weather_current`: what each station measured last, and the newest of all.

use greenwave_model::topics::WEATHER;
use greenwave_model::views::{CURRENT, Weather, WeatherCurrent};
use greenwave_model::{Clock, Name, Observation};
use greenwave_operators::States;
use greenwave_operators::latest::{Report, latest};
use greenwave_operators::publish::{Upsert, publish};
use timely::dataflow::{Stream, operators::vec::Map};

use crate::city::Landed;
use crate::observed::Observed;

/// The view, which roads and alerts read too.
pub fn stations<'s>(
    observed: Observed<'s>,
    clock: &Stream<'s, u64, Vec<Clock>>,
    states: &States,
) -> Stream<'s, u64, Vec<Upsert<Weather>>> {
    let reports = observed.map(|event| {
        let event = event.into_event();
        let (key, record, value) = (event.device.clone(), event.record, of(&event));
        Report { key, rank: 0, record, value }
    });

    latest(reports, clock.clone(), states).0
}

pub fn weather_current<'s>(observed: Observed<'s>, clock: &Stream<'s, u64, Vec<Clock>>, states: &States) -> Landed<'s> {
    let reports = observed.map(|event| {
        let event = event.into_event();
        let value = WeatherCurrent(of(&event));
        Report { key: Name::new_static(CURRENT), rank: 0, record: event.record, value }
    });

    publish(latest(reports, clock.clone(), states).0, clock.clone(), states)
}

fn of(event: &Observation) -> Weather {
    let number = |name| event.number(&WEATHER, name);
    Weather {
        station: event.device.clone(),
        latitude: event.latitude,
        longitude: event.longitude,
        temperature_c: number("temperature"),
        condition: event.text(&WEATHER, "weather_condition").to_lowercase().into(),
        humidity_percent: number("humidity"),
        wind_kmh: number("wind_speed"),
        precipitation_mm: number("precipitation"),
        visibility_km: number("visibility"),
        air_quality_index: number("air_quality_index"),
        pollutants: ["pm25", "pm10", "no2", "o3", "co"].map(number),
        event_ms: event.event_ms,
        arrival_ms: event.arrival_ms,
    }
}
