//! `vehicle_data`: where a vehicle is, how fast, and of what kind.

use super::SPEED;
use crate::topic::{Field, Form, TopicSpec};

/// Position, speed and kind of a vehicle.
pub const VEHICLE: TopicSpec = TopicSpec {
    name: "vehicle_data",
    aliases: &["vehicle", "vehicles"],
    fields: &[
        Field::required("speed", &["speed_kmh"], SPEED),
        Field::optional("direction", &["heading"], Form::Direction),
        Field::optional("vehicle_type", &["vehicleType"], Form::Text),
        Field::optional("make", &[], Form::Text),
        Field::optional("model", &[], Form::Text),
        Field::optional("year", &[], Form::Text),
        Field::optional("fuel_type", &["fuelType"], Form::Text),
        Field::optional("road_id", &["roadId", "segment_id", "segmentId"], Form::Name),
    ],
};
