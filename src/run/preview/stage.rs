//! Describes one stage of a preview in words.

use std::collections::BTreeMap;

use super::estimate::probing;
use super::look::{Look, size};
use super::model::PreviewStage;
use crate::copy::{Mapping, merged};
use crate::journal::{Phase, Route, StageState, StageStatus};
use crate::model::{IndexSpec, Side, StageId, plural};
use crate::plan::file::{Canary, Compare, Copy, Create, Protection, StepApproval, Verify};
use crate::plan::{Stage, StageKind};
use crate::provider::registry::asked_for;
use crate::run::route::{Chosen, Enumerated};
use crate::run::stage::Held;

/// The most namespaces whose cells are shown.
const SHOWN: usize = 5;

/// The columns of a preview that describe a stage.
struct Described {
    marker: char,
    what: String,
    estimate: String,
    undo: String,
    details: Vec<String>,
}

impl Described {
    fn new(marker: char, what: impl Into<String>, estimate: impl Into<String>) -> Self {
        let (what, estimate) = (what.into(), estimate.into());
        Self { marker, what, estimate, undo: "-".to_owned(), details: Vec::new() }
    }

    fn undone_by(self, undo: &str) -> Self {
        Self { undo: undo.to_owned(), ..self }
    }

    fn with(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }
}

impl Look<'_> {
    pub fn stage(&self, index: usize, id: &StageId) -> PreviewStage {
        let seen = self.state.stage(id);
        let status = match seen.map(|stage| &stage.status) {
            _ if self.state.phase == Phase::RolledBack => "to do",
            None | Some(StageStatus::Pending | StageStatus::Undone) => "to do",
            Some(StageStatus::Running) => "begun",
            Some(StageStatus::Passed) => "done",
            Some(StageStatus::Failed(_)) => "failed",
            Some(StageStatus::Erred(_)) => "erred",
            Some(StageStatus::UndoFailed(_)) => "undo failed",
        };
        let stage = &self.plan.stages[index];
        let kind = &stage.kind;
        let mut described = self.describe(stage, seen);
        if status == "done" {
            described.marker = '=';
            if let (StageKind::Copy(_), Some(stage)) = (kind, seen) {
                described.what = format!("{} copied", plural(stage.tally().copied, "record"));
                described.details.clear();
            }
        }
        PreviewStage {
            id: id.clone(),
            kind: stage.word,
            marker: described.marker,
            what: described.what,
            details: described.details,
            estimate: described.estimate,
            undo: described.undo,
            status: status.to_owned(),
        }
    }

    fn describe(&self, stage: &Stage, seen: Option<&StageState>) -> Described {
        let id = &stage.id;
        match &stage.kind {
            StageKind::Audit(audit) => {
                let asserts = format!("{} assertions", stage.assertions.len());
                Described::new('?', asserts, self.audit(audit))
            }
            StageKind::Create(create) => self.create(create),
            StageKind::Copy(copy) => self.copy(id, &copy.asked, seen),
            StageKind::Verify(verify) => self.verify(stage, verify),
            StageKind::Canary(canary) => self.canary(canary, seen),
            StageKind::Decommission(stage) => {
                let after = stage.after.map_or(String::new(), |after| {
                    format!(", {} later", crate::model::duration(after.0))
                });
                let snapshot = if stage.snapshot.is_some() { ", snapshot first" } else { "" };
                let what = format!("{}{after}{snapshot}", self.plan.source.index);
                let estimate = match stage.snapshot {
                    Some(_) => self.snapshot(Side::Source),
                    None => "-".to_owned(),
                };
                Described::new('-', what, estimate).undone_by("none: point of no return")
            }
            StageKind::Snapshot(snapshot) => {
                let side = snapshot.side();
                let what = format!("every record of the {} to {}", side.name(), snapshot.to);
                Described::new('>', what, self.snapshot(side)).undone_by("keep the files")
            }
        }
    }

    /// The route of a copy: the one the run recorded, otherwise the one it would choose.
    fn route(&self, copy: &StageId) -> Option<(Route, &str)> {
        let chosen = self.chosen.get(copy).map(|chosen| (chosen.route, chosen.why.as_str()));
        self.state.route(copy).or(chosen)
    }

    fn create(&self, create: &Create) -> Described {
        let is_collected =
            self.plan.copies.iter().any(|copy| {
                self.route(&copy.id).is_some_and(|(route, _)| route == Route::Collection)
            });
        let spec = match (&self.preview.target.description, asked_for(self.plan)) {
            (Some(seen), _) => {
                let (marker, what) = of_what_is_there(create, &seen.spec);
                return Described::new(marker, what, "seconds");
            }
            (None, Some(spec)) => spec,
            (None, None) => return Described::new('+', "index", "~ 1 min").undone_by("delete it"),
        };
        let protected = if spec.deletion_protection { ", protected" } else { "" };
        let dimension = spec.dimension.map_or("sparse".to_owned(), |value| value.to_string());
        let what = format!("index, {}, {dimension}, {}{protected}", spec.deployment, spec.metric);
        match is_collected {
            true => {
                let what = format!("{what}, from a collection of the source");
                Described::new('+', what, "minutes to hours").undone_by("delete both")
            }
            false => Described::new('+', what, "~ 1 min").undone_by("delete it"),
        }
    }

    fn copy(&self, id: &StageId, copy: &Copy, seen: Option<&StageState>) -> Described {
        let namespaces = self.preview.namespaces_of(id);
        let route = self.route(id);
        let mut details = Vec::new();
        if let Some((route, why)) = route {
            details.push(format!("strategy: {} ({why})", route.name()));
            let place = copy.import.as_ref().filter(|_| route == Route::Import);
            details.extend(
                place.map(|import| {
                    format!("files: {}, removed when the import is proven", import.uri)
                }),
            );
        }
        details.extend(self.chosen.get(id).into_iter().flat_map(enumeration_details));
        details.extend(merges(namespaces));
        if copy.filter.is_some() {
            details.push(
                "filter: only records that pass; how many is known when they were read".to_owned(),
            );
        }
        if let Some(stage) = seen.filter(|stage| stage.has_started() && !stage.is_passed()) {
            details.push(format!("{} copied already", plural(stage.tally().copied, "record")));
        }
        let own = self.preview.copies.iter().find(|copy| copy.stage == *id);
        details.extend(own.and_then(|copy| copy.held.as_ref()).map(Held::words));
        let (estimate, basis) = self.copying(id, route.map(|(route, _)| route), seen);
        details.extend(basis);
        let records: u64 = namespaces.iter().map(|mapping| mapping.records).sum();
        let size = self.estimates.get(id).map_or(String::new(), |estimate| {
            format!(", {}", size(estimate.weight.bytes().round()))
        });
        let what = format!(
            "{}{size}, {}",
            plural(records, "record"),
            plural(namespaces.len() as u64, "namespace")
        );
        Described::new('>', what, estimate).undone_by("keep, or --purge").with(details)
    }

    fn verify(&self, stage: &Stage, verify: &Verify) -> Described {
        let compared = match verify.compare {
            Compare::All => "every record".to_owned(),
            other => format!("{other} of the records"),
        };
        let queries = verify
            .queries
            .as_ref()
            .map_or(String::new(), |queries| format!(", {}", plural(queries.count, "query")));
        let of = verify.copy.as_ref().map_or(String::new(), |copy| format!(" of `{copy}`"));
        let (estimate, details) = self.verifying(stage, verify);
        Described::new('?', format!("{compared}{of}{queries}"), estimate).with(details)
    }

    fn canary(&self, canary: &Canary, seen: Option<&StageState>) -> Described {
        let is_passed = |at: &usize| seen.is_some_and(|seen| seen.steps_passed.contains(at));
        let left: Vec<_> =
            canary.steps.iter().enumerate().filter(|(at, _)| !is_passed(at)).collect();
        let steps: Vec<String> = canary
            .steps
            .iter()
            .map(|step| match step.approve {
                Some(StepApproval::Manual) => format!("(approval) {}", step.weight),
                _ => step.weight.to_string(),
            })
            .collect();
        let total: std::time::Duration = left.iter().map(|(_, step)| step.bake.0).sum();
        let waits = left.iter().any(|(_, step)| step.approve == Some(StepApproval::Manual));
        let approval = if waits { " + approval" } else { "" };
        let time = crate::model::duration(total);
        Described::new('%', steps.join(" -> "), format!("{time}{approval}"))
            .undone_by("weight 0")
            .with(vec![probing(canary, total)])
    }
}

