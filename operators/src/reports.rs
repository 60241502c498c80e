//! Reports: a counted reading as each view wants it.
//!
//! in    readings that count, with the record they displace if they are a copy
//! out   one report for the road it is on, one for the device that sent it
//! state none (the memo of [`Roads`] changes no answer)
//! late  no matter here
//! moves nothing: whoever keeps state by road or device routes its reports
//! fails never; a reading without a road has a device's report only

use greenwave_model::views::VehicleLocation;
use greenwave_model::{GpsReading, Name, Position, RecordRef};
use serde::{Deserialize, Serialize};
use timely::dataflow::{
    Stream,
    channels::pact::Pipeline,
    operators::generic::{OutputBuilder, builder_rc::OperatorBuilder},
};
use timely::{container::CapacityContainerBuilder, progress::operate::FrontierInterest};
use xxhash_rust::xxh3::xxh3_128;

use crate::graph::Accepted;
use crate::latest::Report;
use crate::road::Roads;

/// Of reports of the same device and time that of `gps_data` stands.
pub const GPS_RANK: u8 = 0;

/// A device in 128 bits of its name.
pub type Device = [u64; 2];

/// What a reading says of its road.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoadReport {
    pub road: Name,
    /// Zero where devices are not counted.
    pub device: Device,
    pub record: RecordRef,
    pub event_ms: i64,
    pub arrival_ms: i64,
    pub speed_kmh: f64,
    pub position: Position,
    /// A camera said it: it has its own totals, and is no report of a vehicle.
    pub by_camera: bool,
    /// Another copy of the reading has been counted in this cut.
    pub displaces: bool,
}

/// Makes reports of readings.
///
/// ```
/// use greenwave_model::{GpsReading, RecordRef};
/// use greenwave_operators::{graph::Accepted, reports::Reporter};
/// let reading = GpsReading {
///     record: RecordRef::new(0, 1), fingerprint: 7, device: "bus".into(), road: "A40".into(), event_ms: 1_000,
///     arrival_ms: 2_000, speed_kmh: 30.0, latitude: 51.0, longitude: 7.0, direction_deg: f64::NAN };
/// let (road, vehicle) = Reporter::new(true).reports(Accepted::first(reading));
/// assert_eq!(road.map(|report| (report.road, report.event_ms)), Some(("A40".into(), 1_000)));
/// assert_eq!((vehicle.key.as_str(), vehicle.value.direction_deg), ("bus", None));
/// ```
pub struct Reporter {
    roads: Roads,
    count_devices: bool,
}

impl Reporter {
    pub fn new(count_devices: bool) -> Self {
        Self { roads: Roads::default(), count_devices }
    }

    pub fn reports(&mut self, accepted: Accepted) -> (Option<RoadReport>, Report<VehicleLocation>) {
        let displaces = accepted.displaces().is_some();
        let reading = accepted.into_event();
        let road = self.roads.name(&reading.road, reading.latitude, reading.longitude);
        let device = if self.count_devices { device_of(&reading.device) } else { [0; 2] };
        let GpsReading { record, event_ms, arrival_ms, speed_kmh, latitude, longitude, direction_deg, .. } = reading;
        let position = Position::new(latitude, longitude);
        let by_camera = false;
        let report =
            |road| RoadReport { road, device, record, event_ms, arrival_ms, speed_kmh, position, by_camera, displaces };
        let road = road.map(report);
        let direction_deg = (!direction_deg.is_nan()).then_some(direction_deg);
        let value = VehicleLocation { latitude, longitude, speed_kmh, direction_deg, event_ms, arrival_ms };
        (road, Report { key: reading.device, rank: GPS_RANK, record, value })
    }
}

/// The device of a name.
pub fn device_of(name: &str) -> Device {
    let hash = xxh3_128(name.as_bytes());
    [hash as u64, (hash >> 64) as u64]
}

/// Which reports a dataflow has a use for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub roads: bool,
    pub vehicles: bool,
    pub devices: bool,
}

type VehicleReports<'s> = Stream<'s, u64, Vec<Report<VehicleLocation>>>;

/// Splits counted readings into the reports of their roads and of their devices.
pub fn reports<'s>(
    counted: Stream<'s, u64, Vec<Accepted>>,
    wanted: Wanted,
) -> (Stream<'s, u64, Vec<RoadReport>>, VehicleReports<'s>) {
    let mut builder = OperatorBuilder::new("reports".to_owned(), counted.scope());
    let mut input = builder.new_input(counted, Pipeline);
    builder.set_notify_for(0, FrontierInterest::Never);
    let (roads_port, roads) = builder.new_output();
    let (vehicles_port, vehicles) = builder.new_output();
    let mut roads_port = OutputBuilder::<_, CapacityContainerBuilder<Vec<RoadReport>>>::from(roads_port);
    let mut vehicles_port = OutputBuilder::<_, CapacityContainerBuilder<Vec<_>>>::from(vehicles_port);
    builder.build(move |_| {
        let mut reporter = Reporter::new(wanted.devices);
        move |_| {
            let (mut roads, mut vehicles) = (roads_port.activate(), vehicles_port.activate());
            input.for_each(|capability, rows| {
                let (mut of_roads, mut of_vehicles) = (roads.session(&capability), vehicles.session(&capability));
                for accepted in rows.drain(..) {
                    let (road, vehicle) = reporter.reports(accepted);
                    if let Some(road) = road.filter(|_| wanted.roads) {
                        of_roads.give(road);
                    }
                    if wanted.vehicles {
                        of_vehicles.give(vehicle);
                    }
                }
            });
        }
    });
    (roads, vehicles)
}
