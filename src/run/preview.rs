//! What a run would do now, against the live state: data for `plan`, and the check before a run begins.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Serialize;

use super::options::RunOptions;
use super::price::PriceTable;
use super::stage::{
    audit_missing_source, differences, enumeration_of, manifest_rows, mappings, spec_of,
};
use super::world::World;
use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Phase, RunState, StageStatus};
use crate::model::{IndexDescription, IndexStats, Namespace, StageId};
use crate::plan::Plan;
use crate::plan::file::{Compare, HookWhen, StageKind, StepApproval};

/// Bytes of a record's id and metadata where none was sampled.
const METADATA_GUESS: f64 = 600.0;
/// Requests that carry about 1.8 MB are sent at once; a gigabyte a second is out of reach. Pinecone takes 50 MB/s a
/// namespace (database limits, 2026).
const BYTES_PER_SECOND: f64 = 50e6;

/// What a run would do.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    pub plan: String,
    pub digest: String,
    /// `not started`, `running`, `done`, …
    pub state: String,
    pub source: Side,
    pub target: Side,
    pub counts: Counts,
    pub stages: Vec<PreviewStage>,
    /// The stage after which nothing can be undone.
    pub point_of_no_return: Option<StageId>,
    /// Hooks that would run, as `moment command`.
    pub hooks: Vec<String>,
    pub namespaces: Vec<Mapping>,
    pub notes: Vec<String>,
}

/// One index of the migration.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub index: String,
    /// `None` where it is not there.
    pub description: Option<IndexDescription>,
    pub records: Option<u64>,
}

/// The verdict's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub create: u64,
    pub namespaces: u64,
    pub shifts: u64,
    pub delete: u64,
}

/// One stage of a preview.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewStage {
    pub id: StageId,
    pub kind: &'static str,
    /// `+` create, `>` copy, `?` assert, `%` shift traffic, `-` delete, `=` done already.
    pub marker: char,
    pub what: String,
    pub details: Vec<String>,
    pub estimate: String,
    pub undo: String,
    pub status: String,
}

impl Preview {
    /// Whether a run would do nothing.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::default() && self.stages.iter().all(|stage| stage.marker == '=')
    }
}

/// Looks at both sides and says what a run would do. Writes nothing anywhere.
///
/// # Errors
/// What would stop a run before it begins: no source, a target that differs, namespaces whose ids cannot all be found.
pub async fn preview(
    plan: &Plan,
    world: &World,
    state: &RunState,
    options: &RunOptions,
) -> Result<Preview> {
    world.reach().await?;
    let source = world.source.describe().await?;
    let target = world.target.describe().await?;
    let is_retired = state.is_past_no_return();
    if source.is_none() && !is_retired {
        return Err(audit_missing_source(&plan.file.source.index));
    }
    let stats = match &source {
        Some(_) => world.source.stats().await?,
        None => IndexStats::default(),
    };
    let namespaces = mappings(plan, &stats)?;
    let mut notes = Vec::new();
    if source.is_some() && !is_passed(state, "copy", plan) {
        check_copy(plan, world, &namespaces)?;
        if !state.stages.iter().any(|stage| !stage.shards.is_empty()) {
            check_manifest(plan, &namespaces)?;
        }
    }
    if let Some(asked) = spec_of(plan) {
        check_target(&asked, source.as_ref(), target.as_ref())?;
    }
    if state.is_open() && state.digest != plan.digest {
        notes.push(format!(
            "the plan changed since the run began with {}: `vecshift run` refuses it without `--adopt`",
            state.digest
        ));
    }
    if options.confirm.is_none() && !is_retired {
        notes.extend(confirmation(plan));
    }
    let mut preview = Preview {
        plan: plan.file.name.clone(),
        digest: plan.digest.clone(),
        state: state.phase.name().to_owned(),
        source: Side {
            index: plan.file.source.index.clone(),
            description: source,
            records: Some(stats.total).filter(|_| !is_retired),
        },
        target: side_of_target(plan, world, target).await?,
        counts: Counts::default(),
        stages: Vec::new(),
        point_of_no_return: point_of_no_return(plan),
        hooks: hooks(plan),
        namespaces,
        notes,
    };
    for (index, stage) in plan.stages.iter().enumerate() {
        let stage = preview_stage(plan, world, state, &preview, index, &stage.id);
        preview.counts.add(&stage, plan, index, &preview.namespaces);
        preview.stages.push(stage);
    }
    Ok(preview)
}

async fn side_of_target(
    plan: &Plan,
    world: &World,
    description: Option<IndexDescription>,
) -> Result<Side> {
    let records = match &description {
        Some(seen) if seen.ready => Some(world.target.stats().await?.total),
        _ => None,
    };
    Ok(Side { index: plan.file.target.index.clone(), description, records })
}

