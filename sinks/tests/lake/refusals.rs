//! Folders that cannot be a lake, said at the start with place, fact and fix.

use greenwave_sinks::lake::{Condition, Lake, LakeError};

use crate::made::*;

fn refusal(url: &str) -> LakeError {
    let runtime = runtime();
    match Lake::open(url, JOB, runtime.handle().clone()) {
        Ok(_) => panic!("{url} was accepted"),
        Err(error) => error,
    }
}

#[test]
fn the_lake_of_another_job_is_refused() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let root = folder.path().to_str().unwrap();
    Lake::open(root, "suburb", runtime.handle().clone()).unwrap();
    Lake::open(root, "suburb", runtime.handle().clone()).unwrap();
    let error = refusal(root).to_string();
    let root = folder.path().canonicalize().unwrap();
    let expected =
        format!("cannot use the lake at {}: it belongs to job `suburb` and this is job `city`", root.display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn stores_that_are_not_there_yet_are_refused_by_name() {
    for url in ["s3://bucket/lake", "gs://bucket/lake", "file://elsewhere/lake"] {
        let error = refusal(url).to_string();
        assert!(error.starts_with(&format!("cannot open the lake at {url}: ")), "{error}");
    }
}

#[test]
fn a_file_url_is_a_folder() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let root = folder.path().join("a b #c?é");
    let url = url::Url::from_file_path(&root).unwrap();
    let mut lake = Lake::open(url.as_str(), JOB, runtime.handle().clone()).unwrap();
    commit(&mut lake, 1..=1).unwrap();
    assert_eq!(dropped_offsets(&runtime, &root), offsets_of(1..=1));
}

#[test]
fn a_percent_sign_in_the_path_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(folder.path().join("100%").to_str().unwrap()).to_string();
    assert!(error.contains("its path holds a `%`"), "{error}");
}

#[test]
fn a_file_in_the_folders_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lake");
    std::fs::write(&file, "").unwrap();
    let error = refusal(file.join("below").to_str().unwrap());
    assert!(matches!(error, LakeError::Failed { condition: Condition::NotAFolder, .. }), "{error:?}");
    assert!(error.to_string().contains("remove the file that stands in its way"), "{error}");
}

#[test]
fn a_marker_nobody_wrote_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("_greenwave.json"), "mine").unwrap();
    let error = refusal(folder.path().to_str().unwrap()).to_string();
    assert!(error.contains("it does not say whose lake this is"), "{error}");
}

#[test]
fn a_date_that_is_none_is_refused() {
    let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
    let mut lake = Lake::open(folder.path().to_str().unwrap(), JOB, runtime.handle().clone()).unwrap();
    for date in ["", "2026-02-30", "2026-3-2", "today"] {
        let run = std::iter::once(Ok((date.to_owned(), 1, tick_rows(1, 1))));
        let error = lake.commit(&greenwave_sinks::lake::Table::dropped(), 1, run).unwrap_err();
        assert!(matches!(error, LakeError::Date { .. }), "{date}: {error}");
    }
}
