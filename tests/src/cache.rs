//! Where `tests/servers/install` keeps what it fetched: outside the repository, versions in the names.

use std::path::PathBuf;

const POM: &str = include_str!("../servers/kafka/pom.xml");
const S3_MODULE: &str = include_str!("../servers/s3/module");
const REQUIREMENTS: &str = include_str!("../servers/python/requirements.txt");

fn cache() -> PathBuf {
    match std::env::var_os("GREENWAVE_CACHE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/greenwave"),
    }
}

/// The broker's jars, whether they are there or not. The folder appears complete or not at all.
pub(crate) fn kafka_jars() -> PathBuf {
    cache().join(format!("kafka-{}", kafka_version()))
}

fn kafka_version() -> &'static str {
    let after = POM.split("<kafka.version>").nth(1).expect("the pom names the version");
    after.split('<').next().expect("split yields at least one piece")
}

/// The interpreter with the lake's readers, whether it is there or not, and the mark of a complete installation.
pub(crate) fn python_and_mark() -> (PathBuf, PathBuf) {
    let pins: Vec<&str> =
        REQUIREMENTS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let folder = cache().join("python").join(pins.join(",").replace("==", "-"));
    (folder.join("bin/python"), folder.join("installed"))
}

/// The S3 server, whether it is there or not.
pub(crate) fn versitygw() -> PathBuf {
    let (_, version) = S3_MODULE.trim().rsplit_once("@v").expect("the module names its version");
    cache().join(format!("versitygw-{version}")).join("versitygw")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_pinned_versions() {
        assert!(kafka_jars().ends_with("kafka-4.1.0"), "{}", kafka_jars().display());
        assert!(versitygw().ends_with("versitygw-1.8.0/versitygw"), "{}", versitygw().display());
        let (python, _) = python_and_mark();
        assert!(python.to_str().unwrap().contains("duckdb-"), "{}", python.display());
    }
}