fn is_passed(state: &RunState, kind: &str, plan: &Plan) -> bool {
    plan.file.stages.iter().zip(&plan.stages).any(|(stage, checked)| {
        stage.kind.name() == kind && state.stage(&checked.id).is_some_and(|stage| stage.is_passed())
    })
}

/// Every namespace must have a way to be enumerated, before anything is touched.
fn check_copy(plan: &Plan, world: &World, namespaces: &[Mapping]) -> Result<()> {
    let Some(copy) = plan.file.stages.iter().find_map(|stage| match &stage.kind {
        StageKind::Copy(copy) => Some(copy),
        _ => None,
    }) else {
        return Ok(());
    };
    let can = world.source.capabilities();
    let mut problems: Vec<Error> = namespaces
        .iter()
        .filter_map(|mapping| {
            enumeration_of(plan, copy, can, &mapping.source, mapping.records).err()
        })
        .collect();
    match problems.len() {
        0 => Ok(()),
        1 => Err(problems.remove(0)),
        count => {
            let lines: Vec<&str> = problems.iter().take(10).map(Error::message).collect();
            let hint = problems[0].hint().unwrap_or_default().to_owned();
            let message =
                format!("{count} namespaces cannot be enumerated completely: {}", lines.join("; "));
            Err(Error::new(ErrorKind::Refused, message).with_hint(hint))
        }
    }
}

/// A manifest must give as many ids of each namespace as the source counts records.
fn check_manifest(plan: &Plan, namespaces: &[Mapping]) -> Result<()> {
    let Some(rows) = manifest_rows(plan)? else { return Ok(()) };
    let mut found: BTreeMap<&Namespace, u64> =
        namespaces.iter().map(|mapping| (&mapping.source, 0)).collect();
    for row in rows {
        if let Some(count) = found.get_mut(&row?.namespace) {
            *count += 1;
        }
    }
    let problems: Vec<String> = namespaces
        .iter()
        .filter_map(|mapping| {
            let ids = found.get(&mapping.source).copied().unwrap_or(0);
            let (name, records) = (&mapping.source, mapping.records);
            match ids.cmp(&records) {
                Ordering::Less => Some(format!(
                    "`{name}`: {ids} ids for {records} records, {} are missing",
                    records - ids
                )),
                Ordering::Greater => Some(format!(
                    "`{name}`: {ids} ids for {records} records, {} are there twice or not in the source",
                    ids - records
                )),
                Ordering::Equal => None,
            }
        })
        .take(10)
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    let message = format!("the manifest does not fit the source: {}", problems.join("; "));
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("export it again from your system of record; nothing was touched"))
}

fn check_target(
    asked: &crate::model::IndexSpec,
    source: Option<&IndexDescription>,
    target: Option<&IndexDescription>,
) -> Result<()> {
    if let Some(source) = source
        && source.spec.dimension != asked.dimension
    {
        let word =
            |dimension: Option<u32>| dimension.map_or("none".to_owned(), |value| value.to_string());
        let message = format!(
            "the source has dimension {} and the plan asks for a target of {}",
            word(source.spec.dimension),
            word(asked.dimension)
        );
        return Err(Error::new(ErrorKind::Refused, message)
            .with_hint("set `spec.dimension` of the create stage to the source's"));
    }
    let lines = target.map(|target| differences(asked, &target.spec)).unwrap_or_default();
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!("the index `{}` is there and differs: {}", asked.name, lines.join("; "));
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("name another target, or change the create stage's spec to what is there"))
}

fn confirmation(plan: &Plan) -> Option<String> {
    plan.file.stages.iter().find_map(|stage| match &stage.kind {
        StageKind::Decommission(stage) => Some(format!(
            "the deletion of `{}` has to be confirmed: `--confirm {}`",
            stage.confirm, stage.confirm
        )),
        _ => None,
    })
}

fn point_of_no_return(plan: &Plan) -> Option<StageId> {
    plan.file
        .stages
        .iter()
        .zip(&plan.stages)
        .find(|(stage, _)| matches!(stage.kind, StageKind::Decommission(_)))
        .map(|(_, checked)| checked.id.clone())
}

fn hooks(plan: &Plan) -> Vec<String> {
    let describe = |when: &str, hook: &crate::plan::file::Hook| {
        let what = match (&hook.run, &hook.http) {
            (Some(argv), _) => argv.join(" "),
            (None, Some(call)) => {
                call.method().map(|call| call.method.to_owned()).unwrap_or_default()
            }
            (None, None) => String::new(),
        };
        format!("{when} {what}")
    };
    let own =
        plan.file.hooks.iter().map(|hook| describe(hook.when.map_or("", HookWhen::name), hook));
    let rollback = plan.file.stages.iter().zip(&plan.stages).flat_map(|(stage, checked)| {
        let when = format!("rollback of {}", checked.id);
        stage.common.rollback.iter().map(move |hook| describe(&when, hook))
    });
    own.chain(rollback).collect()
}

