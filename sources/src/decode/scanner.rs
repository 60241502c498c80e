//! The second stage: finds our fields in any order, in flat records of plain tokens.
//!
//! Escapes, exponents, nested members nobody reads, members named twice, values out of range: all of that it leaves to
//! the fallback, by answering `None`. What it does answer is what the fallback would.

use super::cursor::Cursor;
use super::event::Event;
use super::fields::{Field, spelling};
use super::step::Step;
use super::timestamp::Times;

/// Where the values of the scanned record stand, for the template. Longer records have none.
pub(super) const SPANS_MAX: usize = 32;

/// One value: its bytes (a text's without quotes) and how it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) step: Step,
}

/// The values of one record in order.
#[derive(Debug)]
pub(super) struct Spans {
    seen: usize,
    spans: [Span; SPANS_MAX],
    /// How long a value of each step was when it was last met.
    usual: [u32; Step::COUNT],
}

impl Spans {
    pub(super) fn new() -> Self {
        Self { seen: 0, spans: [Span { start: 0, end: 0, step: Step::OtherText }; SPANS_MAX], usual: [0; Step::COUNT] }
    }

    /// `None` if the record had too many values.
    pub(super) fn get(&self) -> Option<&[Span]> {
        self.spans.get(..self.seen)
    }

    #[inline(always)]
    fn push(&mut self, span: Span) {
        if let Some(slot) = self.spans.get_mut(self.seen) {
            *slot = span;
        }
        self.seen += 1;
    }
}

/// The event of a record, and the places of its values in `spans`.
pub(super) fn scan<'a>(bytes: &'a [u8], times: &mut Times, spans: &mut Spans) -> Option<Event<'a>> {
    spans.seen = 0;
    let mut scan = Scan { cursor: Cursor::new(bytes), event: Event::BLANK, spellings: 0, parts: 0, times, spans };
    scan.cursor.skip_space();
    scan.cursor.byte(b'{')?;
    scan.members()?;
    scan.cursor.skip_space();
    (scan.cursor.at_end() && scan.parts & REQUIRED == REQUIRED).then_some(scan.event)
}

const REQUIRED: u32 = part_bit(Field::Device)
    | part_bit(Field::Timestamp)
    | part_bit(Field::SpeedKmh)
    | part_bit(Field::Latitude)
    | part_bit(Field::Longitude);

const fn part_bit(field: Field) -> u32 {
    1 << field.part()
}

struct Scan<'a, 's> {
    cursor: Cursor<'a>,
    event: Event<'a>,
    /// Spellings met, null or not.
    spellings: u32,
    /// Parts that have a value.
    parts: u32,
    times: &'s mut Times,
    spans: &'s mut Spans,
}

impl Scan<'_, '_> {
    /// All members, from behind the record's brace to behind its other brace. Those of a location that is an object
    /// are met on the way; in there only coordinates count.
    #[inline(always)]
    fn members(&mut self) -> Option<()> {
        let mut in_location = false;
        loop {
            self.cursor.skip_space();
            self.cursor.byte(b'"')?;
            let name = self.cursor.member_name()?;
            self.cursor.at += 1;
            let field = match spelling(name.as_bytes()) {
                Some(spelling) if !in_location || spelling.field.is_coordinate() => {
                    if self.spellings & spelling.bit != 0 {
                        return None;
                    }
                    self.spellings |= spelling.bit;
                    Some(spelling.field)
                }
                _ => None,
            };
            self.cursor.skip_space();
            self.cursor.byte(b':')?;
            self.cursor.skip_space();
            if field == Some(Field::Location) && self.cursor.byte(b'{').is_some() {
                in_location = true;
                continue;
            }
            self.value(field)?;
            loop {
                self.cursor.skip_space();
                if self.cursor.byte(b',').is_some() {
                    break;
                }
                self.cursor.byte(b'}')?;
                if !in_location {
                    return Some(());
                }
                in_location = false;
            }
        }
    }

    #[inline(always)]
    fn value(&mut self, field: Option<Field>) -> Option<()> {
        match self.cursor.peek()? {
            b'"' => {
                self.cursor.at += 1;
                self.read(field, Step::text(field)?)?;
                self.cursor.byte(b'"')
            }
            b'-' | b'0'..=b'9' => self.read(field, Step::number(field)?),
            b'n' => self.cursor.exactly(b"null"),
            b't' if field.is_none() => self.cursor.exactly(b"true"),
            b'f' if field.is_none() => self.cursor.exactly(b"false"),
            b'[' if field == Some(Field::Location) => self.pair(),
            _ => None,
        }
    }

    /// `[latitude, longitude]`
    #[inline(always)]
    fn pair(&mut self) -> Option<()> {
        self.cursor.at += 1;
        self.cursor.skip_space();
        self.read(Some(Field::Latitude), Step::Latitude)?;
        self.cursor.skip_space();
        self.cursor.byte(b',')?;
        self.cursor.skip_space();
        self.read(Some(Field::Longitude), Step::Longitude)?;
        self.cursor.skip_space();
        self.cursor.byte(b']')
    }

    #[inline(always)]
    fn read(&mut self, field: Option<Field>, step: Step) -> Option<()> {
        if let Some(field) = field {
            let bit = part_bit(field);
            if self.parts & bit != 0 {
                return None;
            }
            self.parts |= bit;
        }
        let start = self.cursor.at as u32;
        let usual = &mut self.spans.usual[step as usize];
        step.take(&mut self.cursor, *usual as usize, self.times, &mut self.event)?;
        let end = self.cursor.at as u32;
        *usual = end - start;
        self.spans.push(Span { start, end, step });
        Some(())
    }
}
