//! What both sides are, and whether the target can be what the plan asks for.

use crate::copy::{Places, Transform};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexSpec, VectorField, VectorType};
use crate::plan::file::Existing;
use crate::plan::{CopyStage, Plan, StageKind};
use crate::provider::registry::{asked_for, connector};
use crate::run::Context;

/// Builds the error for a missing source, with a hint on what to check.
pub(crate) fn no_source(context: &Context) -> Error {
    context.world.no_source(&context.plan.source)
}

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

/// Returns the changes that a copy makes to records between these sides; a target that is not there yet is as planned.
///
/// # Errors
/// `Invalid` if the plan names what neither side has, or what cannot be made.
pub(crate) fn transform(
    plan: &Plan,
    copy: &CopyStage,
    source: &IndexSpec,
    target: Option<&IndexSpec>,
) -> Result<Transform> {
    let asked = copy.asked.vectors.clone().unwrap_or_default();
    let target = fields_of(plan, target);
    let places = Places::find(&source.vectors(), target.as_deref(), &asked)?;
    Transform::new(plan, copy, places)
}

/// Refuses a copy of vectors that the target has no place for, or searches by another metric, or that could not be verified
/// as the plan asks.
///
/// # Errors
/// Those of [`transform`]; `Refused` with the names and the words of the plan.
pub(crate) fn refuse_unfit(
    plan: &Plan,
    copy: &CopyStage,
    source: &IndexSpec,
    target: Option<&IndexSpec>,
) -> Result<()> {
    let transform = transform(plan, copy, source, target)?;
    let Some(target) = fields_of(plan, target) else { return Ok(()) };
    let places = transform.places();
    places.refuse(&target, source.vector_type)?;
    places.refuse_metrics(&target, accepted_metrics(copy))?;
    refuse_scores(plan, copy, places, &target)?;
    for stage in plan.stages.iter().filter(|one| one.copies.iter().any(|of| of.id == copy.id)) {
        if let StageKind::Verify(asked) = &stage.kind {
            places.comparing(&target, asked.tolerance.as_ref())?;
        }
    }
    Ok(())
}

/// Refuses a target whose answers have other numbers than those of the source, unless the plan accepts it.
fn refuse_scores(
    plan: &Plan,
    copy: &CopyStage,
    places: &Places,
    target: &[VectorField],
) -> Result<()> {
    if copy.asked.scores.is_some() {
        return Ok(());
    }
    let (ours, theirs) = (connector(&plan.source.provider)?, connector(&plan.target.provider)?);
    let changes = places.metrics(target).find_map(|(name, of_source, of_target)| {
        let (before, after) = (ours.score(of_source)?, theirs.score(of_target)?);
        // Who accepts another metric has accepted other answers.
        (of_source == of_target && before != after).then_some((name, before, after))
    });
    let Some((name, before, after)) = changes else { return Ok(()) };
    let message = format!(
        "the numbers of answers change: those for `{name}` are {before} in the source and {after} in the target, so that a threshold in the application means something else"
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint(
        "change what the application compares scores with, and say so in the copy stage: `scores: accept`",
    ))
}

/// Refuses a copy that replaces records of a target with vectors or fields of metadata that it does not bring.
///
/// # Errors
/// Those of [`transform`]; `Refused` with the names.
pub(crate) fn refuse_overwriting(
    plan: &Plan,
    copy: &CopyStage,
    source: &IndexSpec,
    target: &IndexSpec,
) -> Result<()> {
    let transform = transform(plan, copy, source, Some(target))?;
    if copy.asked.existing != Some(Existing::Overwrite) {
        return Ok(());
    }
    transform.places().refuse_overwriting(&target.vectors())?;
    let lost = transform.unbrought(&source.deployment.fields, &target.deployment.fields);
    if lost.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = lost.iter().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "the target holds records, and `existing: overwrite` would empty the fields {} of those that are replaced: no record \
         of the source has them",
        names.join(", ")
    );
    Err(Error::new(ErrorKind::Refused, message).with_hint(
        "name the fields of the target's records without these, which leaves them as they are; or set them by the copy's \
         `metadata: { set: … }`, or say `existing: skip`. Nothing was written",
    ))
}

/// The vectors that the plan lets be searched by another metric, by their names in the source.
pub(crate) fn accepted_metrics(copy: &CopyStage) -> &[String] {
    copy.asked.vectors.as_ref().map_or(&[], |changes| &changes.accept_metric)
}

/// The vector fields of a target; of one that is not there yet, as they are planned.
pub(crate) fn fields_of(plan: &Plan, target: Option<&IndexSpec>) -> Option<Vec<VectorField>> {
    match target {
        Some(target) => Some(target.vectors()),
        None => asked_for(plan).map(|spec| spec.vectors()),
    }
}

/// Refuses a target of another dimension.
///
/// # Errors
/// `Refused` if the target could not hold the source's vectors.
pub(crate) fn refuse_other_dimension(source: &IndexSpec, asked: &IndexSpec) -> Result<()> {
    // Of several, the plan says which goes where.
    let has_several =
        |spec: &IndexSpec| spec.deployment.vectors.iter().any(|field| !field.name.is_only());
    if source.dimension == asked.dimension || has_several(source) || has_several(asked) {
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
