//! The view of the source that the shards of a copy are planned in and read from, where the source has views.

use crate::error::{ErrorKind, Result};
use crate::journal::{Event, Route};
use crate::model::{Cursor, IndexStats, Resource, ResourceKind, ResourceSeen, View};
use crate::plan::CopyStage;
use crate::plan::file::EnumerateBy;
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

/// Returns whether a copy by this route reads what the source scans. Ids that come from elsewhere are fetched, as they are
/// now.
pub(super) fn is_read_by(copy: &CopyStage, route: Route) -> bool {
    let is_listed = matches!(copy.asked.enumerate, EnumerateBy::Manifest(_));
    matches!(route, Route::Stream | Route::Import) && !is_listed
}

/// Counts what the view shows that is read; `None` where there is none, or it is lost: where something is left to be read,
/// another one was opened before.
///
/// # Errors
/// Those of the source.
pub(super) async fn counts(context: &Context, copy: &CopyStage) -> Result<Option<IndexStats>> {
    match (known(context, copy)?, context.world.source.views()) {
        (Some(view), Some(views)) => match views.count(&view).await {
            Err(error) if error.kind() == ErrorKind::ViewLost => Ok(None),
            counted => counted?.proven().map(Some),
        },
        _ => Ok(None),
    }
}

/// Closes the view that is read, if there is one: what is planned anew has to show what was counted for it. One that
/// another process still holds is left to it, with a note.
///
/// # Errors
/// Those of the source and of the journal.
pub(super) async fn end(context: &Context, copy: &CopyStage) -> Result<()> {
    let Some(view) = known(context, copy)? else { return Ok(()) };
    if let Some(views) = context.world.source.views() {
        match views.close(&view).await {
            Err(error) if error.kind() == ErrorKind::Refused => {
                let hint = error.hint().unwrap_or_default();
                context.note(format!("{}: {hint}", error.message()))?;
            }
            closed => closed?,
        }
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
