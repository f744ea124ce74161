//! The steps of a copy stage, and which of them comes next.

use super::view::is_read_by;
use crate::journal::{Route, StageState};
use crate::model::{Resource, ResourceKind, ShardId, StageId};
use crate::plan::CopyStage;
use crate::plan::file::EnumerateBy;
use crate::run::line::PARALLEL;
use crate::run::stage::resource::removal;
use crate::run::view::{Next, View};

/// The figure of the records that the target showed, which was made from a collection.
pub(super) const COLLECTED_FIGURE: &str = "collected";

/// A step of a copy stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Notes which files the source consists of.
    Inventory,
    /// Chooses the route of the records.
    Choose,
    /// Opens the view of the source that the shards are planned in and read from, where it has views.
    OpenView,
    /// Plans the shards, once for a run: exactly these are copied, whatever namespaces appear later.
    Plan,
    /// Plans the namespaces anew that another attempt has to walk again.
    PlanAgain,
    /// Waits until the target shows what it was made from.
    SeeCollected,
    /// Asks for the collection from which the staging index is made.
    AskCollection,
    /// Waits until the collection is ready.
    SeeCollection,
    /// Asks for the index that lists the ids.
    AskStaging,
    /// Waits until the staging index is ready.
    SeeStaging,
    /// Waits until the staging index shows every id.
    SeeListed,
    /// Sorts the ids that the plan gives.
    SortIds,
    /// Proves that merged namespaces share no id.
    SeeDisjoint,
    /// Looks at what the target holds under the ids that are to be written.
    SeeExisting,
    /// Makes ready what the records go to.
    Begin,
    /// Copies one shard; others go on beside it.
    Shard(ShardId),
    /// Compares what was settled with the source's own counts.
    Prove,
    /// Asks the target to import the files.
    Import,
    /// Waits until they are imported.
    SeeImport,
    /// Waits until the target shows what was imported.
    SeeImported,
    /// Looks for records that were deleted from the source while they were on their way.
    SeeReturned,
    /// Removes what was made along the way, and by which stage.
    Remove(StageId, Resource),
    /// Waits until the target has made what is only worth making once the records are there.
    Finish,
    /// Writes down what became of the records, and measures it.
    Measure,
}

impl Step {
    /// Returns the name under which the journal keeps that the step was taken; `None` for a shard, whose checkpoints say it.
    pub fn name(&self) -> Option<String> {
        let name = match self {
            Self::Inventory => "inventory",
            Self::Choose => "choose",
            Self::Plan => "plan",
            Self::PlanAgain => "plan again",
            Self::SeeCollected => "see what was collected",
            Self::AskCollection => "ask for the collection",
            Self::SeeCollection => "see the collection",
            Self::AskStaging => "ask for the staging index",
            Self::SeeStaging => "see the staging index",
            Self::SeeListed => "see the ids listed",
            Self::SortIds => "sort the ids",
            Self::SeeDisjoint => "see that merged ids differ",
            Self::SeeExisting => "see what the target holds",
            Self::OpenView => "open a view",
            Self::Begin => "begin",
            Self::Prove => "prove",
            Self::Import => "import",
            Self::SeeImport => "see the import",
            Self::SeeImported => "see what was imported",
            Self::SeeReturned => "see what came back",
            Self::Finish => "finish",
            Self::Measure => "measure",
            Self::Shard(_) => return None,
            Self::Remove(_, resource) => return Some(removal(resource)),
        };
        Some(name.to_owned())
    }
}

