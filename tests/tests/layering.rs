//! The house keeps its walls: who may import whom, and which libraries must not be reached from where.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// Each crate of the workspace, and the crates of the workspace it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("roads", &["model"]),
    ("sources", &["model"]),
    ("sinks", &["model"]),
    ("operators", &["roads", "model"]),
    ("dataflows", &["operators", "roads", "model"]),
    ("runtime", &["sources", "sinks", "operators", "roads", "model"]),
    ("serving", &["sinks", "roads", "model"]),
    ("launcher", &["serving", "runtime", "dataflows", "sinks", "sources", "roads", "model"]),
    ("tests", &["model"]),
    // A benchmark may measure any layer; nothing imports it.
    ("benches", &["tests", "runtime", "dataflows", "operators", "sinks", "sources", "roads", "model"]),
];

/// Libraries that must not be reached, directly or through another one: (crates, libraries, reason).
const MUST_NOT_REACH: &[(&[&str], &[&str], &str)] = &[
    (&["model"], &["timely", "differential-dataflow"], "the nouns know no engine"),
    (
        &["model", "roads", "operators", "dataflows"],
        &["tokio", "rdkafka", "redis", "object_store", "parquet", "delta_kernel", "reqwest", "axum", "rand", "clap"],
        "it has no topic, no file, no network and no chance in it",
    ),
    (&["sources", "sinks", "serving"], &["timely", "differential-dataflow"], "only the engine's side knows the engine"),
    (&["sources", "serving"], &["delta_kernel"], "the lake is written by `sinks`"),
];

/// Libraries a crate must not name itself: (crates, libraries, reason).
const MUST_NOT_NAME: &[(&[&str], &[&str], &str)] = &[
    (
        &["model", "roads", "sources", "sinks", "operators", "dataflows", "runtime", "serving"],
        &["anyhow", "clap", "toml_edit"],
        "libraries have error enums and checked settings; text of either belongs to `launcher`",
    ),
    (
        &["runtime", "serving", "launcher"],
        &["rdkafka", "delta_kernel", "parquet"],
        "connectors live in `sources` and `sinks`",
    ),
    (&["runtime"], &["redis", "differential-dataflow"], "it moves any dataflow and any sink, and knows neither"),
];

#[test]
fn crates_import_only_the_layers_below() {
    assert_none(&House::read().imports());
}

#[test]
fn crates_reach_only_the_libraries_of_their_layer() {
    assert_none(&House::read().libraries());
}

#[test]
fn the_walls_hold_against_a_wrong_import() {
    let mut house = House::read();
    let sinks = house.member("sinks").unwrap().id.clone();
    let launcher = house.member("launcher").unwrap().id.clone();
    house.edges.get_mut(&sinks).unwrap().insert(launcher);
    let told = house.imports();
    assert!(told[0].contains("`sinks` imports `launcher`"), "{told:?}");
    assert!(house.libraries().iter().any(|breach| breach.contains("sinks reaches timely")), "{:?}", house.libraries());
}

fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

/// What `cargo metadata` says of this workspace: normal dependencies only, since tests may use what they like.
struct House {
    metadata: Metadata,
    edges: BTreeMap<PackageId, BTreeSet<PackageId>>,
}

impl House {
    fn read() -> Self {
        // For this platform only, or cargo would fetch the crates of all others.
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let metadata = MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
            .other_options(["--filter-platform".to_owned(), platform])
            .exec()
            .unwrap();
        let nodes = &metadata.resolve.as_ref().unwrap().nodes;
        let normal = nodes.iter().map(|node| {
            let kept =
                node.deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            (node.id.clone(), kept.map(|dep| dep.pkg.clone()).collect())
        });
        Self { edges: normal.collect(), metadata }
    }

    fn member(&self, folder: &str) -> Option<&Package> {
        let name = format!("greenwave-{folder}");
        self.metadata.workspace_packages().into_iter().find(|package| package.name.as_str() == name)
    }

    fn name(&self, id: &PackageId) -> &str {
        self.metadata[id].name.as_str()
    }

    /// Imports between crates of the workspace that the table does not allow, and crates it does not know.
    fn imports(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for package in self.metadata.workspace_packages() {
            let folder = package.name.strip_prefix("greenwave-").unwrap_or(&package.name);
            let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == folder) else {
                breaches.push(format!("{folder}/Cargo.toml:1: the house has no `{folder}`; add it to MAY_IMPORT"));
                continue;
            };
            for import in self.edges[&package.id].iter().map(|id| self.name(id)) {
                let Some(imported) = import.strip_prefix("greenwave-") else { continue };
                if !allowed.contains(&imported) {
                    let place = place(package, import);
                    let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
                    breaches
                        .push(format!("{place}: `{folder}` imports `{imported}`; it may import {may}: move the code"));
                }
            }
        }
        breaches
    }

    /// Libraries a crate names or reaches and must not.
    fn libraries(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for &(crates, libraries, reason) in MUST_NOT_REACH {
            for package in crates.iter().filter_map(|folder| self.member(folder)) {
                let ways = self.ways(&package.id);
                for library in libraries {
                    let Some(way) = ways.get(library) else { continue };
                    let place = place(package, way.get(1).unwrap_or(library));
                    let name = package.name.trim_start_matches("greenwave-");
                    let through = way.join(" → ");
                    breaches.push(format!("{place}: {name} reaches {library} ({through}); {reason}: take it out"));
                }
            }
        }
        for &(crates, libraries, reason) in MUST_NOT_NAME {
            for package in crates.iter().filter_map(|folder| self.member(folder)) {
                let named: BTreeSet<&str> = self.edges[&package.id].iter().map(|id| self.name(id)).collect();
                for library in libraries.iter().filter(|library| named.contains(**library)) {
                    breaches.push(format!("{}: {} names {library}; {reason}", place(package, library), package.name));
                }
            }
        }
        breaches
    }

    /// The shortest way from a crate to each library it reaches.
    fn ways<'a>(&'a self, from: &'a PackageId) -> BTreeMap<&'a str, Vec<&'a str>> {
        let mut ways = BTreeMap::from([(self.name(from), vec![self.name(from)])]);
        let mut waiting = VecDeque::from([from]);
        while let Some(id) = waiting.pop_front() {
            for next in &self.edges[id] {
                if !ways.contains_key(self.name(next)) {
                    let way = ways[self.name(id)].iter().copied().chain([self.name(next)]).collect();
                    ways.insert(self.name(next), way);
                    waiting.push_back(next);
                }
            }
        }
        ways
    }
}

/// File and line of the manifest that names the dependency.
fn place(package: &Package, dependency: &str) -> String {
    let text = std::fs::read_to_string(&package.manifest_path).unwrap();
    let names = |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    let line = text.lines().position(names).map_or(1, |index| index + 1);
    let folder = package.manifest_path.parent().and_then(|folder| folder.file_name()).unwrap_or_default();
    format!("{folder}/Cargo.toml:{line}")
}
