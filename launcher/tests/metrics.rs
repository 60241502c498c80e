//! Metrics: one list, which `docs/metrics.md` shows as it is.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use greenwave_runtime::status::{Metric, table};

/// Between the head of the page and its table.
const TABLE_BEGINS: &str = "| metric |";

#[test]
fn the_list_has_every_metric_once() {
    for (place, metric) in Metric::ALL.iter().enumerate() {
        assert_eq!(*metric as usize, place, "{metric:?} stands in the list as in the enum");
    }
    assert_eq!(Metric::ALL.last().map(|last| *last as usize), Some(Metric::StartTime as usize), "the last one too");
    let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.description().name).collect();
    assert_eq!(names.len(), Metric::ALL.len(), "two metrics share a name");
}

#[test]
fn names_end_with_their_unit_and_help_says_something() {
    for metric in Metric::ALL {
        let description = metric.description();
        let (name, help) = (description.name, description.help);
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(plain && (name.starts_with("greenwave_") || name.starts_with("process_")), "{name}");
        assert_eq!(description.kind.as_str() == "counter", name.ends_with("_total"), "{name}");
        assert!(!["_s", "_ms", "_kb", "_mb"].iter().any(|unit| name.ends_with(unit)), "{name}: base units, in full");
        assert!(!help.is_empty() && !help.ends_with('.') && !help.contains(['\n', '|', '\\']), "{name}: {help}");
    }
}

/// `GREENWAVE_UPDATE=1 cargo test --release -p greenwave-launcher --test metrics` writes it anew.
#[test]
fn the_page_shows_the_list() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (head, shown) = text.split_at(text.find(TABLE_BEGINS).expect("the page has its table"));
    if std::env::var_os("GREENWAVE_UPDATE").is_some() {
        std::fs::write(&page, format!("{head}{}", table())).unwrap();
        return;
    }
    assert_eq!(shown, table(), "docs/metrics.md is behind the list: GREENWAVE_UPDATE=1 writes it anew");
}
