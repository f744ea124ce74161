//! One stage of a preview, in words.

use std::collections::BTreeMap;

use super::{Preview, PreviewStage};
use crate::copy::{Mapping, merged, record_guess};
use crate::journal::{Phase, Route, RunState, StageStatus};
use crate::model::{IndexSpec, StageId};
use crate::plan::Plan;
use crate::plan::file::{Compare, Create, Protection, StageKind, StepApproval, Verify};
use crate::run::price::{Load, PriceTable};
use crate::run::stage::{Chosen, Enumerated, Way, spec_of};

/// The most namespaces whose cells are shown.
const SHOWN: usize = 5;
/// Requests that carry about 1.8 MB are sent at once; a gigabyte a second is out of reach. Pinecone takes 50 MB/s a
/// namespace (database limits, 2026).
const BYTES_PER_SECOND: f64 = 50e6;

pub(super) fn preview_stage(
    plan: &Plan,
    state: &RunState,
    preview: &Preview,
    chosen: &BTreeMap<StageId, Chosen>,
    index: usize,
    id: &StageId,
) -> PreviewStage {
    let seen = state.stage(id);
    let status = match seen.map(|stage| &stage.status) {
        _ if state.phase == Phase::RolledBack => "to do",
        None | Some(StageStatus::Pending | StageStatus::Undone) => "to do",
        Some(StageStatus::Running) => "begun",
        Some(StageStatus::Passed) => "done",
        Some(StageStatus::Failed(_)) => "failed",
        Some(StageStatus::Erred(_)) => "erred",
        Some(StageStatus::UndoFailed(_)) => "undo failed",
    };
    let kind = &plan.file.stages[index].kind;
    let assertions = plan.stages[index].assertions.len();
    let is_collected = plan.copies().iter().any(|copy| {
        let fresh = chosen.get(&copy.id).map(|chosen| chosen.route);
        fresh.or(state.route(&copy.id).map(|(route, _)| route)) == Some(Route::Collection)
    });
    let chosen = chosen.get(id);
    let route = chosen.map(|chosen| chosen.route).or(state.route(id).map(|(route, _)| route));
    let route = route.or(is_collected.then_some(Route::Collection));
    let namespaces = match kind {
        StageKind::Verify(Verify { copy: Some(copy), .. }) => {
            preview.namespaces_of(&StageId::new(copy))
        }
        _ => preview.namespaces_of(id),
    };
    let (marker, what, estimate, undo) =
        describe(plan, preview, namespaces, route, kind, assertions);
    let mut details = Vec::new();
    let is_done = status == "done";
    let what = match (kind, seen) {
        (StageKind::Copy(_), Some(stage)) if is_done => {
            format!("{} records were copied", group(stage.tally().copied))
        }
        _ => what,
    };
    if let StageKind::Copy(copy) = kind
        && !is_done
    {
        let recorded = state.route(id).map(|(route, why)| (route, why.to_owned()));
        let fresh = chosen.map(|chosen| (chosen.route, chosen.why.clone()));
        if let Some((route, why)) = recorded.or(fresh) {
            details.push(format!("strategy: {} ({why})", route.name()));
            let place = copy.import.as_ref().filter(|_| route == Route::Import);
            details.extend(
                place.map(|import| {
                    format!("files: {}, removed when the import is proven", import.uri)
                }),
            );
        }
        details.extend(chosen.into_iter().flat_map(enumeration_details));
        details.extend(merges(namespaces));
        if copy.filter.is_some() {
            details.push(
                "filter: only records that pass; how many is known when they were read".to_owned(),
            );
        }
        if let Some(stage) = seen.filter(|stage| stage.has_started() && !stage.is_passed()) {
            details.push(format!("{} records are copied already", stage.tally().copied));
        }
    }
    let marker = if is_done { '=' } else { marker };
    PreviewStage {
        id: id.clone(),
        kind: kind.name(),
        marker,
        what,
        details,
        estimate,
        undo,
        status: status.to_owned(),
    }
}

