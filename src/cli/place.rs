//! Where the state of runs is: given on the command line, by the environment or by the project, or the usual folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::environment::Surroundings;
use super::paths::settled;
use super::project::{Project, StateAt};
use super::saved::{Saved, SavedState};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Backend, Bucket, Folder};
use crate::storage::objects::open;

/// The usual folder.
pub const FOLDER: &str = ".vecshift";
/// The variable that says where the state is.
pub const VARIABLE: &str = "VECSHIFT_STATE";

/// The state's place, and the folder of this machine for everything that is not kept there. It is opened when it is first
/// asked for: most that can be wrong with it does not concern a command that needs no state.
#[derive(Debug)]
pub struct Place {
    /// The value of `--state` that leads here.
    pub uri: String,
    pub local: PathBuf,
    named_by: NamedBy,
    /// The folder from which relative paths start.
    working: PathBuf,
    /// The place as it was named.
    given: String,
    /// The lease that the project asks for, and the project's file.
    lease: Option<(StateAt, PathBuf)>,
    /// What a reviewed plan says of its state.
    reviewed: Option<(PathBuf, SavedState)>,
    settings: BTreeMap<String, String>,
    host: String,
    clock: Clock,
    opened: OnceLock<Arc<dyn Backend>>,
}

/// What named a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedBy {
    Nothing,
    Option,
    Variable,
    Project,
}

impl Place {
    /// Finds the place: what the command line names, or else the environment, or else the project.
    pub fn find(
        named: Option<&str>,
        project: &Project,
        surroundings: &Surroundings,
        clock: &Clock,
    ) -> Self {
        let working = &surroundings.folder;
        let at_project = |path: &str| shown(&project.folder.join(path), working);
        let usual = at_project(FOLDER);
        let of_project = project.state.as_ref();
        // One that is set and empty was meant to name a place.
        let of_variable = surroundings.variables.get(VARIABLE).map(String::as_str);
        let (uri, folder, named_by) = match (named, of_variable, of_project) {
            (Some(named), ..) => (named, PathBuf::from(named), NamedBy::Option),
            (_, Some(named), _) => (named, PathBuf::from(named), NamedBy::Variable),
            (_, _, Some(state)) => (state.uri.as_str(), at_project(&state.uri), NamedBy::Project),
            (None, None, None) => (FOLDER, usual.clone(), NamedBy::Nothing),
        };
        let is_folder = !is_uri(uri);
        // Nothing is put into the working folder for a place that is none.
        let is_local = is_folder && !uri.trim().is_empty();
        Self {
            uri: if is_folder { folder.display().to_string() } else { uri.to_owned() },
            local: if is_local { folder } else { usual },
            named_by,
            working: working.clone(),
            given: uri.to_owned(),
            lease: of_project.cloned().zip(Some(project.file())),
            reviewed: None,
            settings: surroundings.variables.clone(),
            host: surroundings.holder().host,
            clock: clock.clone(),
            opened: OnceLock::new(),
        }
    }

    /// Returns the place, which is refused unless it is the one with which `saved` was reviewed.
    pub fn for_reviewed(self, saved: &Saved) -> Self {
        let reviewed = saved.state.clone().map(|state| (saved.file.clone(), state));
        Self { reviewed, ..self }
    }

