//! The project file, `vecshift.yaml`: what every plan beside and below it shares, so that a command works from any folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::yaml::{mistake, scalars};
use crate::error::{Error, Result};
use crate::model::Span;

/// The name of a project file.
pub const FILE: &str = "vecshift.yaml";

/// A project: its file, and what is in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// The folder of the file.
    pub folder: PathBuf,
    pub state: Option<StateAt>,
    /// Variables for every plan; those of the command line take precedence.
    pub vars: BTreeMap<String, String>,
    pub defaults: Defaults,
}

/// Where the state is, as a project says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateAt {
    /// A folder, from the project's, or a URI: `s3://bucket/prefix`.
    pub uri: String,
    /// The time for which a holder that gives no sign of life is believed; for places that several machines reach.
    #[serde(default)]
    pub lease: Option<Span>,
}

/// Options that are not given on the command line.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// `--strict`.
    #[serde(default)]
    pub strict: bool,
    /// `--detach-after`.
    #[serde(default)]
    pub detach_after: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, deserialize_with = "state_at")]
    state: Option<StateAt>,
    #[serde(default)]
    vars: BTreeMap<String, Value>,
    #[serde(default)]
    defaults: Defaults,
}

/// Reads a place in its short form or its long one, either of which keeps its line for what is wrong with it.
fn state_at<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<StateAt>, D::Error> {
    struct Either;
    impl<'de> Visitor<'de> for Either {
        type Value = Option<StateAt>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the `state` as a folder, a URI, or { uri, lease }")
        }

        fn visit_str<E>(self, uri: &str) -> std::result::Result<Self::Value, E> {
            Ok(Some(StateAt { uri: uri.to_owned(), lease: None }))
        }

        fn visit_map<A: MapAccess<'de>>(
            self,
            map: A,
        ) -> std::result::Result<Self::Value, A::Error> {
            StateAt::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }

        fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Either)
}

/// Returns the root of the repository that a file or folder is in.
pub fn repository(of: &Path) -> Option<PathBuf> {
    let start = std::path::absolute(of).ok()?;
    start.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_owned)
}

impl Project {
    /// Finds the project of the first of these files and folders that has one: the first `vecshift.yaml` from there up to the
    /// root of the repository. Outside of one only the folder itself is looked in: a file of somebody else further up would
    /// decide where this state is. A plan that has that name is none.
    ///
    /// # Errors
    /// `Invalid` if the file is wrong, `Io` if it cannot be read.
    pub fn find<P: AsRef<Path>>(places: &[P]) -> Result<Option<Self>> {
        for place in places {
            if let Some(project) = Self::above(place.as_ref())? {
                return Ok(Some(project));
            }
        }
        Ok(None)
    }

    fn above(from: &Path) -> Result<Option<Self>> {
        // Of a command whose working folder was removed.
        if from.as_os_str().is_empty() {
            return Ok(None);
        }
        let start = std::path::absolute(from)
            .map_err(|error| Error::io(format!("cannot find {}", from.display()), error))?;
        let own = if start.is_dir() { Some(start.as_path()) } else { start.parent() };
        let Some(own) = own else { return Ok(None) };
        let root = repository(own);
        let last = root.as_deref().unwrap_or(own);
        for folder in own.ancestors() {
            let path = folder.join(FILE);
            if path.is_file()
                && let Some(project) = Self::read(&path)?
            {
                return Ok(Some(project));
            }
            if folder == last {
                break;
            }
        }
        Ok(None)
    }

    /// Returns the project's file.
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Reads a project file; `None` for a plan that has its name.
    fn read(path: &Path) -> Result<Option<Self>> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
        if is_plan(&text) {
            return Ok(None);
        }
        let wrong = |what: String| {
            Error::invalid(format!("{}: {what}", path.display())).with_hint(
                "a project file has `state`, `vars` and `defaults`; `docs/state.md` describes it",
            )
        };
        let file: File = match text.trim() {
            "" => File::default(),
            _ => serde_saphyr::from_str(&text).map_err(|error| wrong(mistake(&error)))?,
        };
        let state = file.state;
        if state.as_ref().is_some_and(|state| state.uri.trim().is_empty()) {
            return Err(wrong("`state` names no place".to_owned()));
        }
        let vars = scalars(file.vars).map_err(|name| {
            wrong(format!("the variable `{name}` is no string, number or boolean"))
        })?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Some(Self { folder, state, vars, defaults: file.defaults }))
    }
}

