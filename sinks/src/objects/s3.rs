//! A path in an S3 bucket: how it is named, reached and encrypted.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig, path::Path};
use tokio::runtime::Handle;

use super::Refusal;

/// A connection that is not made by then is not made.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// One request and its answer, the largest file of the lake included. A connection that hangs costs no more than this.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// The client's own tries of one request; who asks tries for longer.
const RETRIES: usize = 2;
/// Between two tries to reach a store at the start.
const START_PAUSE: Duration = Duration::from_millis(250);

/// How buckets are reached. Credentials are the environment's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Settings {
    /// `None`: Amazon's own.
    pub endpoint: Option<String>,
    /// `None`: us-east-1.
    pub region: Option<String>,
    pub allow_http: bool,
    /// The bucket is the first part of the path, and not of the host's name.
    pub path_style: bool,
    pub encryption: Encryption,
    /// A store that is silent for so long at the start is told.
    pub connect_timeout: Duration,
}

/// Who encrypts what is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket says.
    Bucket,
    /// The store, with keys of its own.
    S3,
    /// The store, with a key of the key service; `None`: the account's.
    Kms { key: Option<String> },
}

impl Encryption {
    /// What the client is told, in its words.
    fn headers(&self) -> Vec<(&'static str, &str)> {
        const KIND: &str = "aws_server_side_encryption";
        match self {
            Self::Bucket => vec![],
            Self::S3 => vec![(KIND, "AES256")],
            Self::Kms { key: None } => vec![(KIND, "aws:kms")],
            Self::Kms { key: Some(key) } => vec![(KIND, "aws:kms"), ("aws_sse_kms_key_id", key)],
        }
    }
}

/// `s3://bucket/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Address {
    pub bucket: String,
    /// Without a slash at either end; may be empty.
    pub path: String,
    pub settings: S3Settings,
}

impl fmt::Display for S3Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.path)
    }
}

impl S3Address {
    /// `None` where the text is no such address.
    ///
    /// ```
    /// use greenwave_sinks::objects::S3Address;
    /// let of = |url: &str| S3Address::named(url).map(|(bucket, path)| format!("{bucket} {path}"));
    /// assert_eq!(of("s3://city/lakes/one/").as_deref(), Some("city lakes/one"));
    /// assert_eq!(of("s3://city").as_deref(), Some("city "));
    /// assert_eq!(of("s3:///lake"), None);
    /// assert_eq!(of("s3://city/a//b"), None);
    /// ```
    pub fn named(url: &str) -> Option<(String, String)> {
        let (bucket, path) = url.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let in_bucket = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        let in_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '=');
        let is_part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.chars().all(in_path);
        let is_bucket = (3..=63).contains(&bucket.len()) && bucket.chars().all(in_bucket);
        let is_path = path.is_empty() || path.split('/').all(is_part);
        (is_bucket && is_path).then(|| (bucket.to_owned(), path.to_owned()))
    }

    /// The bucket, once it has answered: a wrong name, region, key or address is told now.
    pub fn open(&self, runtime: &Handle) -> Result<Arc<dyn ObjectStore>, Refusal> {
        let client = self.client().map_err(|error| Refusal::of_settings(&error))?;
        let (begun, patience) = (Instant::now(), self.settings.connect_timeout);
        let mut refused = None;
        loop {
            let left = patience.saturating_sub(begun.elapsed());
            let answer = runtime.block_on(async {
                let path = Path::from(self.path.as_str());
                tokio::time::timeout(left, client.list_with_delimiter(Some(&path))).await
            });
            let refusal = match answer {
                Ok(Ok(_)) => return Ok(Arc::new(client)),
                Ok(Err(error)) => Refusal::of(&error).unwrap_or_else(|| Refusal::of_settings(&error)),
                Err(_) => refused.unwrap_or_else(|| Refusal::silent(patience)),
            };
            if refusal.is_final || begun.elapsed() + START_PAUSE >= patience {
                return Err(refusal);
            }
            refused = Some(refusal);
            std::thread::sleep(START_PAUSE);
        }
    }

    /// Creates are conditional puts whatever the environment says; everything else that is set here wins over it.
    fn client(&self) -> object_store::Result<AmazonS3> {
        let settings = &self.settings;
        let options = ClientOptions::new()
            .with_connect_timeout(CONNECT_LIMIT)
            .with_timeout(REQUEST_LIMIT)
            .with_allow_http(settings.allow_http);
        let backoff = BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: REQUEST_LIMIT };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            .with_client_options(options)
            .with_retry(retry)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_disable_bulk_delete(true)
            .with_virtual_hosted_style_request(!settings.path_style);
        if let Some(region) = &settings.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, self.endpoint(endpoint));
        }
        for (name, value) in settings.encryption.headers() {
            builder = builder.with_config(name.parse()?, value);
        }
        builder.build()
    }

    /// With the bucket in the host's name, where it is to be there.
    fn endpoint(&self, endpoint: &str) -> String {
        match endpoint.split_once("://") {
            Some((scheme, host)) if !self.settings.path_style => format!("{scheme}://{}.{host}", self.bucket),
            _ => endpoint.to_owned(),
        }
    }
}
