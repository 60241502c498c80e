//! `weather`: what each station measured last. `weather_current`: the newest of all of them, for readers that know of one.

use serde::{Deserialize, Serialize};

use super::{key, value};
use crate::ids::Name;
use crate::iso;
use crate::view::{Cell, Cells, Column, Current, Kind, ViewRow, ViewSpec};

/// A station leaves this long after its newest report arrived.
pub const WEATHER_KEPT_MS: i64 = 30 * 60_000;
/// The only key of `weather_current`.
pub const CURRENT: &str = "current";

/// What a station measures. NaN where it does not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Weather {
    pub station: Name,
    pub latitude: f64,
    pub longitude: f64,
    pub temperature_c: f64,
    /// In lower case; empty where absent.
    pub condition: Name,
    pub humidity_percent: f64,
    pub wind_kmh: f64,
    pub precipitation_mm: f64,
    pub visibility_km: f64,
    pub air_quality_index: f64,
    /// PM2.5, PM10, NO₂, O₃ and CO as the station gives them.
    pub pollutants: [f64; 5],
    pub event_ms: i64,
    pub arrival_ms: i64,
}

impl Weather {
    /// A station that measures nothing.
    pub fn nothing(station: Name, latitude: f64, longitude: f64) -> Self {
        Self {
            station,
            latitude,
            longitude,
            temperature_c: f64::NAN,
            condition: Name::default(),
            humidity_percent: f64::NAN,
            wind_kmh: f64::NAN,
            precipitation_mm: f64::NAN,
            visibility_km: f64::NAN,
            air_quality_index: f64::NAN,
            pollutants: [f64::NAN; 5],
            event_ms: 0,
            arrival_ms: 0,
        }
    }

    fn numbers(&self) -> [f64; 13] {
        let [pm25, pm10, no2, o3, co] = self.pollutants;
        [
            self.latitude,
            self.longitude,
            self.temperature_c,
            self.humidity_percent,
            self.wind_kmh,
            self.precipitation_mm,
            self.visibility_km,
            self.air_quality_index,
            pm25,
            pm10,
            no2,
            o3,
            co,
        ]
    }

    /// How much longer a road takes in this weather.
    pub fn road_factor(&self) -> f64 {
        match self.condition.as_str() {
            "rain" => 1.2,
            "fog" | "snow" => 1.5,
            _ => 1.0,
        }
    }

    /// The band of the air quality index (US EPA).
    pub fn air_quality(&self) -> Option<&'static str> {
        const BANDS: [(f64, &str); 5] = [
            (50.0, "good"),
            (100.0, "moderate"),
            (150.0, "unhealthy_for_sensitive_groups"),
            (200.0, "unhealthy"),
            (300.0, "very_unhealthy"),
        ];
        if self.air_quality_index.is_nan() {
            return None;
        }
        let band = BANDS.iter().find(|(most, _)| self.air_quality_index <= *most);
        Some(band.map_or("hazardous", |(_, name)| name))
    }

    fn value_cells(&self, out: &mut dyn Cells) {
        self.numbers().into_iter().for_each(|number| out.cell(Cell::Double(number)));
        out.cell(Cell::text(&self.condition));
        out.cell(Cell::Double(self.road_factor()));
        out.cell(self.air_quality().map_or(Cell::Null, Cell::Text));
        out.cell(Cell::Timestamp(self.event_ms));
    }
}

/// An absent measure equals another absent one.
impl PartialEq for Weather {
    fn eq(&self, other: &Self) -> bool {
        let bits = |weather: &Self| weather.numbers().map(f64::to_bits);
        let times = |weather: &Self| (weather.event_ms, weather.arrival_ms);
        self.station == other.station
            && self.condition == other.condition
            && bits(self) == bits(other)
            && times(self) == times(other)
    }
}

const COLUMNS: &[Column] = &[
    key("station_id", Kind::Text),
    value("latitude", Kind::Double),
    value("longitude", Kind::Double),
    value("temperature", Kind::Double),
    value("humidity", Kind::Double),
    value("wind_speed", Kind::Double),
    value("precipitation", Kind::Double),
    value("visibility", Kind::Double),
    value("air_quality_index", Kind::Double),
    value("pm25", Kind::Double),
    value("pm10", Kind::Double),
    value("no2", Kind::Double),
    value("o3", Kind::Double),
    value("co", Kind::Double),
    value("condition", Kind::Text),
    value("road_factor", Kind::Double),
    value("air_quality", Kind::Text),
    value("timestamp", Kind::Timestamp),
];

impl ViewRow for Weather {
    const SPEC: ViewSpec = ViewSpec { name: "weather", columns: COLUMNS, current: Current::Own };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.arrival_ms + WEATHER_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        match value {
            Some(row) => row.value_cells(out),
            None => COLUMNS[1..].iter().for_each(|_| out.cell(Cell::Null)),
        }
    }

    fn contract_json(&self, _key: &Name, _out: &mut Vec<u8>) {}
}

/// The newest report of any station, `weather:current` in Redis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeatherCurrent(pub Weather);

impl ViewRow for WeatherCurrent {
    const SPEC: ViewSpec = ViewSpec {
        name: "weather_current",
        columns: &[
            key("name", Kind::Text),
            value("station_id", Kind::Text),
            value("temperature", Kind::Double),
            value("humidity", Kind::Double),
            value("condition", Kind::Text),
            value("wind_speed", Kind::Double),
            value("visibility", Kind::Double),
            value("timestamp", Kind::Timestamp),
        ],
        current: Current::Contract("weather:"),
    };
    type Key = Name;

    fn key_text(key: &Name, out: &mut String) {
        out.push_str(key);
    }

    fn expires_ms(&self) -> Option<i64> {
        Some(self.0.arrival_ms + WEATHER_KEPT_MS)
    }

    fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
        out.cell(Cell::Text(key));
        let Some(Self(row)) = value else {
            return (0..7).for_each(|_| out.cell(Cell::Null));
        };
        out.cell(Cell::Text(&row.station));
        out.cell(Cell::Double(row.temperature_c));
        out.cell(Cell::Double(row.humidity_percent));
        out.cell(Cell::text(&row.condition));
        out.cell(Cell::Double(row.wind_kmh));
        out.cell(Cell::Double(row.visibility_km));
        out.cell(Cell::Timestamp(row.event_ms));
    }

    fn contract_json(&self, _key: &Name, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Contract<'a> {
            temperature: Option<f64>,
            humidity: Option<f64>,
            condition: &'a str,
            wind_speed: Option<f64>,
            visibility: Option<f64>,
            timestamp: String,
        }
        let Self(row) = self;
        let known = |number: f64| (!number.is_nan()).then_some(number);
        let json = Contract {
            temperature: known(row.temperature_c),
            humidity: known(row.humidity_percent),
            condition: &row.condition,
            wind_speed: known(row.wind_kmh),
            visibility: known(row.visibility_km),
            timestamp: iso::naive(row.event_ms),
        };
        serde_json::to_writer(out, &json).expect("plain fields, written to memory");
    }
}
