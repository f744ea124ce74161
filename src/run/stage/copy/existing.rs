//! Handles records the target already holds under ids that a copy would write: overwrites, refuses or skips them, as
//! the plan says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{BoxStream, TryStreamExt};
use serde::Serialize;

use crate::copy::{Mapping, Met, Pipeline, Skipped, all_ids, meet};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Route, ShardState};
use crate::model::{Cursor, IndexStats, Namespace, Observed, RecordId, plural};
use crate::plan::file::Existing;
use crate::plan::{CopyStage, Plan};
use crate::run::context::guard::counted;
use crate::run::figures::COLD_FIGURE;
use crate::run::line::artifacts::{dead_letters, skipped};
use crate::run::line::{lists_of, pipeline};
use crate::run::route::chosen_route;
use crate::run::sample::Sampled;
use crate::run::selection::{Selection, recorded_mappings};
use crate::run::sides::{fields_of, refuse_overwriting, transform};
use crate::run::{Context, Progress, World};
use crate::store::Scope;

/// The figure that records that the target was checked, and how many ids would be overwritten.
const FIGURE: &str = "existing";
/// The most ids named in a message.
const NAMED: usize = 3;
/// The most target namespaces a preview samples, and the ids it reads of each.
const LOOKED_INTO: usize = 20;
const PAGE: usize = 100;
/// The most of them that are sampled where each takes a pass over the source.
const PASSED_OVER: usize = 4;
/// The most passes over the source to find what the target holds; above that, walking the source once and asking the target
/// is less work.
const PASSES: u64 = 16;

/// The findings of a preview in the namespaces that a copy would write to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Records of the target in these namespaces.
    pub records: u64,
    /// Ids that were checked.
    pub looked_at: u64,
    /// Checked ids that the copy would write and that hold something else.
    pub other: u64,
    /// Checked ids that the copy would write and that already hold the same.
    pub same: u64,
    /// All ids whose record would be replaced by a different one: counted if every id was checked, otherwise estimated.
    pub overwritten: u64,
    pub is_estimate: bool,
    /// `overwrite`, `refuse` or `skip`.
    pub existing: Existing,
}

/// Samples what the target holds in the namespaces of a copy; `None` if it holds nothing there.
///
/// # Errors
/// Any error of either side.
pub(crate) async fn look(
    plan: &Plan,
    world: &World,
    selection: &Selection,
    held: &IndexStats,
    sampled: &[Sampled],
) -> Result<Option<Held>> {
    let taken = |mapping: &&Mapping| held.count(&mapping.target) > 0;
    let mappings: Vec<&Mapping> = selection.mappings.iter().filter(taken).collect();
    let mut of_target: BTreeMap<&Namespace, u64> = BTreeMap::new();
    for mapping in &mappings {
        of_target.insert(&mapping.target, held.count(&mapping.target));
    }
    let records: u64 = of_target.values().sum();
    if records == 0 {
        return Ok(None);
    }
    let source = world.source.describe().await?.ok_or_else(|| world.no_source(&plan.source))?;
    let target = world.target.describe().await?.map(|seen| seen.spec);
    let transform = transform(plan, &selection.copy, &source.spec, target.as_ref())?;
    if let Some(target) = &target {
        refuse_overwriting(plan, &selection.copy, &source.spec, target)?;
    }
    let fields = fields_of(plan, target.as_ref()).unwrap_or_default();
    let comparing = transform.places().comparing_kept(&fields);
    let lists = world.target.whole().is_some();
    let (mut looked_at, mut other, mut same) = (0, 0, 0);
    let most = world.source.ids_a_pass().map_or(LOOKED_INTO, |_| PASSED_OVER);
    let mut is_all = mappings.len() <= most && lists;
    for mapping in mappings.iter().take(most) {
        let ids: Vec<RecordId> = if lists {
            let scope = Scope { namespace: &mapping.target, records: 0 };
            let mut all = all_ids(&*world.target, scope, &Cursor::Start).await?;
            let first = all.next(PAGE).await?;
            is_all &= first.as_ref().is_none_or(|first| first.after == Cursor::End);
            let fetch = world.source.must_fetch()?;
            let listed = first.into_iter().flat_map(|first| first.ids);
            listed.filter_map(|id| transform.origin(&id, &*fetch)).collect()
        } else {
            let own = sampled.iter().filter(|one| one.mapping == **mapping);
            own.map(|one| one.record.id.clone()).collect()
        };
        let way = (&mapping.source, &mapping.target);
        let met = meet(&*world.source, &*world.target, &transform, way, &ids, &comparing).await?;
        looked_at += ids.len() as u64;
        other += met.other.len() as u64;
        same += met.same.len() as u64;
    }
    let of = if lists { records } else { mappings.iter().map(|mapping| mapping.records).sum() };
    let share = other as f64 / looked_at.max(1) as f64;
    Ok(Some(Held {
        records,
        looked_at,
        other,
        same,
        overwritten: if is_all { other } else { (share * of as f64).round() as u64 },
        is_estimate: !is_all,
        existing: selection.copy.asked.existing.unwrap_or_default(),
    }))
}

