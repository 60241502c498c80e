//! A log of records whose content at any end is known: record `i` sets, removes or retires one key.

use std::collections::BTreeMap;
use std::sync::Arc;

use greenwave_model::{Change, Delta, Deltas, Name, ViewRow};

use crate::views::{Bus, Stop, Trip};

/// What is known of a key at some end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Set(i64),
    Removed,
    /// The value of this record may stand, or have gone.
    Retired(i64),
}

#[derive(Clone, Copy, Debug)]
pub struct World {
    pub keys: u64,
    pub seed: u64,
}

pub type Content = BTreeMap<Name, State>;

impl World {
    fn key(self, record: u64) -> Name {
        Name::new(format!("k{}", mix(record ^ self.seed << 32) % self.keys))
    }

    /// Every key that some record below `end` names.
    pub fn content(self, end: u64) -> Content {
        let mut content = Content::new();
        self.advance(&mut content, 0, end);
        content
    }

    pub fn advance(self, content: &mut Content, from: u64, end: u64) {
        for record in from..end {
            let key = self.key(record);
            // A key that is retired is never removed: what stands of it is nobody's to delete, its expiry apart.
            let retires = mix(key.len() as u64 + u64::from(key.as_bytes()[key.len() - 1])).is_multiple_of(2);
            let state = match (mix(record + self.seed) % 8, content.get(&key)) {
                (0, Some(State::Set(seq))) if retires => State::Retired(*seq),
                (0, Some(State::Set(_))) => State::Removed,
                _ => State::Set(record as i64),
            };
            content.insert(key, state);
        }
    }

    /// The deltas of the tick that takes the log from `from` to `end`.
    pub fn deltas(self, from: u64, end: u64) -> Vec<Arc<dyn Deltas>> {
        let before = self.content(from);
        let mut after = before.clone();
        self.advance(&mut after, from, end);
        after.retain(|key, state| before.get(key) != Some(state));
        deltas_of(&before, &after)
    }

    /// Content as a restored dataflow emits it.
    pub fn fill(self, end: u64) -> Vec<Arc<dyn Deltas>> {
        let mut live = self.content(end);
        live.retain(|_, state| matches!(state, State::Set(_)));
        deltas_of(&Content::new(), &live)
    }
}

fn deltas_of(before: &Content, changed: &Content) -> Vec<Arc<dyn Deltas>> {
    // Three views with the same content.
    vec![
        Arc::new(rows(before, changed, |seq| Bus { seq, expires_ms: None })),
        Arc::new(rows(before, changed, |seq| Stop { seq, expires_ms: None })),
        Arc::new(rows(before, changed, |seq| Trip { seq, expires_ms: None })),
    ]
}

fn rows<V: ViewRow<Key = Name>>(before: &Content, changed: &Content, row: impl Fn(i64) -> V) -> Vec<Delta<V>> {
    let of = |(key, state): (&Name, &State)| {
        let live_before = matches!(before.get(key), Some(State::Set(_)));
        let change = match state {
            State::Set(seq) => Change::Set(row(*seq)),
            State::Removed if live_before => Change::Remove,
            State::Retired(_) if live_before => Change::Retire,
            // It came and went within the tick: nothing was ever said of it.
            State::Removed | State::Retired(_) => return None,
        };
        Some(Delta { key: key.clone(), change, revision: 1, is_final: true })
    };
    changed.iter().filter_map(of).collect()
}

/// Spreads numbers evenly.
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^= mixed >> 31;
    mixed = mixed.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ mixed >> 29
}