pub fn next(copy: &CopyStage, view: View<'_>) -> Next<Step> {
    let stage = view.stage();
    let is_left = |step: &Step| step.name().is_none_or(|name| !stage.steps_taken.contains(&name));
    let first = |steps: Vec<Step>| steps.into_iter().find(is_left);
    let route = view.run.route(&copy.id).map(|(route, _)| route);
    if let Some(step) = first(before(copy, view, route)) {
        return Next::Take(step);
    }
    let open = stage.open.iter().find(|shard| !view.terms.under_way.contains(*shard));
    let parallel = copy.asked.parallel.unwrap_or(PARALLEL) as usize;
    match open {
        Some(shard) if view.terms.under_way.len() < parallel => {
            return Next::Take(Step::Shard(shard.clone()));
        }
        _ if !view.terms.under_way.is_empty() => return Next::Join,
        _ => {}
    }
    let mut steps = vec![Step::Prove];
    // A view is held no longer than something is read from it.
    let views = stage.resources.iter().filter(|made| made.kind == ResourceKind::View);
    steps.extend(views.map(|made| Step::Remove(stage.id.clone(), made.clone())));
    if stage.gaps.as_ref().is_some_and(Vec::is_empty) {
        steps.extend(after(copy, view, route));
    }
    steps.push(Step::Measure);
    first(steps).map_or(Next::Done, Next::Take)
}

/// The steps before the first record is read.
fn before(copy: &CopyStage, view: View<'_>, route: Option<Route>) -> Vec<Step> {
    let stage = view.stage();
    let mut steps = vec![Step::Inventory, Step::Choose];
    // Shards are planned in the view that they are read from: ranges and counts of another moment would not fit it.
    let is_scanned = |id| stage.shards.get(id).is_some_and(|state| state.shard.is_scanned());
    let is_to_scan = !stage.is_planned || stage.open.iter().any(is_scanned);
    if is_to_scan && route.is_some_and(|route| is_read_by(copy, route)) {
        steps.push(Step::OpenView);
    }
    steps.extend([Step::Plan, Step::PlanAgain]);
    let is_open = || stage.shards.values().any(|shard| !shard.is_complete);
    match route {
        // What was seen once to show everything is not waited for again: what is missing then is a gap.
        Some(Route::Collection)
            if !stage.open.is_empty() && !stage.figures.contains_key(COLLECTED_FIGURE) =>
        {
            steps.push(Step::SeeCollected);
        }
        Some(Route::Staging) if is_open() => {
            steps.push(Step::AskCollection);
            if of_kind(stage, ResourceKind::Collection).is_some() {
                steps.push(Step::SeeCollection);
            }
            steps.extend([Step::AskStaging, Step::SeeStaging]);
            if !stage.made.keys().any(|made| made.kind == ResourceKind::StagingIndex) {
                steps.push(Step::SeeListed);
            }
            let collection = of_kind(stage, ResourceKind::Collection);
            steps.extend(collection.map(|found| Step::Remove(stage.id.clone(), found.clone())));
        }
        _ => {}
    }
    if matches!(copy.asked.enumerate, EnumerateBy::Manifest(_)) {
        steps.push(Step::SortIds);
    }
    steps.extend([Step::SeeDisjoint, Step::SeeExisting, Step::Begin]);
    steps
}

/// The steps after the proof that every record is settled.
fn after(copy: &CopyStage, view: View<'_>, route: Option<Route>) -> Vec<Step> {
    let mut steps = Vec::new();
    if route == Some(Route::Import) {
        steps.extend([Step::Import, Step::SeeImport, Step::SeeImported]);
    }
    if matches!(route, Some(Route::Import | Route::Collection)) {
        steps.push(Step::SeeReturned);
    }
    // What was made from another resource goes first.
    let mut made: Vec<_> = view.run.resources().collect();
    made.reverse();
    steps.extend(made.into_iter().map(|(of, what)| Step::Remove(of.clone(), what.clone())));
    if view.plan.copies.last().is_some_and(|last| last.id == copy.id) {
        steps.push(Step::Finish);
    }
    steps
}

