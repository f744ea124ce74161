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
    let resource = view_of(context, copy);
    let made = context.state()?.made.get(&resource).and_then(|seen| seen.view.clone());
    Ok(made)
}

/// Opens a view, unless a shard that is half read can go on in the one that it began in. Of what is lost, the next one
/// shows what is there now; whether that is as much as was planned is proven in the end.
///
/// # Errors
/// Those of the source.
pub(super) async fn open(context: &Context, copy: &CopyStage) -> Result<()> {
    let Some(views) = context.world.source.views() else { return Ok(()) };
    if let Some(view) = known(context, copy)? {
        let is_there = is_there(&*views, &view).await?;
        if is_half_read(context)? {
            if is_there {
                return Ok(());
            }
            context.note(
                "the view that the source was read from is lost: the copy goes on where it stopped, with what is there now",
            )?;
        }
        views.close(&view).await?;
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

/// Returns whether a shard was begun and not read to its end.
fn is_half_read(context: &Context) -> Result<bool> {
    let shards = context.state()?.shards;
    let cursors = shards.values().map(|state| &state.checkpoint.cursor);
    Ok(cursors.into_iter().any(|cursor| matches!(cursor, Cursor::At(_))))
}
