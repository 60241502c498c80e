//! `vehicle_data`.

use super::super::report::{Drive, Report};
use super::json::Json;
use super::{choice, gps};

const MODELS: [(&str, &str); 8] = [
    ("Toyota", "Camry"),
    ("Toyota", "Corolla"),
    ("Ford", "Focus"),
    ("Ford", "Transit"),
    ("Volkswagen", "Golf"),
    ("BMW", "320i"),
    ("Nissan", "Leaf"),
    ("Vauxhall", "Corsa"),
];
const FUELS: [&str; 4] = ["Petrol", "Diesel", "Hybrid", "Electric"];

pub fn write(json: &mut Json<'_>, id: &[u8], report: &Report, drive: &Drive) {
    let vehicle = u64::from(drive.vehicle);
    let (make, model) = choice(vehicle, 1, &MODELS);
    json.text("id", id);
    json.numbered(json.either("device_id", "deviceId"), "veh-", drive.vehicle, 6);
    json.timestamp(report);
    json.place(report.place);
    json.fixed("speed", drive.speed_e1 as i32, 1);
    gps::direction(json, drive);
    json.text("make", make.as_bytes());
    json.text("model", model.as_bytes());
    json.whole("year", choice(vehicle, 2, &[2016, 2018, 2019, 2021, 2022, 2024]));
    json.text(json.either("fuel_type", "fuelType"), choice(vehicle, 3, &FUELS).as_bytes());
}
