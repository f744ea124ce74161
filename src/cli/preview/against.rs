//! What a change of a plan changes in what would be done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::model::{Mapping, Namespace, StageId};
use crate::plan::{Plan, differences};
use crate::report::count;
use crate::run::Preview;

/// A plan that another is held against, and what it would do, or would have done when it was reviewed.
pub struct Other {
    /// The file as it was given.
    pub file: String,
    pub digest: String,
    /// What was reviewed of it; null if that is not known.
    pub reviewed: Value,
    /// Its preview; an error says why there is none.
    pub preview: Result<Value>,
}

/// The parts of a preview that are compared, as this version or an older one wrote them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    stages: Vec<ShownStage>,
    namespaces: Vec<Mapping>,
    hooks: Vec<String>,
    point_of_no_return: Option<StageId>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct ShownStage {
    id: StageId,
    #[serde(default)]
    what: String,
    #[serde(default)]
    estimate: String,
    #[serde(default)]
    undo: String,
}

/// What is different of what would be done.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The other plan's file, as it was given.
    pub against: String,
    pub digest: String,
    /// Whether both say the same; what they would do may differ, because the world has changed.
    pub is_same_plan: bool,
    /// What differs in the words of the plan, one sentence each.
    pub plan: Vec<String>,
    /// What differs of what would be done, one sentence each, worst first.
    pub effects: Vec<String>,
    pub namespaces: Names,
    /// Why only the words of the plans were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
}

/// The names that are mapped anew, no longer, or otherwise.
#[derive(Debug, Default, Serialize)]
pub struct Names {
    pub new: Vec<Mapping>,
    pub gone: Vec<Mapping>,
    pub renamed: Vec<Renamed>,
}

/// A namespace that would get another name than before.
#[derive(Debug, Serialize)]
pub struct Renamed {
    pub source: Namespace,
    pub was: Namespace,
    pub becomes: Namespace,
}

impl Comparison {
    pub fn of(other: Other, plan: &Plan, preview: &Preview) -> Result<Self> {
        let words = match other.reviewed.is_null() {
            true => Vec::new(),
            false => differences(&other.reviewed, &plan.reviewed()),
        };
        let mut comparison = Self {
            against: other.file,
            is_same_plan: other.digest == plan.digest,
            digest: other.digest,
            plan: words,
            effects: Vec::new(),
            namespaces: Names::default(),
            unseen: None,
        };
        let shown = |preview: Value| {
            serde_json::from_value::<Shown>(preview).map_err(|error| error.to_string())
        };
        let then = other.preview.map_err(|error| error.message().to_owned()).and_then(shown);
        let now = serde_json::to_value(preview).map_err(|error| error.to_string()).and_then(shown);
        match (then, now) {
            (Ok(then), Ok(now)) => {
                comparison.effects = effects(&then, &now);
                comparison.namespaces = Names::of(&then.namespaces, &now.namespaces);
            }
            (Err(why), _) | (_, Err(why)) => comparison.unseen = Some(why),
        }
        Ok(comparison)
    }

    /// Whether the same would be done.
    pub fn is_empty(&self) -> bool {
        let Names { new, gone, renamed } = &self.namespaces;
        self.plan.is_empty()
            && self.effects.is_empty()
            && new.is_empty()
            && gone.is_empty()
            && renamed.is_empty()
            && self.unseen.is_none()
    }

    /// What there is to say in one line.
    pub fn headline(&self) -> String {
        match (self.is_same_plan, self.is_empty()) {
            (true, true) => "the same plan, and it would do the same".to_owned(),
            (true, false) => {
                "the same plan, and it would do something else: the world has changed".to_owned()
            }
            (false, true) => "another plan that would do the same".to_owned(),
            (false, false) => format!("another plan, {}", self.summary()),
        }
    }

    fn summary(&self) -> String {
        let Names { new, gone, renamed } = &self.namespaces;
        let parts = [
            (self.plan.len(), "change of its words", "changes of its words"),
            (self.effects.len(), "change of what would be done", "changes of what would be done"),
            (new.len() + gone.len() + renamed.len(), "other name", "other names"),
        ];
        let said = parts.iter().filter(|(number, ..)| *number > 0);
        let said: Vec<_> = said
            .map(|(number, one, more)| match number {
                1 => format!("1 {one}"),
                _ => format!("{} {more}", count(*number as u64)),
            })
            .collect();
        said.join(", ")
    }
}

