//! The built binary in a temporary folder, with an environment of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder to run the program in.
pub struct Cli {
    pub folder: tempfile::TempDir,
}

/// Output of the program.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Cli {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Makes a folder with the plans and data of this repository in it.
    pub fn with_plans() -> Self {
        let cli = Self::new();
        for folder in ["plans", "examples"] {
            let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            std::fs::create_dir(cli.path(folder)).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                if entry.path().is_file() {
                    std::fs::copy(entry.path(), cli.path(folder).join(entry.file_name())).unwrap();
                }
            }
        }
        cli
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn state(&self) -> PathBuf {
        self.path(".vecshift")
    }

    /// Returns the program's command, without this process's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vecshift"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("TZ", "UTC")
            .env("USER", "ada")
            .env("HOSTNAME", "desk")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        said(&self.command(arguments).output().unwrap())
    }

    /// Runs with `--json` and reads the document.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let said = self.run(&[arguments, &["--json"]].concat());
        let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(document["exit"]["code"], said.code, "{said:?}");
        document
    }
}

pub fn said(output: &Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        err: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

/// `emulate` in a process of its own, ended when it is dropped.
pub struct Emulated {
    pub child: Child,
    pub address: String,
    /// The document that said that it was ready.
    pub ready: serde_json::Value,
}

impl Emulated {
    /// Starts it with the rehearsal world of a plan, which has `records` records.
    pub fn start(cli: &Cli, plan: &str, records: u64) -> Self {
        Self::start_with(cli, plan, records, &[])
    }

    /// The same with more arguments.
    pub fn start_with(cli: &Cli, plan: &str, records: u64, more: &[&str]) -> Self {
        let emulated = Self::serve(cli, &[&["--world", plan], more].concat());
        assert_eq!(emulated.ready["records"], records, "{}", emulated.ready);
        emulated
    }

    /// Starts it with these arguments alone, and waits until it says that it is ready.
    pub fn serve(cli: &Cli, arguments: &[&str]) -> Self {
        let usual = ["emulate", "--listen", "127.0.0.1:0", "--api-key", "k", "--json"];
        let mut command = cli.command(&[&usual, arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = ready["address"].as_str().unwrap_or_else(|| panic!("{ready}")).to_owned();
        Self { child, address, ready }
    }

    /// Ends it with SIGTERM; returns its exit code.
    pub fn end(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    pub fn run(&self, cli: &Cli, arguments: &[&str]) -> Said {
        said(&self.command(cli, arguments).output().unwrap())
    }

    /// Starts a process of the program against this emulator, whose output can be read while it runs.
    pub fn spawn(
        &self,
        cli: &Cli,
        arguments: &[&str],
    ) -> (Child, impl Iterator<Item = String> + use<>) {
        let mut command = self.command(cli, arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        (child, lines)
    }

    /// Returns the program's command against this emulator.
    pub fn command(&self, cli: &Cli, arguments: &[&str]) -> Command {
        let mut command = cli.command(arguments);
        command.env("PINECONE_CONTROLLER_HOST", &self.address).env("PINECONE_API_KEY", "k");
        command
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
