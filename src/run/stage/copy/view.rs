//! The view of the source that the shards of a copy are read from, where the source has views.

use crate::error::{ErrorKind, Result};
use crate::journal::Event;
use crate::model::{Cursor, Resource, ResourceKind, ResourceSeen, View};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard::own_name;
use crate::run::stage::resource::{intend, void_where_refused};
use crate::store::Views;

fn view_of(context: &Context, copy: &CopyStage) -> Resource {
    let name = format!("vecshift-{}", own_name(context, copy));
    Resource { kind: ResourceKind::View, name }
}

/// The view that is read; `None` where the source has none.
///
/// # Errors
/// Those of the journal.
pub(super) fn known(context: &Context, copy: &CopyStage) -> Result<Option<View>> {
    let (resource, state) = (view_of(context, copy), context.state()?);
    let is_open = state.resources.contains(&resource);
    Ok(state.made.get(&resource).filter(|_| is_open).and_then(|seen| seen.view.clone()))
}

/// Closes the view that is read, if there is one: what is planned anew has to show what was counted for it.
///
/// # Errors
/// Those of the source and of the journal.
pub(super) async fn end(context: &Context, copy: &CopyStage) -> Result<()> {
    let Some(view) = known(context, copy)? else { return Ok(()) };
    if let Some(views) = context.world.source.views() {
        views.close(&view).await?;
    }
    let resource = view_of(context, copy);
    context.record(Event::ResourceRemoved { stage: context.id(), resource })
}

/// Opens a view, unless the one that is known is still there, so that all shards see one moment. Another one shows what is
/// there now; whether that is as much as was planned is proven in the end.
///
/// # Errors
/// Those of the source.
pub(super) async fn open(context: &Context, copy: &CopyStage) -> Result<()> {
    let Some(views) = context.world.source.views() else { return Ok(()) };
    let known = known(context, copy)?;
    if let Some(view) = &known {
        if is_there(&*views, view).await? {
            return Ok(());
        }
        views.close(view).await?;
    }
    if has_begun(context)? {
        let what = match known {
            Some(_) => "is lost",
            None => "was closed",
        };
        context.note(format!(
            "the view that the source was read from {what}: the copy goes on where it stopped, with what is there now"
        ))?;
    }
    let resource = view_of(context, copy);
    intend(context, &resource).await?;
    let opened = views.open().await;
    let view = match opened {
        Ok(view) => view,
        Err(error) => return void_where_refused(context, &resource, Err(error)),
    };
    let seen = Some(ResourceSeen { view: Some(view), ..ResourceSeen::default() });
    context.record(Event::ResourceMade { stage: context.id(), resource, seen })
}

/// Checks that a view is still there before a shard is read from it.
///
/// # Errors
/// `ViewLost` if it is not.
pub(super) async fn renew(context: &Context, view: Option<&View>) -> Result<()> {
    match (view, context.world.source.views()) {
        (Some(view), Some(views)) => views.renew(view).await,
        _ => Ok(()),
    }
}

async fn is_there(views: &dyn Views, view: &View) -> Result<bool> {
    match views.renew(view).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ViewLost => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns whether anything was read.
fn has_begun(context: &Context) -> Result<bool> {
    let shards = context.state()?.shards;
    Ok(shards.values().any(|state| state.checkpoint.cursor != Cursor::Start))
}
