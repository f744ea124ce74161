//! Delivers what a command produces besides its answer on standard output: files, and what GitHub Actions reads.
//!
//! Everything is opened before the command does anything. A path that cannot be written is a usage error. A stale file
//! is replaced by one that says "not finished" in its own format, for whoever reads it after a crash. Anything that
//! cannot be written at the end is reported on standard error and never hides how the command ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ended::Ended;
use super::environment::Surroundings;
use super::events::EventsFile;
use super::failure::Failure;
use super::github;
use super::outlet::{Outlet, Unwritten};
use super::output::command;
use crate::error::Result;
use crate::report::{Early, early_html, early_junit, early_markdown, sarif};

/// The files that a command is to write, and those that it reads and must not overwrite.
#[derive(Debug, Default)]
pub struct Asked {
    pub events: Option<PathBuf>,
    pub junit: Option<PathBuf>,
    pub report_md: Option<PathBuf>,
    pub report_html: Option<PathBuf>,
    pub sarif: Option<PathBuf>,
    /// The file for the command's own output, with the option that names it.
    pub own: Option<(&'static str, PathBuf)>,
    /// The content of that file until the command is finished; `None` where what is there stays until then.
    pub own_unfinished: Option<String>,
    pub inputs: Vec<PathBuf>,
}

/// The parts of an invocation that decide where files go.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    pub surroundings: &'a Surroundings,
    /// The folder of the journals.
    pub state: &'a Path,
}

/// The opened files and outputs of a command.
#[derive(Debug, Default)]
pub struct Deliveries {
    events: Option<Arc<EventsFile>>,
    junit: Option<Outlet>,
    report_md: Option<Outlet>,
    report_html: Option<Outlet>,
    sarif: Option<Outlet>,
    own: Option<Outlet>,
    summary: Option<Outlet>,
    outputs: Option<Outlet>,
}

impl Deliveries {
    /// Opens what is asked for. If something fails to open, the rest stays open so that the failure can be reported
    /// there.
    pub fn open(command: &str, asked: &Asked, outside: Outside) -> (Self, Option<Failure>) {
        let mut opening =
            Opening { asked, state: outside.state, opened: Vec::new(), failure: None };
        let mut this = Self {
            junit: opening.open("--junit", asked.junit.as_deref()),
            report_md: opening.open("--report-md", asked.report_md.as_deref()),
            report_html: opening.open("--report-html", asked.report_html.as_deref()),
            sarif: opening.open("--sarif", asked.sarif.as_deref()),
            own: asked.own.as_ref().and_then(|(option, path)| opening.open(option, Some(path))),
            ..Self::default()
        };
        let events = opening.open("--events", asked.events.as_deref());
        let name = |variable: &str| outside.surroundings.github(variable).map(Path::new);
        this.summary = opening.open("GITHUB_STEP_SUMMARY", name("GITHUB_STEP_SUMMARY"));
        this.outputs = opening.open("GITHUB_OUTPUT", name("GITHUB_OUTPUT"));
        let mut failure = opening.failure;
        if failure.is_none() {
            failure = this.begin(command, events, asked).err().map(Failure::Usage);
        }
        (this, failure)
    }

    /// Replaces stale files.
    fn begin(
        &mut self,
        command: &str,
        events: Option<Outlet>,
        asked: &Asked,
    ) -> Result<(), String> {
        let early = Early::unfinished(command);
        let written = |text: Result<String>| text.map_err(|error| error.to_string());
        let texts = [
            (&self.junit, Some(written(early_junit(&early))?)),
            (&self.report_md, Some(early_markdown(&early))),
            (&self.report_html, Some(written(early_html(&early))?)),
            (&self.sarif, Some(sarif(&early, &[]))),
            (&self.own, asked.own_unfinished.clone()),
        ];
        for (outlet, text) in texts {
            if let (Some(outlet), Some(text)) = (outlet, text) {
                outlet.begin(&text).map_err(|error| cannot(outlet, &error))?;
            }
        }
        if let Some(outlet) = events {
            let file = EventsFile::begin(&outlet).map_err(|error| cannot(&outlet, &error))?;
            self.events = Some(Arc::new(file));
        }
        Ok(())
    }

    /// Returns the listener that writes a run's events.
    pub fn events(&self) -> Option<Arc<EventsFile>> {
        self.events.clone()
    }