impl Held {
    /// Formats as `the target holds 120 records there; about 60 ids would be written over (12 of 24 looked at): …`.
    pub fn words(&self) -> String {
        let number = |count: u64| Observed::count(count).to_string();
        let about = if self.is_estimate { "about " } else { "" };
        let basis = match self.is_estimate {
            true => format!(" ({} of {} looked at)", number(self.other), number(self.looked_at)),
            false => String::new(),
        };
        let held = format!("the target holds {} in its namespaces", plural(self.records, "record"));
        if self.overwritten == 0 {
            return format!(
                "{held}; no id of {} looked at would be written over",
                number(self.looked_at)
            );
        }
        let then = match self.existing {
            Existing::Overwrite => "written over, as `existing: overwrite` says",
            Existing::Skip => "left as they are, as `existing: skip` says",
            Existing::Refuse => {
                "which the copy refuses: say `existing: overwrite` or `existing: skip`"
            }
        };
        let hold = if self.overwritten == 1 { "holds" } else { "hold" };
        let ids = plural(self.overwritten, "id");
        format!("{held}; {about}{ids} {hold} something else{basis}: {then}")
    }
}

/// Returns the namespaces in which a copy leaves alone what is there, and where it notes that; `None` if it leaves nothing
/// alone. A namespace that was empty when the copy began holds only what the copy wrote, which it may write anew.
///
/// # Errors
/// Those of counting the target.
pub(super) async fn left_alone(
    context: &Context,
    copy: &CopyStage,
) -> Result<Option<(Arc<BTreeSet<Namespace>>, Arc<Skipped>)>> {
    if !leaves_alone(context, copy)? {
        return Ok(None);
    }
    let taken = match held_before(context, copy) {
        Some(taken) => taken.clone(),
        // An earlier version did not write down what there was.
        None => {
            let held = counted(&*context.world.target).await?;
            Arc::new(taken_by(context, copy, &held).into_keys().collect())
        }
    };
    Ok(Some((taken, Arc::new(Skipped::new(skipped(context, copy))))))
}

fn leaves_alone(context: &Context, copy: &CopyStage) -> Result<bool> {
    let is_written = !matches!(chosen_route(context, copy)?, Route::Collection | Route::Import);
    Ok(is_written && copy.asked.existing == Some(Existing::Skip))
}

fn held_before<'a>(context: &'a Context, copy: &CopyStage) -> Option<&'a Arc<BTreeSet<Namespace>>> {
    context.state.stage(&copy.id)?.held_before.as_ref()
}

/// Returns the target namespaces of a copy that hold records, with their counts.
fn taken_by(context: &Context, copy: &CopyStage, held: &IndexStats) -> BTreeMap<Namespace, u64> {
    let own = context.state.stage(&copy.id).into_iter();
    let shards = own.flat_map(|stage| stage.shards.values());
    let counted = shards.map(|state| (&state.shard.target, held.count(&state.shard.target)));
    let taken = counted.filter(|(_, records)| *records > 0);
    taken.map(|(target, records)| (target.clone(), records)).collect()
}

/// Refuses to copy a namespace from its beginning again after what was read of it has changed, where the copy leaves alone
/// what the target holds: what it wrote before could not be told from what was there before it.
///
/// # Errors
/// `Refused` unless nothing was written, or the namespace of the target was empty when the copy began.
pub(super) fn refuse_mixed(
    context: &Context,
    copy: &CopyStage,
    states: &[ShardState],
) -> Result<()> {
    let is_written = states.iter().any(|state| state.checkpoint.cursor != Cursor::Start);
    let Some(ShardState { shard, .. }) = states.first() else { return Ok(()) };
    let held = held_before(context, copy);
    let is_mixed = held.is_none_or(|held| held.contains(&shard.target));
    if !is_written || !is_mixed || !leaves_alone(context, copy)? {
        return Ok(());
    }
    let message = format!(
        "what was read of `{}` is not what is there now, and `{}` of the target holds records of its own, which \
         `existing: skip` leaves as they are: what was written before could not be told from them",
        shard.source, shard.target
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint(
        "put the source back as it was and run the same command again; or roll back, take what this run wrote out of that \
         namespace of the target, and begin anew",
    ))
}

/// Checks what the target holds in the copy's namespaces before the first record is written. A process that resumes the
/// run does not check again, as it would find the run's own records.
///
/// # Errors
/// `Refused` if ids would be overwritten and the plan does not allow it.
pub(super) async fn prepare_existing(context: &Context, copy: &CopyStage) -> Result<()> {
    let existing = copy.asked.existing.unwrap_or_default();
    // An index made from a collection was made by this run, and an import refuses existing namespaces itself.
    if matches!(chosen_route(context, copy)?, Route::Collection | Route::Import) {
        return Ok(());
    }
    let state = context.stage_state()?;
    let has_begun = state.shards.values().any(|state| state.checkpoint.cursor != Cursor::Start);
    if has_begun || state.figures.contains_key(FIGURE) {
        return Ok(());
    }
    let held = counted(&*context.world.target).await?;
    let namespaces = taken_by(context, copy, &held);
    context.record(Event::TargetHeld { stage: context.id(), namespaces })?;
    let is_read = state.shards.values().any(|state| held.count(&state.shard.target) > 0);
    let found = match existing {
        Existing::Refuse => refuse(context, copy, &held).await?,
        Existing::Overwrite if is_read => refuse_losses(context, copy).await.map(|()| 0)?,
        Existing::Overwrite | Existing::Skip => 0,
    };
    let mut figures = BTreeMap::from([(FIGURE.to_owned(), found as f64)]);
    if is_read && existing != Existing::Overwrite {
        // The check reads the target, so none of it is cold afterwards.
        figures.insert(COLD_FIGURE.to_owned(), 0.0);
    }
    context.record(Event::Measured { stage: context.id(), figures })
}

