//! Runs a command without a shell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command as Process};
use tokio_util::task::AbortOnDropHandle;

use super::tail::Tail;
use crate::error::{Error, ErrorKind, Result};

/// The longest time to wait for output after the command has ended, since a process it left running may hold the pipe
/// open.
const LINGER: Duration = Duration::from_millis(500);

/// A command to run.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its arguments. A name without a slash is looked up in the `PATH` of `env`; a relative path
    /// starts at `directory`.
    pub argv: Vec<String>,
    /// The command's whole environment.
    pub env: BTreeMap<String, String>,
    pub directory: PathBuf,
    /// Written to its standard input, which is then closed.
    pub stdin: Vec<u8>,
    /// The file that receives its standard output instead of [`CommandOutput`]; an existing file is replaced.
    pub output_file: Option<PathBuf>,
    /// The time after which the command and everything in its process group is killed.
    pub timeout: Duration,
}

impl Command {
    /// Creates a command that sees `PATH` and the variables of `env` named in `allowed`.
    pub fn new(
        argv: &[String],
        env: &BTreeMap<String, String>,
        allowed: &[String],
        directory: &Path,
        timeout: Duration,
    ) -> Self {
        let passes = |name: &str| name == "PATH" || allowed.iter().any(|allowed| allowed == name);
        let env = env.iter().filter(|(name, _)| passes(name));
        Self {
            argv: argv.to_vec(),
            env: env.map(|(name, value)| (name.clone(), value.clone())).collect(),
            directory: directory.to_owned(),
            stdin: Vec::new(),
            output_file: None,
            timeout,
        }
    }

    /// Adds a variable, replacing an inherited one.
    pub fn with_env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// Redirects its standard output to a file.
    pub fn with_output_file(self, path: PathBuf) -> Self {
        Self { output_file: Some(path), ..self }
    }

    /// Checks that the command can be started, without starting it.
    ///
    /// # Errors
    /// `Invalid` if `argv` is empty; `NotFound` or `Refused` if the program does not exist or may not be executed.
    pub fn check(&self) -> Result<()> {
        let Some(program) = self.argv.first() else {
            return Err(Error::invalid("the command is empty"));
        };
        if program.contains('/') {
            return check_program(&self.directory.join(program), program);
        }
        let path = self.env.get("PATH").map(String::as_str).unwrap_or_default();
        let found = std::env::split_paths(path).any(|folder| is_program(&folder.join(program)));
        match found {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::NotFound,
                format!("the command `{program}` is not in PATH"),
            )
            .with_hint("install it, or write its path with a slash: `./ops/set.sh`")),
        }
    }

    pub fn with_stdin(mut self, stdin: impl Into<Vec<u8>>) -> Self {
        self.stdin = stdin.into();
        self
    }
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    pub status: ExitStatus,
    /// The last 4 KiB of standard output.
    pub stdout: String,
    /// The last 4 KiB of standard error.
    pub stderr: String,
}

impl CommandOutput {
    /// Returns the output of a command that succeeded.
    ///
    /// # Errors
    /// `Failed` if the exit status is not 0, with the status and the last line of standard error, or else of standard
    /// output.
    pub fn success(self) -> Result<Self> {
        if self.status.success() {
            return Ok(self);
        }
        let last = |text: &str| text.trim_end().lines().last().map(str::to_owned);
        let error =
            Error::new(ErrorKind::Failed, format!("the command failed with {}", self.status));
        Err(match last(&self.stderr).or_else(|| last(&self.stdout)) {
            Some(said) => error.with_context("output", said),
            None => error,
        })
    }
}

