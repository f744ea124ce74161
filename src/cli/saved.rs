//! The file that `plan --out` writes and other commands accept in place of a plan: the plan as it was reviewed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::paths::{settled, way};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::{Plan, differences};
use crate::run::{Preview, from_anywhere, named};

/// The version of the file. A program reads the versions up to its own.
const FORMAT: u32 = 2;

/// A reviewed plan.
#[derive(Debug, Serialize, Deserialize)]
pub struct Saved {
    vecshift_plan: u32,
    /// The path of the plan file relative to the folder of this file.
    #[serde(default)]
    beside: Option<PathBuf>,
    /// The absolute path of the plan file.
    path: PathBuf,
    pub digest: String,
    /// The place of the state, where somebody chose one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SavedState>,
    /// The variables that the plan was read with.
    pub vars: BTreeMap<String, String>,
    /// The content that was reviewed.
    #[serde(default)]
    pub reviewed: Value,
    /// The preview shown at the review.
    pub preview: Value,
    /// The path of this file.
    #[serde(skip)]
    pub file: PathBuf,
}

/// The place of the state in a reviewed plan: a run of it anywhere else would be another run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SavedState {
    /// A URI, or the absolute path of a folder.
    pub at: String,
    /// The path of the folder relative to that of the reviewed plan, for another checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<PathBuf>,
}

impl SavedState {
    /// Names a folder from that of `file`; both are absolute.
    pub fn folder(at: PathBuf, file: &Path) -> Self {
        let beside = file.parent().and_then(|folder| way(folder, &at));
        Self { at: at.display().to_string(), beside }
    }

    /// Returns the values of `--state` that lead there; `file` is that of the reviewed plan.
    pub fn ways(&self, file: &Path) -> Vec<String> {
        let folder = settled(file).parent().map(Path::to_owned);
        let beside = self.beside.as_ref().zip(folder);
        let beside = beside.map(|(beside, folder)| folder.join(beside).display().to_string());
        std::iter::once(self.at.clone()).chain(beside).collect()
    }
}

impl Saved {
    /// Saves the plan as it stands, to be written to `file`.
    pub fn new(
        plan: &Plan,
        preview: &Preview,
        (vars, state): (BTreeMap<String, String>, Option<SavedState>),
        file: &Path,
    ) -> Result<Self> {
        let path = from_anywhere(&plan.path);
        let preview = serde_json::to_value(preview).map_err(|error| {
            Error::unexpected("the preview cannot be written as JSON").with_source(error)
        })?;
        Ok(Self {
            vecshift_plan: FORMAT,
            beside: from_folder_of(file, &path),
            path,
            digest: plan.digest.clone(),
            state,
            vars,
            reviewed: plan.reviewed(),
            preview,
            file: file.to_owned(),
        })
    }

    /// Serialises the file.
    ///
    /// # Errors
    /// `Unexpected` if it cannot be written as JSON.
    pub fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Error::unexpected("the plan cannot be written as JSON").with_source(error)
        })?;
        Ok(text + "\n")
    }

    /// Reads such a file; `None` if `path` is a plan itself.
    ///
    /// # Errors
    /// `Invalid` if this program cannot read the file's version.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        if path.extension().is_none_or(|ending| ending != "json") {
            return Ok(None);
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
        let Ok(document) = serde_json::from_str::<Value>(&text) else { return Ok(None) };
        if document.get("vecshift_plan").is_none() {
            return Ok(None);
        }
        let wrong = |what: String| {
            Error::invalid(format!("{}: {what}", path.display()))
                .with_hint("`vecshift plan PLAN --out FILE` writes one")
        };
        if let Some(version) = document["vecshift_plan"].as_u64()
            && version > u64::from(FORMAT)
        {
            let what = format!("it has version {version}, this program reads up to {FORMAT}");
            return Err(wrong(what));
        }
        let saved: Self = serde_json::from_value(document)
            .map_err(|error| wrong(format!("it is not a whole reviewed plan: {error}")))?;
        Ok(Some(Self { file: path.to_owned(), ..saved }))
    }

    /// Returns the name of the plan.
    pub fn name(&self) -> Option<&str> {
        self.reviewed["plan"]["name"].as_str().or_else(|| self.preview["plan"].as_str())
    }

    /// # Errors
    /// `Refused`, naming the differences, unless `plan`, read from `path`, is the one that was reviewed.
    pub fn refuse_other(&self, path: &Path, plan: &Plan) -> Result<()> {
        if plan.digest == self.digest {
            return Ok(());
        }
        let changes = match self.reviewed.is_null() {
            true => Vec::new(),
            false => differences(&self.reviewed, &plan.reviewed()),
        };
        let what = match changes.as_slice() {
            [] => format!("its digest was {}, now it is {}", self.digest, plan.digest),
            changes => named(changes),
        };
        let message = format!(
            "{} is not the plan that was reviewed as {}: {what}",
            path.display(),
            self.file.display()
        );
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("run `vecshift plan --out` and review it again"))
    }

    /// Finds the plan's file: at the same place relative to this file, or else at its original path.
    pub fn find(&self) -> Result<PathBuf> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let places: Vec<PathBuf> = self
            .beside
            .iter()
            .map(|beside| folder.join(beside))
            .chain([self.path.clone()])
            .collect();
        if let Some(place) = places.iter().find(|place| place.is_file()) {
            return Ok(from_anywhere(place));
        }
        let places: Vec<_> = places.iter().map(|place| format!("`{}`", place.display())).collect();
        let message = format!(
            "{}: the plan it was made of is not there any more; looked for {}",
            self.file.display(),
            places.join(" and ")
        );
        Err(Error::new(ErrorKind::NotFound, message)
            .with_hint("keep both in the same places to each other, or plan again with `--out`"))
    }
}

/// Returns the relative path from the folder of `file` to `path`, if both are on one disk.
fn from_folder_of(file: &Path, path: &Path) -> Option<PathBuf> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    way(&folder.canonicalize().ok()?, &path.canonicalize().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_plan_is_kept_from_the_reviewed_file() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["plans", "out/deep"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let plan = root.path().join("plans/a.yaml");
        std::fs::write(&plan, "").unwrap();
        let way = |file: &str| from_folder_of(&root.path().join(file), &plan).unwrap();
        assert_eq!(way("out/deep/r.json"), Path::new("../../plans/a.yaml"));
        assert_eq!(way("plans/r.json"), Path::new("a.yaml"));
        assert_eq!(way("r.json"), Path::new("plans/a.yaml"));
    }
}
