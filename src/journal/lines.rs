//! A journal as it is on disk: one event a line.

use serde::Deserialize;

use super::event::{Entry, FORMAT};
use crate::error::{Error, ErrorKind, Result};

/// Advice for a journal that cannot be what a run wrote.
pub(crate) const AS_DAMAGED: &str =
    "copy its folder aside, then go on as `docs/operations.md` says under \"A damaged journal\"";

/// The events of a journal.
pub(crate) struct Parsed {
    pub entries: Vec<Entry>,
    /// Bytes up to the end of the last whole line.
    pub intact: usize,
}

/// Reads whole lines; a torn last one is left out.
///
/// # Errors
/// `Refused` for what a newer version wrote, `Conflict` for a line that is no event.
pub(crate) fn parse(bytes: &[u8], place: &str) -> Result<Parsed> {
    let mut entries = Vec::new();
    let mut intact = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // Lines are written by one call and then synced: the last ones can be missing, and one of them torn, without
        // its end.
        if !line.ends_with(b"\n") {
            break;
        }
        entries.push(parse_line(line).map_err(|problem| problem.at(place, number + 1))?);
        intact += line.len();
    }
    Ok(Parsed { entries, intact })
}

/// Returns events as lines of a journal.
///
/// # Errors
/// `Unexpected` for what is no JSON.
pub(crate) fn lines(entries: &[Entry]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, entry).map_err(|error| {
            Error::unexpected("an event cannot be written as JSON").with_source(error)
        })?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Reason why a whole line is no event.
enum Problem {
    NewerFormat(u32),
    /// JSON that this version does not understand, with the reason.
    Unknown(String),
    Damaged(String),
}

impl Problem {
    fn at(self, path: &str, line: usize) -> Error {
        // The parser takes every line for a text of its own.
        let in_column = |why: String| why.replace(" at line 1 column ", " in column ");
        let wrote = "nothing was changed; use the vecshift that wrote it, which may be newer";
        match self {
            Self::NewerFormat(v) => {
                let message = format!("{path} has format {v}; this program reads up to {FORMAT}");
                Error::new(ErrorKind::Refused, message).with_hint(wrote)
            }
            Self::Unknown(why) => {
                let message = format!(
                    "{path} has an event in line {line} that this version does not know: {}",
                    in_column(why)
                );
                Error::new(ErrorKind::Refused, message)
                    .with_hint(format!("{wrote}; where it was edited or damaged: {AS_DAMAGED}"))
            }
            Self::Damaged(why) => {
                let message = format!("{path} is damaged in line {line}: {}", in_column(why));
                Error::new(ErrorKind::Conflict, message).with_hint(AS_DAMAGED)
            }
        }
    }
}

fn parse_line(line: &[u8]) -> Result<Entry, Problem> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let unknown = match serde_json::from_slice::<Entry>(line) {
        Ok(entry) if entry.v <= FORMAT => return Ok(entry),
        Ok(entry) => return Err(Problem::NewerFormat(entry.v)),
        Err(error) => error.to_string(),
    };
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|error| Problem::Damaged(error.to_string()))?;
    if let Ok(Version { v }) = Version::deserialize(&value)
        && v > FORMAT
    {
        return Err(Problem::NewerFormat(v));
    }
    // The list of all known events would fill a screen.
    let why = unknown.split(", expected one of").next().unwrap_or(&unknown);
    Err(Problem::Unknown(why.to_owned()))
}
