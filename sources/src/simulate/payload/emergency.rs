//! `emergency_incident_data`.

use super::super::incidents::{Incident, KINDS, SEVERITIES, Status};
use super::super::report::Report;
use super::super::roads::Roads;
use super::json::{self, Json};

/// Rooms that tell of incidents.
const DISPATCH_ROOMS: u32 = 10;

pub fn write(json: &mut Json<'_>, id: &[u8], report: &Report, incident: &Incident, status: Status, roads: &Roads) {
    let (kind, description) = KINDS[usize::from(incident.kind)];
    json.text("id", id);
    json.numbered(json.either("device_id", "deviceId"), "Dispatch", incident.number % DISPATCH_ROOMS, 2);
    let out = json.value(json.either("incidentId", "incident_id"));
    out.push(b'"');
    json::id(out, incident.id);
    out.push(b'"');
    json.text(json.either("incident_type", "incidentType"), kind.as_bytes());
    json.timestamp(report);
    json.place(report.place);
    json.text("status", status.name().as_bytes());
    json.text("severity", SEVERITIES[usize::from(incident.severity)].0.as_bytes());
    json.text("description", description.as_bytes());
    json.text(json.either("road_id", "roadId"), roads.get(incident.road).name.as_bytes());
}
