//! The reference tables of a city, which a job finds in its input folder.

use std::io::Write;

use super::Settings;
use super::payload::fixed;
use super::roads::{Heading, Roads};

/// Free-flow speeds by road.
pub const FREE_FLOW: &str = "segments.csv";
/// Named routes, a line a road in order.
pub const ROUTES: &str = "routes.csv";

/// The content of a table, by the name of its file.
pub fn table(settings: &Settings, name: &str) -> String {
    let roads = Roads::new(settings.side, settings.seed);
    let bytes = match name {
        FREE_FLOW => free_flow(&roads),
        ROUTES => routes(&roads),
        other => unreachable!("a city has no table {other}"),
    };
    String::from_utf8(bytes).expect("names and numbers are ASCII")
}

fn free_flow(roads: &Roads) -> Vec<u8> {
    let mut text = b"segment_id,free_flow,lat,lon\n".to_vec();
    for (number, road) in roads.all().iter().enumerate() {
        let middle = roads.along(number as u32, 0.5);
        text.extend_from_slice(road.name.as_bytes());
        for (value, places) in [(road.free_flow_e2, 2), (middle.latitude_e5, 5), (middle.longitude_e5, 5)] {
            text.push(b',');
            fixed(&mut text, value, places);
        }
        text.push(b'\n');
    }
    text
}

/// Both ways from end to end along the street through the middle and one an eighth of the city away from it.
fn routes(roads: &Roads) -> Vec<u8> {
    let mut text = b"route_id,road_id,length_m\n".to_vec();
    let (side, middle) = (u32::from(roads.side()), u32::from(roads.side() / 2));
    for (name, heading) in [
        ("north-south", Heading::South),
        ("south-north", Heading::North),
        ("east-west", Heading::West),
        ("west-east", Heading::East),
    ] {
        for (number, line) in [(1, middle), (2, middle - (side / 8).max(1))] {
            let mut crossing = match heading {
                Heading::South => (side - 1) * side + line,
                Heading::North => line,
                Heading::West => line * side + side - 1,
                Heading::East => line * side,
            };
            while let Some(road) = roads.leaving(crossing, heading) {
                let road = roads.get(road);
                writeln!(text, "{name}-{number},{},{:.1}", road.name, road.length_m).expect("a vector takes all");
                crossing = road.to;
            }
        }
    }
    text
}
