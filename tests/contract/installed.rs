//! Programs from elsewhere that are installed on first use, and those of them that serve.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};

/// The marker's name; it is written when everything is installed, so a folder without it is made anew.
const MARKER: &str = "vecshift-complete.txt";

/// Returns the folder of an installation; `wanted` says all that it depends on. One process at a time makes it; the
/// others wait at the lock and find it complete.
pub fn installed(
    name: &str,
    wanted: &str,
    install: impl FnOnce(&Path) -> Result<String, String>,
) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = File::create(folder.with_extension("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;

    let marker = folder.join(MARKER);
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    install(&folder)?;
    std::fs::write(&marker, wanted).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// Returns what a program prints; all of that as the error if it fails or does not exist.
pub fn said(command: &mut Command) -> Result<String, String> {
    let program = format!("`{command:?}`");
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{program}: {e}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{program} failed:\n{}", text(&output))),
    }
}

pub fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// A program that serves until this is dropped.
pub struct Server {
    /// The first line it printed.
    pub address: String,
    _process: tokio::process::Child,
}

/// Starts a program that prints where it serves and ends with its standard input.
pub async fn serve(mut command: tokio::process::Command) -> Server {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = lines.next_line().await.unwrap().expect("it did not say where it serves");
    Server { address, _process: process }
}