    /// Writes everything except the step outputs, which report on the result. Returns what could not be written.
    pub fn finish(&self, surroundings: &Surroundings, ended: &Ended) -> Vec<Unwritten> {
        let mut unwritten = Vec::new();
        let mut put = |outlet: &Option<Outlet>, text: Option<Result<String>>, adds: bool| {
            let (Some(outlet), Some(text)) = (outlet, text) else { return };
            let written = text.map_err(|error| error.to_string()).and_then(|text| {
                let written = if adds { outlet.add(&text) } else { outlet.finish(&text) };
                written.map_err(|error| error.to_string())
            });
            unwritten.extend(written.err().map(|reason| Unwritten {
                asked_by: outlet.asked_by,
                path: outlet.path.display().to_string(),
                reason,
            }));
        };
        put(&self.junit, Some(ended.junit()), false);
        put(&self.report_md, Some(Ok(ended.markdown())), false);
        put(&self.report_html, Some(ended.html()), false);
        put(&self.sarif, Some(Ok(ended.sarif(surroundings))), false);
        put(&self.own, ended.account.own.clone().map(Ok), false);
        put(&self.summary, github::summary(ended).map(Ok), true);
        if let Some(events) = &self.events {
            unwritten.extend(events.unwritten());
        }
        if surroundings.is_github() {
            // GitHub reads workflow commands from both streams; standard output is kept for data.
            github::annotations(ended, surroundings).iter().for_each(|line| command(line));
        }
        unwritten
    }

    /// Writes the outputs of a GitHub Actions step.
    pub fn outputs(&self, ended: &Ended) -> Option<Unwritten> {
        let outlet = self.outputs.as_ref()?;
        let error = outlet.add(&github::outputs(ended)).err()?;
        Some(Unwritten {
            asked_by: outlet.asked_by,
            path: outlet.path.display().to_string(),
            reason: error.to_string(),
        })
    }
}

/// The files opened so far.
struct Opening<'a> {
    asked: &'a Asked,
    state: &'a Path,
    /// The resolved paths, each with the option that asked for it.
    opened: Vec<(&'static str, PathBuf)>,
    failure: Option<Failure>,
}

impl Opening<'_> {
    fn open(&mut self, asked_by: &'static str, path: Option<&Path>) -> Option<Outlet> {
        let path = path?;
        let opened = self.refuse_inputs(asked_by, path).and_then(|()| {
            let outlet = Outlet::open(asked_by, path).map_err(|error| {
                format!("cannot write {} ({asked_by}): {error}", path.display())
            })?;
            self.refuse_twice(&outlet)?;
            Ok(outlet)
        });
        match opened {
            Ok(outlet) => {
                self.opened.extend(outlet.file().map(|path| (asked_by, path.to_owned())));
                Some(outlet)
            }
            Err(message) => {
                self.failure.get_or_insert(Failure::Usage(message));
                None
            }
        }
    }

    /// Refuses an output that would overwrite the plan, the project, a file of variables or a journal by mistake.
    fn refuse_inputs(&self, asked_by: &str, path: &Path) -> Result<(), String> {
        let Ok(outlet) = path.canonicalize() else { return Ok(()) };
        let is_input = |input: &PathBuf| input.canonicalize().is_ok_and(|input| input == outlet);
        if let Some(input) = self.asked.inputs.iter().find(|input| is_input(input)) {
            return Err(format!("`{asked_by}` would overwrite {}", input.display()));
        }
        let state = self.state.canonicalize().ok();
        let is_of_a_run = state.is_some_and(|state| outlet.starts_with(state))
            && outlet.file_name().is_some_and(|name| {
                ["journal.jsonl", "lock", "lock.json"].iter().any(|own| name == *own)
            });
        match is_of_a_run {
            true => Err(format!("`{asked_by}` would overwrite {} of a run", path.display())),
            false => Ok(()),
        }
    }

    fn refuse_twice(&self, outlet: &Outlet) -> Result<(), String> {
        match self.opened.iter().find(|(_, path)| outlet.is(path)) {
            Some((other, _)) => Err(format!(
                "`{other}` and `{}` are the same file, {}",
                outlet.asked_by,
                outlet.path.display()
            )),
            None => Ok(()),
        }
    }
}

fn cannot(outlet: &Outlet, error: &std::io::Error) -> String {
    format!("cannot write {} ({}): {error}", outlet.path.display(), outlet.asked_by)
}
