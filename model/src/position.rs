//! Where something is on earth.

use serde::{Deserialize, Serialize};

/// Mean radius of the earth, in metres.
const RADIUS_M: f64 = 6_371_008.8;

/// In steps of 1e-7 degrees, about a centimetre: half the size of two floats, and equal if it is equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    pub latitude_e7: i32,
    pub longitude_e7: i32,
}

impl Position {
    /// Of degrees in the range of a position on earth.
    #[inline]
    pub fn new(latitude: f64, longitude: f64) -> Self {
        let steps = |degrees: f64| (degrees * 1e7).round_ties_even() as i32;
        Self { latitude_e7: steps(latitude), longitude_e7: steps(longitude) }
    }

    /// On the unit sphere, for many distances from the same place.
    pub fn on_sphere(self) -> OnSphere {
        let radians = |steps: i32| (f64::from(steps) / 1e7).to_radians();
        let (latitude, longitude) = (radians(self.latitude_e7), radians(self.longitude_e7));
        OnSphere([latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()])
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnSphere([f64; 3]);

impl OnSphere {
    /// The square of the straight line between the two: what is nearer along the ground is nearer so too.
    pub fn chord_squared(&self, other: &Self) -> f64 {
        let [x, y, z] = [0, 1, 2].map(|axis| (self.0[axis] - other.0[axis]).powi(2));
        x + y + z
    }

    /// Along a great circle.
    ///
    /// ```
    /// # use greenwave_model::Position;
    /// let [london, birmingham] = [Position::new(51.5874, -0.1278), Position::new(52.4862, -1.8904)].map(Position::on_sphere);
    /// assert_eq!(london.distance_m(&birmingham).round(), 156_595.0);
    /// assert_eq!(london.distance_m(&london), 0.0);
    /// ```
    pub fn distance_m(&self, other: &Self) -> f64 {
        2.0 * RADIUS_M * (self.chord_squared(other).sqrt() / 2.0).min(1.0).asin()
    }
}
