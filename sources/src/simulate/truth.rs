//! What was really so, as files that a judge reads without any of our code. `docs/simulator.md` tells every column.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use greenwave_model::iso;

use super::folder::partition_name;
use super::incidents::{KINDS, SEVERITIES, TOLD_AFTER_MS};
use super::payload::{decimal, fixed, id, padded};
use super::record::{Kind, Record};
use super::report::{Drive, Feed, Report, Said};
use super::roads::{Place, Roads};
use super::sky::Measured;
use super::{City, SimulateError};

const BUFFER_BYTES: usize = 256 << 10;
const RECORDS: &str = "records.jsonl";

/// What a partition is called in the lake of whoever reads the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionNames {
    /// `gps/part-00000.jsonl`
    Files,
    /// `0`
    Numbers,
}

pub struct Truth {
    path: PathBuf,
    names: [Vec<String>; 5],
    roads: Arc<Roads>,
    records: BufWriter<File>,
    vehicles: BufWriter<File>,
    weather: BufWriter<File>,
    /// By minute and road: reports, and the sum of their speeds in tenths of km/h.
    minutes: HashMap<(i64, u32), (u64, u64)>,
    line: Vec<u8>,
}

impl Truth {
    /// Makes the folder. It must hold no truth yet.
    pub fn create(path: &Path, city: &City, names: PartitionNames) -> Result<Self, SimulateError> {
        if path.join(RECORDS).metadata().is_ok_and(|file| file.len() > 0) {
            return Err(SimulateError::FolderInUse { path: path.to_owned(), found: RECORDS.to_owned() });
        }
        Self::open(path, city, names).map_err(|source| SimulateError::Write { path: path.to_owned(), source })
    }

