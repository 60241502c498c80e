//! An input folder of a test, readers over it, and the twin that computes what they must send.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use greenwave_model::{Batch, PartitionClock};
use greenwave_sources::decode::{DecodeSettings, GpsDecoder};
use greenwave_sources::folder::{self, BLOCK_LINES, Folder, FolderSettings, Origin};
use greenwave_sources::{Budget, FromSource, Link, Position, SourceError};

const DEADLINE: Duration = Duration::from_secs(60);

pub fn report(id: &str, event_ms: i64) -> String {
    format!(
        r#"{{"id":"{id}","device_id":"bus-{}","timestamp":{event_ms},"speed":31.5,"location":[51.5,-0.1]}}"#,
        event_ms % 50
    )
}

pub fn compressed(bytes: &[u8], ending: &str) -> Vec<u8> {
    match ending {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "zst" => zstd::encode_all(bytes, 1).unwrap(),
        _ => bytes.to_vec(),
    }
}

/// A batch, compared by everything in it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub batch: Batch,
}

impl PartialEq for Sent {
    fn eq(&self, other: &Self) -> bool {
        let head =
            |batch: &Batch| (batch.partition, batch.start, batch.end, batch.finished, batch.timestamped, batch.bytes);
        let times = |batch: &Batch| (batch.last_arrival_ms, batch.clock.clone());
        // NaN is a value here: rows are compared as they print.
        let rows = |batch: &Batch| format!("{:?} {:?}", batch.readings, batch.rejects);
        let (a, b) = (&self.batch, &other.batch);
        head(a) == head(b) && times(a) == times(b) && a.raw == b.raw && rows(a) == rows(b)
    }
}

pub struct World {
    folder: tempfile::TempDir,
}

