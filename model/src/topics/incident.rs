//! `emergency_incident_data`: what has happened and how far it has come.

use crate::topic::{Field, Form, TopicSpec};

/// A report of an incident.
pub const INCIDENT: TopicSpec = TopicSpec {
    name: "emergency_incident_data",
    aliases: &["emergency_data", "emergency", "incidents"],
    fields: &[
        Field::required("incident_id", &["incidentId"], Form::Name),
        Field::optional("incident_type", &["incidentType", "type"], Form::Text),
        Field::optional("status", &[], Form::Text),
        Field::optional("severity", &[], Form::Text),
        Field::optional("description", &[], Form::Text),
        Field::optional("road_id", &["roadId", "segment_id", "segmentId"], Form::Name),
    ],
};