/// Returns whether a file is a plan by what stands at its top: one that is wrong in other ways is no project either.
fn is_plan(text: &str) -> bool {
    let keys = ["version:", "source:", "stages:"];
    text.lines().any(|line| keys.iter().any(|key| line.starts_with(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Result<Project> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let found = Project::find(&[dir.path().join("twins.yaml")])?;
        Ok(Project { folder: PathBuf::new(), ..found.unwrap() })
    }

    #[test]
    fn a_project_has_state_variables_and_defaults() {
        let whole = "state: { uri: 's3://shelf/runs', lease: 2m }\nvars: { n: 7, region: eu }\ndefaults: { strict: true, detach_after: 5h }\n";
        let project = project(whole).unwrap();
        let state = project.state.unwrap();
        assert_eq!(state.uri, "s3://shelf/runs");
        assert_eq!(state.lease.unwrap().0.as_secs(), 120);
        assert_eq!(project.vars["n"], "7");
        assert!(project.defaults.strict);
    }

    #[test]
    fn a_short_form_and_an_empty_file_are_enough() {
        assert_eq!(project("state: runs\n").unwrap().state.unwrap().uri, "runs");
        assert_eq!(project("# nothing yet\n").unwrap(), Project::default());
    }

    #[test]
    fn what_is_wrong_is_named_once_with_the_file_and_the_line() {
        for (text, line, why) in [
            ("vars: {}\nstat: x\n", "line 2", "stat"),
            ("vars: {}\nstate: { url: x }\n", "line 2", "url"),
            ("state: 7\n", "line 1", "state"),
            ("state: ''\n", "", "no place"),
            ("vars: { n: [1] }\n", "", "`n`"),
            ("defaults: { strict: maybe }\n", "line 1", "boolean"),
            ("state: [\n", "line", ""),
        ] {
            let error = project(text).unwrap_err();
            let message = error.message();
            assert!(message.contains(FILE) && message.contains(line), "{text}: {error}");
            assert!(message.contains(why), "{text}: {error}");
            for doubled in ["error:", "<input>", "\n"] {
                assert!(!message.contains(doubled), "{text}: {error}");
            }
        }
    }

    #[test]
    fn the_search_goes_up_to_the_repository_and_outside_of_one_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("repository/plans");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(dir.path().join(FILE), "state: above\n").unwrap();
        let find = |places: &[&Path]| {
            Project::find(places).unwrap().and_then(|project| Some(project.state?.uri))
        };
        assert_eq!(find(&[&inner]), None);
        assert_eq!(find(&[&inner, dir.path()]).as_deref(), Some("above"));
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        assert_eq!(find(&[&inner]).as_deref(), Some("above"));
        std::fs::create_dir(dir.path().join("repository/.git")).unwrap();
        assert_eq!(find(&[&inner]), None);
        std::fs::write(dir.path().join("repository").join(FILE), "state: own\n").unwrap();
        assert_eq!(find(&[&inner.join("twins.yaml")]).as_deref(), Some("own"));
    }

    #[test]
    fn a_plan_of_that_name_is_passed_over_even_if_it_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("plans");
        std::fs::create_dir(&inner).unwrap();
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        std::fs::write(dir.path().join(FILE), "state: own\n").unwrap();
        for plan in ["version: 1\n", "# x\nsource: {\n", "name: x\nstages: [\n"] {
            std::fs::write(inner.join(FILE), plan).unwrap();
            for from in [inner.join(FILE), inner.join("other.yaml"), inner.clone()] {
                let project = Project::find(&[from]).unwrap().unwrap();
                assert_eq!(project.state.unwrap().uri, "own", "{plan}");
            }
        }
    }
}
