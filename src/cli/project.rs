//! The project file, `vecshift.yaml`: what every plan beside and below it shares, so that a command works from any folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    state: Option<Value>,
    #[serde(default)]
    vars: BTreeMap<String, Value>,
    #[serde(default)]
    defaults: Defaults,
}

impl Project {
    /// Finds the project of a file or folder: the first `vecshift.yaml` from there upwards, no further than the repository's
    /// root. A plan that has that name is none.
    ///
    /// # Errors
    /// `Invalid` if the file is wrong, `Io` if it cannot be read.
    pub fn find(from: &Path) -> Result<Option<Self>> {
        // Of a command whose working folder was removed.
        if from.as_os_str().is_empty() {
            return Ok(None);
        }
        let start = std::path::absolute(from)
            .map_err(|error| Error::io(format!("cannot find {}", from.display()), error))?;
        for folder in start.ancestors() {
            let path = folder.join(FILE);
            if path != start && path.is_file() {
                return Self::read(&path).map(Some);
            }
            if folder.join(".git").exists() {
                break;
            }
        }
        Ok(None)
    }

    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
        let wrong = |what: String| {
            Error::invalid(format!("{}: {what}", path.display())).with_hint(
                "a project file has `state`, `vars` and `defaults`; `docs/state.md` describes it",
            )
        };
        let file: File = match text.trim() {
            "" => File { state: None, vars: BTreeMap::new(), defaults: Defaults::default() },
            _ => serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?,
        };
        let state = match file.state {
            None => None,
            Some(Value::String(uri)) => Some(StateAt { uri, lease: None }),
            Some(other) => Some(
                StateAt::deserialize(other).map_err(|error| wrong(format!("`state`: {error}")))?,
            ),
        };
        if state.as_ref().is_some_and(|state| state.uri.trim().is_empty()) {
            return Err(wrong("`state` names no place".to_owned()));
        }
        let scalar = |(name, value): (String, Value)| match value {
            Value::String(text) => Ok((name, text)),
            Value::Number(_) | Value::Bool(_) => Ok((name, value.to_string())),
            _ => Err(wrong(format!("the variable `{name}` is no string, number or boolean"))),
        };
        let vars = file.vars.into_iter().map(scalar).collect::<Result<_>>()?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        Ok(Self { folder, state, vars, defaults: file.defaults })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(text: &str) -> Result<Project> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        let found = Project::find(&dir.path().join("plans/twins.yaml"))?;
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
    fn what_is_wrong_is_named_with_the_file() {
        for (text, why) in [
            ("stat: x\n", "stat"),
            ("state: { url: x }\n", "url"),
            ("state: 7\n", "state"),
            ("state: ''\n", "no place"),
            ("vars: { n: [1] }\n", "`n`"),
            ("defaults: { strict: maybe }\n", "strict"),
            ("state: [\n", ""),
        ] {
            let error = project(text).unwrap_err();
            assert!(error.message().contains(FILE), "{error}");
            assert!(error.message().contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_search_goes_up_to_the_repository_and_takes_no_plan_for_a_project() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("repository/plans");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(dir.path().join(FILE), "state: above\n").unwrap();
        assert!(Project::find(&inner).unwrap().is_some());
        std::fs::create_dir(dir.path().join("repository/.git")).unwrap();
        assert_eq!(Project::find(&inner).unwrap(), None);
        std::fs::write(inner.join(FILE), "version: 1\n").unwrap();
        assert_eq!(Project::find(&inner.join(FILE)).unwrap(), None);
        assert_eq!(Project::find(Path::new("")).unwrap(), None);
    }
}