fn describe(
    plan: &Plan,
    preview: &Preview,
    namespaces: &[Mapping],
    route: Option<Route>,
    kind: &StageKind,
    assertions: usize,
) -> (char, String, String, String) {
    let records: u64 = namespaces.iter().map(|mapping| mapping.records).sum();
    let bytes = bytes_of(preview, records);
    let asserts = match assertions {
        1 => "1 assertion".to_owned(),
        several => format!("{several} assertions"),
    };
    let none = || "-".to_owned();
    match kind {
        StageKind::Audit(_) => ('?', asserts, "seconds".to_owned(), none()),
        StageKind::Create(create) => match (&preview.target.description, spec_of(plan)) {
            (Some(seen), _) => {
                let (marker, what) = of_what_is_there(create, &seen.spec);
                (marker, what, "seconds".to_owned(), none())
            }
            (None, Some(spec)) => {
                let protected = if spec.deletion_protection { ", protected" } else { "" };
                let dimension =
                    spec.dimension.map_or("sparse".to_owned(), |value| value.to_string());
                let what =
                    format!("index, {}, {dimension}, {}{protected}", spec.deployment, spec.metric);
                match route {
                    Some(Route::Collection) => (
                        '+',
                        format!("{what}, from a collection of the source"),
                        "minutes to hours".to_owned(),
                        "delete both".to_owned(),
                    ),
                    _ => ('+', what, "~ 1 min".to_owned(), "delete it".to_owned()),
                }
            }
            (None, None) => ('+', "index".to_owned(), "~ 1 min".to_owned(), "delete it".to_owned()),
        },
        StageKind::Copy(_) => {
            let what = format!(
                "{} records, {}, {} namespaces",
                group(records),
                size(bytes),
                namespaces.len()
            );
            if route == Some(Route::Collection) {
                let estimate = "by the provider, $0.00".to_owned();
                return ('>', what, estimate, "keep, or --purge".to_owned());
            }
            let time = minutes(bytes / BYTES_PER_SECOND);
            let cost = cost(plan, preview, records, bytes, route);
            ('>', what, format!("{time} or more, {cost}"), "keep, or --purge".to_owned())
        }
        StageKind::Verify(verify) => {
            let compared = match verify.compare {
                Compare::All => "every record".to_owned(),
                other => format!("{other} of the records"),
            };
            let queries = verify
                .queries
                .as_ref()
                .map_or(String::new(), |queries| format!(", {} queries", queries.count));
            (
                '?',
                format!("{compared}{queries}"),
                format!("{} or more", minutes(bytes / BYTES_PER_SECOND * 2.0)),
                none(),
            )
        }
        StageKind::Canary(canary) => {
            let steps: Vec<String> = canary
                .steps
                .iter()
                .map(|step| match step.approve {
                    Some(StepApproval::Manual) => format!("(approval) {}", step.weight),
                    _ => step.weight.to_string(),
                })
                .collect();
            let total: std::time::Duration = canary.steps.iter().map(|step| step.bake.0).sum();
            let waits = canary.steps.iter().any(|step| step.approve == Some(StepApproval::Manual));
            let approval = if waits { " + approval" } else { "" };
            let time = crate::model::duration(total);
            ('%', steps.join(" -> "), format!("{time}{approval}"), "weight 0".to_owned())
        }
        StageKind::Decommission(stage) => {
            let after = stage.after.map_or(String::new(), |after| {
                format!(", {} later", crate::model::duration(after.0))
            });
            let snapshot = if stage.snapshot.is_some() { ", snapshot first" } else { "" };
            let what = format!("{}{after}{snapshot}", plan.file.source.index);
            ('-', what, none(), "none: point of no return".to_owned())
        }
        StageKind::Snapshot(_) | StageKind::Sync(_) | StageKind::Run(_) => {
            ('?', "not yet: ignored in this version".to_owned(), none(), none())
        }
    }
}

/// An index that is there keeps what the plan does not mention.
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

