//! The index that lists the ids of a source that cannot.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{Resource, ResourceKind};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::context::guard::own_name;
use crate::store::Source;

/// The index that is made for a copy beside the target.
pub(in crate::run) fn staging_index(context: &Context, copy: &CopyStage) -> Resource {
    let name = format!("vecshift-staging-{}", own_name(context, copy));
    Resource { kind: ResourceKind::StagingIndex, name }
}

/// Opens the staging index to read from it.
///
/// # Errors
/// `NotFound` if it is gone.
pub(super) async fn open(context: &Context, copy: &CopyStage) -> Result<Arc<dyn Source>> {
    let name = staging_index(context, copy).name;
    let index = context.world.open_other(&name)?;
    // Its parts are those of what it is found to be.
    match index.describe().await? {
        Some(_) => Ok(index),
        None => {
            let message = format!("the staging index `{name}` is gone");
            Err(Error::new(ErrorKind::NotFound, message)
                .with_hint("run the same command again: it is made anew"))
        }
    }
}
