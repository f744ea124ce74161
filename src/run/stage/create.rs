//! Ensures that the target index exists as planned, and is ready and usable.

use std::ops::ControlFlow::{Break, Continue};
use std::time::Duration;

use async_trait::async_trait;

use super::copy::arrived;
use super::resource::{make_collection, own_tags, ready_within, remove_own, words};
use super::route::{recorded_route, route_of};
use super::{Acted, Check, Work};
use crate::assertion::Measured;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Route};
use crate::model::{
    IndexDescription, IndexSpec, Metadata, Namespace, Observed, Record, RecordId, Side, Span,
    SparseVector, Vector, VectorType,
};
use crate::plan::file::{Create, Protection};
use crate::plan::{CopyStage, Plan};
use crate::provider::Connector;
use crate::provider::registry::connector;
use crate::run::poll::Patience;
use crate::run::{Context, guard};
use crate::store::Target;

/// The longest time that a new index may take to become ready.
const READY: Duration = Duration::from_secs(600);
/// The longest time that the probe record may take to become readable.
const READABLE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct CreateWork(pub Create);

/// Refuses an existing index that is not what the plan asks for.
///
/// # Errors
/// `Refused` with the differences.
pub(crate) fn refuse_differences(plan: &Plan, asked: &IndexSpec, seen: &IndexSpec) -> Result<()> {
    let lines = connector(&plan.target.provider)?.differences(asked, seen);
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!("the index `{}` is there and differs: {}", asked.name, lines.join("; "));
    Err(Error::new(ErrorKind::Refused, message)
        .with_hint("name another target, or change the create stage's spec to what is there"))
}

/// Refuses a target of another dimension.
///
/// # Errors
/// `Refused` if the target could not hold the source's vectors.
pub(crate) fn refuse_other_dimension(source: &IndexSpec, asked: &IndexSpec) -> Result<()> {
    if source.dimension == asked.dimension {
        return Ok(());
    }
    let (message, hint) = match (source.dimension, asked.dimension) {
        (Some(found), Some(asked)) => (
            format!("the source has dimension {found} and the plan asks for a target of {asked}"),
            "set `spec.dimension` of the create stage to the source's",
        ),
        (Some(found), None) => (
            format!(
                "the source has vectors of dimension {found} and the plan asks for a sparse target"
            ),
            "leave `vector_type` out of the create stage's spec, and set `dimension`",
        ),
        (None, _) if source.vector_type == VectorType::Sparse => (
            "the source has only sparse values and the plan asks for a target of dense vectors"
                .to_owned(),
            "set `vector_type: sparse` in the create stage's spec, without `dimension`",
        ),
        (None, _) => (
            "no record of the source has a vector, so that its dimension is not known".to_owned(),
            "see that `source` names what you mean, and that its records are there",
        ),
    };
    Err(Error::new(ErrorKind::Refused, message).with_hint(hint))
}

#[async_trait]
impl Work for CreateWork {
    async fn check(&self, context: &Context) -> Result<Check> {
        let (connector, asked) = self.asked(context)?;
        Ok(match context.world.target.describe().await? {
            None => Check::Drifted(format!("the index `{}` is gone", asked.name)),
            Some(seen) => match connector.differences(&asked, &seen.spec) {
                lines if lines.is_empty() => Check::Holds,
                lines => Check::Drifted(lines.join("; ")),
            },
        })
    }

    async fn act(&self, context: &Context) -> Result<Acted> {
        let (_, asked) = self.asked(context)?;
        self.match_source(context, &asked).await?;
        self.ensure(context, &asked).await?;
        let limit = collected(context).map_or(READY, |copy| ready_within(&copy));
        let seen = wait_index(context, &*context.world.target, limit).await?;
        guard::remember_target(context, &seen)?;
        let protection = self.0.spec.deletion_protection;
        guard::protect_target(context, protection.map(|asked| asked == Protection::Enabled))
            .await?;
        probe(context, &seen).await?;
        let stats = context.world.target.stats().await?;
        let mut measured = Measured::default();
        measured
            .set("target.ready", Observed::Bool(seen.ready), 1)
            .set("target.metric", Observed::Word(seen.spec.metric.name().to_owned()), 1)
            .set("target.kind", Observed::Word(seen.spec.deployment.kind.clone()), 1)
            .set("target.records", Observed::count(stats.total), 1);
        match seen.spec.dimension {
            Some(dimension) => {
                measured.set("target.dimension", Observed::count(dimension.into()), 1)
            }
            None => measured.set_not_measured("target.dimension", "a sparse index has none"),
        };
        Ok(Acted::Measured { target: measured, source: Measured::default() })
    }

