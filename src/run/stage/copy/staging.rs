//! An index that lists the source's ids: made from a collection of the source for one copy, beside the target.

use crate::clock::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IndexDescription, IndexSpec, Side};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::line::staging_index;
use crate::run::selection::mappings_left;
use crate::run::sides::no_source;
use crate::run::stage::ready;
use crate::run::stage::resource::{
    COLLECTED, collection, intend, intend_once, late, made, own_tags, ready_within, see_records,
    void_where_refused,
};
use crate::run::taken::Taken;

/// Returns whether the staging index is there.
///
/// # Errors
/// Those of the provider.
pub(super) async fn is_there(context: &Context, copy: &CopyStage) -> Result<bool> {
    let name = staging_index(context, copy).name;
    Ok(context.world.open_other(&name)?.describe().await?.is_some())
}

/// Asks for the staging index, unless it is there.
///
/// # Errors
/// `Refused` if there is no target beside which it could stand; those of the provider.
pub(super) async fn ask(context: &Context, copy: &CopyStage) -> Result<()> {
    let resource = staging_index(context, copy);
    let index = context.world.open_other(&resource.name)?;
    if index.describe().await?.is_some() {
        return intend_once(context, &resource).await;
    }
    let thaw = index.must_thaw()?;
    let (source, target) = sides(context).await?;
    let spec = IndexSpec {
        name: resource.name.clone(),
        deployment: target.spec.deployment,
        deletion_protection: false,
        tags: own_tags(context),
        ..source.spec
    };
    intend(context, &resource).await?;
    match thaw.create_from(&spec, &collection(context, copy).name).await {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => void_where_refused(context, &resource, made),
    }
}

async fn sides(context: &Context) -> Result<(IndexDescription, IndexDescription)> {
    let world = &context.world;
    let source = world.source.describe().await?.ok_or_else(|| no_source(context))?;
    let target = world.target.describe().await?.ok_or_else(|| {
        let message = "a staging index is made beside the target, and there is none";
        Error::new(ErrorKind::Refused, message)
    })?;
    Ok((source, target))
}

/// Looks once, in the step of this name, whether the staging index is ready.
///
/// # Errors
/// `Refused` if it ends up in a failed state; `Timeout` if it is not ready in time.
pub(super) async fn see_ready(context: &Context, copy: &CopyStage, step: &str) -> Result<Taken> {
    let name = staging_index(context, copy).name;
    let index = context.world.open_other(&name)?;
    let limit = ready_within(copy);
    let patience = Patience { limit, pause: ready::PAUSE };
    let late = |_| late(&format!("the staging index `{name}`"), limit);
    let seen = context.look_again(step, patience, ready::look(&*index), late).await?;
    Ok(seen.into())
}

/// Looks once, in the step of this name, whether the staging index shows every id.
///
/// # Errors
/// `Timeout` if they do not appear in time.
pub(super) async fn see_listed(context: &Context, copy: &CopyStage, step: &str) -> Result<Taken> {
    let resource = staging_index(context, copy);
    let index = context.world.open_other(&resource.name)?;
    let wait = (step, ready_within(copy));
    let left = mappings_left(context, &copy.id, &[Side::Source]);
    match see_records(context, &*index, &left, wait, COLLECTED).await? {
        Taken::Again => Ok(Taken::Again),
        Taken::Done => made(context, resource).await.map(|()| Taken::Done),
    }
}
