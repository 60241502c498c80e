//! `weather_data`.

use super::super::report::Report;
use super::super::sky::Measured;
use super::json::Json;

pub fn write(json: &mut Json<'_>, id: &[u8], report: &Report, measured: &Measured) {
    let index = measured.air_quality_index;
    json.text("id", id);
    json.numbered(json.either("device_id", "deviceId"), "Station", u32::from(measured.station), 3);
    json.timestamp(report);
    json.place(report.place);
    json.fixed("temperature", measured.temperature_e1, 1);
    json.text(json.either("weather_condition", "weatherCondition"), measured.condition.name().as_bytes());
    json.fixed("humidity", measured.humidity_e1, 1);
    json.fixed(json.either("wind_speed", "windSpeed"), measured.wind_speed_e1, 1);
    json.fixed("precipitation", measured.precipitation_e1, 1);
    json.whole("airQualityIndex", u64::from(index.unsigned_abs()));
    for (gas, tenths_a_point) in [("pm25", 3), ("pm10", 5), ("no2", 4), ("o3", 6)] {
        json.fixed(gas, index * tenths_a_point, 1);
    }
    json.fixed("co", index * 6, 3);
}
