//! What the city's devices say of it, before anything happens to it on the way.

use super::incidents::{Incident, Status};
use super::roads::Place;
use super::sky::Measured;
pub use super::traffic::Drive;

/// One of the five topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feed {
    Gps,
    Vehicle,
    Camera,
    Weather,
    Emergency,
}

impl Feed {
    pub const ALL: [Self; 5] = [Self::Gps, Self::Vehicle, Self::Camera, Self::Weather, Self::Emergency];

    pub fn topic(self) -> &'static str {
        match self {
            Self::Gps => "gps_data",
            Self::Vehicle => "vehicle_data",
            Self::Camera => "traffic_camera_data",
            Self::Weather => "weather_data",
            Self::Emergency => "emergency_incident_data",
        }
    }

    /// Its sub-folder of an input folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Gps => "gps",
            Self::Vehicle => "vehicle",
            Self::Camera => "camera",
            Self::Weather => "weather",
            Self::Emergency => "emergency",
        }
    }
}

/// What a camera sees of its road.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glance {
    pub camera: u16,
    pub road: u32,
    /// Tenths of km/h.
    pub speed_e1: u32,
    pub vehicles: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    Gps(Drive),
    Vehicle(Drive),
    Camera(Glance),
    Weather(Measured),
    Emergency(Incident, Status),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Report {
    /// Its id is made of it.
    pub number: u64,
    pub event_ms: i64,
    pub place: Place,
    pub said: Said,
}

impl Report {
    pub fn feed(&self) -> Feed {
        match self.said {
            Said::Gps(_) => Feed::Gps,
            Said::Vehicle(_) => Feed::Vehicle,
            Said::Camera(_) => Feed::Camera,
            Said::Weather(_) => Feed::Weather,
            Said::Emergency(..) => Feed::Emergency,
        }
    }

    /// The vehicle that sent it.
    pub fn vehicle(&self) -> Option<u32> {
        match self.said {
            Said::Gps(drive) | Said::Vehicle(drive) => Some(drive.vehicle),
            _ => None,
        }
    }
}
