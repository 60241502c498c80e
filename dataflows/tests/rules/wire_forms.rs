//! The wire form of every view as `docs/views.md` shows it, made from the types. `GREENWAVE_WRITE_DOCS=1` writes it anew.

use greenwave_dataflows::VIEWS;
use greenwave_model::topics::{CAMERA, INCIDENT, WEATHER};
use greenwave_model::views::{Rule, Severity, Watches};
use greenwave_model::{Current, Kind, Value, ViewSpec};

use crate::run::{Cut, EIGHT, Settings, Shown, gps, other, text};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/views.md");
const BEGIN: &str = "<!-- wire form, made from the types -->\n";
const END: &str = "<!-- end -->\n";

/// A city with a row in every view.
fn shown() -> Shown {
    let observations = vec![
        other(&INCIDENT, 1, "unit", 10_000, &[("incident_id", text("i")), ("description", text("d"))]),
        other(&WEATHER, 1, "station", 10_000, &[("temperature", Value::Number(4.0))]),
        other(&CAMERA, 1, "camera", 10_000, &[("camera_id", text("c")), ("speed", Value::Number(50.0))]),
    ];
    let rule = Rule { name: "r".into(), watches: Watches::IncidentSeverity, at_least: 0.0, severity: Severity::Low };
    let settings = Settings::new().free_flow(&[("A40", 100.0)]).routes(&[("ring", "A40", 1_000.0)]).rules(vec![rule]);
    let (now_ms, watermark_ms) = (EIGHT + 20_000, EIGHT);
    settings
        .run(vec![Cut { now_ms, watermark_ms, gps: vec![gps(1, "bus", "A40", 10_000, 50.0)], observations }])
        .remove(0)
}

fn wire_form(spec: &ViewSpec, shown: &Shown) -> String {
    let column = |column: &greenwave_model::Column| {
        let kind = match column.kind {
            Kind::Text => "text",
            Kind::Double => "double",
            Kind::Bigint => "bigint",
            Kind::Timestamp => "timestamp",
        };
        format!("`{}` {kind}{}", column.name, if column.key { " (key)" } else { "" })
    };
    let columns: Vec<String> = spec.columns.iter().map(column).collect();
    let keys: Vec<&str> = spec.columns.iter().filter(|column| column.key).map(|column| column.name).collect();
    let key = format!("{{{}}}", keys.join("}/{"));
    let row = shown.get(spec.name).and_then(|rows| rows.values().next());
    let row = row.unwrap_or_else(|| panic!("the city shows no {}", spec.name));
    let redis = match spec.current {
        Current::Contract(prefix) => {
            let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&row["contract"]).unwrap();
            let names: Vec<&str> = json.keys().map(String::as_str).collect();
            format!("`{prefix}{key}` in the first db: JSON of `{}`", names.join("`, `"))
        }
        Current::Own => format!("`{}:{key}` in the second db: JSON of all columns, times with `Z`", spec.name),
        Current::Compatibility(prefix) => format!("`{prefix}{key}` in the first db, and nowhere else"),
        Current::FeedOnly => String::from("in the feed only"),
    };
    format!("Lake: {}.\nRedis: {redis}.\n", columns.join(", "))
}

#[test]
fn the_document_shows_every_wire_form_as_it_is() {
    let (document, shown) = (std::fs::read_to_string(DOCUMENT).unwrap(), shown());
    let mut written = document.clone();
    for spec in VIEWS {
        let heading = format!("\n## {},", spec.name);
        let section = written.find(&heading).unwrap_or_else(|| panic!("docs/views.md has no section on {}", spec.name));
        let begin = written[section..].find(BEGIN).map(|at| section + at + BEGIN.len());
        let begin = begin.unwrap_or_else(|| panic!("the section on {} has no {BEGIN}", spec.name));
        let end = begin + written[begin..].find(END).unwrap_or_else(|| panic!("{} has no {END}", spec.name));
        written.replace_range(begin..end, &wire_form(spec, &shown));
    }
    if std::env::var_os("GREENWAVE_WRITE_DOCS").is_some() {
        std::fs::write(DOCUMENT, &written).unwrap();
    }
    let is_same = written == document || std::env::var_os("GREENWAVE_WRITE_DOCS").is_some();
    assert!(is_same, "docs/views.md is not what the types say; GREENWAVE_WRITE_DOCS=1 writes it anew");
}
