//! The environment of the process: variables and terminals. Only this module reads either.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Component, Path, PathBuf};

use crate::journal::Holder;
use crate::text::shortened;

/// The most characters of an address that a browser is sure to open.
const URL: usize = 2_000;

/// The surroundings of one invocation.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Environment variables whose name and value are valid text, and all of the program's own.
    pub variables: BTreeMap<String, String>,
    pub stdin_is_terminal: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// The working folder; empty if it no longer exists.
    pub folder: PathBuf,
    /// The width of the terminal in columns; 80 without a terminal.
    pub width: u16,
}

impl Surroundings {
    /// Inspects the standard streams; `variables` is the environment.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let text = |(name, value): (OsString, OsString)| {
            let name = name.into_string().ok()?;
            // One of the program's own says something even if that is no text.
            let value = match name.starts_with("VECSHIFT_") {
                true => value.to_string_lossy().into_owned(),
                false => value.into_string().ok()?,
            };
            Some((name, value))
        };
        let stdout_is_terminal = std::io::stdout().is_terminal();
        let stderr_is_terminal = std::io::stderr().is_terminal();
        let is_terminal = stdout_is_terminal || stderr_is_terminal;
        let columns = terminal_size::terminal_size().filter(|_| is_terminal);
        Self {
            variables: variables.into_iter().filter_map(text).collect(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal,
            folder: std::env::current_dir().unwrap_or_default(),
            stderr_is_terminal,
            width: columns.map_or(80, |(width, _)| width.0).clamp(40, 140),
        }
    }

    /// Returns the value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns whether the process runs in GitHub Actions.
    pub fn is_github(&self) -> bool {
        self.get("GITHUB_ACTIONS") == Some("true")
    }

    /// Returns a variable set by GitHub Actions; `None` outside of it.
    pub fn github(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|_| self.is_github())
    }

    /// Returns whether nobody is watching, so that the cursor must not be moved even if the output looks like a
    /// terminal.
    pub fn is_ci(&self) -> bool {
        self.get("CI").is_some_and(|value| value != "false" && value != "0")
    }

    /// Returns whether terminal output may be coloured (<https://no-color.org>).
    pub fn allows_colour(&self) -> bool {
        self.get("NO_COLOR").is_none() && self.get("TERM") != Some("dumb")
    }

    /// Returns the name of whoever runs the command, for the journal.
    pub fn user(&self) -> String {
        let names = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME", "USERNAME"];
        let name = names.iter().find_map(|name| self.get(name));
        own_name(name.unwrap_or("somebody"))
    }

    pub fn holder(&self) -> Holder {
        let holder = Holder::new(self.user(), self.host(), std::process::id());
        let url = self.job_url().map(|url| shortened(&url, URL).into_owned());
        Holder { url, ..holder }
    }

    /// Returns the page of the CI job that runs this process.
    fn job_url(&self) -> Option<String> {
        let of = |name: &str| self.get(name).map(str::to_owned);
        let of_github = || {
            let server = self.github("GITHUB_SERVER_URL")?;
            let repository = self.github("GITHUB_REPOSITORY")?;
            let run = self.github("GITHUB_RUN_ID")?;
            Some(format!("{server}/{repository}/actions/runs/{run}"))
        };
        // GitLab, Buildkite, CircleCI, Jenkins.
        let others = ["CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL"];
        of_github().or_else(|| others.iter().find_map(|name| of(name)))
    }

    /// Returns a file's path relative to the workspace of the job, as GitHub expects it, whatever folder the command was
    /// started in and however the file was given. A file outside of the workspace keeps its name.
    pub fn in_workspace(&self, file: &str) -> String {
        let workspace = self.get("GITHUB_WORKSPACE").or_else(|| self.get("CI_PROJECT_DIR"));
        let Some(workspace) = workspace else { return file.to_owned() };
        let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| whole(path));
        let roots = [resolved(Path::new(workspace)), whole(Path::new(workspace))];
        let names = [resolved(Path::new(file)), whole(Path::new(file))];
        let inside = names
            .iter()
            .find_map(|name| roots.iter().find_map(|root| name.strip_prefix(root).ok()));
        match inside {
            Some(path) => path.to_string_lossy().replace('\\', "/"),
            None => file.to_owned(),
        }
    }

    /// Returns the commit that a CI job has checked out: of a pull request its own last one, not the merge that is only tried.
    pub fn commit(&self) -> Option<String> {
        let of_pull_request = || {
            let event = std::fs::read(self.github("GITHUB_EVENT_PATH")?).ok()?;
            let event: serde_json::Value = serde_json::from_slice(&event).ok()?;
            event.pointer("/pull_request/head/sha")?.as_str().map(str::to_owned)
        };
        // GitHub, GitLab, Buildkite, CircleCI, Azure Pipelines, Bitbucket, Jenkins.
        let names = [
            "GITHUB_SHA",
            "CI_COMMIT_SHA",
            "BUILDKITE_COMMIT",
            "CIRCLE_SHA1",
            "BUILD_SOURCEVERSION",
            "BITBUCKET_COMMIT",
            "GIT_COMMIT",
        ];
        of_pull_request()
            .or_else(|| names.iter().find_map(|name| self.get(name).map(str::to_owned)))
    }

    /// Returns a name that is stable for one machine, which decides whether a lock belongs to this machine.
    fn host(&self) -> String {
        let named = self.get("HOSTNAME").or_else(|| self.get("COMPUTERNAME")).map(str::to_owned);
        let from_system = || {
            let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
            files.iter().find_map(|file| std::fs::read_to_string(file).ok())
        };
        let host = named.or_else(from_system).unwrap_or_default();
        match host.trim() {
            "" => "localhost".to_owned(),
            host => own_name(host),
        }
    }
}

/// Returns a name as this process says it of itself in locks, requests and journals, which others have to read. No host is
/// called longer (RFC 1035, section 2.3.4), and two that differ stay two.
pub fn own_name(name: &str) -> String {
    shortened(name, 255).into_owned()
}

/// Makes a path absolute and removes `.` and `..` without resolving links.
fn whole(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}