fn of_kind(stage: &StageState, kind: ResourceKind) -> Option<&Resource> {
    stage.resources.iter().find(|resource| resource.kind == kind)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::journal::{Entry, RunState};
    use crate::model::Namespace;
    use crate::plan::{Plan, StageKind};
    use crate::provider::registry::language;
    use crate::run::view::Terms;

    const PLAN: &str = "
version: 1
name: p
source: { provider: pinecone, index: a }
target: { provider: pinecone, index: b }
stages:
  - { kind: copy, parallel: 2 }
";

    /// The state of a copy of some namespaces, all of whose steps before the first shard were taken.
    fn begun(names: &[&str]) -> RunState {
        let mut events = vec![
            json!({
                "event": "run_started", "run": "r", "plan": "p", "digest": "d", "program": "v", "holder": "h",
                "rehearsal": false, "source": "a", "target": "b", "stages": ["copy"],
            }),
            json!({"event": "stage_started", "stage": "copy", "attempt": 1}),
            json!({"event": "route_chosen", "stage": "copy", "route": "stream", "reason": "a test"}),
        ];
        for name in names {
            let shard =
                json!({"source": name, "target": name, "enumeration": "list", "expected": 1});
            events.push(json!({"event": "shard_planned", "stage": "copy", "shard": shard}));
        }
        for step in [
            Step::Inventory,
            Step::Choose,
            Step::OpenView,
            Step::Plan,
            Step::PlanAgain,
            Step::SeeDisjoint,
            Step::SeeExisting,
            Step::Begin,
        ] {
            events.push(json!({"event": "step_taken", "stage": "copy", "step": step.name()}));
        }
        fold(&RunState::default(), events)
    }

    fn fold(before: &RunState, events: Vec<serde_json::Value>) -> RunState {
        let mut state = before.clone();
        for mut event in events {
            event["v"] = json!(1);
            event["seq"] = json!(state.events);
            event["at"] = json!("2026-11-27T12:00:00Z");
            let entry: Entry = serde_json::from_value(event).unwrap();
            state.apply(&entry).unwrap();
        }
        state
    }

    fn next_beside(state: &RunState, under_way: &[&str]) -> Option<Step> {
        let read = language().read_text(Path::new("p.yaml"), PLAN.to_owned(), &Default::default());
        let plan: Plan = read.unwrap().plan;
        let StageKind::Copy(copy) = &plan.stages[0].kind else { panic!("no copy") };
        let terms = Terms {
            now: Clock::system().now(),
            until: None,
            is_rehearsal: false,
            strict: false,
            detaches: false,
            under_way: under_way.iter().map(|name| id(name)).collect(),
        };
        match next(copy, View { plan: &plan, run: state, index: 0, terms: &terms }) {
            Next::Take(step) => Some(step),
            Next::Join => None,
            _ => panic!("neither a step nor a wait"),
        }
    }

    fn id(name: &str) -> ShardId {
        ShardId { source: Namespace::from(name), cell: 0 }
    }

    #[test]
    fn shards_go_side_by_side_as_many_as_the_plan_allows() {
        let state = begun(&["x", "y", "z"]);
        assert_eq!(next_beside(&state, &[]), Some(Step::Shard(id("x"))));
        assert_eq!(next_beside(&state, &["x"]), Some(Step::Shard(id("y"))));
        assert_eq!(next_beside(&state, &["x", "y"]), None);
        assert_eq!(next_beside(&state, &["y"]), Some(Step::Shard(id("x"))));
    }

    #[test]
    fn nothing_is_proven_while_a_shard_is_under_way() {
        let ended = |name: &str| {
            let tally =
                json!({"enumerated": 1, "copied": 1, "failed": 0, "missing": 0, "bytes": 1});
            json!({
                "event": "checkpointed", "stage": "copy", "source": name,
                "checkpoint": {"cursor": "end", "tally": tally},
            })
        };
        let state = fold(&begun(&["x", "y"]), vec![ended("x")]);
        assert_eq!(next_beside(&state, &["y"]), None);
        let state = fold(&state, vec![ended("y")]);
        assert_eq!(next_beside(&state, &[]), Some(Step::Prove));
    }

    #[test]
    fn what_was_made_is_kept_while_something_is_missing() {
        let made = json!({"kind": "collection", "name": "c"});
        let events = |gaps: &[&str]| {
            vec![
                json!({"event": "resource_intended", "stage": "copy", "resource": made}),
                json!({"event": "step_taken", "stage": "copy", "step": Step::Prove.name()}),
                json!({"event": "copy_proven", "stage": "copy", "gaps": gaps}),
            ]
        };
        let state = fold(&begun(&[]), events(&["`x`: one is missing"]));
        assert_eq!(next_beside(&state, &[]), Some(Step::Measure));
        let state = fold(&begun(&[]), events(&[]));
        assert!(matches!(next_beside(&state, &[]), Some(Step::Remove(..))));
    }
}
