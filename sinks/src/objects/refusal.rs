//! What an answer of S3 means for the person at the keyboard: the fact, the fix, and whether waiting can help.

use std::error::Error;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub fact: String,
    pub fix: &'static str,
    /// The same question gets the same answer until somebody mends it.
    pub is_final: bool,
}

const MEND: &str = "mend the store, or name another";
const BUCKET: &str = "create it, or name another";
const CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, with keys that expire, AWS_SESSION_TOKEN";
const RIGHTS: &str =
    "allow ListBucket on the bucket, and GetObject, PutObject and DeleteObject on what is in it, to these credentials";
const REGION: &str = "set s3.region or AWS_REGION to the bucket's region";
const CLOCK: &str = "set the clock of this machine";
const ADDRESS: &str = "see that the store is up, and that s3.endpoint is its address";

impl Refusal {
    /// `None` where the error is of no such store.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let text = chain(error).map(ToString::to_string).collect::<Vec<_>>().join("\n");
        if let Some(code) = element(&text, "Code") {
            return Some(Self::of_code(code, &text));
        }
        let refused = |fact: &str, fix| Some(Self { fact: fact.to_owned(), fix, is_final: true });
        if text.contains("169.254.169.254") {
            return refused("there are no credentials for it", CREDENTIALS);
        }
        if text.contains("incorrectly configured region") {
            return refused("the bucket is in another region", REGION);
        }
        if is_denied(&text) {
            return refused("these credentials may not do that", RIGHTS);
        }
        let http = chain(error).find_map(|error| error.downcast_ref::<HttpError>());
        let cause = innermost(error);
        let (fact, fix) = match http.map(HttpError::kind) {
            Some(HttpErrorKind::Connect) => (format!("it cannot be reached: {cause}"), ADDRESS),
            Some(HttpErrorKind::Timeout) => ("it does not answer in time".to_owned(), ADDRESS),
            Some(_) => (format!("the connection broke: {cause}"), MEND),
            None if text.contains("non-2xx status code") => (cause, MEND),
            None => return None,
        };
        Some(Self { fact, fix, is_final: false })
    }

    /// By the code that the store gives, which says more than the status.
    fn of_code(code: &str, text: &str) -> Self {
        let refused = |fact: String, fix| Self { fact, fix, is_final: true };
        match code {
            "NoSuchBucket" => refused("there is no such bucket".into(), BUCKET),
            // The second is what Versity's gateway calls the first, with status 404.
            "InvalidAccessKeyId" | "XAdminUserNotFound" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
                refused(format!("it refuses the credentials ({code})"), CREDENTIALS)
            }
            "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException" => {
                let region = element(text, "Region").map_or(String::new(), |region| format!(", {region}"));
                refused(format!("the bucket is in another region{region} ({code})"), REGION)
            }
            "AccessDenied" | "AllAccessDisabled" => {
                refused(format!("these credentials may not do that ({code})"), RIGHTS)
            }
            "RequestTimeTooSkewed" => refused("its clock and ours differ too much".into(), CLOCK),
            _ => {
                let message = element(text, "Message").map_or(String::new(), |message| format!(": {message}"));
                let answer = format!("{code}{message}");
                if is_denied(text) {
                    return refused(format!("it refuses the credentials ({answer})"), CREDENTIALS);
                }
                Self { fact: format!("it answers {answer}"), fix: MEND, is_final: false }
            }
        }
    }

    /// What the settings ask for cannot be set up.
    pub(super) fn of_settings(error: &object_store::Error) -> Self {
        Self { fact: innermost(error), fix: "correct the settings that begin with `s3.`", is_final: true }
    }

    pub(super) fn silent(patience: Duration) -> Self {
        Self { fact: format!("it has not answered within {patience:?}"), fix: ADDRESS, is_final: false }
    }
}

/// By the status, of which the client tells only in words.
fn is_denied(text: &str) -> bool {
    ["401", "403"].iter().any(|status| text.contains(&format!("status code: {status} ")))
}

/// The text of an element of an answer's XML.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("<{name}>"))?;
    Some(after.split_once("</")?.0.trim())
}

/// An error and what caused it, the innermost last.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: &str, body: &str) -> Option<Refusal> {
        let source = format!("Server returned non-2xx status code: {status}: {body}").into();
        Refusal::of(&object_store::Error::Generic { store: "S3", source })
    }

    #[test]
    fn answers_are_told_by_their_code() {
        let xml = |code: &str| format!("<Error><Code>{code}</Code><Message>Say</Message><Region>eu-1</Region></Error>");
        let told = |status: &str, code: &str| answered(status, &xml(code)).unwrap();
        assert_eq!(told("404 Not Found", "NoSuchBucket").fix, BUCKET);
        assert_eq!(told("403 Forbidden", "SignatureDoesNotMatch").fix, CREDENTIALS);
        assert_eq!(told("403 Forbidden", "AccessDenied").fix, RIGHTS);
        assert_eq!(
            told("400 Bad Request", "AuthorizationHeaderMalformed").fact,
            "the bucket is in another region, eu-1 (AuthorizationHeaderMalformed)"
        );
        let busy = told("503 Service Unavailable", "SlowDown");
        assert_eq!((busy.fact.as_str(), busy.is_final), ("it answers SlowDown: Say", false));
        assert_eq!(answered("403 Forbidden", "").unwrap().fix, RIGHTS);
        assert_eq!(told("403 Forbidden", "UserGone").fact, "it refuses the credentials (UserGone: Say)");
    }

    #[test]
    fn errors_of_other_stores_are_left_to_them() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(Refusal::of(&object_store::Error::Generic { store: "file", source: full.into() }), None);
    }
}
