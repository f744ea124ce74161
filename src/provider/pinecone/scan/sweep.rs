//! Finds all ids of a namespace that is small enough for one query, and proves that it did.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};

use async_trait::async_trait;

use super::by::Place;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Filter, RecordId, Vector, Vectors};
use crate::pinecone_wire::limits::TOP_K;
use crate::provider::pinecone::index::Index;
use crate::store::read::{IdChunk, Ids};
use crate::store::{Describe, Filtering, Query, Scope, Search};

/// The most records that one query of a pod returns.
pub const SWEEP_LIMIT: u64 = TOP_K as u64;

/// The number of directions a sweep queries before it gives up on a namespace, since the index is approximate and may
/// miss some records.
const SWEEP_TRIES: u64 = 6;

/// The remaining ids, in bytewise order.
pub(super) struct Sweep {
    rest: VecDeque<RecordId>,
    is_over: bool,
}

impl Sweep {
    /// Queries the index at this point and proves that it has found as many ids as were counted.
    ///
    /// # Errors
    /// `Conflict` with the gap if it does not find exactly as many.
    pub async fn start(
        index: &Index,
        scope: Scope<'_>,
        filter: Option<&Filter>,
        after: &Cursor,
    ) -> Result<Self> {
        let ids = sweep(index, scope, filter).await?;
        let skip = match after.inside()? {
            Some(Place::After(id)) => Some(RecordId::new(&id)),
            _ => None,
        };
        let is_left = |id: &RecordId| skip.as_ref().is_none_or(|skip| id > skip);
        Ok(Self { rest: ids.into_iter().filter(is_left).collect(), is_over: false })
    }
}

#[async_trait]
impl Ids for Sweep {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        if self.is_over {
            return Ok(None);
        }
        let ids: Vec<_> = self.rest.drain(..most.max(1).min(self.rest.len())).collect();
        let after = match (self.rest.is_empty(), ids.last()) {
            (false, Some(last)) => Cursor::at(&Place::After(last.to_string())),
            _ => Cursor::End,
        };
        self.is_over = after == Cursor::End;
        Ok(Some(IdChunk { ids, after }))
    }
}

/// Finds all ids of a namespace or cell with at most [`SWEEP_LIMIT`] records, in bytewise order.
async fn sweep(
    index: &Index,
    scope: Scope<'_>,
    filter: Option<&Filter>,
) -> Result<BTreeSet<RecordId>> {
    let mut found = BTreeSet::new();
    if scope.records == 0 {
        return Ok(found);
    }
    let dimension = index.dimension().await?;
    for attempt in 0..SWEEP_TRIES {
        let query = Query {
            vectors: Vectors::plain(direction(dimension, attempt), None),
            limit: TOP_K,
            filter: filter.cloned(),
        };
        let matches = index.query(scope.namespace, &query).await?;
        found.extend(matches.into_iter().map(|found| found.id));
        match (found.len() as u64).cmp(&scope.records) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(found),
            Ordering::Greater => return Err(grown(scope, found.len())),
        }
    }
    refuse_change(index, scope, filter).await?;
    let gap = scope.records - found.len() as u64;
    Err(Error::new(
        ErrorKind::Conflict,
        format!(
            "namespace `{}` has {} records by its own count and a sweep finds {}: {gap} are out of reach",
            scope.namespace,
            scope.records,
            found.len()
        ),
    )
    .with_hint("give a manifest of ids: `enumerate: { manifest: { file: ids.csv } }`"))
}

/// Refuses a source whose count has changed since the shard was planned.
///
/// # Errors
/// `Conflict` if the count differs.
async fn refuse_change(index: &Index, scope: Scope<'_>, filter: Option<&Filter>) -> Result<()> {
    let stats = match filter {
        Some(filter) => index.count(filter).await?,
        None => index.stats().await?,
    };
    let now = stats.count(scope.namespace);
    if now == scope.records {
        return Ok(());
    }
    let message = format!(
        "`{}` had {} records when it was planned and has {now} now: something writes to the source",
        scope.namespace, scope.records
    );
    Err(Error::new(ErrorKind::Conflict, message).with_hint(PAUSE_WRITES))
}

fn grown(scope: Scope<'_>, found: usize) -> Error {
    let message = format!(
        "`{}` had {} records when it was planned and a sweep finds {found}: something writes to the source",
        scope.namespace, scope.records
    );
    Error::new(ErrorKind::Conflict, message).with_hint(PAUSE_WRITES)
}

const PAUSE_WRITES: &str = "pause writes to the source and run the same command again";

/// Returns a unit vector that differs for each attempt: first all components are equal, then their signs alternate with
/// a growing period.
pub(super) fn direction(dimension: usize, attempt: u64) -> Vector {
    let component = 1.0 / (dimension.max(1) as f32).sqrt();
    Vector::from_values((0..dimension).map(|index| {
        let is_negative = attempt > 0 && (index as u64 >> (attempt - 1)) & 1 == 1;
        if is_negative { -component } else { component }
    }))
}
