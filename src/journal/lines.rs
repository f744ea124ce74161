//! A journal as it is on disk: one event a line.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::event::{Entry, Event, FORMAT};
use crate::error::{Error, ErrorKind, Result};

/// Advice for a journal that cannot be what a run wrote.
pub(super) const AS_DAMAGED: &str =
    "copy its folder aside, then go on as `docs/operations.md` says under \"A damaged journal\"";

/// Reads a journal without the lock and without repairing it, for `status`, `plan` and `report`.
///
/// Returns an empty list if there is none.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    refuse_what_is_no_file(path)?;
    match fs::read(path) {
        Ok(bytes) => Ok(parse(&bytes, path)?.entries),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::io(format!("cannot read {}", path.display()), error)),
    }
}

/// Refuses something in a journal's place that cannot hold one, which is not the same as no journal.
pub(super) fn refuse_what_is_no_file(path: &Path) -> Result<()> {
    let what = match fs::metadata(path) {
        Ok(found) if found.is_file() => return Ok(()),
        Ok(found) if found.is_dir() => "is a folder",
        Ok(_) => "is neither a file nor a folder",
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) => {
            "is a link that leads to nothing"
        }
        Err(_) => return Ok(()),
    };
    let message = format!("{} {what}, and not the journal of a run", path.display());
    Err(Error::new(ErrorKind::Conflict, message)
        .with_hint("put the journal back; if there never was one, remove what is in its place"))
}

/// Reads a whole journal and refuses that of another plan.
pub fn read_of(path: &Path, plan: &str) -> Result<Vec<Entry>> {
    let entries = read(path)?;
    match entries.first().map(|first| &first.event) {
        Some(Event::RunStarted { plan: other, .. }) if other != plan => {
            Err(of_another_plan(path, other))
        }
        _ => Ok(entries),
    }
}

pub(super) fn of_another_plan(path: &Path, plan: &str) -> Error {
    let message = format!("{} belongs to the plan `{plan}`", path.display());
    Error::new(ErrorKind::Refused, message)
        .with_hint("give this plan another name, or use another --state folder")
}

/// The events of a journal.
pub(super) struct Parsed {
    pub entries: Vec<Entry>,
    /// Bytes up to the end of the last whole line.
    pub intact: usize,
}

/// Reads whole lines; a torn last one is left out.
///
/// # Errors
/// `Refused` for what a newer version wrote, `Conflict` for a line that is no event.
pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Parsed> {
    let mut entries = Vec::new();
    let mut intact = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        // Lines are written by one call and then synced: the last ones can be missing, and one of them torn, without
        // its end.
        if !line.ends_with(b"\n") {
            break;
        }
        entries.push(parse_line(line).map_err(|problem| problem.at(path, number + 1))?);
        intact += line.len();
    }
    Ok(Parsed { entries, intact })
}

/// Reason why a whole line is no event.
enum Problem {
    NewerFormat(u32),
    /// JSON that this version does not understand, with the reason.
    Unknown(String),
    Damaged(String),
}

impl Problem {
    fn at(self, path: &Path, line: usize) -> Error {
        let path = path.display();
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
