//! Calls of the script as Redis reads them. Bytes are written once, straight into the buffer that is sent.

use std::sync::Arc;

use greenwave_model::GROUPS;

use super::settings::RedisSettings;

pub(super) const SCRIPT: &str = include_str!("script.lua");

/// Appends one argument.
pub(super) fn argument(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, b'$', bytes.len() as u64);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    argument(out, decimal(number, &mut digits));
}

fn length(out: &mut Vec<u8>, kind: u8, length: u64) {
    let mut digits = [0; 20];
    out.push(kind);
    out.extend_from_slice(decimal(length, &mut digits));
    out.extend_from_slice(b"\r\n");
}

/// Several of these stand before every key, so they do not go through a formatter.
fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

/// What every call of a job has in common.
#[derive(Debug)]
pub(super) struct Caller {
    hash: String,
    base: String,
    generation: String,
    second_db: u8,
    pub contract_db: i64,
    owner_key: String,
    job: String,
    pub key_prefix: String,
    pub feed: bool,
}

impl Caller {
    pub fn new(settings: &RedisSettings, contract_db: i64, generation: u64) -> Self {
        Self {
            hash: redis::Script::new(SCRIPT).get_hash().to_owned(),
            base: format!("greenwave:{}{}:", settings.key_prefix, settings.job),
            generation: format!("{generation} {}", settings.history),
            second_db: settings.second_db,
            contract_db,
            owner_key: format!("greenwave-owner:{}", settings.key_prefix),
            job: settings.job.clone(),
            key_prefix: settings.key_prefix.clone(),
            feed: settings.feed,
        }
    }

    /// Begins a call that goes on with `arguments` more.
    pub fn begin(&self, out: &mut Vec<u8>, operation: &str, arguments: usize) {
        length(out, b'*', arguments as u64 + 7);
        argument(out, b"EVALSHA");
        argument(out, self.hash.as_bytes());
        argument(out, b"0");
        argument(out, operation.as_bytes());
        argument(out, self.base.as_bytes());
        argument(out, self.generation.as_bytes());
        number(out, self.second_db.into());
    }

    /// The mode `again` is a claim of what we held before, or should have: where Redis has lost it, the list becomes
    /// `since`.
    pub fn claim<'a>(
        &self,
        out: &mut Vec<u8>,
        mode: &str,
        tick: u64,
        since: impl ExactSizeIterator<Item = &'a (u64, Arc<str>)>,
    ) {
        self.begin(out, "claim", 4 + since.len());
        argument(out, mode.as_bytes());
        argument(out, self.owner_key.as_bytes());
        argument(out, self.job.as_bytes());
        number(out, tick);
        since.for_each(|(tick, binding)| argument(out, format!("{tick} {binding}").as_bytes()));
    }

    /// Lists bindings up to `upto`. Without the tick `before` them they replace the list.
    pub fn push<'a>(
        &self,
        out: &mut Vec<u8>,
        before: Option<u64>,
        upto: u64,
        bindings: impl ExactSizeIterator<Item = (u64, &'a str)>,
    ) {
        self.begin(out, "push", 2 + 2 * bindings.len());
        match before {
            Some(before) => number(out, before),
            None => argument(out, b""),
        }
        number(out, upto);
        for (tick, binding) in bindings {
            number(out, tick);
            argument(out, binding.as_bytes());
        }
    }

    pub fn trim(&self, out: &mut Vec<u8>, tick: u64) {
        self.begin(out, "trim", 1);
        number(out, tick);
    }

    /// Asks whether every group has reached what was bound for it; if so, `tick` is visible.
    pub fn seal(&self, out: &mut Vec<u8>, tick: u64, sent: &[u64; GROUPS as usize]) {
        self.begin(out, "seal", 1 + sent.len());
        number(out, tick);
        sent.iter().for_each(|sent| number(out, *sent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_told_by_length() {
        let mut out = vec![];
        for value in [0, 7, 10, u64::MAX] {
            number(&mut out, value);
        }
        argument(&mut out, "ü\r\n".as_bytes());
        let expected = "$1\r\n0\r\n$1\r\n7\r\n$2\r\n10\r\n$20\r\n18446744073709551615\r\n$4\r\nü\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
