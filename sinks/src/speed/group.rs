//! The call that writes one group: changes since a tick, or its whole content. One call whatever its size, since only
//! a whole one is atomic: parts would show values of ticks that a restart may have to repeat. Redis takes about a
//! million arguments, so 340,000 keys of a group, 20 million of a job.

use greenwave_model::{Change, Current, Deltas, Name, StoredValue, ViewSpec};

use super::batch::{Group, KeyChange};
use super::encode::{Caller, argument, number};
use super::json::{self, field};
use super::replica::Kept;

/// How one group is to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub group: usize,
    pub to: u64,
    /// Entries of the feed below this tick are dropped.
    pub feed_floor: u64,
    /// From the clock of the bindings to that of Redis.
    pub expiry_shift_ms: i64,
}

/// What happens to the keys of one db.
#[derive(Default)]
struct Block<'a> {
    sets: Vec<Value<'a>>,
    new: Vec<(&'static ViewSpec, &'a Name)>,
    removed: Vec<(&'static ViewSpec, &'a Name)>,
    retired: Vec<(&'static ViewSpec, &'a Name)>,
}

struct Value<'a> {
    spec: &'static ViewSpec,
    key: &'a Name,
    value: std::sync::Arc<dyn StoredValue>,
    expires_ms: Option<i64>,
}

/// Encodes calls; its buffers are used again and again.
#[derive(Debug)]
pub(super) struct GroupWriter {
    pub caller: Caller,
    text: Vec<u8>,
    deltas: Vec<u8>,
    /// Bytes of feed entries encoded so far.
    pub feed_bytes: usize,
}

impl GroupWriter {
    pub fn new(caller: Caller) -> Self {
        Self { caller, text: vec![], deltas: vec![], feed_bytes: 0 }
    }

    /// The changes since the tick `from`.
    pub fn changes(&mut self, out: &mut Vec<u8>, stroke: Stroke, from: u64, group: &Group) {
        let (mut contract, mut own) = (Block::default(), Block::default());
        for change in &group.changes {
            let spec = change.deltas.spec();
            let block = match spec.current {
                Current::Contract(_) | Current::Compatibility(_) => &mut contract,
                Current::Own => &mut own,
                Current::FeedOnly => continue,
            };
            match change.kind() {
                Change::Set(()) => {
                    let Some(value) = change.deltas.stored(change.row) else { continue };
                    let expires_ms = change.deltas.expires_ms(change.row);
                    block.sets.push(Value { spec, key: &change.key, value, expires_ms });
                    if change.is_new {
                        block.new.push((spec, &change.key));
                    }
                    if change.retired {
                        block.retired.push((spec, &change.key));
                    }
                }
                Change::Remove => block.removed.push((spec, &change.key)),
                Change::Retire => block.retired.push((spec, &change.key)),
            }
        }
        self.feed(&group.changes);
        self.write(out, stroke, Some(from), &contract, &own);
    }

    /// The whole content, in place of whatever is there.
    pub fn whole(&mut self, out: &mut Vec<u8>, stroke: Stroke, rows: &[(Name, Kept)]) {
        let (mut contract, mut own) = (Block::default(), Block::default());
        for (key, kept) in rows {
            let block = if kept.spec.current.prefix().is_some() { &mut contract } else { &mut own };
            let value = kept.value.clone();
            block.sets.push(Value { spec: kept.spec, key, value, expires_ms: kept.expires_ms });
        }
        self.deltas.clear();
        self.write(out, stroke, None, &contract, &own);
    }

    fn feed(&mut self, changes: &[KeyChange]) {
        self.deltas.clear();
        if !self.caller.feed {
            return;
        }
        self.deltas.push(b'[');
        let is_told =
            |change: &&KeyChange| change.kind() != Change::Retire && !change.deltas.spec().current.is_compatibility();
        for change in changes.iter().filter(is_told) {
            if self.deltas.len() > 1 {
                self.deltas.push(b',');
            }
            delta(&*change.deltas, change.row, &change.key, &mut self.deltas);
        }
        self.deltas.push(b']');
        self.feed_bytes += self.deltas.len();
    }

    fn write(&mut self, out: &mut Vec<u8>, stroke: Stroke, from: Option<u64>, contract: &Block<'_>, own: &Block<'_>) {
        self.caller.begin(out, "write", 6 + contract.arguments() + own.arguments());
        number(out, stroke.group as u64);
        match from {
            Some(from) => number(out, from),
            None => argument(out, b""),
        }
        number(out, stroke.to);
        argument(out, self.caller.contract_db.to_string().as_bytes());
        match self.caller.feed {
            true => number(out, stroke.feed_floor),
            false => argument(out, b""),
        }
        argument(out, &self.deltas);
        for block in [contract, own] {
            number(out, block.sets.len() as u64);
            for set in &block.sets {
                self.set(out, set, stroke.expiry_shift_ms);
            }
            for keys in [&block.new, &block.removed, &block.retired] {
                number(out, keys.len() as u64);
                keys.iter().for_each(|(spec, key)| self.key(out, spec, key));
            }
        }
    }

    fn key(&mut self, out: &mut Vec<u8>, spec: &ViewSpec, key: &str) {
        self.text.clear();
        self.text.extend_from_slice(self.caller.key_prefix.as_bytes());
        match spec.current.prefix() {
            Some(prefix) => self.text.extend_from_slice(prefix.as_bytes()),
            None => {
                self.text.extend_from_slice(spec.name.as_bytes());
                self.text.push(b':');
            }
        }
        self.text.extend_from_slice(key.as_bytes());
        argument(out, &self.text);
    }

    fn set(&mut self, out: &mut Vec<u8>, set: &Value<'_>, shift_ms: i64) {
        self.key(out, set.spec, set.key);
        self.text.clear();
        match set.spec.current.prefix() {
            Some(_) => set.value.contract_json(&mut self.text),
            None => json::row(set.spec, &mut self.text, |cells| set.value.cells(cells)),
        }
        argument(out, &self.text);
        match set.expires_ms {
            // Redis refuses an expiry before 1970.
            Some(expires_ms) => number(out, expires_ms.saturating_add(shift_ms).max(1) as u64),
            None => argument(out, b""),
        }
    }
}

impl Block<'_> {
    fn arguments(&self) -> usize {
        4 + 3 * self.sets.len() + self.new.len() + self.removed.len() + self.retired.len()
    }
}

/// One delta as readers of the feed find it.
fn delta(deltas: &dyn Deltas, row: usize, key: &str, out: &mut Vec<u8>) {
    field("{\"view\":", deltas.spec().name, out);
    field(",\"key\":", key, out);
    if deltas.change(row) == Change::Remove {
        out.extend_from_slice(b",\"op\":\"remove\",\"value\":null");
    } else {
        out.extend_from_slice(b",\"op\":\"set\",\"value\":");
        json::row(deltas.spec(), out, |cells| deltas.cells(row, cells));
    }
    field(",\"revision\":", &deltas.revision(row), out);
    field(",\"is_final\":", &deltas.is_final(row), out);
    field(",\"expires_ms\":", &deltas.expires_ms(row), out);
    out.push(b'}');
}
