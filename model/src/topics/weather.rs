//! `weather_data`: what a weather station measures.

use crate::topic::{Field, Form, TopicSpec};

/// Micrograms or milligrams per cubic metre, or parts per billion, as the station measures.
const POLLUTANT: Form = Form::number(0.0, 10_000.0);

/// What a weather station measures. The station is the event's device.
pub const WEATHER: TopicSpec = TopicSpec {
    name: "weather_data",
    aliases: &["weather"],
    fields: &[
        Field::required("temperature", &[], Form::number(-90.0, 70.0)),
        Field::optional("weather_condition", &["weatherCondition", "condition"], Form::Text),
        Field::optional("humidity", &[], Form::number(0.0, 100.0)),
        Field::optional("wind_speed", &["windSpeed"], Form::number(0.0, 500.0)),
        Field::optional("precipitation", &[], Form::number(0.0, 2_000.0)),
        Field::optional("visibility", &[], Form::number(0.0, 1_000.0)),
        Field::optional(
            "air_quality_index",
            &["airQualityIndex", "AIR_QUALITY_INDEX", "aqi"],
            Form::number(0.0, 1_000.0),
        ),
        Field::optional("pm25", &["pm2_5"], POLLUTANT),
        Field::optional("pm10", &[], POLLUTANT),
        Field::optional("no2", &[], POLLUTANT),
        Field::optional("o3", &[], POLLUTANT),
        Field::optional("co", &[], POLLUTANT),
    ],
};
