//! Bytes → [`GpsReading`] or [`Reject`], one record at a time; a bad one cannot hurt the next.
//!
//! Three stages, each of which answers with what the next one would have answered, or passes the record on:
//! `template` repeats the form of the records before, `scanner` finds our fields in any order, `fallback` is
//! serde_json and says what is wrong with a record. Which stage took a record never shows in its reading.
//!
//! What is read, under which names and in which units: `fields`, `timestamp`, `direction`. `null` is absent, and
//! so is an empty id, road, direction or vehicle type. A byte order mark before a record is passed over. A number for
//! a name becomes its decimal text. A number in quotes is of the wrong type, except for a time.

mod cursor;
mod decoders;
mod direction;
mod event;
mod fallback;
mod fields;
mod fingerprint;
mod interner;
mod members;
mod number;
mod observation;
mod scanner;
mod slots;
mod step;
mod swar;
mod template;
mod timestamp;
mod value;

use greenwave_model::{Batch, GpsReading, RecordRef, Reject, RejectReason};

pub use decoders::Decoders;
pub use observation::ObservationDecoder;

use event::Event;
use interner::Interner;
use scanner::Spans;
use slots::Refusal;
use template::Template;
use timestamp::Times;

/// Bytes kept of a record that is too large.
const TOO_LARGE_KEPT: usize = 64 << 10;
/// Places inside a record are kept in 32 bits.
const RECORD_BYTES_LIMIT: usize = 1 << 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeSettings {
    /// Minutes that the clock of naive timestamps is ahead of UTC.
    pub zone_offset_min: i32,
    /// Fill `batch.raw`, creating it in a batch that has no rows yet.
    pub with_raw: bool,
    /// Without it every fingerprint is 0.
    pub fingerprint: bool,
    /// A larger record is a reject of which the first 64 KiB are kept.
    pub record_bytes_max: usize,
}

impl Default for DecodeSettings {
    fn default() -> Self {
        Self { zone_offset_min: 0, with_raw: true, fingerprint: true, record_bytes_max: 1 << 20 }
    }
}

/// The three ways to read a record, fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Template,
    Scanner,
    Fallback,
}

/// Decodes one source thread's GPS events. What it keeps are caches: a reading depends on its record alone.
#[derive(Debug)]
pub struct GpsDecoder {
    settings: DecodeSettings,
    first: Stage,
    times: Times,
    names: Interner,
    template: Template,
    spans: Spans,
    scratch: Vec<u8>,
    taken: [u64; 3],
}

impl GpsDecoder {
    pub fn new(settings: DecodeSettings) -> Self {
        Self::starting_at(Stage::Template, settings)
    }

    /// A decoder that tries `first` and the stages after it, to compare or to time them.
    pub fn starting_at(first: Stage, settings: DecodeSettings) -> Self {
        Self {
            first,
            times: Times::new(settings.zone_offset_min),
            names: Interner::new(),
            template: Template::new(),
            spans: Spans::new(),
            scratch: Vec::new(),
            taken: [0; 3],
            settings,
        }
    }

    /// Records taken by a stage so far; those of the fallback include the rejects.
    pub fn taken_by(&self, stage: Stage) -> u64 {
        self.taken[stage as usize]
    }

    /// Appends one reading, and its row of `batch.raw` if the batch has one, or one reject. `timestamp_ms` is Kafka's
    /// record timestamp; from a folder there is none and the caller fills `arrival_ms`.
    pub fn decode(&mut self, payload: &[u8], offset: i64, timestamp_ms: Option<i64>, batch: &mut Batch) {
        if self.settings.with_raw && batch.raw.is_none() && batch.readings.is_empty() {
            batch.raw = Some(Default::default());
        }
        let place = Place { offset, timestamp_ms };
        match self.read(payload, &place, batch) {
            Ok(stage) => self.taken[stage as usize] += 1,
            Err(refusal) => {
                self.taken[Stage::Fallback as usize] += 1;
                batch.rejects.push(reject(refusal, payload, &place));
            }
        }
    }

    #[inline]
    fn read(&mut self, payload: &[u8], place: &Place, batch: &mut Batch) -> Result<Stage, Refusal> {
        let limit = self.settings.record_bytes_max.min(RECORD_BYTES_LIMIT);
        if payload.len() > limit {
            let detail = format!("{} bytes are more than {limit}", payload.len());
            return Err(Refusal::new(RejectReason::TooLarge, detail));
        }
        if self.first == Stage::Template
            && let Some(event) = self.template.read(payload, &mut self.times)
        {
            self.accept(&event, place, batch);
            return Ok(Stage::Template);
        }
        if self.first <= Stage::Scanner
            && let Some(event) = scanner::scan(payload, &mut self.times, &mut self.spans)
        {
            if self.first == Stage::Template
                && let Some(spans) = self.spans.get()
            {
                self.template.learn(payload, spans);
            }
            self.accept(&event, place, batch);
            return Ok(Stage::Scanner);
        }
        let slots = fallback::read(payload)?;
        let event = slots.event(&mut self.times)?;
        self.accept(&event, place, batch);
        Ok(Stage::Fallback)
    }

    #[inline]
    fn accept(&mut self, event: &Event<'_>, place: &Place, batch: &mut Batch) {
        let fingerprint =
            if self.settings.fingerprint { fingerprint::fingerprint(event, &mut self.scratch) } else { 0 };
        batch.readings.push(GpsReading {
            record: RecordRef::new(batch.partition, place.offset),
            fingerprint,
            device: self.names.name(event.device),
            road: self.names.name(event.road),
            event_ms: event.event_ms,
            arrival_ms: place.timestamp_ms.unwrap_or(0),
            speed_kmh: event.speed_kmh,
            latitude: event.latitude,
            longitude: event.longitude,
            direction_deg: event.direction_deg,
        });
        if let Some(raw) = &mut batch.raw {
            raw.id.push(event.id);
            raw.vehicle_type.push(event.vehicle_type);
        }
    }
}

/// Where a record stands.
struct Place {
    offset: i64,
    timestamp_ms: Option<i64>,
}

#[cold]
fn reject(refusal: Refusal, payload: &[u8], place: &Place) -> Reject {
    let kept = if refusal.reason == RejectReason::TooLarge { payload.len().min(TOO_LARGE_KEPT) } else { payload.len() };
    Reject {
        offset: place.offset,
        timestamp_ms: place.timestamp_ms,
        reason: refusal.reason,
        detail: refusal.detail,
        bytes: payload[..kept].to_vec(),
    }
}
