//! `docs/life-of-an-event.md` is true: its files hold its names, and its record leaves the rows it says.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use greenwave_tests::{Folder, Job, Server, need, python};

const CITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dataflows/settings/city.toml");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/life-of-an-event.md")).unwrap()
}

fn fenced(page: &str, language: &str) -> String {
    let rest = page.split(&format!("```{language}\n")).nth(1).unwrap();
    rest.split("```").next().unwrap().to_owned()
}

/// The words in backticks of a cell of the table.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_step_names_a_file_and_what_is_in_it() {
    let page = page();
    let steps: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.contains("/src/")).collect();
    assert_eq!(steps.len(), 15, "steps of the page");
    for step in steps {
        let named = quoted(step.split('|').nth(2).unwrap());
        let (word, files) = named.split_last().unwrap();
        for file in files {
            let text = fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{step}\n{file}: {e}"));
            assert!(text.contains(word), "{file} has no `{word}`: {step}");
        }
    }
}

#[test]
fn the_record_of_the_page_leaves_the_rows_of_the_page() {
    if !need(Server::Python, "the rows of docs/life-of-an-event.md") {
        return;
    }
    let (page, folder) = (page(), Folder::new("life"));
    fs::create_dir_all(folder.join("input/gps")).unwrap();
    fs::write(folder.join("input/gps/part-0.jsonl"), fenced(&page, "json")).unwrap();
    let conf = |key: &str, path: &str| format!("{key}={}", folder.join(path).display());
    let mut job = Job::submit([
        CITY.to_owned(),
        "--conf".into(),
        conf("input", "input"),
        "--conf".into(),
        conf("lake", "lake"),
        "--conf".into(),
        conf("state", "state"),
    ]);
    job.success(Duration::from_secs(60));
    for line in fenced(&page, "text").lines() {
        let (table, fields) = line.split_once(' ').unwrap();
        let files = folder.join("lake").join(table).join("date=*/*.parquet");
        let wanted: Vec<String> = fields
            .split_whitespace()
            .map(|field| field.split_once('=').unwrap())
            .map(|(column, value)| format!("coalesce(cast(\"{column}\" as varchar), 'NULL') = '{value}'"))
            .collect();
        let query = format!("select count(*) from read_parquet('{}') where {}", files.display(), wanted.join(" and "));
        let script = "import duckdb, sys; print(duckdb.sql(sys.argv[1]).fetchall()[0][0])";
        let output = Command::new(python().unwrap()).args(["-c", script, &query]).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.trim(), "1", "{line}\n{query}");
    }
}
