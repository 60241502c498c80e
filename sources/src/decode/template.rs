//! The first stage: the form of a record already scanned, tried on the next one.
//!
//! A producer writes its records with one piece of code, so all of them have the same bytes between their values. The
//! template compares those bytes as they are (names, commas, spaces, nulls) and reads the values between. It can
//! accept nothing that the scanner would not: names are the learned ones, each once, and each value is read alike.

use super::cursor::Cursor;
use super::event::Event;
use super::scanner::Span;
use super::step::Step;
use super::timestamp::Times;

/// Records in a row that must miss before another form is learned: two forms in turn do not teach each other away.
const MISSES_MAX: u32 = 4;

#[derive(Debug)]
pub(super) struct Template {
    /// The bytes before each value, end to end, and then those behind the last.
    literals: Vec<u8>,
    slots: Vec<Slot>,
    misses: u32,
}

/// A place for a value: the length of the bytes before it, how it is read, and how long it was when it was learned.
#[derive(Clone, Copy, Debug)]
struct Slot {
    literal: u32,
    usual: u32,
    step: Step,
}

impl Template {
    pub(super) fn new() -> Self {
        Self { literals: Vec::new(), slots: Vec::new(), misses: MISSES_MAX }
    }

    /// The event of a record that has the learned form.
    #[inline]
    pub(super) fn read<'a>(&mut self, bytes: &'a [u8], times: &mut Times) -> Option<Event<'a>> {
        let event = self.fill(bytes, times);
        self.misses = if event.is_some() { 0 } else { self.misses.saturating_add(1) };
        event
    }

    #[inline(always)]
    fn fill<'a>(&self, bytes: &'a [u8], times: &mut Times) -> Option<Event<'a>> {
        if self.slots.is_empty() {
            return None;
        }
        let mut cursor = Cursor::new(bytes);
        let mut event = Event::BLANK;
        let mut literals = self.literals.as_slice();
        for slot in &self.slots {
            let (literal, rest) = literals.split_at_checked(slot.literal as usize)?;
            cursor.exactly(literal)?;
            slot.step.take(&mut cursor, slot.usual as usize, times, &mut event)?;
            literals = rest;
        }
        cursor.exactly(literals)?;
        cursor.at_end().then_some(event)
    }

    /// Takes over the form of a record that was scanned after this template missed it.
    pub(super) fn learn(&mut self, bytes: &[u8], spans: &[Span]) {
        if self.misses < MISSES_MAX {
            return;
        }
        self.misses = 0;
        self.literals.clear();
        self.slots.clear();
        let mut from = 0;
        for span in spans {
            let literal = &bytes[from..span.start as usize];
            self.literals.extend_from_slice(literal);
            self.slots.push(Slot { literal: literal.len() as u32, usual: span.end - span.start, step: span.step });
            from = span.end as usize;
        }
        self.literals.extend_from_slice(&bytes[from..]);
    }
}
