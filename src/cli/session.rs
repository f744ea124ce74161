//! One invocation: the global options, the surroundings, and where output goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::console::Manner;
use super::deliver::{Deliveries, Outside};
use super::ended::Ended;
use super::environment::Surroundings;
use super::exit::Exit;
use super::failure::{Failure, label};
use super::global::{Global, When};
use super::narrate::Detail;
use super::outlet::Unwritten;
use super::output::{Answer, Output, complain};
use super::place::Place;
use super::project::Project;
use super::saved::Saved;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::journal::Entry;
use crate::plan::{Inputs, Plan, Read};
use crate::provider::language;
use crate::report::{Look, Problem, Report};
use crate::state::{Backend, Folder, Home};

/// One invocation.
pub struct Session {
    pub global: Global,
    pub surroundings: Surroundings,
    pub output: Output,
    pub clock: Clock,
    /// What the plan shares with others.
    pub project: Project,
    pub place: Place,
    /// The command's deliveries besides its answer.
    pub deliveries: Deliveries,
    /// The plan that the command concerns, once it has been read.
    pub read: OnceLock<Read>,
}

impl Session {
    pub fn new(global: Global, surroundings: Surroundings) -> Self {
        let colour = |is_terminal: bool| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && surroundings.allows_colour(),
        };
        let look = |is_terminal: bool| Look {
            width: surroundings.width,
            colour: colour(is_terminal),
            follows_log: false,
        };
        let output = Output {
            is_json: global.json,
            is_quiet: global.quiet,
            stdout: look(surroundings.stdout_is_terminal),
            stderr: look(surroundings.stderr_is_terminal),
        };
        let clock = Clock::system();
        let place = Place::usual(&surroundings, &clock);
        Self {
            global,
            surroundings,
            output,
            clock,
            project: Project::default(),
            place,
            deliveries: Deliveries::default(),
            read: OnceLock::new(),
        }
    }

    /// Settles on the project of a plan, which need not be a file, and on the place of its state.
    ///
    /// # Errors
    /// `Invalid` if the project file or the place is wrong.
    pub fn settle(&mut self, plan: Option<&Path>) -> Result<()> {
        let from = plan.filter(|plan| plan.is_file()).unwrap_or(&self.surroundings.folder);
        self.project = Project::find(from)?.unwrap_or_default();
        let named = self.global.state.as_deref();
        self.place = Place::find(named, &self.project, &self.surroundings, &self.clock)?;
        Ok(())
    }

    /// Returns what decides where files go.
    pub fn outside(&self) -> Outside<'_> {
        Outside { surroundings: &self.surroundings, state: self.local() }
    }

    /// Returns the folder of this machine for the state of rehearsals and checks, and for the files of runs.
    pub fn local(&self) -> &Path {
        &self.place.local
    }

    /// Returns the state of something that is done on this machine alone: `rehearsals`, `checks`.
    pub fn state_of(&self, what: &str) -> Arc<dyn Backend> {
        let host = self.surroundings.holder().host;
        Arc::new(Folder::new(self.local().join(what), host, self.clock.clone()))
    }

    /// Returns the state of runs, or of rehearsals.
    pub fn runs(&self, is_rehearsal: bool) -> Arc<dyn Backend> {
        match is_rehearsal {
            true => self.state_of("rehearsals"),
            false => self.place.state.clone(),
        }
    }

    /// Returns what is kept of the runs of a plan.
    pub fn home(&self, plan: &str) -> Arc<dyn Home> {
        self.place.state.home(plan)
    }

    /// Returns the style of a run's console.
    pub fn manner(&self) -> Manner {
        match () {
            () if self.global.quiet => Manner::Quiet,
            () if self.surroundings.stderr_is_terminal && !self.surroundings.is_ci() => {
                Manner::Bars
            }
            () => Manner::Plain,
        }
    }

    /// Returns the look of a report at the end of a run. On a terminal, and in a CI log, it follows the log of the run
    /// directly.
    pub fn look_after_log(&self) -> Look {
        let Surroundings { stdout_is_terminal, stderr_is_terminal, .. } = self.surroundings;
        let is_one_stream = stdout_is_terminal && stderr_is_terminal
            || self.surroundings.is_ci() && stdout_is_terminal == stderr_is_terminal;
        let follows_log = is_one_stream && self.manner() != Manner::Quiet;
        Look { follows_log, ..self.output.stdout }
    }

    pub fn detail(&self) -> Detail {
        if self.global.verbose > 0 { Detail::Fine } else { Detail::Normal }
    }

    /// Reads a plan, or a reviewed plan written by `plan --out`, and prints its warnings.
    ///
    /// # Errors
    /// `Refused` if the plan has changed since it was reviewed.
    pub fn read_plan(&self, path: &Path) -> Result<Read, Failure> {
        match Saved::read(path)? {
            Some(saved) => self.reread(&saved),
            None => self.read_file(path, BTreeMap::new()),
        }
    }

    /// Reads the plan of a reviewed file again.
    fn reread(&self, saved: &Saved) -> Result<Read, Failure> {
        let path = PathBuf::from(self.shown(&saved.find()?.display().to_string()));
        let read = self.read_file(&path, saved.vars.clone()).inspect_err(|failure| {
            if matches!(failure, Failure::Plan(_)) {
                self.output.talk(&format!(
                    "{} was reviewed; the plan it was made of is wrong now:",
                    saved.file.display()
                ));
            }
        })?;
        saved.refuse_other(&path, &read.plan)?;
        Ok(read)
    }

    /// Reads a plan file and prints its warnings. Variables of the command line take precedence over `vars`.
    pub fn read_file(&self, path: &Path, vars: BTreeMap<String, String>) -> Result<Read, Failure> {
        let mut inputs = self.inputs()?;
        for (name, value) in vars {
            inputs.vars.entry(name).or_insert(value);
        }
        let read = language().read(path, &inputs)?;
        if !read.warnings.is_empty() {
            let colour = match self.output.stderr.colour {
                true => crate::plan::Colour::Always,
                false => crate::plan::Colour::Never,
            };
            self.output.talk(&read.warnings.render(colour));
        }
        Ok(self.read.get_or_init(|| read).clone())
    }

    /// Returns the variables that are given: `--var` takes precedence over `--var-file`, and both over the project.
    pub fn vars(&self) -> Result<BTreeMap<String, String>> {
        let mut vars = BTreeMap::new();
        for path in &self.global.var_file {
            vars.extend(read_variables(path)?);
        }
        vars.extend(self.global.vars.iter().cloned());
        Ok(vars)
    }

    /// Returns the variables and the environment that a plan may use.
    pub fn inputs(&self) -> Result<Inputs> {
        let usual = self.project.vars.clone();
        Ok(Inputs { vars: self.vars()?, usual, env: self.surroundings.variables.clone() })
    }

    /// Finds another state folder, above the working folder or the plan, that has a run of the plan `name`, or any run
    /// if no name is given.
    pub fn state_elsewhere(&self, plan: &Path, name: Option<&str>) -> Option<PathBuf> {
        let folder = &self.surroundings.folder;
        let (here, plan) = (folder.join(self.local()), folder.join(plan));
        let folders = folder.ancestors().chain(plan.ancestors().skip(1));
        let mut states = folders.map(|folder| folder.join(".vecshift"));
        states.find(|state| {
            let has_run =
                |name: &str| Folder::new(state, "", Clock::system()).journal_of(name).is_file();
            *state != here && name.map_or_else(|| state.is_dir(), has_run)
        })
    }

    /// Returns whether warnings are failures: for this command, or for the project.
    pub fn is_strict(&self, given: bool) -> bool {
        given || self.project.defaults.strict
    }

    /// Returns the name to record in the journal: the given one, or else the user's.
    pub fn who(&self, given: Option<&str>) -> String {
        given.map_or_else(|| self.surroundings.user(), str::to_owned)
    }

    /// Returns the argument that names the plan in suggested commands, including the state folder and the variables
    /// given to this command, so that they can be pasted as they are.
    pub fn address(&self, plan: &str) -> String {
        let mut words = quoted(&self.shown(plan));
        let mut add = |option: &str, value: &str| {
            words.push_str(&format!(" {option} {}", quoted(value)));
        };
        if self.place.is_named {
            add("--state", self.place.state.uri());
        }
        for file in &self.global.var_file {
            add("--var-file", &file.display().to_string());
        }
        for (name, value) in &self.global.vars {
            add("--var", &format!("{name}={value}"));
        }
        words
    }

    /// Shortens a path, relative to the working folder if possible.
    pub fn shown(&self, path: &str) -> String {
        match Path::new(path).strip_prefix(&self.surroundings.folder) {
            Ok(below) => below.display().to_string(),
            Err(_) => path.to_owned(),
        }
    }

    /// Finds the plan file of a run on this machine. The run may have been another's, whose folders are not there: then it is
    /// the file of the same name, as far as folders above it have the same names too, below the project.
    fn here(&self, file: &str) -> String {
        let path = Path::new(file);
        if path.is_file() {
            return file.to_owned();
        }
        let project = match self.project.folder.as_os_str().is_empty() {
            true => &self.surroundings.folder,
            false => &self.project.folder,
        };
        let mut rest = path.components();
        while rest.next().is_some() {
            let found = project.join(rest.as_path());
            if found.is_file() {
                return found.display().to_string();
            }
        }
        file.to_owned()
    }

    /// Builds the report of `entries`, with `address` naming the plan in suggested commands.
    ///
    /// # Errors
    /// Any error of [`Report::from_entries`].
    pub fn report(&self, entries: &[Entry], address: Option<&str>) -> Result<Report> {
        let mut report = Report::from_entries(entries)?;
        report.file = report.file.map(|file| self.here(&file));
        if let Some(plan) = self.plan_of(&report) {
            report = report.with_plan(&plan);
        }
        report.file = report.file.map(|file| self.shown(&file));
        let address = match (&report.file, address) {
            (_, Some(address)) => address.to_owned(),
            (Some(file), None) => self.address(file),
            (None, None) => self.address(&report.plan),
        };
        Ok(report.addressed(&address))
    }

    /// Reads the plan of a report, if its file still is that plan.
    fn plan_of(&self, report: &Report) -> Option<Plan> {
        let read_before = self.read.get().map(|read| read.plan.clone());
        let in_file = || {
            let file = report.file.as_ref()?;
            language().read(Path::new(file), &self.inputs().ok()?).ok().map(|read| read.plan)
        };
        read_before.or_else(in_file).filter(|plan| plan.digest == report.digest)
    }

    /// Delivers everything, prints the answer and returns how the process ends: as the command did, except that a
    /// success with something unwritten becomes an error.
    pub fn conclude(&self, command: &str, mut answer: Answer, problems: Vec<Problem>) -> Exit {
        let mut account = std::mem::take(&mut answer.account);
        if account.report.is_none() && problems.is_empty() {
            account.summary.get_or_insert_with(|| answer.text.clone());
        }
        let mut ended = Ended {
            command,
            exit: answer.exit,
            read: self.read.get(),
            account: &account,
            problems,
        };
        let mut exit = answer.exit;
        let lost = |exit: &mut Exit, text: &str| {
            complain(&format!("{}{text}", label(self.output.stderr.colour)));
            if matches!(exit, Exit::Ok | Exit::Changes) {
                *exit = Exit::Error;
            }
        };
        let unwritten = self.deliveries.finish(&self.surroundings, &ended);
        unwritten.iter().for_each(|one| lost(&mut exit, &one.text()));
        answer.exit = exit;
        if !unwritten.is_empty() {
            answer =
                answer.with("unwritten", unwritten.iter().map(Unwritten::json).collect::<Vec<_>>());
        }
        if let Err(error) = self.output.answer(command, &answer) {
            lost(&mut exit, &format!("cannot write to standard output: {error}"));
        }
        ended.exit = exit;
        if let Some(one) = self.deliveries.outputs(&ended) {
            lost(&mut exit, &one.text());
        }
        exit
    }
}

/// Quotes text as one word for a POSIX shell.
pub fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@,+".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Reads a mapping of names to scalars.
fn read_variables(path: &PathBuf) -> Result<BTreeMap<String, String>> {
    use serde_json::Value;
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
    let wrong = |what: String| {
        Error::invalid(format!("{}: {what}", path.display()))
            .with_hint("write one `name: value` a line; values are strings, numbers or booleans")
    };
    let values: BTreeMap<String, Value> =
        serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let scalar = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
        _ => Err(wrong(format!("`{name}` is no string, number or boolean"))),
    };
    values.into_iter().map(scalar).collect()
}
