//! The road a reading counts for: the one it names, else the H3 cell of resolution 9 it lies in.
//!
//! in    a reading's own road name and its position
//! out   the name of the road or cell; a pure function of both
//! state a bounded memo of grid squares that lie whole in one cell; emptied when full, which changes no answer
//! late  no matter here
//! moves nothing
//! fails on a position that is no number: such a reading has no road

use greenwave_model::Name;
use h3o::{LatLng, Resolution};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// Squares remembered: about 12 MB, a city of 40 km by 40 km at 11 m.
const SQUARES_MAX: usize = 1 << 18;
/// Squares per degree.
const GRID: f64 = 1e4;

/// Names roads.
///
/// ```
/// use greenwave_operators::road::Roads;
/// let mut roads = Roads::default();
/// assert_eq!(roads.name(&"A40".into(), 51.43, 6.88).as_deref(), Some("A40"));
/// assert_eq!(roads.name(&"".into(), 51.43, 6.88).as_deref(), Some("891fa531983ffff"));
/// assert_eq!(roads.name(&"".into(), f64::NAN, 6.88), None);
/// ```
#[derive(Default)]
pub struct Roads {
    /// The cell of a square whose corners share it; `None` where they do not.
    squares: HashMap<(i32, i32), Option<Name>, FxBuildHasher>,
}

fn cell(latitude: f64, longitude: f64) -> Option<Name> {
    let position = LatLng::new(latitude, longitude).ok()?;
    Some(Name::from(position.to_cell(Resolution::Nine).to_string()))
}

/// The one cell of a square's four corners.
fn cell_of_square((south, west): (i32, i32)) -> Option<Name> {
    let corner = |north: i32, east: i32| {
        let (latitude, longitude) = (f64::from(south + north) / GRID, f64::from(west + east) / GRID);
        if latitude.abs() > 90.0 || longitude.abs() > 180.0 { None } else { cell(latitude, longitude) }
    };
    let first = corner(0, 0)?;
    [(0, 1), (1, 0), (1, 1)].iter().all(|&(north, east)| corner(north, east).as_ref() == Some(&first)).then_some(first)
}

impl Roads {
    #[inline]
    pub fn name(&mut self, own: &Name, latitude: f64, longitude: f64) -> Option<Name> {
        if own.is_empty() { self.cell(latitude, longitude) } else { Some(own.clone()) }
    }

    fn cell(&mut self, latitude: f64, longitude: f64) -> Option<Name> {
        if !latitude.is_finite() || !longitude.is_finite() {
            return None;
        }
        let square = ((latitude * GRID).floor() as i32, (longitude * GRID).floor() as i32);
        if self.squares.len() >= SQUARES_MAX && !self.squares.contains_key(&square) {
            self.squares.clear();
        }
        let known = self.squares.entry(square).or_insert_with(|| cell_of_square(square));
        known.clone().or_else(|| cell(latitude, longitude))
    }
}