impl Names {
    fn of(then: &[Mapping], now: &[Mapping]) -> Self {
        let by_source = |all: &[Mapping]| -> BTreeMap<Namespace, Mapping> {
            all.iter().map(|one| (one.source.clone(), one.clone())).collect()
        };
        let (before, after) = (by_source(then), by_source(now));
        let mut names = Self::default();
        for (source, mapping) in &after {
            match before.get(source) {
                None => names.new.push(mapping.clone()),
                Some(was) if was.target != mapping.target => names.renamed.push(Renamed {
                    source: source.clone(),
                    was: was.target.clone(),
                    becomes: mapping.target.clone(),
                }),
                Some(_) => {}
            }
        }
        let gone = before.into_iter().filter(|(source, _)| !after.contains_key(source));
        names.gone = gone.map(|(_, mapping)| mapping).collect();
        names
    }
}

/// What is different of the stages, the hooks and the point of no return: first what can never be taken back.
fn effects(then: &Shown, now: &Shown) -> Vec<String> {
    let mut found = Vec::new();
    match (&then.point_of_no_return, &now.point_of_no_return) {
        (None, Some(stage)) => {
            found.push(format!("{stage} deletes the source: nothing did before"))
        }
        (Some(stage), None) => found.push(format!("{stage} no longer deletes the source")),
        _ => {}
    }
    let of = |shown: &Shown, id: &StageId| shown.stages.iter().find(|one| one.id == *id).cloned();
    for stage in &now.stages {
        let Some(before) = of(then, &stage.id) else {
            found.push(format!("{} is new: {}", stage.id, stage.what));
            continue;
        };
        let parts = [
            ("", &before.what, &stage.what),
            ("estimate ", &before.estimate, &stage.estimate),
            ("undo ", &before.undo, &stage.undo),
        ];
        let different = parts.iter().filter(|(_, was, is)| was != is);
        found.extend(
            different.map(|(what, was, is)| format!("{}: {what}{was} became {is}", stage.id)),
        );
    }
    let gone = then.stages.iter().filter(|stage| of(now, &stage.id).is_none());
    found.extend(gone.map(|stage| format!("{} is gone: {}", stage.id, stage.what)));
    let hooks = |of: &Shown, without: &Shown| -> Vec<String> {
        of.hooks.iter().filter(|hook| !without.hooks.contains(hook)).cloned().collect()
    };
    found.extend(hooks(now, then).into_iter().map(|hook| format!("a new hook: {hook}")));
    found.extend(hooks(then, now).into_iter().map(|hook| format!("no hook any more: {hook}")));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: Value) -> Shown {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_would_be_done_is_compared_and_not_the_words_alone() {
        let stage = |id: &str, what: &str| json!({ "id": id, "what": what, "estimate": "1 h" });
        let then = shown(json!({
            "stages": [stage("copy", "10 records"), stage("old", "x")],
            "hooks": ["before_run a"],
        }));
        let now = shown(json!({
            "stages": [stage("copy", "12 records"), stage("gone", "the index")],
            "hooks": ["before_run b"],
            "point_of_no_return": "gone",
        }));
        assert_eq!(
            effects(&then, &now),
            [
                "gone deletes the source: nothing did before",
                "copy: 10 records became 12 records",
                "gone is new: the index",
                "old is gone: x",
                "a new hook: before_run b",
                "no hook any more: before_run a",
            ]
        );
        assert!(effects(&now, &now).is_empty());
    }

    #[test]
    fn names_are_new_gone_or_others() {
        let map = |source: &str, target: &str, records: u64| Mapping {
            source: Namespace::from(source),
            target: Namespace::from(target),
            records,
        };
        let then = [map("a", "x", 1), map("b", "y", 1), map("c", "z", 1)];
        let now = [map("a", "x", 9), map("b", "w", 1), map("d", "z", 1)];
        let names = Names::of(&then, &now);
        assert_eq!(names.new, [map("d", "z", 1)]);
        assert_eq!(names.gone, [map("c", "z", 1)]);
        let renamed: Vec<_> = names
            .renamed
            .iter()
            .map(|one| (one.was.to_string(), one.becomes.to_string()))
            .collect();
        assert_eq!(renamed, [("y".to_owned(), "w".to_owned())]);
    }
}
