//! Finds the ids a source namespace holds now.

use std::sync::Arc;

use crate::copy::Mapping;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Transfer;
use crate::model::{Enumeration, Namespace, Shard};
use crate::plan::CopyStage;
use crate::run::Context;
use crate::run::route::Enumerator;
use crate::store::Source;

/// Returns shards that reach every record the namespace holds now: the ones it was copied with if they still fit,
/// otherwise new ones. `count` is the source's current record count.
///
/// A collection or staging index that listed the ids for the copy no longer exists, or has become the target. The
/// source itself is asked first, and the target only if the source cannot list its ids.
///
/// # Errors
/// `Refused` if some ids cannot be found.
pub(in crate::run) async fn current_shards(
    context: &Context,
    namespace: &Namespace,
    count: u64,
    transfer: Option<&Transfer>,
) -> Result<Vec<Shard>> {
    let Some((transfer, first)) =
        transfer.and_then(|transfer| Some((transfer, transfer.shards.first()?)))
    else {
        return anew(context, &context.world.source, namespace, namespace, count).await;
    };
    let whole = |enumeration: Enumeration| {
        let (source, target) = (namespace.clone(), transfer.target.clone());
        vec![Shard { source, cell: 0, target, enumeration, expected: count }]
    };
    match &first.shard.enumeration {
        given @ Enumeration::Manifest { .. } => Ok(whole(given.clone())),
        Enumeration::Scan(range) if !context.world.source.must_scan()?.is_bound(range) => {
            Ok(whole(first.shard.enumeration.clone()))
        }
        Enumeration::Scan(_) => match are_as_planned(context, transfer, count).await? {
            true => Ok(transfer.shards.iter().map(|state| state.shard.clone()).collect()),
            false => anew(context, &context.world.source, namespace, &transfer.target, count).await,
        },
        other @ (Enumeration::Staging { .. } | Enumeration::Collection) => {
            let source = &context.world.source;
            match anew(context, source, namespace, &transfer.target, count).await {
                Err(error) if error.kind() == ErrorKind::Refused => Ok(whole(other.clone())),
                found => found,
            }
        }
    }
}

/// Returns whether every range still holds the planned number of records, and the ranges together hold `count`.
async fn are_as_planned(context: &Context, transfer: &Transfer, count: u64) -> Result<bool> {
    let mut sum = 0;
    for state in &transfer.shards {
        sum += state.shard.expected;
        let Enumeration::Scan(range) = &state.shard.enumeration else { continue };
        let counted = context.world.source.must_scan()?.recount(&state.shard.source, range).await?;
        if counted.is_some_and(|counted| counted != state.shard.expected) {
            return Ok(false);
        }
    }
    Ok(sum == count)
}

/// Returns shards that reach every record of a namespace of `index`, which holds `count`.
///
/// # Errors
/// `Refused` if some ids cannot be found.
pub(super) async fn anew(
    context: &Context,
    index: &Arc<dyn Source>,
    source: &Namespace,
    target: &Namespace,
    count: u64,
) -> Result<Vec<Shard>> {
    let enumerator = Enumerator {
        plan: &context.plan,
        copy: &CopyStage::whole().asked,
        source: index.clone(),
        most_counts: None,
        is_anew: true,
        view: None,
    };
    let (source, target) = (source.clone(), target.clone());
    let found = enumerator.one(&Mapping { source, target, records: count }).await?;
    found.gap().map_or_else(|| Ok(found.shards()), Err)
}

/// Turns a conflict met while reading into a refusal that says the namespace was being written to.
pub(super) fn restless(namespace: &Namespace, error: Error) -> Error {
    if error.kind() != ErrorKind::Conflict {
        return error.with_context("namespace", namespace.explicit());
    }
    let message = format!("`{namespace}` changed while it was read: {}", error.message());
    Error::new(ErrorKind::Refused, message)
        .with_source(error)
        .with_hint("stop what writes to it and run the same command again; nothing was deleted")
}
