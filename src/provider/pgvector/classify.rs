//! An error of the server or of the connection as one of ours.

use tokio_postgres::error::{DbError, SqlState};

use crate::error::{Error, ErrorKind, Retry};

/// Locks are kept in shared memory, whose size is set when the server starts.
pub(super) const TOO_FEW_LOCKS: &str =
    "raise max_locks_per_transaction of the server, which takes a restart";

/// How an error of the server concerns what was sent.
struct Class {
    kind: ErrorKind,
    retry: Option<Retry>,
    hint: Option<&'static str>,
}

/// Makes an error of the client's: its kind and whether a retry helps follow from the SQLSTATE (PostgreSQL 18,
/// "PostgreSQL Error Codes").
pub fn classify(source: tokio_postgres::Error, operation: &'static str) -> Error {
    match source.as_db_error() {
        Some(answer) => answered(answer).with_operation(operation),
        None => unanswered(source).with_operation(operation),
    }
}

fn answered(answer: &DbError) -> Error {
    let class = class(answer.code(), answer.message());
    let mut error =
        Error::new(class.kind, answer.message()).with_context("sqlstate", answer.code().code());
    if let Some(retry) = class.retry {
        error = error.with_retry(retry);
    }
    for (key, value) in [
        ("detail", answer.detail()),
        ("table", answer.table()),
        ("column", answer.column()),
        ("constraint", answer.constraint()),
    ] {
        if let Some(value) = value {
            error = error.with_context(key, value);
        }
    }
    match class.hint.or(answer.hint()) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn unanswered(source: tokio_postgres::Error) -> Error {
    let text = source.to_string();
    let is_io = std::iter::successors(std::error::Error::source(&source), |error| error.source())
        .any(|error| error.is::<std::io::Error>());
    let (kind, message) = match () {
        () if source.is_closed() => {
            (ErrorKind::Unavailable, "the connection to the server was lost")
        }
        () if text.contains("timeout") => {
            (ErrorKind::Timeout, "the server was not reached in time")
        }
        () if text.contains("TLS") => {
            (ErrorKind::Unavailable, "no secure connection to the server was made")
        }
        () if is_io => (ErrorKind::Unavailable, "the server cannot be reached"),
        () if text.contains("password") || text.contains("authentication") => {
            (ErrorKind::Unauthorized, "the server did not accept the credentials")
        }
        () => (ErrorKind::Protocol, "the server's answer is not understood"),
    };
    Error::new(kind, message).with_source(source)
}

fn class(code: &SqlState, message: &str) -> Class {
    let of = |kind| Class { kind, retry: None, hint: None };
    let hinted = |kind, hint| Class { kind, retry: None, hint: Some(hint) };
    let again = |kind| Class { kind, retry: Some(Retry::Later), hint: None };
    if is_lost_view(code, message) {
        return hinted(
            ErrorKind::ViewLost,
            "run the same command again: it goes on where it stopped, with what is there then",
        );
    }
    match code.code() {
        "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" => again(ErrorKind::Unavailable),
        "53300" => Class {
            kind: ErrorKind::RateLimited,
            retry: Some(Retry::Later),
            hint: Some(
                "all connections of the server are taken: lower the concurrency, or raise max_connections",
            ),
        },
        "53100" => {
            hinted(ErrorKind::Refused, "the disk of the server is full: make room, then go on")
        }
        "53200" if message.contains("shared memory") => hinted(ErrorKind::Refused, TOO_FEW_LOCKS),
        "53200" => hinted(
            ErrorKind::Refused,
            "the server is out of memory: lower its maintenance_work_mem or the batch",
        ),
        "54000" | "54001" | "54011" | "54023" => of(ErrorKind::TooLarge),
        "57014" => {
            hinted(ErrorKind::Timeout, "raise the statement timeout, or ask for less at once")
        }
        "25P03" | "25P04" | "57P05" => again(ErrorKind::Unavailable),
        "42501" if message.contains("row-level security") => hinted(
            ErrorKind::Unauthorized,
            "policies hide rows from this role, and a copy would miss them: name the table's owner, or a role with BYPASSRLS",
        ),
        "42501" => {
            hinted(ErrorKind::Unauthorized, "grant the role what it needs, or name another role")
        }
        "42704" | "42883" if message.contains("vector") || message.contains("halfvec") => hinted(
            ErrorKind::NotFound,
            "the extension is not in this database: CREATE EXTENSION vector",
        ),
        "42P01" | "42703" | "42704" | "42883" | "3F000" => of(ErrorKind::NotFound),
        "3D000" => hinted(ErrorKind::NotFound, "name a database that exists"),
        "42P04" | "42P06" | "42P07" | "42710" => of(ErrorKind::AlreadyExists),
        "25006" => {
            hinted(ErrorKind::Refused, "the server is read-only: name the primary, not a replica")
        }
        "0A000" => of(ErrorKind::Unsupported),
        "55006" | "55000" | "2BP01" => of(ErrorKind::Refused),
        code => match &code[..2] {
            "08" => again(ErrorKind::Unavailable),
            "28" => hinted(
                ErrorKind::Unauthorized,
                "check user and password, and the server's pg_hba.conf",
            ),
            "53" => of(ErrorKind::Refused),
            "22" | "23" | "42" | "21" | "P0" => of(ErrorKind::Invalid),
            "58" => of(ErrorKind::Refused),
            _ => of(ErrorKind::Unexpected),
        },
    }
}

/// Whether the server's encoding has no such text as was asked for, so that no row can hold it.
pub(super) fn is_beyond_encoding(error: &Error) -> bool {
    matches!(error.context_of("sqlstate"), Some("22P05" | "22021"))
}

/// Whether a snapshot that was to be imported is not there any more. Its SQLSTATE differs between versions.
fn is_lost_view(code: &SqlState, message: &str) -> bool {
    let is_one_of = matches!(code.code(), "22023" | "42704" | "55000");
    is_one_of
        && (message.contains("snapshot \"") || message.contains("invalid snapshot identifier"))
        || message.contains("could not import the requested snapshot")
}

/// Returns whether the server refused what the records hold, so that it would take others of the same batch: bad or
/// missing values, a constraint, a limit of an index's entry, or a trigger's objection.
pub fn is_refusal_of_records(error: &Error) -> bool {
    error.context_of("sqlstate").is_some_and(|code| {
        matches!(&code[..2], "22" | "23" | "P0") || matches!(code, "54000" | "44000" | "21000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_statement_and_the_servers_table_of_locks_are_two_things() {
        let hint = |message: &str| class(&SqlState::OUT_OF_MEMORY, message).hint.unwrap();
        assert!(hint("out of memory").contains("maintenance_work_mem"));
        assert!(hint("out of shared memory").contains("max_locks_per_transaction"));
    }
}
