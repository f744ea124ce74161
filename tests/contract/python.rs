//! Python programs in environments of their own, which are made on first use.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::skip::skip;

/// The marker's name; it is written when everything is installed, so an environment without it is made anew.
const MARKER: &str = "vecshift-complete.txt";

/// A Python interpreter with the packages of one requirements file.
pub struct Python {
    interpreter: PathBuf,
    /// Working folder of scripts, so that what they keep for the next time is under `target/` too.
    folder: PathBuf,
}

/// Returns the environment of `requirements/<name>.txt`; `None`, with a message, if it cannot be made.
pub fn environment(name: &str) -> Option<Python> {
    let made = tokio::task::block_in_place(|| make(name));
    made.inspect_err(|why| skip(&format!("everything that needs Python and {name}"), why)).ok()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/python")
}

/// Makes the environment of one requirements file with uv, which takes seconds where pip takes a minute.
fn make(name: &str) -> Result<Python, String> {
    let uv = ensure("uv", |folder| {
        said(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
        let python = binary(folder, "python");
        said(Command::new(python).args(pip).arg("--requirement").arg(requirements("uv")))
    })?;
    let uv = binary(&uv, "uv");
    let folder = ensure(name, |folder| {
        said(Command::new(&uv).args(["venv", "--quiet", "--python", "python3"]).arg(folder))?;
        let install = ["pip", "install", "--quiet", "--compile-bytecode", "--python"];
        let python = binary(folder, "python");
        let list = requirements(name);
        said(Command::new(&uv).args(install).arg(python).arg("--requirement").arg(list))
    })?;
    Ok(Python { interpreter: binary(&folder, "python"), folder })
}

fn requirements(name: &str) -> PathBuf {
    sources().join("requirements").join(format!("{name}.txt"))
}

fn binary(folder: &Path, name: &str) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts" } else { "bin" }).join(name)
}

/// Returns the folder of an environment. One process at a time makes it; the others wait at the lock and find it
/// complete.
fn ensure(
    name: &str,
    install: impl FnOnce(&Path) -> Result<String, String>,
) -> Result<PathBuf, String> {
    let pinned = std::fs::read_to_string(requirements(name)).map_err(|error| error.to_string())?;
    let version = said(Command::new("python3").args(["-c", "import sys; print(sys.version)"]))?;
    let wanted = format!("{version}{pinned}");

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python").join(name);
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = File::create(folder.with_extension("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;

    let marker = folder.join(MARKER);
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    install(&folder)?;
    std::fs::write(&marker, wanted).map_err(|error| error.to_string())?;
    Ok(folder)
}

/// Returns what a program prints; all of that as the error if it fails or does not exist.
fn said(command: &mut Command) -> Result<String, String> {
    let program = format!("`{command:?}`");
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("{program}: {e}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{program} failed:\n{}", text(&output))),
    }
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// A program that serves until this is dropped.
pub struct Server {
    /// The first line it printed.
    pub address: String,
    _process: tokio::process::Child,
}

impl Python {
    fn command(&self, script: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.interpreter);
        command.arg(sources().join(script));
        command.env("NO_PROXY", "*").env("PYTHONDONTWRITEBYTECODE", "1");
        command.current_dir(&self.folder).kill_on_drop(true);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PINECONE_")) {
            command.env_remove(name);
        }
        command
    }

    /// Starts a script that prints where it serves and ends with its standard input.
    pub async fn serve(&self, script: &str) -> Server {
        let mut command = self.command(script);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.next_line().await.unwrap().unwrap();
        Server { address, _process: process }
    }

    /// Runs a script of this folder to its end and returns what it printed; all of that as the error if it fails or
    /// takes longer than `longest`.
    pub async fn run(
        &self,
        script: &str,
        arguments: &[&str],
        longest: Duration,
    ) -> Result<String, String> {
        let mut command = self.command(script);
        command.args(arguments).stdin(Stdio::null());
        let output = tokio::time::timeout(longest, command.output()).await;
        let output = output.map_err(|_| format!("{script} took longer than {longest:?}"))?;
        let output = output.map_err(|error| format!("{script}: {error}"))?;
        match output.status.success() {
            true => Ok(text(&output)),
            false => Err(format!("{script} ({}):\n{}", output.status, text(&output))),
        }
    }
}
