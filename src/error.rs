//! The one error type, for what could not be done or measured.
//!
//! A failed *assertion* is a verdict and never an [`Error`].

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::text::named;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error, coarse enough to act on. The command line maps each kind to a hint and an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The plan or an argument is wrong; nothing was touched.
    Invalid,
    /// The thing asked for is not there.
    NotFound,
    /// The thing to be made is there already.
    AlreadyExists,
    /// Credentials are missing, wrong or lack a permission.
    Unauthorized,
    /// The peer refuses the request as it stands (a failed precondition, deletion protection, a quota).
    Refused,
    /// Something the plan asked for did not do its work: a command that exited with an error, a request that was
    /// turned down.
    Failed,
    /// The request exceeds a size limit of the peer; a smaller one may pass.
    TooLarge,
    /// The peer asks to slow down.
    RateLimited,
    /// The peer cannot be reached or says that it is unavailable.
    Unavailable,
    /// A deadline passed.
    Timeout,
    /// The peer or this capability lacks the operation.
    Unsupported,
    /// The state of the world contradicts the plan or the journal.
    Conflict,
    /// Another run holds the plan.
    Locked,
    /// The user interrupted the run.
    Interrupted,
    /// A hook of the plan failed: a command or a request of the user's own.
    Hook,
    /// An assertion could not be judged because nothing or too little was measured for it.
    Unmeasured,
    /// The peer answered something that cannot be understood.
    Protocol,
    /// A local file or process failed.
    Io,
    /// The view that a scan reads from is gone: its server was restarted, or what held it has ended.
    ViewLost,
    /// A bug in this program, or a state it does not know.
    Unexpected,
}

impl ErrorKind {
    /// Returns the stable lower-case name used in journals and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Unauthorized => "unauthorized",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Unsupported => "unsupported",
            Self::Conflict => "conflict",
            Self::Locked => "locked",
            Self::Interrupted => "interrupted",
            Self::Hook => "hook",
            Self::Unmeasured => "unmeasured",
            Self::Protocol => "protocol",
            Self::Io => "io",
            Self::ViewLost => "view_lost",
            Self::Unexpected => "unexpected",
        }
    }
}

/// Prospect of trying the same call again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A retry cannot help: the answer would be the same.
    Never,
    /// A retry may help.
    Later,
    /// A retry may help, at the time the peer gave.
    After(Duration),
    /// Retries did not help, and their budget is used up.
    Exhausted,
}

/// An error with its kind, whether a retry helps, the operation, context and the error behind it.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    retry: Retry,
    operation: Option<&'static str>,
    context: Vec<(&'static str, String)>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Timeout => Retry::Later,
            _ => Retry::Never,
        };
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retry,
            operation: None,
            context: Vec::new(),
            hint: None,
            source: None,
        }))
    }

    /// Returns the same for somebody else who asks; of the error behind it, its text.
    #[must_use]
    pub fn again(&self) -> Self {
        let Inner { kind, message, retry, operation, context, hint, source } = &*self.0;
        Self(Box::new(Inner {
            kind: *kind,
            message: message.clone(),
            retry: *retry,
            operation: *operation,
            context: context.clone(),
            hint: hint.clone(),
            source: source.as_ref().map(|source| source.to_string().into()),
        }))
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unexpected, message)
    }

    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::new(kind, what).with_source(source)
    }

    /// Sets the provider or library call that failed, for example `upsert`.
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Adds a fact that helps to find the cause, for example `("namespace", "twin_001")`. Never a secret.
    pub fn with_context(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Sets what the user can do about it; one sentence.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// Returns the first fact under `key`.
    pub fn context_of(&self, key: &str) -> Option<&str> {
        self.0.context.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    pub fn is_retryable(&self) -> bool {
        matches!(self.0.retry, Retry::Later | Retry::After(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut parts = Vec::new();
        if let Some(operation) = self.0.operation {
            parts.push(format!("in {operation}"));
        }
        // Machines get the facts whole, by `context`; a name can be thousands of characters long.
        parts.extend(self.0.context.iter().map(|(key, value)| match *key {
            "id" | "namespace" => format!("{key}: {}", named(value)),
            _ => format!("{key}: {value}"),
        }));
        if !parts.is_empty() {
            write!(f, " ({})", parts.join(", "))?;
        }
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.kind.name())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_for_people_and_whole_for_machines() {
        let id = "i".repeat(3_000);
        let error = Error::invalid("no").with_context("id", &id).with_context("file", &id);
        assert_eq!(error.context_of("id"), Some(id.as_str()));
        assert_eq!(error.to_string(), format!("no (id: {}, file: {id})", named(&id)));
    }
}
