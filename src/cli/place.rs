//! Where the state of runs is: given on the command line, by the environment or by the project, or the usual folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::Surroundings;
use super::project::Project;
use crate::clock::Clock;
use crate::error::Result;
use crate::state::{Backend, Bucket, Folder};
use crate::storage::objects::open;

/// The usual folder.
pub const FOLDER: &str = ".vecshift";
/// The variable that says where the state is.
pub const VARIABLE: &str = "VECSHIFT_STATE";

/// The state's place, and the folder of this machine for everything that is not kept there.
#[derive(Debug)]
pub struct Place {
    pub state: Arc<dyn Backend>,
    pub local: PathBuf,
    /// Whether commands have to name it, as nothing else leads to it.
    pub is_named: bool,
}

impl Place {
    /// Returns the usual place: a folder of the working folder.
    pub fn usual(surroundings: &Surroundings, clock: &Clock) -> Self {
        Self::in_folder(FOLDER.into(), false, surroundings, clock)
    }

    fn in_folder(
        local: PathBuf,
        is_named: bool,
        surroundings: &Surroundings,
        clock: &Clock,
    ) -> Self {
        let state = Folder::new(&local, surroundings.holder().host, clock.clone());
        Self { state: Arc::new(state), local, is_named }
    }

    /// Finds the place: what the command line names, or else the environment, or else the project.
    ///
    /// # Errors
    /// `Invalid` if it is none.
    pub fn find(
        named: Option<&str>,
        project: &Project,
        surroundings: &Surroundings,
        clock: &Clock,
    ) -> Result<Self> {
        let of_project = project.state.as_ref();
        let is_named = named.is_some_and(|named| named != FOLDER);
        let named = named.or_else(|| surroundings.get(VARIABLE));
        let at_project = |path: &str| shown(&project.folder.join(path), &surroundings.folder);
        let usual = at_project(FOLDER);
        let (uri, folder) = match (named, of_project) {
            (Some(named), _) => (named, PathBuf::from(named)),
            (None, Some(state)) => (state.uri.as_str(), at_project(&state.uri)),
            (None, None) => (FOLDER, usual.clone()),
        };
        if !uri.contains("://") {
            return Ok(Self::in_folder(folder, is_named, surroundings, clock));
        }
        let lease = of_project.and_then(|state| state.lease).map_or(Bucket::LEASE, |lease| lease.0);
        let objects = open(uri, &surroundings.variables, lease / 3)?;
        let state = Bucket::new(objects, lease, usual.clone(), clock.clone())?;
        Ok(Self { state: Arc::new(state), local: usual, is_named })
    }
}

/// Shortens a path, relative to the working folder if possible.
fn shown(folder: &Path, working: &Path) -> PathBuf {
    folder.strip_prefix(working).unwrap_or(folder).to_owned()
}