impl Counts {
    fn add(&mut self, stage: &PreviewStage, plan: &Plan, index: usize, namespaces: &[Mapping]) {
        if stage.marker == '=' {
            return;
        }
        match &plan.file.stages[index].kind {
            StageKind::Create(_) if stage.marker == '+' => self.create += 1,
            StageKind::Copy(_) => self.namespaces += namespaces.len() as u64,
            StageKind::Canary(canary) => self.shifts += canary.steps.len() as u64,
            StageKind::Decommission(_) => self.delete += 1,
            _ => {}
        }
    }
}

fn preview_stage(
    plan: &Plan,
    world: &World,
    state: &RunState,
    preview: &Preview,
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
    let (marker, what, estimate, undo) = describe(plan, preview, kind, assertions);
    let mut details = Vec::new();
    if let StageKind::Copy(copy) = kind {
        details.extend(copy_details(plan, world, preview, copy));
        if let Some(stage) = seen.filter(|stage| stage.has_started() && !stage.is_passed()) {
            details.push(format!("{} records are copied already", stage.tally().copied));
        }
    }
    let marker = if status == "done" { '=' } else { marker };
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
    kind: &StageKind,
    assertions: usize,
) -> (char, String, String, String) {
    let records: u64 = preview.namespaces.iter().map(|mapping| mapping.records).sum();
    let bytes = bytes_of(preview, records);
    let asserts = format!("{assertions} assertions");
    let none = || "-".to_owned();
    match kind {
        StageKind::Audit(_) => ('?', asserts, "seconds".to_owned(), none()),
        StageKind::Create(_) => match (&preview.target.description, spec_of(plan)) {
            (Some(_), _) => {
                ('=', "the index is there and is as asked".to_owned(), "seconds".to_owned(), none())
            }
            (None, Some(spec)) => {
                let protected = if spec.deletion_protection { ", protected" } else { "" };
                let dimension =
                    spec.dimension.map_or("sparse".to_owned(), |value| value.to_string());
                let what =
                    format!("index, {}, {dimension}, {}{protected}", spec.deployment, spec.metric);
                ('+', what, "~ 1 min".to_owned(), "delete it".to_owned())
            }
            (None, None) => ('+', "index".to_owned(), "~ 1 min".to_owned(), "delete it".to_owned()),
        },
        StageKind::Copy(_) => {
            let table = PriceTable::new(plan.file.prices.as_ref());
            let cost = bytes / 1e9 * table.million_write_units;
            let what = format!(
                "{} records, {}, {} namespaces",
                group(records),
                size(bytes),
                preview.namespaces.len()
            );
            let time = minutes(bytes / BYTES_PER_SECOND);
            ('>', what, format!("{time} or more, ${cost:.2}"), "keep, or --purge".to_owned())
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
            let time = crate::model::Span(total);
            ('%', steps.join(" -> "), format!("{time}{approval}"), "weight 0".to_owned())
        }
        StageKind::Decommission(stage) => {
            let after = stage.after.map_or(String::new(), |after| format!(", {after} later"));
            let snapshot = if stage.snapshot.is_some() { ", snapshot first" } else { "" };
            let what = format!("{}{after}{snapshot}", plan.file.source.index);
            ('-', what, none(), "none: point of no return".to_owned())
        }
        StageKind::Snapshot(_) | StageKind::Sync(_) | StageKind::Run(_) => {
            ('?', "not yet: ignored in this version".to_owned(), none(), none())
        }
    }
}

fn copy_details(
    plan: &Plan,
    world: &World,
    preview: &Preview,
    copy: &crate::plan::file::Copy,
) -> Vec<String> {
    let Some(largest) = preview.namespaces.iter().max_by_key(|mapping| mapping.records) else {
        return vec!["no namespace is selected".to_owned()];
    };
    let mut details = vec!["strategy: stream".to_owned()];
    let can = world.source.capabilities();
    if let Ok((way, why)) = enumeration_of(plan, copy, can, &largest.source, largest.records) {
        details.push(format!("enumerate: {} ({why})", way.name()));
    }
    if let Some(mapping) =
        preview.namespaces.iter().find(|mapping| mapping.source != mapping.target)
    {
        details.push(format!("for example {} -> {}", mapping.source, mapping.target));
    }
    details
}

fn bytes_of(preview: &Preview, records: u64) -> f64 {
    let dimension =
        preview.source.description.as_ref().and_then(|seen| seen.spec.dimension).unwrap_or(0);
    records as f64 * (f64::from(dimension) * 4.0 + METADATA_GUESS)
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