/// Refuses to take vectors from the records that are replaced.
async fn refuse_losses(context: &Context, copy: &CopyStage) -> Result<()> {
    let (world, plan) = (&context.world, &context.plan);
    let source = world.source.describe().await?.ok_or_else(|| world.no_source(&plan.source))?;
    match world.target.describe().await? {
        Some(target) => refuse_overwriting(plan, copy, &source.spec, &target.spec),
        None => Ok(()),
    }
}

/// Refuses ids that hold something other than what the copy would write. Returns the number that hold the same.
async fn refuse(context: &Context, copy: &CopyStage, held: &IndexStats) -> Result<u64> {
    let pipeline = &pipeline(context, copy, dead_letters(context, copy)).await?;
    let mappings = recorded_mappings(context, &copy.id);
    let taken: Vec<Mapping> =
        mappings.into_iter().filter(|mapping| held.count(&mapping.target) > 0).collect();
    let all = taken.iter().map(|mapping| held.count(&mapping.target)).sum();
    let mut walk =
        Walk { context, pipeline, all, looked_at: 0, same: 0, other: 0, examples: vec![] };
    for mapping in &taken {
        match is_looked_up(pipeline, held.count(&mapping.target)) {
            true => walk.target(mapping).await?,
            false => walk.source(copy, mapping).await?,
        }
    }
    if walk.other == 0 {
        return Ok(walk.same);
    }
    let message = format!(
        "the target holds {} that the copy would write, with something else in {}: {}",
        plural(walk.other, "id"),
        if walk.other == 1 { "it" } else { "them" },
        walk.examples.join(", ")
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint(
        "say in the copy stage what becomes of them: `existing: overwrite`, or `existing: skip` to leave them as they are; \
         or choose other names or another target. Nothing was written",
    ))
}

/// Returns whether the source is asked for the ids that the target holds, rather than the target for those of the source.
fn is_looked_up(pipeline: &Pipeline, held: u64) -> bool {
    let most = pipeline.source.ids_a_pass().map(|most| PASSES * most as u64);
    most.is_none_or(|most| held <= most) && pipeline.target.whole().is_some()
}

/// A walk over the ids that exist in the target.
struct Walk<'a> {
    context: &'a Context,
    pipeline: &'a Pipeline,
    all: u64,
    looked_at: u64,
    same: u64,
    other: u64,
    examples: Vec<String>,
}

impl Walk<'_> {
    /// Walks the ids listed by the target.
    async fn target(&mut self, mapping: &Mapping) -> Result<()> {
        let scope = Scope { namespace: &mapping.target, records: 0 };
        let ids = all_ids(&*self.pipeline.target, scope, &Cursor::Start).await?;
        let ids = self.pipeline.origins(ids)?;
        let all = self.pipeline.meet_ids((&mapping.source, &mapping.target), ids)?;
        self.all(mapping, all).await
    }

    /// Walks the records that the copy would write, for a target that cannot list its own ids, or a source that would be
    /// passed over too often to find them.
    async fn source(&mut self, copy: &CopyStage, mapping: &Mapping) -> Result<()> {
        let shards = self.context.stage_state()?.shards.values();
        for state in shards.filter(|state| state.shard.source == mapping.source) {
            let lists = lists_of(self.context, copy, &state.shard, self.pipeline).await?;
            let all = self.pipeline.meet_shard(&state.shard, lists).await?;
            self.all(mapping, all).await?;
        }
        Ok(())
    }

    async fn all(
        &mut self,
        mapping: &Mapping,
        mut all: BoxStream<'static, Result<Met>>,
    ) -> Result<()> {
        while let Some(met) = all.try_next().await? {
            self.context.stop_if_cancelled()?;
            self.met(mapping, &met);
        }
        Ok(())
    }

    fn met(&mut self, mapping: &Mapping, met: &Met) {
        self.looked_at += met.looked_at;
        self.same += met.same.len() as u64;
        self.other += met.other.len() as u64;
        let room = NAMED.saturating_sub(self.examples.len());
        let named = met.other.iter().take(room);
        self.examples.extend(named.map(|id| format!("`{}` in `{}`", id.shown(), mapping.target)));
        self.context.progress(&Progress {
            stage: self.context.id(),
            unit: "ids of the target looked at",
            done: self.looked_at,
            total: self.all.max(self.looked_at),
            note: self.context.world.waiting(),
        });
    }
}
