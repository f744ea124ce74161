//! The project file, `vecshift.yaml`: what every plan beside and below it shares, so that a command works from any folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
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
    #[serde(default, deserialize_with = "given")]
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
    #[serde(default, deserialize_with = "given")]
    pub detach_after: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, deserialize_with = "given")]
    state: Option<Written>,
    #[serde(default, deserialize_with = "given")]
    vars: Option<BTreeMap<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    defaults: Option<Defaults>,
}

/// Reads the value of a key that may be left out. One that is there without a value said nothing where something was meant.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<T>, D::Error> {
    let empty = || D::Error::custom("nothing is given here: give it a value, or leave the key out");
    Option::deserialize(from)?.map(Some).ok_or_else(empty)
}

/// A place in its short form or its long one, either of which keeps its line for what is wrong with it.
struct Written(StateAt);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(Either).map(Self)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = StateAt;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the `state` as a folder, a URI, or { uri, lease }")
    }

    fn visit_str<E>(self, uri: &str) -> std::result::Result<Self::Value, E> {
        Ok(StateAt { uri: uri.to_owned(), lease: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Self::Value, A::Error> {
        StateAt::deserialize(MapAccessDeserializer::new(map))
    }
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
            if is_there(&path)?
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
        let text = std::fs::read_to_string(path).map_err(|error| unread(path, error))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let wrong = |what: String| wrong(path, &what);
        if let Some(of_plan) = at_top(text, &["version:", "source:", "stages:"]) {
            return match at_top(text, &["state:", "defaults:"]) {
                None => Ok(None),
                Some(of_project) => Err(wrong(format!(
                    "it has `{of_project}` of a project and `{of_plan}` of a plan, and can be only one of them"
                ))),
            };
        }
        let file = match written(text) {
            Content::Nothing => return Err(wrong("it is empty".to_owned())),
            Content::Remarks => File::default(),
            Content::Keys => serde_saphyr::from_str::<Option<File>>(text)
                .map_err(|error| wrong(mistake(&error)))?
                .ok_or_else(|| wrong("it is empty".to_owned()))?,
        };
        let state = file.state.map(|Written(state)| state);
        if state.as_ref().is_some_and(|state| state.uri.trim().is_empty()) {
            return Err(wrong("`state` names no place".to_owned()));
        }
        let vars = scalars(file.vars.unwrap_or_default()).map_err(|name| {
            wrong(format!("the variable `{name}` is no string, number or boolean"))
        })?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        let defaults = file.defaults.unwrap_or_default();
        Ok(Some(Self { folder, state, vars, defaults }))
    }
}

/// Returns whether there is a project file. What has its name and is no file was meant to be one.
///
/// # Errors
/// `Invalid` for a folder and the like, or a link that leads nowhere; `Io` if nobody can tell.
fn is_there(path: &Path) -> Result<bool> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let is_absent = |error: &std::io::Error| matches!(error.kind(), NotFound | NotADirectory);
    match std::fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => return Ok(false),
        looked => looked.map_err(|error| unread(path, error))?,
    };
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(found) if found.is_dir() => Err(wrong(path, "it is a folder")),
        Ok(_) => Err(wrong(path, "it is no file")),
        Err(error) if is_absent(&error) => Err(wrong(path, "it is a link that leads to nothing")),
        Err(error) => Err(unread(path, error)),
    }
}

fn unread(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), error)
        .with_hint("it says where the state is: nothing is done without it")
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::invalid(format!("{}: {what}", path.display())).with_hint(
        "a project file has `state`, `vars` and `defaults`; `docs/state.md` describes it",
    )
}

/// What a file holds, before it is read.
enum Content {
    /// Not even a remark, as a write that was cut off leaves it.
    Nothing,
    Remarks,
    Keys,
}

fn written(text: &str) -> Content {
    let is_remark = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    match () {
        () if text.trim().is_empty() => Content::Nothing,
        () if text.lines().all(is_remark) => Content::Remarks,
        () => Content::Keys,
    }
}

/// Returns the first of these keys that stands at the top of a file. A plan is known by its keys even if it is wrong in other
/// ways: it is no project either.
fn at_top<'a>(text: &str, keys: &[&'a str]) -> Option<&'a str> {
    let is_at_top = |key: &&&str| text.lines().any(|line| line.starts_with(**key));
    keys.iter().find(is_at_top).map(|key| key.trim_end_matches(':'))
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
    fn a_short_form_and_a_remark_are_enough() {
        assert_eq!(project("state: runs\n").unwrap().state.unwrap().uri, "runs");
        for text in ["# nothing yet\n", "\n  # nothing yet\n\n", "{}", "vars: {}\n"] {
            assert_eq!(project(text).unwrap(), Project::default(), "{text}");
        }
    }

    #[test]
    fn a_mark_of_the_byte_order_is_no_part_of_the_first_key() {
        assert_eq!(project("\u{feff}state: runs\n").unwrap().state.unwrap().uri, "runs");
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "\u{feff}version: 1\nname: x\n").unwrap();
        assert_eq!(Project::find(&[dir.path()]).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_has_its_name_and_cannot_be_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let refused = |why: &str| {
            let error = Project::find(&[dir.path()]).unwrap_err();
            assert!(error.to_string().contains(FILE) && error.to_string().contains(why), "{error}");
            let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir(&path));
        };
        std::os::unix::fs::symlink("gone.yaml", &path).unwrap();
        refused("leads to nothing");
        std::os::unix::fs::symlink(FILE, &path).unwrap();
        refused("cannot read");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        refused("is no file");
        std::fs::create_dir(&path).unwrap();
        refused("is a folder");
        std::fs::write(&path, b"\xff\xfes\0").unwrap();
        refused("cannot read");
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
            ("vars: {}\nstate:\n", "line 2", "nothing is given"),
            ("state: ~\n", "line 1", "nothing is given"),
            ("state: null # s3://shelf\n", "line 1", "nothing is given"),
            ("state: { uri: }\n", "line 1", ""),
            ("state:\n  uri: runs\n  lease:\n", "line 3", "nothing is given"),
            ("vars:\n", "line 1", "nothing is given"),
            ("vars: { n: }\n", "", "`n`"),
            ("defaults:\n", "line 1", "nothing is given"),
            ("defaults: { strict: }\n", "line 1", ""),
            ("defaults: { detach_after: }\n", "line 1", "nothing is given"),
            ("state: [runs]\n", "line 1", "state"),
            ("vars: [n]\n", "line 1", ""),
            ("defaults: [true]\n", "line 1", ""),
            ("defaults: true\n", "line 1", ""),
            ("- state: runs\n", "line 1", ""),
            ("runs\n", "line 1", ""),
            ("state: a\nstate: b\n", "line 2", "state"),
            ("state: a\n---\nstate: b\n", "line", ""),
            ("", "", "it is empty"),
            (" \n", "", "it is empty"),
            ("---\n", "", "it is empty"),
            ("~\n", "", "it is empty"),
            ("version: 1\nstate: runs\n", "", "`state` of a project and `version` of a plan"),
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
