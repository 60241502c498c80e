//! Three small views, one of each kind.

use greenwave_model::{Cell, Cells, Column, Current, Kind, Name, ViewRow, ViewSpec};
use serde::{Deserialize, Serialize};

/// The value of a key: the number of the record that set it. A later one is larger.
macro_rules! view {
    ($row:ident, $name:literal, $current:expr) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $row {
            pub seq: i64,
            pub expires_ms: Option<i64>,
        }

        impl ViewRow for $row {
            const SPEC: ViewSpec = ViewSpec {
                name: $name,
                columns: &[
                    Column { name: "id", kind: Kind::Text, key: true },
                    Column { name: "seq", kind: Kind::Bigint, key: false },
                    Column { name: "at", kind: Kind::Timestamp, key: false },
                ],
                current: $current,
            };
            type Key = Name;

            fn key_text(key: &Name, out: &mut String) {
                out.push_str(key);
            }
            fn expires_ms(&self) -> Option<i64> {
                self.expires_ms
            }
            fn cells(key: &Name, value: Option<&Self>, out: &mut dyn Cells) {
                out.cell(Cell::Text(key));
                out.cell(value.map_or(Cell::Null, |row| Cell::Bigint(row.seq)));
                out.cell(value.map_or(Cell::Null, |row| Cell::Timestamp(row.seq)));
            }
            fn contract_json(&self, key: &Name, out: &mut Vec<u8>) {
                out.extend_from_slice(format!(r#"{{"bus_id":"{key}","seq":{}}}"#, self.seq).as_bytes());
            }
        }
    };
}

view!(Bus, "buses", Current::Contract("bus:position:"));
view!(Stop, "stops", Current::Own);
view!(Trip, "trips", Current::FeedOnly);