    async fn undo(&self, context: &Context) -> Result<String> {
        let removed = words(&remove_own(context).await?);
        guard::claim(context).await?;
        let name = &context.plan.target.index;
        let Some(index) = context.state()?.created_index else {
            let restored = match guard::put_back(context, Some(&context.id())).await? {
                true => "; its deletion protection is as it was",
                false => "",
            };
            guard::remove_probes(context).await?;
            return Ok(format!("`{name}` was not made by this run: kept{restored}{removed}"));
        };
        if context.world.target.describe().await?.is_none() {
            return Ok(format!("`{index}` is gone already{removed}"));
        }
        let is_purge = context
            .recorder
            .with_state(|state| state.cause.as_ref().is_some_and(|cause| cause.is_purge()));
        let copied = arrived(context).await?;
        if copied > 0 && !is_purge {
            return Ok(format!(
                "kept `{index}` with the {} records copied so far; {}{removed}",
                Observed::count(copied),
                purge_command(context)
            ));
        }
        match guard::delete_target(context, &index, is_purge).await {
            Ok(()) => Ok(format!("deleted `{index}`{removed}")),
            Err(refusal) if refusal.leaves_it_alone() => Ok(format!(
                "kept `{index}`: {}; {}{removed}",
                refusal.message(),
                purge_command(context)
            )),
            Err(refusal) => Err(refusal.into()),
        }
    }
}

/// Says how to delete the target, in a rehearsal without a command, which would act on the real run.
fn purge_command(context: &Context) -> String {
    if context.options.is_rehearsal {
        return "a rollback with `--purge` would delete it if this run made it".to_owned();
    }
    let plan = context.plan.path.display();
    format!("`vecshift rollback --purge {plan}` deletes it if this run made it")
}

impl CreateWork {
    /// Returns the index that this stage asks for, and the connector of its system.
    fn asked(&self, context: &Context) -> Result<(&'static dyn Connector, IndexSpec)> {
        let target = &context.plan.target;
        let connector = connector(&target.provider)?;
        let asked = connector.asked_for(&target.index, &self.0.spec);
        let none = || Error::invalid(format!("{} makes no index", target.provider));
        Ok((connector, asked.ok_or_else(none)?))
    }

    /// Checks that the target can hold what the source has.
    async fn match_source(&self, context: &Context, asked: &IndexSpec) -> Result<()> {
        let source = context
            .world
            .source
            .describe()
            .await?
            .ok_or_else(|| super::audit::no_source(context))?;
        refuse_other_dimension(&source.spec, asked)?;
        if source.spec.deployment.knows_metric && source.spec.metric != asked.metric {
            context.note(format!(
                "the source measures by {}, the target by {}: answers may differ",
                source.spec.metric, asked.metric
            ))?;
        }
        Ok(())
    }

    async fn ensure(&self, context: &Context, asked: &IndexSpec) -> Result<()> {
        guard::claim(context).await?;
        let seen = guard::refuse_another(context, Side::Target).await?;
        let is_ours = context.state()?.created_index.is_some();
        if !is_ours {
            // Chosen now, because an index that already exists cannot be made from a collection.
            for copy in context.plan.copies() {
                route_of(context, &copy).await?;
            }
        }
        if let Some(seen) = seen {
            return self.accept(context, asked, &seen);
        }
        let collection = match collected(context) {
            Some(copy) => Some(make_collection(context, &copy).await?),
            None => None,
        };
        self.create(context, asked, collection).await
    }

    async fn create(
        &self,
        context: &Context,
        asked: &IndexSpec,
        collection: Option<String>,
    ) -> Result<()> {
        let (stage, index) = (context.id(), asked.name.clone());
        let mut tagged = asked.clone();
        if tagged.tags.len() < self.asked(context)?.0.most_tags() {
            tagged.tags.extend(own_tags(context));
        }
        let target = &context.world.target;
        let admin = target.must_admin()?;
        context
            .record(Event::IndexCreateIntended { stage: stage.clone(), index: index.clone() })?;
        let created = match &collection {
            Some(collection) => {
                context.note(format!("made from the collection `{collection}`"))?;
                admin.create_from(&tagged, collection).await
            }
            None => admin.create(&tagged).await,
        };
        match created {
            Ok(()) => {
                let identity = target.describe().await?.map(|seen| seen.identity());
                context.record(Event::IndexCreated { stage, index, identity })
            }
            // The answer to an earlier attempt may have been lost, or somebody else was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                guard::claim(context).await?;
                let seen = target.describe().await?.ok_or(error)?;
                self.accept(context, asked, &seen)
            }
            Err(error) => Err(error),
        }
    }

    /// Accepts an existing index that matches, and refuses one that differs.
    fn accept(&self, context: &Context, asked: &IndexSpec, seen: &IndexDescription) -> Result<()> {
        refuse_differences(&context.plan, asked, &seen.spec)?;
        if context.state()?.created_index.is_some() {
            return Ok(());
        }
        context.record(Event::IndexFound {
            stage: context.id(),
            index: asked.name.clone(),
            identity: Some(seen.identity()),
        })
    }
}

