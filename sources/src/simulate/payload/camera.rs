//! `traffic_camera_data`.

use super::super::report::{Glance, Report};
use super::super::roads::Roads;
use super::json::{Json, decimal, fixed};

/// Lanes a camera tells apart.
const LANES: u32 = 2;

pub fn write(json: &mut Json<'_>, id: &[u8], report: &Report, glance: &Glance, roads: &Roads) {
    let road = roads.get(glance.road);
    let camera = u32::from(glance.camera);
    json.text("id", id);
    json.numbered(json.either("device_id", "deviceId"), "Camera", camera, 4);
    json.numbered(json.either("camera_id", "cameraId"), "Camera", camera, 4);
    json.timestamp(report);
    json.place(report.place);
    json.text("snapshot", b"Base64EncodedString");
    json.whole("direction", u64::from(road.heading.degrees()));
    json.fixed("speed", glance.speed_e1 as i32, 1);
    json.text(json.either("road_id", "roadId"), road.name.as_bytes());
    json.whole("vehicle_count", u64::from(glance.vehicles));
    detections(json.value("detections"), glance);
}

/// Vehicles by class and lane; together they are all that are counted.
fn detections(out: &mut Vec<u8>, glance: &Glance) {
    let (trucks, buses) = (glance.vehicles / 6, glance.vehicles / 15);
    let cars = glance.vehicles - trucks - buses;
    let classes =
        [("car", cars - cars / LANES, 1), ("car", cars / LANES, LANES), ("truck", trucks, LANES), ("bus", buses, 1)];
    out.push(b'[');
    for (class, count, lane) in classes.into_iter().filter(|(_, count, _)| *count > 0) {
        let comma: &[u8] = if out.ends_with(b"[") { b"{\"class\":\"" } else { b",{\"class\":\"" };
        out.extend_from_slice(comma);
        out.extend_from_slice(class.as_bytes());
        out.extend_from_slice(b"\",\"count\":");
        decimal(out, u64::from(count));
        out.extend_from_slice(b",\"speed_kmh\":");
        fixed(out, glance.speed_e1 as i32, 1);
        out.extend_from_slice(b",\"lane\":");
        decimal(out, u64::from(lane));
        out.push(b'}');
    }
    out.push(b']');
}
