//! Lines of any bytes: every one becomes one reading or one reject, the same in all three stages.
//!
//! `cargo +nightly fuzz run decode` in `sources/`. The decoders see all lines of an input in turn, so that the template
//! has learned from the first when the second comes.
#![no_main]

use greenwave_model::{Batch, GpsRaw, GpsReading};
use greenwave_sources::decode::{DecodeSettings, GpsDecoder, Stage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut decoders = [Stage::Fallback, Stage::Scanner, Stage::Template]
        .map(|first| GpsDecoder::starting_at(first, DecodeSettings::default()));
    for line in input.split(|&byte| byte == b'\n') {
        let [fallback, scanner, template] = decoders.each_mut().map(|decoder| decode(decoder, line));
        assert_eq!(fallback.readings.len() + fallback.rejects.len(), 1);
        for other in [scanner, template] {
            assert_eq!(other.rejects, fallback.rejects);
            assert_eq!(other.raw, fallback.raw);
            assert_eq!(other.readings.len(), fallback.readings.len());
            for (left, right) in other.readings.iter().zip(&fallback.readings) {
                assert_eq!(numbers(left), numbers(right));
                assert_eq!((left.record, left.fingerprint), (right.record, right.fingerprint));
                assert_eq!((&left.device, &left.road), (&right.device, &right.road));
                assert_eq!((left.event_ms, left.arrival_ms), (right.event_ms, right.arrival_ms));
            }
        }
    }
});

fn decode(decoder: &mut GpsDecoder, line: &[u8]) -> Batch {
    let mut batch = Batch { raw: Some(GpsRaw::default()), ..Batch::default() };
    decoder.decode(line, 1, Some(2), &mut batch);
    batch
}

fn numbers(reading: &GpsReading) -> [u64; 4] {
    [reading.speed_kmh, reading.latitude, reading.longitude, reading.direction_deg].map(f64::to_bits)
}
