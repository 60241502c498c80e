//! `traffic_camera_data`: what a camera sees of a road.

use super::SPEED;
use crate::topic::{Field, Form, TopicSpec};

/// What a camera sees of a road. Pixels stay out: a snapshot is not kept.
pub const CAMERA: TopicSpec = TopicSpec {
    name: "traffic_camera_data",
    aliases: &["traffic_data", "traffic", "camera", "cameras"],
    fields: &[
        Field::required("camera_id", &["cameraId"], Form::Name),
        Field::optional("speed", &["speed_kmh"], SPEED),
        Field::optional("direction", &["heading"], Form::Direction),
        Field::optional("road_id", &["roadId", "segment_id", "segmentId"], Form::Name),
        Field::optional("vehicle_count", &["vehicleCount"], Form::number(0.0, 100_000.0)),
        Field::optional("detections", &[], Form::Json),
    ],
};
