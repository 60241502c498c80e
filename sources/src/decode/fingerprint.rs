//! 128 bits of an event's canonical content, by which a second copy is known.

use xxhash_rust::xxh3::xxh3_128;

use super::event::Event;

/// The hash of every part, texts with their length before them; 0 only for an event without an id, which is never a
/// copy of another. Checkpoints keep these numbers: a change of this form forgets them.
#[inline]
pub(super) fn fingerprint(event: &Event<'_>, scratch: &mut Vec<u8>) -> u128 {
    if event.id.is_empty() {
        return 0;
    }
    scratch.clear();
    for text in [event.id, event.device, event.vehicle_type, event.road] {
        scratch.extend_from_slice(&(text.len() as u32).to_le_bytes());
        scratch.extend_from_slice(text.as_bytes());
    }
    scratch.extend_from_slice(&event.event_ms.to_le_bytes());
    let direction = if event.direction_deg.is_nan() { f64::NAN } else { event.direction_deg };
    for number in [event.speed_kmh, event.latitude, event.longitude, direction] {
        // −0 is 0.
        scratch.extend_from_slice(&(number + 0.0).to_bits().to_le_bytes());
    }
    xxh3_128(scratch).max(1)
}
