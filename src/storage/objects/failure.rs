//! What a bucket's errors mean, and what a person needs to do about them.
//!
//! Codes are those of Amazon S3 ("Error responses"), of the XML API of Google Cloud Storage ("HTTP status and error codes
//! for XML") and of Azure ("Blob Storage error codes"), 2026-11.

use std::time::Duration;

use object_store::client::HttpErrorKind;
use object_store::path::Path as Key;

use super::super::said::Said;
use super::within::{Action, Within};
use crate::error::{Error, ErrorKind};

/// What came of a request that was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// The condition did not hold.
    Condition,
    /// There is no such object.
    Absent(Error),
    /// It will not be otherwise when it is asked again.
    Lasting(Error),
    /// There was no answer, or none that says what was done.
    Silent(Error),
}

/// Codes that come with a 404 where only the object is missing.
const ABSENT: [&str; 5] =
    ["NoSuchKey", "NoSuchVersion", "BlobNotFound", "ResourceNotFound", "NotFound"];

impl Failure {
    pub fn of(error: &object_store::Error, action: Action, key: &Key, within: &Within) -> Self {
        let said = Said::of(error);
        let asked = Asked { action, key, within, said: &said };
        asked.by_code().or_else(|| asked.by_status()).unwrap_or_else(|| asked.by_error(error))
    }

    /// An answer that did not come in time.
    pub fn late(action: Action, key: &Key, within: &Within, after: Duration) -> Self {
        let (what, bucket) = (action.name(), &within.bucket);
        let message = format!("no answer in {after:?} to {what} `{key}` in `{bucket}`");
        Self::Silent(with_keys(Error::new(ErrorKind::Timeout, message), within))
    }

    /// Returns the error of a request without a condition.
    pub fn into_error(self) -> Error {
        match self {
            Self::Absent(error) | Self::Lasting(error) | Self::Silent(error) => error,
            Self::Condition => {
                Error::new(ErrorKind::Protocol, "a condition was refused that was not asked for")
            }
        }
    }
}

/// A request, and what was said of it.
struct Asked<'a> {
    action: Action,
    key: &'a Key,
    within: &'a Within,
    said: &'a Said,
}

