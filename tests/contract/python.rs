//! Python programs in environments of their own, which are made on first use.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::installed::{Server, installed, said, serve, text};
use crate::skip::skip;

/// A Python interpreter with the packages of one requirements file.
pub struct Python {
    interpreter: PathBuf,
    /// Working folder of scripts, so that what they keep for the next time is under `target/` too.
    folder: PathBuf,
}

/// Returns the environment of `requirements/<name>.txt`; `None`, with a message, if it cannot be made.
pub fn environment(name: &str) -> Option<Python> {
    let made = made(name);
    made.inspect_err(|why| skip(&format!("everything that needs Python and {name}"), why)).ok()
}

/// Returns the environment of `requirements/<name>.txt`, or why it cannot be made.
pub fn made(name: &str) -> Result<Python, String> {
    tokio::task::block_in_place(|| make(name))
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

/// Returns the folder of an environment.
fn ensure(
    name: &str,
    install: impl FnOnce(&Path) -> Result<String, String>,
) -> Result<PathBuf, String> {
    let pinned = std::fs::read_to_string(requirements(name)).map_err(|error| error.to_string())?;
    let version = said(Command::new("python3").args(["-c", "import sys; print(sys.version)"]))?;
    installed(&format!("python/{name}"), &format!("{version}{pinned}"), install)
}

impl Python {
    fn command(&self, script: &str) -> tokio::process::Command {
        let mut command = self.interpreter();
        command.arg(sources().join(script));
        command
    }

    fn interpreter(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.interpreter);
        command.env("NO_PROXY", "*").env("PYTHONDONTWRITEBYTECODE", "1");
        command.current_dir(&self.folder).kill_on_drop(true);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PINECONE_")) {
            command.env_remove(name);
        }
        command
    }

    /// Starts a script that prints where it serves and ends with its standard input.
    pub async fn serve(&self, script: &str) -> Server {
        serve(self.command(script)).await
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
        command.args(arguments);
        ended(command, script, longest).await
    }

    /// Runs pytest over a folder, with the programs of `programs` to be found.
    pub async fn test(
        &self,
        folder: &Path,
        programs: &Path,
        longest: Duration,
    ) -> Result<String, String> {
        let mut command = self.interpreter();
        command.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
        let found = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{found}", programs.display())).current_dir(folder);
        ended(command, "pytest", longest).await
    }
}

async fn ended(
    mut command: tokio::process::Command,
    name: &str,
    longest: Duration,
) -> Result<String, String> {
    let output = tokio::time::timeout(longest, command.stdin(Stdio::null()).output()).await;
    let output = output.map_err(|_| format!("{name} took longer than {longest:?}"))?;
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    match output.status.success() {
        true => Ok(text(&output)),
        false => Err(format!("{name} ({}):\n{}", output.status, text(&output))),
    }
}
