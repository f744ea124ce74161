//! The file `plan --out` writes and `run` takes: the plan as it was reviewed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::Failure;
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::run::Preview;

/// The version of the file; a program reads the versions up to its own.
const FORMAT: u32 = 1;
/// Differences that are named before "and N more".
const MOST_NAMED: usize = 10;

/// A reviewed plan.
#[derive(Debug, Serialize, Deserialize)]
pub struct Saved {
    vecshift_plan: u32,
    /// The plan file, as it was given.
    pub path: PathBuf,
    pub digest: String,
    /// The variables it was read with.
    pub vars: BTreeMap<String, String>,
    /// The resolved plan.
    resolved: Value,
    /// What a run would have done then.
    preview: Value,
}

impl Saved {
    pub fn new(plan: &Plan, preview: &Preview, vars: BTreeMap<String, String>) -> Result<Self> {
        let as_json =
            |error| Error::unexpected("the plan cannot be written as JSON").with_source(error);
        Ok(Self {
            vecshift_plan: FORMAT,
            path: plan.path.clone(),
            digest: plan.digest.clone(),
            vars,
            resolved: serde_json::to_value(&plan.file).map_err(as_json)?,
            preview: serde_json::to_value(preview).map_err(as_json)?,
        })
    }

    /// # Errors
    /// Where the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Error::unexpected("the plan cannot be written as JSON").with_source(error)
        })?;
        std::fs::write(path, text + "\n")
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
    }

    /// Reads such a file; `None` where `path` is a plan itself.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        if path.extension().is_none_or(|ending| ending != "json") {
            return Ok(None);
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
        let wrong = |what: String| {
            Error::invalid(format!("{}: {what}", path.display()))
                .with_hint("`vecshift plan PLAN --out FILE` writes one")
        };
        let saved: Self = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("not a reviewed plan: {error}")))?;
        match saved.vecshift_plan {
            version if version <= FORMAT => Ok(Some(saved)),
            version => {
                Err(wrong(format!("it has version {version}, this program reads up to {FORMAT}")))
            }
        }
    }

    /// Reads the plan again and holds it against the one that was reviewed.
    ///
    /// # Errors
    /// `Refused`, naming what differs.
    pub fn reread(&self, session: &Session) -> Result<Plan, Failure> {
        let plan = session.read_plan_with(&self.path, self.vars.clone())?.plan;
        if plan.digest == self.digest {
            return Ok(plan);
        }
        let now = serde_json::to_value(&plan.file).unwrap_or_default();
        let mut differences = Vec::new();
        differ("", &self.resolved, &now, &mut differences);
        if differences.is_empty() {
            differences.push("a file the plan refers to".to_owned());
        }
        let more = differences.len().saturating_sub(MOST_NAMED);
        differences.truncate(MOST_NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        let message = format!(
            "{} is not the plan that was reviewed (then {}, now {}); it differs in {}{more}",
            self.path.display(),
            self.digest,
            plan.digest,
            differences.join(", ")
        );
        Err(Error::new(ErrorKind::Refused, message)
            .with_hint("run `vecshift plan --out` and review it again")
            .into())
    }
}

/// Collects the paths at which two documents differ.
fn differ(at: &str, then: &Value, now: &Value, found: &mut Vec<String>) {
    let step = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            let keys: std::collections::BTreeSet<_> = then.keys().chain(now.keys()).collect();
            for key in keys {
                let of = |side: &serde_json::Map<String, Value>| {
                    side.get(key).cloned().unwrap_or_default()
                };
                differ(&step(key), &of(then), &of(now), found);
            }
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            for (index, (then, now)) in then.iter().zip(now).enumerate() {
                differ(&format!("{at}[{}]", index + 1), then, now, found);
            }
        }
        (then, now) if then != now => found.push(format!("`{at}`")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named_by_their_place() {
        let then = json!({ "stages": [{ "kind": "copy", "rate": "1/s" }, { "kind": "verify" }], "name": "a" });
        let now = json!({ "stages": [{ "kind": "copy", "rate": "2/s" }, { "kind": "verify" }], "name": "a", "new": 1 });
        let mut found = Vec::new();
        differ("", &then, &now, &mut found);
        assert_eq!(found, ["`new`", "`stages[1].rate`"]);
    }
}
