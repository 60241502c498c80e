//! An event between its bytes and its reading, and the ranges its parts must keep.

/// The parts of one accepted event, borrowed from its record. Empty text stands for absent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    pub(super) id: &'a str,
    pub(super) device: &'a str,
    pub(super) road: &'a str,
    pub(super) vehicle_type: &'a str,
    pub(super) event_ms: i64,
    pub(super) speed_kmh: f64,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    /// NaN where absent.
    pub(super) direction_deg: f64,
}

impl Event<'_> {
    /// To be filled. The stages see to it that no required part is left out.
    pub(super) const BLANK: Self = Self {
        id: "",
        device: "",
        road: "",
        vehicle_type: "",
        event_ms: 0,
        speed_kmh: 0.0,
        latitude: 0.0,
        longitude: 0.0,
        direction_deg: f64::NAN,
    };
}

pub(super) const KMH_PER_MPH: f64 = 1.609344;
pub(super) const NAME_BYTES_MAX: usize = 256;

#[inline]
pub(super) fn speed_in_range(kmh: f64) -> bool {
    (0.0..400.0).contains(&kmh)
}

#[inline]
pub(super) fn latitude_in_range(degrees: f64) -> bool {
    degrees.abs() <= 90.0
}

#[inline]
pub(super) fn longitude_in_range(degrees: f64) -> bool {
    degrees.abs() <= 180.0
}

/// A device or road becomes the last segment of a Redis key, so it holds no `:`, no control character, and is short.
pub(super) fn name_fits(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(|char| char == ':' || char.is_control())
}