struct Run {
    heard: Receiver<FromSource>,
    budget: Arc<Budget>,
    stop: Arc<AtomicBool>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl World {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, compressed as its name says.
    pub fn put(&self, place: &str, bytes: &[u8]) {
        self.put_bytes(place, &compressed(bytes, place.rsplit('.').next().unwrap()));
    }

    pub fn put_bytes(&self, place: &str, bytes: &[u8]) {
        let path = self.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn settings(&self) -> FolderSettings {
        FolderSettings { origin: Origin::Path(self.path().to_owned()), decode: DecodeSettings::default() }
    }

    pub fn open(&self) -> Result<Arc<Folder>, SourceError> {
        folder::open(&self.settings())
    }

    pub fn beginnings(&self) -> Vec<Position> {
        let position = |(number, key)| {
            let clock = PartitionClock::default();
            Position { number, key, next: Some(0), clock, finished: false }
        };
        (0..).zip(self.open().unwrap().partitions()).map(position).collect()
    }

    pub fn positions_after(&self, sent: &[Sent]) -> Vec<Position> {
        let mut positions = self.beginnings();
        for Sent { batch } in sent {
            let position = &mut positions[usize::from(batch.partition)];
            position.next = Some(batch.end);
            position.clock = batch.clock.clone();
            position.finished = batch.finished;
        }
        positions
    }

    fn start(&self, threads: usize, budget: usize, positions: &[Position]) -> Run {
        let folder = self.open().unwrap();
        let (sender, heard) = crossbeam_channel::bounded(4);
        let (budget, stop) = (Arc::new(Budget::new(budget)), Arc::new(AtomicBool::new(false)));
        let link = Link { sender, wake: Arc::new(|| {}), budget: budget.clone(), stop: stop.clone() };
        let start = |_| folder::start(&folder, self.settings(), positions, link.clone());
        let readers = (0..threads).map(start).collect();
        Run { heard, budget, stop, readers }
    }

    /// Everything the readers send, in the order they send it: they share one channel.
    pub fn read(&self, threads: usize, budget: usize, positions: &[Position]) -> Vec<Sent> {
        let run = self.start(threads, budget, positions);
        run.collect(|run, batch| run.budget.release(batch.bytes))
    }

    /// The same at the other end of which a leader takes whole ticks of so many bytes. Of what waits, only the last
    /// block may be more than the budget.
    pub fn read_in_ticks(&self, threads: usize, budget: usize, tick: usize) -> Vec<Sent> {
        let run = self.start(threads, budget, &self.beginnings());
        let (mut held, mut longest) = (vec![], 0);
        run.collect(|run, batch| {
            held.push(batch.bytes);
            longest = longest.max(batch.bytes);
            assert!(held.iter().sum::<usize>() < budget + longest);
            if held.iter().sum::<usize>() >= tick {
                held.drain(..).for_each(|bytes| run.budget.release(bytes));
            }
        })
    }

    pub fn failure(&self, threads: usize) -> String {
        self.failure_at(threads, &self.beginnings())
    }

    pub fn failure_at(&self, threads: usize, positions: &[Position]) -> String {
        let run = self.start(threads, 64 << 20, positions);
        let deadline = Instant::now() + DEADLINE;
        let failure = loop {
            match run.heard.recv_deadline(deadline).expect("a failure before the readers end") {
                FromSource::Failed(error) => break error.to_string(),
                FromSource::Batch(batch) => run.budget.release(batch.bytes),
                FromSource::Standing(_) | FromSource::Ends(_) => panic!("a file has no standing"),
            }
        };
        drop(run.heard);
        run.readers.into_iter().for_each(|reader| reader.join().unwrap());
        failure
    }

    /// Takes one batch, releases nothing, and stops.
    pub fn stop_early(&self, threads: usize) {
        let run = self.start(threads, 1, &self.beginnings());
        run.heard.recv_timeout(DEADLINE).unwrap();
        run.stop.store(true, Ordering::Release);
        let asked = Instant::now();
        run.readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert!(asked.elapsed() < Duration::from_secs(2), "took {:?} to stop", asked.elapsed());
    }
}

impl Run {
    fn collect(self, mut taken: impl FnMut(&Self, &Batch)) -> Vec<Sent> {
        let deadline = Instant::now() + DEADLINE;
        let mut sent = vec![];
        loop {
            match self.heard.recv_deadline(deadline) {
                Ok(FromSource::Batch(batch)) => {
                    taken(&self, &batch);
                    sent.push(Sent { batch });
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) if error.is_disconnected() => break,
                Err(_) => panic!("nothing came for {DEADLINE:?}, after {} blocks", sent.len()),
            }
        }
        self.readers.into_iter().for_each(|reader| reader.join().unwrap());
        sent
    }
}

/// What must be sent: whole files in memory, split and decoded line by line, one block after the other.
pub fn by_twin(world: &World, positions: &[Position]) -> Vec<Sent> {
    let folder = world.open().unwrap();
    let mut decoder = GpsDecoder::new(DecodeSettings::default());
    let mut files: Vec<Twin> = positions
        .iter()
        .enumerate()
        .map(|(place, position)| {
            let text = fs::read(world.path().join(position.key.partition.as_str())).unwrap();
            Twin { lines: split(&text), position: position.clone(), first: folder.first_event_ms(place) }
        })
        .collect();
    let mut sent = vec![];
    while let Some(place) =
        (0..files.len()).filter(|&place| !files[place].position.finished).min_by_key(|&place| files[place].standing())
    {
        sent.push(Sent { batch: files[place].block(&mut decoder) });
    }
    sent
}

struct Twin {
    lines: Vec<Vec<u8>>,
    position: Position,
    first: Option<i64>,
}

impl Twin {
    fn standing(&self) -> Option<i64> {
        self.position.clock.now_ms.or(self.first)
    }

    fn block(&mut self, decoder: &mut GpsDecoder) -> Batch {
        let Twin { lines, position, .. } = self;
        let start = position.next.unwrap();
        let mut end = ((start / BLOCK_LINES + 1) * BLOCK_LINES).min(lines.len() as i64);
        let mut batch = Batch { partition: position.number, start, ..Batch::default() };
        for offset in start..end {
            let cell = position.clock.now_ms.map(|now| now / 20_000);
            let line = &lines[offset as usize];
            let before = batch.readings.len();
            decoder.decode(line, offset, None, &mut batch);
            batch.bytes += line.len();
            if let Some(reading) = batch.readings.get_mut(before) {
                position.clock.observe(reading.event_ms);
                reading.arrival_ms = position.clock.now_ms.unwrap();
                batch.last_arrival_ms = position.clock.now_ms;
            }
            if cell.is_some() && cell != position.clock.now_ms.map(|now| now / 20_000) {
                end = offset + 1;
                break;
            }
        }
        batch.end = end;
        position.next = Some(end);
        position.finished = end == lines.len() as i64;
        batch.finished = position.finished;
        batch.clock = position.clock.clone();
        batch
    }
}

fn split(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}
