//! A plan's state, found by file or name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::exit::Exit;
use super::failure::{Failure, error_json, error_of_others};
use super::saved::Saved;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Entry;
use crate::provider::language;
use crate::report::Report;
use crate::state::Home;
use crate::text::named;

/// The state of a plan.
#[derive(Debug)]
pub struct Found {
    pub name: String,
    pub home: Arc<dyn Home>,
    /// The argument that names the plan in suggested commands.
    pub address: String,
    /// Whether it was found by name; commands that need the file then use the path in the journal.
    by_name: bool,
    /// Another state folder with a run of the plan, if this one has none.
    elsewhere: Option<PathBuf>,
}

impl Found {
    /// Builds the report of `entries`, with commands that can be pasted as they are.
    pub fn report(&self, session: &Session, entries: &[Entry]) -> Result<Report> {
        session.report(entries, Some(self.address.as_str()).filter(|_| !self.by_name))
    }

    /// Reads the journal.
    ///
    /// # Errors
    /// `NotFound` if no run of the plan was ever started here.
    pub async fn entries(&self) -> Result<Vec<Entry>> {
        let entries = self.home.entries().await?;
        if entries.is_empty() && self.home.is_blank().await? {
            let message = format!("{} is empty: no run has begun", self.home.shown());
            return Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("`vecshift run` begins one; nothing has to be removed"));
        }
        if entries.is_empty() {
            let message = format!("there is no run of `{}` in {}", self.name, self.home.shown());
            let hint = match &self.elsewhere {
                Some(state) => format!("there is one in {0}: --state {0}", state.display()),
                None => {
                    "`vecshift status` lists the plans that have one; --state says where to look"
                        .to_owned()
                }
            };
            return Err(Error::new(ErrorKind::NotFound, message).with_hint(hint));
        }
        Ok(entries)
    }

    /// Returns whether there was never a run and nobody is about to begin one: the place was taken once, for a run that was
    /// refused.
    ///
    /// # Errors
    /// Those of the place.
    pub async fn is_vacant(&self) -> Result<bool> {
        Ok(self.home.entries().await?.is_empty()
            && !self.home.is_blank().await?
            && self.home.holder().await?.is_none())
    }
}

/// A plan that is listed beside the others although what is kept of it cannot be read.
#[derive(Debug)]
pub struct Unread {
    pub plan: String,
    pub error: Error,
}

impl Unread {
    /// Says what is wrong with it, as a paragraph below a table.
    pub fn words(&self) -> String {
        format!("{}: {}", named(&self.plan), error_of_others(&self.error))
    }

    pub fn json(&self) -> Value {
        json!({ "plan": self.plan, "error": error_json(&self.error) })
    }
}

/// Returns how a command ends that lists plans: as an error where one of them could not be read. One of which nothing has begun
/// is as it should be.
pub fn exit_of_listing<'a>(unread: impl IntoIterator<Item = &'a Error>) -> Exit {
    match unread.into_iter().any(|error| error.kind() != ErrorKind::NotFound) {
        true => Exit::Error,
        false => Exit::Ok,
    }
}

impl Session {
    /// Finds the state of a plan given by file or name. With a name the plan is not read, so that a run can be steered
    /// whatever has become of its file.
    pub fn find(&self, plan: &str, is_rehearsal: bool) -> Result<Found, Failure> {
        let path = Path::new(plan);
        if !is_file(plan) {
            return Ok(self.find_named(plan, is_rehearsal)?);
        }
        let name = match Saved::read(path)?.as_ref().and_then(Saved::name) {
            Some(name) => name.to_owned(),
            None => language().read(path, &self.inputs()?)?.plan.name,
        };
        Ok(Found { by_name: false, ..self.found(plan, name, is_rehearsal)? })
    }

    /// Finds the state of a plan by its name alone, as a listing of plans has it: a file that happens to be called so is not it.
    ///
    /// # Errors
    /// Those of [`Session::runs`].
    pub fn find_named(&self, name: &str, is_rehearsal: bool) -> Result<Found> {
        self.found(name, name.to_owned(), is_rehearsal)
    }

    fn found(&self, plan: &str, name: String, is_rehearsal: bool) -> Result<Found> {
        let home = self.runs(is_rehearsal)?.home(&name);
        let elsewhere = self.state_elsewhere(Path::new(plan), Some(&name));
        Ok(Found { name, home, address: self.address(plan), by_name: true, elsewhere })
    }
}

/// Returns whether the argument is a plan's file rather than its name.
pub fn is_file(plan: &str) -> bool {
    let path = Path::new(plan);
    let is_known =
        |ending: &std::ffi::OsStr| ending == "yaml" || ending == "yml" || ending == "json";
    path.extension().is_some_and(is_known) || path.is_file()
}