    /// Opens the place. Asks nobody.
    ///
    /// # Errors
    /// `Invalid` if it is none; `Refused` if a reviewed plan has another.
    pub fn open(&self) -> Result<&Arc<dyn Backend>> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        self.refuse_other_than_reviewed()?;
        self.refuse_mistyped()?;
        let opened: Arc<dyn Backend> = match self.is_folder() {
            true => {
                self.refuse_lease()?;
                Arc::new(Folder::new(&self.local, &self.host, self.clock.clone()))
            }
            false => Arc::new(self.bucket()?),
        };
        Ok(self.opened.get_or_init(|| opened))
    }

    /// Refuses what would be taken for a folder and was meant otherwise: each job of a CI would begin a run of its own in it.
    fn refuse_mistyped(&self) -> Result<()> {
        let given = self.given.trim();
        let scheme =
            given.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| scheme.len() > 1);
        let is_scheme =
            |scheme: &str| scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
        if given.is_empty() || given.contains(char::REPLACEMENT_CHARACTER) {
            let named_by = match self.named_by {
                NamedBy::Variable => format!("the variable `{VARIABLE}` is set, but"),
                _ => "`--state` is given, but".to_owned(),
            };
            let message = format!("{named_by} names no place for the state");
            return Err(
                Error::invalid(message).with_hint("give a folder or a URI, or leave it out")
            );
        }
        match scheme.filter(|scheme| !is_uri(given) && is_scheme(scheme)) {
            Some(scheme) => {
                let message =
                    format!("`{given}` is no URI: two slashes have to follow `{scheme}:`");
                Err(Error::invalid(message)
                    .with_hint(format!("a folder of that name is written `./{given}`")))
            }
            None => Ok(()),
        }
    }

    fn bucket(&self) -> Result<Bucket> {
        let asked = self.lease.as_ref();
        let asked = asked.and_then(|(state, file)| state.lease.zip(Some(file)));
        let lease = asked.map_or(Bucket::LEASE, |(lease, _)| lease.0);
        let objects = open(&self.uri, &self.settings, lease / 3)?;
        let bucket = Bucket::new(objects, lease, self.local.clone(), self.clock.clone());
        bucket.map_err(|error| match asked {
            Some((_, file)) => {
                Error::invalid(format!("{}: `state`: {}", file.display(), error.message()))
            }
            None => error,
        })
    }

    /// Refuses a lease that would have no effect: the operating system's lock decides in a folder.
    fn refuse_lease(&self) -> Result<()> {
        match &self.lease {
            Some((StateAt { lease: Some(_), .. }, file)) if self.named_by == NamedBy::Project => {
                let message = format!(
                    "{}: `state`: the folder `{}` has no `lease`",
                    file.display(),
                    self.uri
                );
                Err(Error::invalid(message).with_hint(
                    "a lease is for places that several machines reach, a bucket or `file:///folder`; leave it out",
                ))
            }
            _ => Ok(()),
        }
    }

    fn refuse_other_than_reviewed(&self) -> Result<()> {
        let Some((file, state)) = &self.reviewed else { return Ok(()) };
        if state.ways(file).iter().any(|way| self.is_at(way)) {
            return Ok(());
        }
        let message = format!(
            "{} was reviewed with the state in {}, and this is {}",
            file.display(),
            state.at,
            self.uri
        );
        Err(Error::new(ErrorKind::Refused, message).with_hint(format!(
            "`--state {}` goes on there; for another place, `vecshift plan --out` again",
            state.at
        )))
    }

    /// Returns what a reviewed plan is to say of it; `None` for the usual folder, which nobody chose. `file` is that of the
    /// reviewed plan.
    pub fn to_save(&self, file: &Path) -> Option<SavedState> {
        match self.named_by {
            NamedBy::Nothing => None,
            _ if self.is_folder() => {
                let at = settled(&self.working.join(&self.local));
                Some(SavedState::folder(at, &settled(&self.working.join(file))))
            }
            _ => Some(SavedState { at: self.uri.clone(), beside: None }),
        }
    }

    /// Returns whether it is a plain folder of this machine.
    pub fn is_folder(&self) -> bool {
        !is_uri(&self.uri)
    }

    /// Returns whether a run in the usual folder of this machine would not be found here, without anybody having named a
    /// folder for this command.
    pub fn hides_the_usual(&self) -> bool {
        !self.is_folder() || self.named_by == NamedBy::Project
    }

    /// Returns whether both are the same place.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_at(&other.uri)
    }

    /// Returns whether a value of `--state`, given in the same working folder, leads here.
    pub fn is_at(&self, uri: &str) -> bool {
        match (self.is_folder(), is_uri(uri)) {
            (true, false) => {
                let folder = |path: &Path| settled(&self.working.join(path));
                folder(&self.local) == folder(Path::new(uri))
            }
            (false, true) => self.uri.trim_end_matches('/') == uri.trim_end_matches('/'),
            _ => false,
        }
    }
}

fn is_uri(uri: &str) -> bool {
    uri.contains("://")
}

/// Shortens a path, relative to the working folder if possible.
fn shown(folder: &Path, working: &Path) -> PathBuf {
    match folder.strip_prefix(working) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.to_owned(),
        Err(_) => folder.to_owned(),
    }
}
