//! Rows as JSON, the form of our own surfaces: all columns by name, times with `Z`.

use std::io::Write;

use greenwave_model::{Cell, Cells, Column, ViewSpec, iso};
use serde::Serialize;

/// Writes one row as an object. `fill` gives the cells in the order of the columns.
pub(super) fn row(spec: &ViewSpec, out: &mut Vec<u8>, fill: impl FnOnce(&mut dyn Cells)) {
    let mut object = Object { columns: spec.columns.iter(), separator: b'{', out };
    fill(&mut object);
    if object.separator == b'{' {
        object.out.push(b'{');
    }
    object.out.push(b'}');
}

struct Object<'a> {
    columns: std::slice::Iter<'static, Column>,
    separator: u8,
    out: &'a mut Vec<u8>,
}

impl Cells for Object<'_> {
    fn cell(&mut self, cell: Cell<'_>) {
        let Some(column) = self.columns.next() else { return };
        self.out.push(std::mem::replace(&mut self.separator, b','));
        self.out.push(b'"');
        self.out.extend_from_slice(column.name.as_bytes());
        self.out.extend_from_slice(b"\":");
        match cell {
            Cell::Null => self.out.extend_from_slice(b"null"),
            Cell::Text(text) => plain(text, self.out),
            Cell::Double(number) => plain(&number, self.out),
            Cell::Bigint(number) => plain(&number, self.out),
            Cell::Timestamp(ms) => plain(&iso::zulu(ms), self.out),
        }
    }
}

/// A text, a number or a truth; what is no number becomes null.
pub(super) fn plain<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value).expect("a plain value, written to memory");
}

/// The same after a piece of JSON that stands as it is.
pub(super) fn field<T: Serialize + ?Sized>(before: &str, value: &T, out: &mut Vec<u8>) {
    out.write_all(before.as_bytes()).expect("memory takes all");
    plain(value, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use greenwave_model::{Current, Kind};

    const SPEC: ViewSpec = ViewSpec {
        name: "stops",
        columns: &[
            Column { name: "stop", kind: Kind::Text, key: true },
            Column { name: "delay", kind: Kind::Double, key: false },
            Column { name: "seen", kind: Kind::Timestamp, key: false },
            Column { name: "rides", kind: Kind::Bigint, key: false },
        ],
        current: Current::Own,
    };

    #[test]
    fn a_row_is_an_object_of_all_columns() {
        let mut out = vec![];
        row(&SPEC, &mut out, |cells| {
            cells.cell(Cell::Text("a \"b\"\n"));
            cells.cell(Cell::Double(f64::NAN));
            cells.cell(Cell::Timestamp(1_772_438_400_250));
            cells.cell(Cell::Bigint(-3));
        });
        let expected = r#"{"stop":"a \"b\"\n","delay":null,"seen":"2026-03-02T08:00:00.250Z","rides":-3}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_row_without_cells_is_an_empty_object() {
        let mut out = vec![];
        row(&SPEC, &mut out, |_| ());
        assert_eq!(out, b"{}");
    }
}
