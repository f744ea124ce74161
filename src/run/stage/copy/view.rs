//! The view of the source that the shards of a copy are planned in and read from, where the source has views.

use crate::error::{ErrorKind, Result};
use crate::journal::{Event, Route};
use crate::model::{Cursor, IndexStats, Resource, ResourceKind, ResourceSeen, View};
use crate::plan::CopyStage;
use crate::plan::file::EnumerateBy;
use crate::run::Context;
use crate::run::context::guard::own_name;
use crate::run::stage::resource::{intend, void_where_refused};

fn view_of(context: &Context, copy: &CopyStage) -> Resource {
    let name = format!("vecshift-{}", own_name(context, copy));
    Resource { kind: ResourceKind::View, name }
}

/// The view that is read; `None` where the source has none.
///
/// # Errors
/// Those of the journal.
pub(super) fn known(context: &Context, copy: &CopyStage) -> Result<Option<View>> {
    let (resource, state) = (view_of(context, copy), context.stage_state()?);
    let is_open = state.resources.contains(&resource);
    Ok(state.made.get(&resource).filter(|_| is_open).and_then(|seen| seen.view.clone()))
}

/// Returns whether a copy by this route reads what the source scans. Ids that come from elsewhere are fetched, as they are
/// now.
pub(super) fn is_read_by(copy: &CopyStage, route: Route) -> bool {
    let is_listed = matches!(copy.asked.enumerate, EnumerateBy::Manifest(_));
    matches!(route, Route::Stream | Route::Import) && !is_listed
}

/// Counts what a view shows; `None` where there is none, or it is lost: where something is left to be read, another one was
/// opened before.
///
/// # Errors
/// Those of the source.
pub(super) async fn counts(context: &Context, view: Option<&View>) -> Result<Option<IndexStats>> {
    match (view, context.world.source.views()) {
        (Some(view), Some(views)) => match views.count(view).await {
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
/// there now; whether that is as much as was planned is proven in the end. Returns the one that is open, if the source has
/// views.
///
/// # Errors
/// Those of the source.
pub(super) async fn open(context: &Context, copy: &CopyStage) -> Result<Option<View>> {
    let Some(views) = context.world.source.views() else { return Ok(None) };
    let known = known(context, copy)?;
    if let Some(view) = &known {
        match renew(context, copy, Some(view)).await {
            Err(error) if error.kind() == ErrorKind::ViewLost => views.close(view).await?,
            renewed => return renewed,
        }
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
    open_another(context, copy).await
}

/// Opens a view, whatever was read before. Returns it, if the source has views.
///
/// # Errors
/// Those of the source.
pub(super) async fn open_another(context: &Context, copy: &CopyStage) -> Result<Option<View>> {
    let Some(views) = context.world.source.views() else { return Ok(None) };
    let resource = view_of(context, copy);
    intend(context, &resource).await?;
    let opened = views.open().await;
    let view = void_where_refused(context, &resource, opened)?;
    made(context, resource, view.clone())?;
    Ok(Some(view))
}

/// Checks that a view is still there, before a shard is read from it. Returns it by the name under which it goes on, which
/// the next process has to know.
///
/// # Errors
/// `ViewLost` if it is not.
pub(super) async fn renew(
    context: &Context,
    copy: &CopyStage,
    view: Option<&View>,
) -> Result<Option<View>> {
    let (Some(view), Some(views)) = (view, context.world.source.views()) else { return Ok(None) };
    let renewed = views.renew(view).await?;
    if known(context, copy)?.as_ref() != Some(&renewed) {
        made(context, view_of(context, copy), renewed.clone())?;
    }
    Ok(Some(renewed))
}

fn made(context: &Context, resource: Resource, view: View) -> Result<()> {
    let seen = Some(ResourceSeen { view: Some(view), ..ResourceSeen::default() });
    context.record(Event::ResourceMade { stage: context.id(), resource, seen })
}

/// Returns whether anything was read.
fn has_begun(context: &Context) -> Result<bool> {
    let shards = &context.stage_state()?.shards;
    Ok(shards.values().any(|state| state.checkpoint.cursor != Cursor::Start))
}