/// Compares an existing index with the plan; properties the plan does not mention stay as they are.
fn of_what_is_there(create: &Create, seen: &IndexSpec) -> (char, String) {
    let asked = create.spec.deletion_protection.map(|asked| asked == Protection::Enabled);
    match asked.filter(|asked| *asked != seen.deletion_protection) {
        Some(true) => {
            ('~', "the index is there; its deletion protection is switched on".to_owned())
        }
        Some(false) => {
            ('~', "the index is there; its deletion protection is switched off".to_owned())
        }
        None => ('=', "the index is there and is as asked".to_owned()),
    }
}

/// Describes how namespaces are enumerated, grouped by method: `enumerate: partition of 1 namespace: …`.
fn enumeration_details(chosen: &Chosen) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<&Enumerated>> = BTreeMap::new();
    for one in &chosen.enumerated {
        by_name.entry(one.name()).or_default().push(one);
    }
    let mut lines = Vec::new();
    for (name, all) in by_name {
        let why = all.first().map_or("", |one| one.why());
        let of = match (chosen.enumerated.len() == all.len(), all.len()) {
            (true, _) => String::new(),
            (false, count) => format!(" of {}", plural(count as u64, "namespace")),
        };
        lines.push(format!("enumerate: {name}{of} ({why})"));
        lines.extend(all.iter().take(SHOWN).filter_map(|one| one.detail().map(str::to_owned)));
        if name == "partition" && all.len() > SHOWN {
            lines.push(format!("and {} more", plural((all.len() - SHOWN) as u64, "namespace")));
        }
    }
    lines
}

/// Describes how many namespaces are merged, with an example.
fn merges(mappings: &[Mapping]) -> Option<String> {
    let merged = merged(mappings);
    let example = *merged.first()?;
    let sources = mappings.iter().filter(|mapping| merged.contains(&mapping.target)).count();
    let names: Vec<String> = mappings
        .iter()
        .filter(|mapping| &mapping.target == example)
        .map(|mapping| mapping.source.to_string())
        .take(3)
        .collect();
    Some(format!(
        "merge: {sources} namespaces into {}, if their ids are disjoint; for example {} … -> {example}",
        merged.len(),
        names.join(", ")
    ))
}