/// How the namespaces are enumerated, by way: `enumerate: partition of 1 namespace: …`.
fn enumeration_details(chosen: &Chosen) -> Vec<String> {
    let mut by_way: BTreeMap<&str, Vec<&Enumerated>> = BTreeMap::new();
    for one in &chosen.enumerated {
        by_way.entry(one.name()).or_default().push(one);
    }
    let mut lines = Vec::new();
    for (way, all) in by_way {
        let why = all.first().map_or("", |one| one.why);
        let of = match (chosen.enumerated.len() == all.len(), all.len()) {
            (true, _) => String::new(),
            (false, 1) => " of 1 namespace".to_owned(),
            (false, count) => format!(" of {} namespaces", group(count as u64)),
        };
        lines.push(format!("enumerate: {way}{of} ({why})"));
        lines.extend(all.iter().take(SHOWN).filter_map(|one| cells(one)));
        if way == "partition" && all.len() > SHOWN {
            lines.push(format!("and {} namespaces more", group((all.len() - SHOWN) as u64)));
        }
    }
    lines
}

/// How a namespace falls into cells; `None` where it does not.
fn cells(one: &Enumerated) -> Option<String> {
    let Way::Cells(partition) = &one.way else { return None };
    let by: Vec<&str> = partition.fields.iter().map(String::as_str).collect();
    let largest = partition.cells.iter().map(|cell| cell.records).max().unwrap_or(0);
    if partition.fields.is_empty() {
        let (name, records) = (&one.mapping.source, group(one.mapping.records));
        return Some(format!("{name}: {records} records, which one query reaches"));
    }
    let (cells, counts) = (group(partition.cells.len() as u64), group(partition.counts));
    let tail = match partition.is_cut_off {
        true => format!(" and more, after {counts} counts; the run finds the rest"),
        false => format!(", together {}, by {counts} counts", group(partition.records())),
    };
    Some(format!(
        "{}: {} records by {} in {cells} cells of at most {}{tail}",
        one.mapping.source,
        group(one.mapping.records),
        by.join(", "),
        group(largest),
    ))
}

/// How many namespaces become one with others, with an example.
fn merges(mappings: &[Mapping]) -> Option<String> {
    let merged = merged(mappings);
    let example = *merged.first()?;
    let sources = mappings.iter().filter(|mapping| merged.contains(&mapping.target)).count();
    let names: Vec<&str> = mappings
        .iter()
        .filter(|mapping| &mapping.target == example)
        .map(|mapping| mapping.source.explicit())
        .take(3)
        .collect();
    Some(format!(
        "merge: {sources} namespaces into {}, if their ids are disjoint; for example {} … -> {example}",
        merged.len(),
        names.join(", ")
    ))
}

/// What writing costs, with what reading the source does.
fn cost(plan: &Plan, preview: &Preview, records: u64, bytes: f64, route: Option<Route>) -> String {
    let Some(source) = &preview.source.description else { return "cost unknown".to_owned() };
    let load = Load { records, bytes, ..Load::default() };
    let table = PriceTable::new(plan.file.prices.as_ref());
    let estimate = table.estimate(&source.spec.deployment, load);
    match (route, estimate.import) {
        (Some(Route::Import), Some(cost)) => format!("${cost:.2}"),
        (Some(Route::Import), None) => "billed by GB".to_owned(),
        _ => format!("${:.2}", estimate.copy),
    }
}

fn bytes_of(preview: &Preview, records: u64) -> f64 {
    let dimension =
        preview.source.description.as_ref().and_then(|seen| seen.spec.dimension).unwrap_or(0);
    records as f64 * record_guess(dimension as usize) as f64
}

fn minutes(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("~ {} s", s.ceil().max(1.0)),
        s if s < 5400.0 => format!("~ {} min", (s / 60.0).ceil()),
        s => format!("~ {:.1} h", s / 3600.0),
    }
}

fn size(bytes: f64) -> String {
    crate::model::Observed::Bytes(bytes).to_string()
}

fn group(number: u64) -> String {
    crate::model::Observed::count(number).to_string()
}