/// Runs a command to its end.
///
/// # Errors
/// - `Invalid` if `argv` is empty.
/// - `NotFound` or `Io` if it cannot be started.
/// - `Timeout` if its process group had to be killed. Not retryable, as the command may have had an effect.
///
/// Dropping the future kills the process group, too.
pub async fn run_command(command: &Command) -> Result<CommandOutput> {
    let program = command.argv.first().map(String::as_str).unwrap_or_default();
    let in_context =
        |error: Error| error.with_operation("command").with_context("program", program);
    let mut child = spawn(command).map_err(in_context)?;
    let group = Group::of(&child);
    let streams = (
        write_all(&mut child, command.stdin.clone()),
        read(child.stdout.take()),
        read(child.stderr.take()),
    );
    let status = tokio::time::timeout(command.timeout, child.wait()).await;
    let (stdin, stdout, stderr) = streams;
    drop(stdin);
    let status = match status {
        Ok(status) => status.map_err(|error| in_context(Error::io("cannot wait for it", error)))?,
        Err(_) => return Err(in_context(timed_out(command.timeout))),
    };
    group.ended();
    Ok(CommandOutput { status, stdout: stdout.text().await, stderr: stderr.text().await })
}

fn check_program(path: &Path, program: &str) -> Result<()> {
    match path.metadata() {
        Err(error) => Err(Error::io(format!("the command `{program}` cannot be started"), error)
            .with_hint("a path that is relative starts at the plan's folder")),
        Ok(_) if is_program(path) => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::Refused,
            format!("the command `{program}` is no program that may be run"),
        )
        .with_hint("make it executable: chmod +x")),
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|known| known.is_file() && known.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

fn timed_out(timeout: Duration) -> Error {
    let message =
        format!("the command took longer than {} and was killed", crate::model::Span(timeout));
    Error::new(ErrorKind::Timeout, message).with_retry(crate::error::Retry::Never)
}

fn spawn(command: &Command) -> Result<Child> {
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err(Error::invalid("the command is empty"));
    };
    let cannot = |error| Error::io("the command cannot be started", error);
    // The program is looked up after changing to `directory`, which may be relative to this process's own folder.
    let program = match program.contains('/') {
        true => std::path::absolute(command.directory.join(program)).map_err(cannot)?,
        false => program.into(),
    };
    let mut process = Process::new(program);
    process
        .args(arguments)
        .env_clear()
        .envs(&command.env)
        .current_dir(&command.directory)
        .stdin(Stdio::piped())
        .stdout(output(command)?)
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    process.process_group(0);
    process.spawn().map_err(cannot)
}

fn output(command: &Command) -> Result<Stdio> {
    let Some(path) = &command.output_file else { return Ok(Stdio::piped()) };
    std::fs::File::create(path)
        .map(Stdio::from)
        .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

/// The process group of a running command, killed when dropped unless the command has ended.
struct Group(Option<u32>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id())
    }

    /// Processes that the command left running on purpose are not killed.
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) =
            self.0.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // If the group is already gone, there is nothing left to kill.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

fn write_all(child: &mut Child, bytes: Vec<u8>) -> AbortOnDropHandle<()> {
    let stdin = child.stdin.take();
    AbortOnDropHandle::new(tokio::spawn(async move {
        if let Some(mut stdin) = stdin {
            // A command need not read its input.
            let _ = stdin.write_all(&bytes).await;
        }
    }))
}

/// An output that is being read.
struct Reading {
    tail: Arc<Mutex<Tail>>,
    task: AbortOnDropHandle<()>,
}

fn read<R: AsyncRead + Unpin + Send + 'static>(stream: Option<R>) -> Reading {
    let tail = Arc::new(Mutex::new(Tail::default()));
    let into = tail.clone();
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        let Some(mut stream) = stream else { return };
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer).await.inspect(|count| {
            into.lock().unwrap_or_else(PoisonError::into_inner).push(&buffer[..*count]);
        }) {}
    }));
    Reading { tail, task }
}

impl Reading {
    async fn text(self) -> String {
        // What still holds the output open is no longer waited for.
        let _ = tokio::time::timeout(LINGER, self.task).await;
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).text()
    }
}
