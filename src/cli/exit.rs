//! Exit codes of the process: a code and a name for each case, documented in one table.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};
use crate::run::Outcome;

/// A way for the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ok,
    Error,
    /// Only with `plan --detailed-exitcode`.
    Changes,
    Invalid,
    Failed,
    Waiting,
    RolledBack,
    Stuck,
    Refused,
    Locked,
    Usage,
    /// SIGINT, or Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl Exit {
    pub const ALL: [Self; 13] = [
        Self::Ok,
        Self::Error,
        Self::Changes,
        Self::Invalid,
        Self::Failed,
        Self::Waiting,
        Self::RolledBack,
        Self::Stuck,
        Self::Refused,
        Self::Locked,
        Self::Usage,
        Self::Interrupted,
        Self::Terminated,
    ];

    pub fn code(self) -> u8 {
        self.row().0
    }

    pub fn name(self) -> &'static str {
        self.row().1
    }

    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    /// Returns what a CI job should do.
    pub fn advice(self) -> &'static str {
        self.row().3
    }

    fn row(self) -> (u8, &'static str, &'static str, &'static str) {
        match self {
            Self::Ok => (0, "ok", "done, or nothing to do", "continue"),
            Self::Error => (
                1,
                "error",
                "something could not be done, measured or written; JSON says whether it is `retryable`",
                "read why, then retry",
            ),
            Self::Changes => (
                2,
                "changes",
                "`plan --detailed-exitcode` only: a run would change something",
                "branch",
            ),
            Self::Invalid => (
                3,
                "invalid",
                "the plan is wrong, or something it names: a key, an index, a file",
                "fix it",
            ),
            Self::Failed => (4, "failed", "an assertion failed, nothing needed undoing", "block"),
            Self::Waiting => {
                (5, "waiting", "bake, approval or inconclusive; resumable", "come back, approve")
            }
            Self::RolledBack => (
                6,
                "rolled_back",
                "an assertion failed, rollback succeeded",
                "block, inform the owner",
            ),
            Self::Stuck => (7, "stuck", "rollback failed or partial", "page someone"),
            Self::Refused => (
                8,
                "refused",
                "digest differs, drift, something the plan needs is not there, past the point of no return, not confirmed",
                "plan again",
            ),
            Self::Locked => (9, "locked", "another run holds the plan", "wait"),
            Self::Usage => (64, "usage", "wrong command line", "fix it"),
            Self::Interrupted => {
                (130, "interrupted", "SIGINT: checkpoint written, lock released", "rerun")
            }
            Self::Terminated => {
                (143, "interrupted", "SIGTERM: checkpoint written, lock released", "rerun")
            }
        }
    }

    /// Returns whether the same command may end better later without anything being fixed.
    pub fn is_worth_a_retry(self) -> bool {
        matches!(self, Self::Error | Self::Locked | Self::Interrupted | Self::Terminated)
    }

    /// Returns `{"code": 6, "name": "rolled_back"}`.
    pub fn json(self) -> Value {
        json!({ "code": self.code(), "name": self.name() })
    }

    /// Returns how an error ends the process.
    pub fn of_error(error: &Error) -> Self {
        match error.kind() {
            // Retrying does not help; a key, a name or the plan has to be fixed.
            ErrorKind::Invalid
            | ErrorKind::Unauthorized
            | ErrorKind::NotFound
            | ErrorKind::Unsupported
            | ErrorKind::TooLarge => Self::Invalid,
            ErrorKind::Refused | ErrorKind::Conflict | ErrorKind::AlreadyExists => Self::Refused,
            ErrorKind::Locked => Self::Locked,
            ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Error,
        }
    }

    /// Returns how a run's outcome ends the process; `interrupted` is the exit for the signal received.
    pub fn of_outcome(outcome: &Outcome, interrupted: Self) -> Self {
        match outcome {
            Outcome::Done | Outcome::NoChanges => Self::Ok,
            Outcome::Held { .. } => Self::Waiting,
            Outcome::Failed { .. } => Self::Failed,
            Outcome::Erred { error, .. } => Self::of_error(error),
            Outcome::RolledBack { .. } => Self::RolledBack,
            Outcome::Stuck { .. } => Self::Stuck,
            Outcome::Interrupted => interrupted,
        }
    }

    /// Looks up a code or a name. If two codes share a name, the first is returned.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code().to_string() == word || exit.name() == word)
    }

    /// Renders the page for `explain 6`.
    pub fn explained(self) -> String {
        format!(
            "Exit code {}, {}: {}.\nA CI job should: {}.",
            self.code(),
            self.name(),
            self.meaning(),
            self.advice()
        )
    }

    /// Renders the table for `explain exit-codes`.
    pub fn table() -> String {
        let row = |exit: &Self| {
            format!(
                "{:>4}  {:<12} {}\n      {:<12} a CI job should: {}",
                exit.code(),
                exit.name(),
                exit.meaning(),
                "",
                exit.advice()
            )
        };
        let rows: Vec<_> = Self::ALL.iter().map(row).collect();
        format!(
            "Exit codes; in JSON as {{\"exit\": {{\"code\": 6, \"name\": \"rolled_back\"}}}}\n\n{}",
            rows.join("\n")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        let codes: std::collections::BTreeSet<_> =
            Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes.len(), Exit::ALL.len());
    }

    #[test]
    fn errors_map_by_kind() {
        let of = |kind| Exit::of_error(&Error::new(kind, "x"));
        assert_eq!(of(ErrorKind::Locked), Exit::Locked);
        assert_eq!(of(ErrorKind::Conflict), Exit::Refused);
        assert_eq!(of(ErrorKind::Unavailable), Exit::Error);
        assert_eq!(of(ErrorKind::Invalid), Exit::Invalid);
        assert_eq!(of(ErrorKind::Unauthorized), Exit::Invalid);
        assert_eq!(of(ErrorKind::NotFound), Exit::Invalid);
    }
}