    fn open(path: &Path, city: &City, names: PartitionNames) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let roads = city.roads();
        write_roads(file(path, "roads.csv")?, &roads)?;
        let partitions = |feed: Feed| 0..city.settings().partitions[feed as usize];
        let name = |feed, partition| match names {
            PartitionNames::Files => partition_name(feed, partition),
            PartitionNames::Numbers => partition.to_string(),
        };
        let mut truth = Self {
            path: path.to_owned(),
            names: Feed::ALL.map(|feed| partitions(feed).map(|partition| name(feed, partition)).collect()),
            roads,
            records: file(path, RECORDS)?,
            vehicles: file(path, "vehicles.csv")?,
            weather: file(path, "weather.csv")?,
            minutes: HashMap::new(),
            line: vec![],
        };
        writeln!(truth.vehicles, "vehicle,event_ms,lat,lon,speed_kmh,road,kind,partition,offset")?;
        let measured = "condition,temperature,humidity,wind_speed,precipitation,air_quality_index,travel_time_factor";
        writeln!(truth.weather, "station,event_ms,lat,lon,{measured}")?;
        Ok(truth)
    }

    pub fn write(&mut self, record: &Record<'_>) -> Result<(), SimulateError> {
        self.try_write(record).map_err(|source| SimulateError::Write { path: self.path.clone(), source })
    }

    fn try_write(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.write_record(record)?;
        match &record.report.said {
            Said::Gps(drive) if record.kind.is_news() => self.write_vehicle(record, drive),
            Said::Weather(measured) if record.kind.is_news() => self.write_weather(&record.report, measured),
            _ => Ok(()),
        }
    }

    fn write_record(&mut self, record: &Record<'_>) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(b"{\"topic\":\"");
        line.extend_from_slice(record.feed.topic().as_bytes());
        line.extend_from_slice(b"\",\"partition\":\"");
        line.extend_from_slice(self.names[record.feed as usize][usize::from(record.partition)].as_bytes());
        line.extend_from_slice(b"\",\"offset\":");
        decimal(line, record.offset as u64);
        line.extend_from_slice(b",\"kind\":\"");
        line.extend_from_slice(record.kind.name().as_bytes());
        match record.kind {
            Kind::Copy { of } => {
                line.extend_from_slice(b"\",\"copy_of\":");
                decimal(line, of as u64);
            }
            Kind::Broken(fault) => {
                line.extend_from_slice(b"\",\"reason\":\"");
                line.extend_from_slice(fault.reason().as_bytes());
                line.push(b'"');
            }
            _ => line.push(b'"'),
        }
        line.extend_from_slice(b",\"event_ms\":");
        decimal(line, record.report.event_ms as u64);
        line.extend_from_slice(b",\"arrival_ms\":");
        decimal(line, record.arrival_ms as u64);
        line.extend_from_slice(b",\"id\":\"");
        line.extend_from_slice(record.key);
        line.extend_from_slice(b"\"}\n");
        self.records.write_all(line)
    }

    fn write_vehicle(&mut self, record: &Record<'_>, drive: &Drive) -> io::Result<()> {
        let report = &record.report;
        let sum = self.minutes.entry((report.event_ms.div_euclid(60_000), drive.road)).or_default();
        *sum = (sum.0 + 1, sum.1 + u64::from(drive.speed_e1));
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(b"veh-");
        padded(line, drive.vehicle, 6);
        line.push(b',');
        decimal(line, report.event_ms as u64);
        line.push(b',');
        place(line, report.place);
        line.push(b',');
        fixed(line, drive.speed_e1 as i32, 1);
        for text in [
            &self.roads.get(drive.road).name,
            record.kind.name(),
            &self.names[record.feed as usize][usize::from(record.partition)],
        ] {
            line.push(b',');
            line.extend_from_slice(text.as_bytes());
        }
        line.push(b',');
        decimal(line, record.offset as u64);
        line.push(b'\n');
        self.vehicles.write_all(line)
    }

    fn write_weather(&mut self, report: &Report, measured: &Measured) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(b"Station");
        padded(line, u32::from(measured.station), 3);
        line.push(b',');
        decimal(line, report.event_ms as u64);
        line.push(b',');
        place(line, report.place);
        line.push(b',');
        line.extend_from_slice(measured.condition.name().as_bytes());
        let Measured { temperature_e1, humidity_e1, wind_speed_e1, precipitation_e1, .. } = *measured;
        for tenths in [temperature_e1, humidity_e1, wind_speed_e1, precipitation_e1] {
            line.push(b',');
            fixed(line, tenths, 1);
        }
        let (index, factor) = (measured.air_quality_index, measured.condition.travel_time_factor());
        writeln!(line, ",{index},{factor:.1}")?;
        self.weather.write_all(line)
    }

    /// Writes what only the end of the run tells: incidents that were seen, and the mean speed of every road and minute.
    pub fn finish(&mut self, city: &City, end_ms: i64) -> Result<(), SimulateError> {
        let failed = |source| SimulateError::Write { path: self.path.clone(), source };
        self.records.flush().map_err(failed)?;
        self.vehicles.flush().map_err(failed)?;
        self.weather.flush().map_err(failed)?;
        self.write_incidents(city, end_ms).map_err(failed)?;
        self.write_minutes().map_err(failed)
    }

    fn write_incidents(&self, city: &City, end_ms: i64) -> io::Result<()> {
        let mut out = file(&self.path, "incidents.csv")?;
        writeln!(out, "incident,type,severity,road,lat,lon,active_at,responding_at,resolved_at")?;
        let seen = city.incidents().iter().filter(|incident| {
            incident.active_ms < end_ms && incident.resolved_ms >= city.settings().start_ms - TOLD_AFTER_MS
        });
        for incident in seen {
            let mut line = vec![];
            id(&mut line, incident.id);
            let (kind, _) = KINDS[usize::from(incident.kind)];
            let (severity, _) = SEVERITIES[usize::from(incident.severity)];
            write!(line, ",{kind},{severity},{},", self.roads.get(incident.road).name)?;
            place(&mut line, self.roads.along(incident.road, 0.5));
            for at_ms in [incident.active_ms, incident.responding_ms, incident.resolved_ms] {
                write!(line, ",{}", iso::zulu(at_ms))?;
            }
            line.push(b'\n');
            out.write_all(&line)?;
        }
        out.flush()
    }

    fn write_minutes(&self) -> io::Result<()> {
        let mut out = file(&self.path, "road_minutes.csv")?;
        writeln!(out, "road,minute,mean_speed_kmh,reports")?;
        let mut minutes: Vec<_> = self.minutes.iter().collect();
        minutes.sort_unstable();
        for (&(minute, road), &(reports, sum_e1)) in minutes {
            let road = &self.roads.get(road).name;
            writeln!(out, "{road},{},{},{reports}", iso::zulu(minute * 60_000), sum_e1 as f64 / 10.0 / reports as f64)?;
        }
        out.flush()
    }
}

fn write_roads(mut out: BufWriter<File>, roads: &Roads) -> io::Result<()> {
    writeln!(out, "road,class,length_m,free_flow_kmh,from_lat,from_lon,to_lat,to_lon")?;
    for road in roads.all() {
        let mut line = vec![];
        write!(line, "{},{},{:.1},", road.name, road.class.name(), road.length_m)?;
        fixed(&mut line, road.free_flow_e2, 2);
        for crossing in [road.from, road.to] {
            line.push(b',');
            place(&mut line, roads.crossing(crossing));
        }
        line.push(b'\n');
        out.write_all(&line)?;
    }
    out.flush()
}

fn file(folder: &Path, name: &str) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(BUFFER_BYTES, File::create(folder.join(name))?))
}

fn place(line: &mut Vec<u8>, place: Place) {
    fixed(line, place.latitude_e5, 5);
    line.push(b',');
    fixed(line, place.longitude_e5, 5);
}
