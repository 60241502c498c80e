//! `gps_data`.

use super::super::report::{Drive, Report};
use super::super::roads::Roads;
use super::choice;
use super::json::{Json, fixed};

const POINTS: [&str; 8] = ["North", "North-East", "East", "South-East", "South", "South-West", "West", "North-West"];
/// More of those there are more of.
const TYPES: [&str; 10] =
    ["private", "private", "private", "private", "private", "private", "taxi", "goods", "bus", "motorcycle"];
/// Of so many vehicles one gives its direction in words.
const IN_WORDS: u32 = 10;

pub fn write(json: &mut Json<'_>, id: &[u8], report: &Report, drive: &Drive, roads: &Roads) {
    json.text("id", id);
    json.numbered(json.either("device_id", "deviceId"), "veh-", drive.vehicle, 6);
    json.timestamp(report);
    json.fixed("speed", drive.speed_e1 as i32, 1);
    json.place(report.place);
    direction(json, drive);
    let kind = choice(u64::from(drive.vehicle), 0, &TYPES);
    json.text(json.either("vehicle_type", "vehicleType"), kind.as_bytes());
    json.text(json.either("road_id", "roadId"), roads.get(drive.road).name.as_bytes());
}

/// Degrees, or the nearest point of the compass.
pub fn direction(json: &mut Json<'_>, drive: &Drive) {
    if drive.vehicle % IN_WORDS == IN_WORDS - 1 {
        let point = (usize::from(drive.heading_e1) + 225) / 450 % 8;
        json.text("direction", POINTS[point].as_bytes());
    } else {
        fixed(json.value("direction"), i32::from(drive.heading_e1), 1);
    }
}