/// Returns the copy whose collection the target is made from. It is the plan's only copy, because such an index holds
/// the whole source unchanged.
fn collected(context: &Context) -> Option<CopyStage> {
    let is_collected = |copy: &CopyStage| recorded_route(context, copy) == Some(Route::Collection);
    context.plan.copies().into_iter().find(is_collected)
}

/// Waits until `index` is ready.
///
/// # Errors
/// `Refused` if it ends up in a failed state; `Timeout` after `limit`.
pub(super) async fn wait_index(
    context: &Context,
    index: &dyn Target,
    limit: Duration,
) -> Result<IndexDescription> {
    let look = || async {
        match index.describe().await? {
            Some(seen) if seen.ready => Ok(Break(seen)),
            Some(seen) if seen.state.ends_with("Failed") => {
                let message =
                    format!("the index `{}` ended in the state {}", seen.spec.name, seen.state);
                Err(Error::new(ErrorKind::Refused, message)
                    .with_hint("roll back, which removes it, and run again"))
            }
            seen => Ok(Continue(seen)),
        }
    };
    let late = |seen: Option<IndexDescription>| {
        let state = seen.map_or("it is not there".to_owned(), |seen| {
            format!("`{}` is {}", seen.spec.name, seen.state)
        });
        let message = format!("the index was not ready within {}: {state}", Span(limit));
        Error::new(ErrorKind::Timeout, message).with_hint(
            "run the same command again to go on waiting, or roll back, which removes it",
        )
    };
    context.poll(Patience { limit, pause: PAUSE }, look, late).await
}

/// Writes, reads and removes one record in a namespace of its own.
async fn probe(context: &Context, index: &IndexDescription) -> Result<()> {
    let target = &context.world.target;
    let namespace = guard::probe_namespace(context, "probe");
    let record = probe_record(&index.spec);
    target.must_write()?.upsert(&namespace, std::slice::from_ref(&record)).await?;
    let fetch = target.must_fetch()?;
    let patience = Patience { limit: READABLE, pause: PAUSE };
    let read = || async {
        let seen = fetch.fetch(&namespace, std::slice::from_ref(&record.id)).await?;
        match seen.first() {
            Some(seen) if seen.vector == record.vector && seen.metadata == record.metadata => {
                Ok(Break(()))
            }
            Some(_) => {
                let message = "the target gives a probe record back changed";
                Err(Error::new(ErrorKind::Conflict, message))
            }
            None => Ok(Continue(())),
        }
    };
    let unread = |()| {
        let message = "a probe record could not be read back within 2 minutes";
        Error::new(ErrorKind::Timeout, message)
    };
    context.poll(patience, read, unread).await?;
    guard::remove_probe(context, &namespace).await?;
    wait_empty(context, &namespace, patience, "the probe record").await
}

/// Waits until the target counts no record in a namespace.
///
/// # Errors
/// `Timeout`, naming `what` is still there.
pub(super) async fn wait_empty(
    context: &Context,
    namespace: &Namespace,
    patience: Patience,
    what: &str,
) -> Result<()> {
    let look = || async {
        let counts = context.world.target.stats().await?;
        Ok(if counts.count(namespace) > 0 { Continue(()) } else { Break(()) })
    };
    let late = |()| {
        let message = format!("{what} could not be removed within {}", Span(patience.limit));
        Error::new(ErrorKind::Timeout, message)
    };
    context.poll(patience, look, late).await
}

pub(super) fn probe_record(spec: &IndexSpec) -> Record {
    let dimension = spec.dimension.unwrap_or(0) as usize;
    let component = 1.0 / (dimension.max(1) as f32).sqrt();
    let sparse = match spec.vector_type {
        VectorType::Sparse => SparseVector::new(vec![1], Vector::from_values([1.0])),
        VectorType::Dense => None,
    };
    Record {
        id: RecordId::new("vecshift-probe"),
        vector: Vector::from_values(std::iter::repeat_n(component, dimension)),
        sparse,
        metadata: Metadata::default(),
    }
}
