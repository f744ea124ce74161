//! Ids printed by a command of the plan.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::artifacts::artifact;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::CopyStage;
use crate::plan::file::Manifest;
use crate::run::Context;
use crate::traffic::action::{Command, run_command};

/// The default time limit of the command.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Runs the manifest's command and returns the file with its output, whose extension gives the format.
///
/// # Errors
/// `Refused` in a rehearsal, which runs no commands; any error of the command, including a nonzero status.
pub(in crate::run) async fn printed_ids(
    context: &Context,
    copy: &CopyStage,
    asked: &Manifest,
    argv: &[String],
) -> Result<PathBuf> {
    if context.options.is_rehearsal {
        return Err(Error::new(
            ErrorKind::Refused,
            "a rehearsal does not run the manifest's command",
        ));
    }
    let raw = artifact(context, copy, "ids-printed");
    let timeout = asked.timeout.map_or(TIMEOUT, |span| span.0);
    let command =
        Command::new(argv, &context.options.environment, &asked.env, &context.plan.base, timeout)
            .with_output_file(raw.clone());
    let run = async { run_command(&command).await?.success() };
    tokio::select! {
        ended = run => ended.map_err(|error| error.with_context("for", "the manifest of ids"))?,
        () = context.cancel.cancelled() => {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted while the manifest's command ran"));
        }
    };
    let printed = raw.with_extension(format(&raw)?);
    crate::fs::rename(&raw, &printed)
        .map_err(|error| Error::io("cannot keep what was printed", error))?;
    Ok(printed)
}

/// Guesses the format: JSON Lines begin with a brace, everything else is CSV.
fn format(path: &Path) -> Result<&'static str> {
    let cannot = |error| Error::io("cannot read what the command printed", error);
    for byte in BufReader::new(File::open(path).map_err(cannot)?).bytes() {
        match byte.map_err(cannot)? {
            byte if byte.is_ascii_whitespace() => {}
            b'{' => return Ok("jsonl"),
            _ => return Ok("csv"),
        }
    }
    Err(Error::new(ErrorKind::Refused, "the manifest's command printed no ids")
        .with_hint("it prints CSV with the header `namespace,id`, or JSON lines with these keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_character_decides_the_format() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("printed");
        let format_of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            format(&path)
        };
        assert_eq!(format_of("namespace,id\na,b\n").unwrap(), "csv");
        assert_eq!(format_of("\n {\"id\": 1}\n").unwrap(), "jsonl");
        assert_eq!(format_of("\n\n").unwrap_err().kind(), ErrorKind::Refused);
    }
}
