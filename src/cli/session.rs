//! One invocation: the global options, the surroundings, and where output goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::console::Manner;
use super::deliver::{Deliveries, Outside};
use super::ended::Ended;
use super::environment::{Surroundings, own_name};
use super::exit::Exit;
use super::failure::{Failure, label};
use super::global::{Global, When};
use super::narrate::Detail;
use super::outlet::Unwritten;
use super::output::{Answer, Output, Summary, complain};
use super::place::{FOLDER, Place};
use super::project::{Project, repository};
use super::saved::Saved;
use super::yaml::{mistake, scalars};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Entry, RunState};
use crate::plan::{Inputs, Plan, Read};
use crate::provider::language;
use crate::report::{Look, Next, Problem, Report};
use crate::state::{Backend, Folder, Home};
use crate::text::visible;

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
        let place = Place::find(None, &Project::default(), &surroundings, &clock);
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
    /// `Invalid` if the project file is wrong.
    pub fn settle(&mut self, plan: Option<&Path>) -> Result<()> {
        let origin = self.origin(plan)?;
        self.project = Project::find(&origin.places)?.unwrap_or_default();
        let named = self.global.state.as_deref();
        let place = Place::find(named, &self.project, &self.surroundings, &self.clock);
        self.place = match &origin.saved {
            Some(saved) => place.for_reviewed(saved),
            None => place,
        };
        Ok(())
    }

    /// Returns where the project of a plan is looked for. That of a reviewed plan, which may lie anywhere, is that of the plan
    /// it was made of.
    fn origin(&self, plan: Option<&Path>) -> Result<Origin> {
        let working = self.surroundings.folder.clone();
        let Some(plan) = plan.filter(|plan| plan.is_file()) else {
            return Ok(Origin { saved: None, places: vec![working] });
        };
        let saved = Saved::read(plan)?;
        let places = match &saved {
            Some(saved) => saved.find().ok().into_iter().chain([working]).collect(),
            None if repository(plan).is_some() => vec![plan.to_owned()],
            None => vec![plan.to_owned(), working],
        };
        Ok(Origin { saved, places })
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
    ///
    /// # Errors
    /// Those of [`Place::open`].
    pub fn runs(&self, is_rehearsal: bool) -> Result<Arc<dyn Backend>> {
        match is_rehearsal {
            true => Ok(self.state_of("rehearsals")),
            false => self.place.open().cloned(),
        }
    }

    /// Returns what is kept of the runs of a plan.
    ///
    /// # Errors
    /// Those of [`Place::open`].
    pub fn home(&self, plan: &str) -> Result<Arc<dyn Home>> {
        Ok(self.place.open()?.home(plan))
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

    /// Finds another state folder, beside the project or above the working folder or the plan, that has a run of the plan
    /// `name`, or any run if no name is given.
    pub fn state_elsewhere(&self, plan: &Path, name: Option<&str>) -> Option<PathBuf> {
        let folder = &self.surroundings.folder;
        let plan = folder.join(plan);
        let of_project = folder.join(&self.project.folder);
        let folders = std::iter::once(of_project.as_path())
            .chain(folder.ancestors())
            .chain(plan.ancestors().skip(1));
        let states = folders.map(|above| PathBuf::from(self.shown_path(&above.join(FOLDER))));
        let has_run = |state: &Path, name: &str| {
            Folder::new(state, "", Clock::system()).journal_of(name).is_file()
        };
        let has_any = |state: &Path| {
            let plans = std::fs::read_dir(state).into_iter().flatten().flatten();
            let mut names = plans.filter_map(|plan| plan.file_name().into_string().ok());
            names.any(|name| has_run(state, &name))
        };
        let is_other = |state: &PathBuf| !self.place.is_at(&state.display().to_string());
        let mut others = states.filter(is_other);
        others.find(|state| name.map_or_else(|| has_any(state), |name| has_run(state, name)))
    }

    /// Refuses to work on a plan here while its run is open in a folder of this machine: two runs would not know of each other.
    ///
    /// # Errors
    /// `Refused`, naming the folder; those of both places.
    pub async fn refuse_run_elsewhere(&self, plan: &Plan, home: &dyn Home) -> Result<()> {
        if !self.place.hides_the_usual() {
            return Ok(());
        }
        let Some(folder) = self.state_elsewhere(&plan.path, Some(&plan.name)) else {
            return Ok(());
        };
        let host = self.surroundings.holder().host;
        let left = Folder::new(&folder, host, self.clock.clone()).home(&plan.name);
        let left = RunState::fold(&left.entries().await?)?;
        if !left.is_open() {
            return Ok(());
        }
        let here = RunState::fold(&home.entries().await?)?;
        // One that was moved stays where it was.
        if here.run == left.run && here.events >= left.events {
            return Ok(());
        }
        let (name, folder) = (quoted(&plan.name), quoted(&folder.display().to_string()));
        let message = format!("there is an open run of `{}` in {folder}", plan.name);
        let hint = format!(
            "move it: `vecshift state pull {name} --state {folder} -o FILE`, then `vecshift state push {name} FILE --state {}`; or go on with it: --state {folder}",
            quoted(&self.place.uri)
        );
        Err(Error::new(ErrorKind::Refused, message).with_hint(hint))
    }

    /// Returns whether warnings are failures: for this command, or for the project.
    pub fn is_strict(&self, given: bool) -> bool {
        given || self.project.defaults.strict
    }

    /// Returns the name to record in the journal: the given one, or else the user's.
    pub fn who(&self, given: Option<&str>) -> String {
        given.map_or_else(|| self.surroundings.user(), own_name)
    }

    /// Returns the argument that names the plan in suggested commands, including the state's place and the variables given to
    /// this command, so that they can be pasted as they are.
    pub fn address(&self, plan: &str) -> String {
        self.address_from(plan, Path::new(plan))
    }

    /// Returns the same for something that names the plan whose file is `origin`.
    pub fn address_from(&self, plan: &str, origin: &Path) -> String {
        let mut words = quoted(&self.shown(plan));
        let mut add = |option: &str, value: &str| {
            words.push_str(&format!(" {option} {}", quoted(value)));
        };
        if !self.is_found_from(origin) {
            add("--state", &self.place.uri);
        }
        for file in &self.global.var_file {
            add("--var-file", &file.display().to_string());
        }
        for (name, value) in &self.global.vars {
            add("--var", &format!("{name}={value}"));
        }
        words
    }

    /// Returns whether a command that names this plan, and no place, finds the same state.
    fn is_found_from(&self, plan: &Path) -> bool {
        let found = self.origin(Some(plan)).and_then(|origin| Project::find(&origin.places));
        let Ok(project) = found else { return false };
        let project = project.unwrap_or_default();
        Place::find(None, &project, &self.surroundings, &self.clock).is_same(&self.place)
    }

    /// Shortens a path, relative to the working folder if possible.
    pub fn shown(&self, path: &str) -> String {
        self.shown_path(Path::new(path))
    }

    fn shown_path(&self, path: &Path) -> String {
        path.strip_prefix(&self.surroundings.folder).unwrap_or(path).display().to_string()
    }

    /// Finds the file of the plan `name` by the path under which some machine ran it: there, or where the longest end of that
    /// path is below the project, the repository or the working folder.
    pub fn plan_here(&self, recorded: &str, name: &str) -> Option<PathBuf> {
        let working = &self.surroundings.folder;
        let project = working.join(&self.project.folder);
        let bases: Vec<_> = [Some(project), repository(working), Some(working.clone())]
            .into_iter()
            .flatten()
            .collect();
        let parts: Vec<&str> =
            recorded.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
        let inputs = self.inputs().ok()?;
        let is_it = |file: &PathBuf| {
            // One that cannot be read says so itself once it is named.
            let is_other = |read: Read| read.plan.name != name;
            file.is_file() && !language().read(file, &inputs).is_ok_and(is_other)
        };
        let ends = (0..parts.len()).map(|from| parts[from..].iter().collect::<PathBuf>());
        let below = ends.flat_map(|end| bases.iter().map(move |base| base.join(&end)));
        std::iter::once(PathBuf::from(recorded)).chain(below).find(is_it)
    }

    /// Builds the report of `entries`, with `address` naming the plan in suggested commands.
    ///
    /// # Errors
    /// Any error of [`Report::from_entries`].
    pub fn report(&self, entries: &[Entry], address: Option<&str>) -> Result<Report> {
        let mut report = Report::from_entries(entries)?;
        let recorded = report.file.take();
        let here = recorded.as_deref().and_then(|file| self.plan_here(file, &report.plan));
        let is_here = here.is_some();
        report.file = here.map(|file| file.display().to_string()).or(recorded);
        if let Some(plan) = self.plan_of(&report) {
            report = report.with_plan(&plan);
        }
        report.file = report.file.map(|file| self.shown(&file));
        let address = match (address, report.file.as_ref().filter(|_| is_here)) {
            (Some(address), _) => address.to_owned(),
            (None, Some(file)) => self.address(file),
            (None, None) => self.address(&report.plan),
        };
        let file = report.file.as_ref().map(|file| self.address(file));
        let report = report.addressed(&address);
        // A path of another machine is only for who needs the file.
        Ok(match file {
            Some(file) if !is_here && report.next.as_ref().is_some_and(needs_file) => {
                report.addressed(&file)
            }
            _ => report,
        })
    }

    /// Reads the plan of a report, if its file still is that plan.
    fn plan_of(&self, report: &Report) -> Option<Plan> {
        let read_before = self.read.get().map(|read| read.plan.clone());
        let in_file = || {
            let file = self.plan_here(report.file.as_ref()?, &report.plan)?;
            language().read(&file, &self.inputs().ok()?).ok().map(|read| read.plan)
        };
        read_before.or_else(in_file).filter(|plan| plan.digest == report.digest)
    }

    /// Delivers everything, prints the answer and returns how the process ends: as the command did, except that a
    /// success with something unwritten becomes an error.
    pub fn conclude(&self, command: &str, mut answer: Answer, problems: Vec<Problem>) -> Exit {
        let mut account = std::mem::take(&mut answer.account);
        if account.report.is_none() && problems.is_empty() {
            account.summary.get_or_insert_with(|| Summary::Text(answer.text.clone()));
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

/// Where the project of a plan is looked for.
struct Origin {
    /// The reviewed plan, if that is what the plan is.
    saved: Option<Saved>,
    places: Vec<PathBuf>,
}

/// Returns whether a suggested command takes a plan's file and not its name.
fn needs_file(next: &Next) -> bool {
    let verb = next.command.split(' ').nth(1);
    !matches!(verb, Some("approve" | "resume" | "rollback"))
}

/// Quotes text as one word for a POSIX shell.
pub fn quoted(text: &str) -> String {
    // What no terminal shows cannot be copied from one either.
    let text = visible(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@,+".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// Reads a mapping of names to scalars.
fn read_variables(path: &PathBuf) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
    let wrong = |what: String| {
        Error::invalid(format!("{}: {what}", path.display()))
            .with_hint("write one `name: value` a line; values are strings, numbers or booleans")
    };
    let values = serde_saphyr::from_str(&text).map_err(|error| wrong(mistake(&error)))?;
    scalars(values).map_err(|name| wrong(format!("`{name}` is no string, number or boolean")))
}