impl Asked<'_> {
    fn by_code(&self) -> Option<Failure> {
        let (bucket, text) = (&self.within.bucket, &self.said.text);
        let code = self.said.code.as_deref()?;
        Some(match code {
            "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" => {
                let message = format!("there is no bucket `{bucket}`: {text}");
                lasting(ErrorKind::NotFound, message, self.within.names().into())
            }
            "PermanentRedirect" | "TemporaryRedirect" | "IllegalLocationConstraintException" => {
                self.elsewhere()
            }
            "AuthorizationHeaderMalformed" if self.said.region.is_some() => self.elsewhere(),
            "ExpiredToken"
            | "ExpiredTokenException"
            | "RequestExpired"
            | "TokenRefreshRequired" => {
                let message = format!("the key for `{bucket}` has expired: {text}");
                lasting(ErrorKind::Unauthorized, message, self.within.keys().into())
            }
            "AuthenticationFailed"
            | "AuthenticationRequired"
            | "AuthorizationHeaderMalformed"
            | "InvalidAccessKeyId"
            | "InvalidAuthenticationInfo"
            | "InvalidClientTokenId"
            | "InvalidIdentityToken"
            | "InvalidSecurity"
            | "InvalidToken"
            | "NoAuthenticationInformation"
            | "SignatureDoesNotMatch" => {
                let message = format!("the key for `{bucket}` is not accepted: {text}");
                let hint =
                    format!("it expired, was deleted or is mistyped: {}", self.within.keys());
                lasting(ErrorKind::Unauthorized, message, hint)
            }
            "RequestTimeTooSkewed" => {
                let message = format!("`{bucket}` refuses a request of another time: {text}");
                lasting(ErrorKind::Unauthorized, message, "set the clock of this machine".into())
            }
            // 409 and 412 for something else than our conditions.
            "BlobImmutableDueToPolicy" | "InvalidBlobType" | "LeaseIdMissing" => self.refused(),
            // 400, and no more than a connection that was too slow.
            "RequestTimeout" => self.silent(ErrorKind::Timeout),
            "SlowDown" => self.silent(ErrorKind::RateLimited),
            _ => return None,
        })
    }

    fn by_status(&self) -> Option<Failure> {
        let (what, key) = (self.action.name(), self.key);
        let (bucket, text) = (&self.within.bucket, &self.said.text);
        Some(match self.said.status? {
            401 | 403 => {
                let message = format!("not allowed to {what} `{key}` in `{bucket}`: {text}");
                lasting(ErrorKind::Unauthorized, message, self.rights())
            }
            404 if self.said.code.as_deref().is_none_or(|code| ABSENT.contains(&code)) => {
                let message = format!("there is no `{key}` in `{bucket}`: {text}");
                Failure::Absent(Error::new(ErrorKind::NotFound, message))
            }
            404 => {
                let message = format!("`{bucket}` was not found: {text}");
                lasting(ErrorKind::NotFound, message, self.within.names().into())
            }
            304 | 409 | 412 => Failure::Condition,
            501 => self.unsupported(),
            429 => self.silent(ErrorKind::RateLimited),
            408 | 500.. => self.silent(ErrorKind::Unavailable),
            _ => self.refused(),
        })
    }

    /// Without a status: nothing came back, or not what the crate expects.
    fn by_error(&self, error: &object_store::Error) -> Failure {
        use object_store::Error as Store;
        match (error, self.said.cut) {
            (Store::NotImplemented { .. } | Store::NotSupported { .. }, _) => self.unsupported(),
            (Store::InvalidPath { .. }, _) => {
                let message =
                    format!("`{}` has keys that are not ours: {error}", self.within.bucket);
                Failure::Lasting(Error::invalid(message))
            }
            (_, Some(HttpErrorKind::Timeout)) => self.silent(ErrorKind::Timeout),
            (_, Some(_)) => self.silent(ErrorKind::Unavailable),
            (_, None) => self.silent(ErrorKind::Protocol),
        }
    }

    fn elsewhere(&self) -> Failure {
        let (bucket, text) = (&self.within.bucket, &self.said.text);
        let (message, region) = match &self.said.region {
            Some(region) => {
                (format!("`{bucket}` is in the region {region}: {text}"), region.as_str())
            }
            None => (format!("`{bucket}` is in another region: {text}"), "its region"),
        };
        lasting(ErrorKind::Refused, message, format!("set `AWS_REGION` to {region}"))
    }

    fn refused(&self) -> Failure {
        let (what, key) = (self.action.name(), self.key);
        let (bucket, text) = (&self.within.bucket, &self.said.text);
        let message = format!("`{bucket}` refuses to {what} `{key}`: {text}");
        Failure::Lasting(Error::new(ErrorKind::Refused, message))
    }

    fn unsupported(&self) -> Failure {
        let how = match self.action {
            Action::Create | Action::Replace => " under a condition",
            _ => "",
        };
        let (what, key) = (self.action.name(), self.key);
        let (bucket, text) = (&self.within.bucket, &self.said.text);
        let message = format!("`{bucket}` cannot {what} `{key}`{how}: {text}");
        Failure::Lasting(Error::unsupported(message))
    }

    fn silent(&self, kind: ErrorKind) -> Failure {
        let (what, key) = (self.action.name(), self.key);
        let (bucket, text) = (&self.within.bucket, &self.said.text);
        let message = format!("no answer that counts to {what} `{key}` in `{bucket}`: {text}");
        Failure::Silent(with_keys(Error::new(kind, message), self.within))
    }

    /// What may be missing, from what the server said.
    fn rights(&self) -> String {
        let least = self.within.rights(self.action);
        let text = self.said.text.to_ascii_lowercase();
        if text.contains("explicit deny") {
            return format!(
                "a policy denies it, which may demand encryption (`AWS_SERVER_SIDE_ENCRYPTION`, `AWS_SSE_KMS_KEY_ID`); else it needs {least}"
            );
        }
        if text.contains("kms:") || text.contains("kms key") {
            return format!(
                "it needs `kms:GenerateDataKey` and `kms:Decrypt` on the bucket's key, and {least}"
            );
        }
        format!("it needs {least}")
    }
}

fn lasting(kind: ErrorKind, message: String, hint: String) -> Failure {
    Failure::Lasting(Error::new(kind, message).with_hint(hint))
}

/// Adds what may be in the way of an answer on a machine that has no role, which nobody says there.
fn with_keys(error: Error, within: &Within) -> Error {
    match within.has_keys {
        true => error,
        false => error.with_hint(format!(
            "no key is set, and the role of this machine is asked for one: {}",
            within.keys()
        )),
    }
}
