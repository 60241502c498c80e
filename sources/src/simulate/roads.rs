//! The city's roads: a grid of crossings, a few motorways, more arterials, local streets between them.

use super::random::share_of;

/// South-west corner, in degrees × 10⁵, and the way from one crossing to the next: about 500 m.
const CORNER_E5: (i32, i32) = (5_142_000, -26_000);
const STEP_E5: (i32, i32) = (450, 720);
/// Crossings are off the grid by up to so much.
const OFF_E5: (i32, i32) = (60, 90);
/// Metres in 10⁻⁵ degrees of latitude, and of longitude at 51.5° north.
const METRES: (f64, f64) = (1.1132, 0.693);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Motorway,
    Arterial,
    Local,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Motorway => "motorway",
            Self::Arterial => "arterial",
            Self::Local => "local",
        }
    }

    fn free_flow_kmh(self) -> f64 {
        match self {
            Self::Motorway => 100.0,
            Self::Arterial => 60.0,
            Self::Local => 35.0,
        }
    }

    /// Every tenth line of the grid is a motorway, every fifth an arterial.
    fn of_line(line: u16) -> Self {
        match line % 10 {
            5 => Self::Motorway,
            0 => Self::Arterial,
            _ => Self::Local,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heading {
    East,
    North,
    West,
    South,
}

impl Heading {
    pub const ALL: [Self; 4] = [Self::East, Self::North, Self::West, Self::South];

    pub fn degrees(self) -> u16 {
        [90, 0, 270, 180][self as usize]
    }

    fn letter(self) -> char {
        ['E', 'N', 'W', 'S'][self as usize]
    }

    fn step(self) -> (i32, i32) {
        [(1, 0), (0, 1), (-1, 0), (0, -1)][self as usize]
    }
}

/// Degrees × 10⁵.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub latitude_e5: i32,
    pub longitude_e5: i32,
}

/// From one crossing to the next, one way.
#[derive(Clone, Debug)]
pub struct Road {
    /// `R-3-7-E`: eastwards from the crossing in column 3 and row 7.
    pub name: String,
    pub class: Class,
    pub heading: Heading,
    pub length_m: f64,
    /// Hundredths of km/h.
    pub free_flow_e2: i32,
    /// How much of its speed a full rush hour takes: more in the centre.
    pub load: f64,
    pub from: u32,
    pub to: u32,
}

#[derive(Clone, Debug)]
pub struct Roads {
    side: u16,
    crossings: Vec<Place>,
    roads: Vec<Road>,
    /// By crossing and heading.
    out: Vec<[Option<u32>; 4]>,
}

impl Roads {
    pub fn new(side: u16, seed: u64) -> Self {
        let count = usize::from(side) * usize::from(side);
        let mut city = Self { side, crossings: Vec::with_capacity(count), roads: vec![], out: vec![[None; 4]; count] };
        for crossing in 0..count as u32 {
            let (x, y) = city.column_and_row(crossing);
            let off = |thing: u32, most: i32| {
                (share_of(seed, u64::from(crossing) << 2 | u64::from(thing)) * f64::from(2 * most)) as i32 - most
            };
            city.crossings.push(Place {
                latitude_e5: CORNER_E5.0 + STEP_E5.0 * i32::from(y) + off(0, OFF_E5.0),
                longitude_e5: CORNER_E5.1 + STEP_E5.1 * i32::from(x) + off(1, OFF_E5.1),
            });
        }
        for crossing in 0..count as u32 {
            for heading in Heading::ALL {
                city.build(crossing, heading, seed);
            }
        }
        city
    }

    fn build(&mut self, from: u32, heading: Heading, seed: u64) {
        let (x, y) = self.column_and_row(from);
        let (across, up) = heading.step();
        let to = (i32::from(x) + across, i32::from(y) + up);
        let inside = 0..i32::from(self.side);
        if !inside.contains(&to.0) || !inside.contains(&to.1) {
            return;
        }
        let to = (to.1 * i32::from(self.side) + to.0) as u32;
        let class = Class::of_line(if up == 0 { y } else { x });
        let own = |thing: u64| share_of(seed, 1 << 40 | u64::from(from) << 8 | (heading as u64) << 4 | thing);
        let half = f64::from(self.side) / 2.0;
        let far = (f64::from(x) - half).abs().max((f64::from(y) - half).abs()) / half;
        self.out[from as usize][heading as usize] = Some(self.roads.len() as u32);
        self.roads.push(Road {
            name: format!("R-{x}-{y}-{}", heading.letter()),
            class,
            heading,
            length_m: metres(self.crossings[from as usize], self.crossings[to as usize]),
            free_flow_e2: (class.free_flow_kmh() * (90.0 + 20.0 * own(0))).round() as i32,
            load: (0.55 + 0.45 * (1.0 - far)) * (0.8 + 0.2 * own(1)),
            from,
            to,
        });
    }

    pub fn side(&self) -> u16 {
        self.side
    }

    pub fn all(&self) -> &[Road] {
        &self.roads
    }

    #[inline]
    pub fn get(&self, road: u32) -> &Road {
        &self.roads[road as usize]
    }

    pub fn crossing(&self, crossing: u32) -> Place {
        self.crossings[crossing as usize]
    }

    #[inline]
    pub fn column_and_row(&self, crossing: u32) -> (u16, u16) {
        ((crossing % u32::from(self.side)) as u16, (crossing / u32::from(self.side)) as u16)
    }

    /// The road that leaves a crossing this way, unless the city ends there.
    #[inline]
    pub fn leaving(&self, crossing: u32, heading: Heading) -> Option<u32> {
        self.out[crossing as usize][heading as usize]
    }

    /// Roads that lead to the beginning of this one, without its other direction.
    pub fn before(&self, road: u32) -> impl Iterator<Item = u32> + '_ {
        let Road { from, to, .. } = *self.get(road);
        // Who leaves this crossing for another one comes back from there by the opposite heading.
        Heading::ALL.into_iter().filter_map(move |heading| {
            let neighbour = self.get(self.leaving(from, heading)?).to;
            let back = Heading::ALL[(heading as usize + 2) % 4];
            self.leaving(neighbour, back).filter(|_| neighbour != to)
        })
    }

    /// The place a share of the way along a road.
    #[inline]
    pub fn along(&self, road: u32, share: f64) -> Place {
        let Road { from, to, .. } = *self.get(road);
        let (from, to) = (self.crossings[from as usize], self.crossings[to as usize]);
        let between = |from: i32, to: i32| from + (f64::from(to - from) * share) as i32;
        Place {
            latitude_e5: between(from.latitude_e5, to.latitude_e5),
            longitude_e5: between(from.longitude_e5, to.longitude_e5),
        }
    }
}

fn metres(from: Place, to: Place) -> f64 {
    let north = f64::from(to.latitude_e5 - from.latitude_e5) * METRES.0;
    let east = f64::from(to.longitude_e5 - from.longitude_e5) * METRES.1;
    (north * north + east * east).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crossing_of_the_grid_is_joined_to_its_neighbours_both_ways() {
        let roads = Roads::new(12, 1);
        assert_eq!(roads.all().len(), 4 * 12 * 11);
        for (number, road) in roads.all().iter().enumerate() {
            assert!((300.0..700.0).contains(&road.length_m), "{road:?}");
            assert!((0.4..1.0).contains(&road.load), "{road:?}");
            for before in roads.before(number as u32) {
                assert_eq!(roads.get(before).to, road.from);
                assert_ne!(roads.get(before).from, road.to);
            }
        }
        assert_eq!(roads.get(roads.leaving(3, Heading::East).unwrap()).name, "R-3-0-E");
        assert!(roads.leaving(11, Heading::East).is_none());
    }
}
