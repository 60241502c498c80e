//! Where state and lake stand, and how buckets are reached.

use std::path::PathBuf;
use std::time::Duration;

use greenwave_sinks::objects::{Encryption, Location, S3Address, S3Settings};

use super::check::Reader;

const PLACES: &str = "name a folder, s3://bucket/path or none";

impl Reader {
    /// Of state or lake; `None` for none.
    pub(super) fn location(&mut self, name: &str, s3: &S3Settings) -> Option<Location> {
        let text = self.text(name);
        if text == "none" {
            return None;
        }
        if text.starts_with("s3:") {
            let Some((bucket, path)) = S3Address::named(&text) else {
                let fix = "write s3://bucket/path; a path has letters, digits, - _ . = and single slashes";
                self.wrong(name, format!("{name} is `{text}`, no address of a bucket"), fix);
                return None;
            };
            return Some(Location::S3(S3Address { bucket, path, settings: s3.clone() }));
        }
        if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| *scheme != "file") {
            self.wrong(name, format!("{name} is on {scheme}, which this version does not write to"), PLACES);
        }
        if text.trim().is_empty() {
            self.wrong(name, format!("{name} is empty"), PLACES);
        }
        Some(Location::Folder(PathBuf::from(text.strip_prefix("file://").unwrap_or(&text))))
    }

    /// A store that is silent for `connect_timeout` at the start is told.
    pub(super) fn s3(&mut self, connect_timeout: Duration) -> S3Settings {
        let unless_empty = |text: String| (!text.trim().is_empty()).then_some(text);
        let settings = S3Settings {
            endpoint: unless_empty(self.text("s3.endpoint")),
            region: unless_empty(self.text("s3.region")),
            allow_http: self.flag("s3.allow_http"),
            path_style: self.flag("s3.path_style"),
            encryption: self.encryption(),
            connect_timeout,
        };
        match settings.endpoint.as_deref().map(|url| (url, url.split_once("://"))) {
            Some((url, Some(("http", _)))) if !settings.allow_http => {
                let fact = format!("s3.endpoint is `{url}`, and what goes there can be read on its way");
                self.wrong("s3.endpoint", fact, "write https://, or s3.allow_http = true");
            }
            None | Some((_, Some(("http" | "https", _)))) => {}
            Some((url, _)) => {
                let fact = format!("s3.endpoint is `{url}`, no address");
                self.wrong("s3.endpoint", fact, "write https://host:port, or leave it empty for Amazon's own");
            }
        }
        settings
    }

    fn encryption(&mut self) -> Encryption {
        let (text, key) = (self.text("s3.encryption"), self.text("s3.kms_key"));
        let key = (!key.trim().is_empty()).then_some(key);
        if key.is_some() && text != "kms" {
            let fact = format!("s3.kms_key is given, and s3.encryption is `{text}`");
            self.wrong("s3.kms_key", fact, "write s3.encryption = \"kms\", or leave the key empty");
        }
        match text.as_str() {
            "bucket" => Encryption::Bucket,
            "s3" => Encryption::S3,
            "kms" => Encryption::Kms { key },
            _ => {
                self.wrong("s3.encryption", format!("s3.encryption is `{text}`"), "write bucket, s3 or kms");
                Encryption::Bucket
            }
        }
    }
}
