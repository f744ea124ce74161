//! Finds the ids of a shard, chunk by chunk, each with the cursor after it.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt};

use super::listing::{IdChunk, Listing};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Cursor, Enumeration, Namespace, RecordId, Shard, Vector};
use crate::provider::{Filter, Query, Source};

/// The most records that one query of a pod returns: Pinecone's largest top_k.
pub const SWEEP_LIMIT: u64 = 10_000;

/// The number of directions a sweep queries before it gives up on a namespace, since the index is approximate and may
/// miss some records.
const SWEEP_TRIES: u64 = 6;

/// Manifest ids of one namespace, in file order. A plain iterator, so that the file is read as it is consumed.
pub type Manifest = Box<dyn Iterator<Item = Result<RecordId>> + Send>;

/// The ids of one shard, starting at a cursor.
pub struct Ids {
    walk: Walk,
}

enum Walk {
    List(Listing),
    /// The remaining ids, in bytewise order.
    Sweep(VecDeque<RecordId>),
    Manifest {
        rows: Manifest,
        row: u64,
    },
    Ended,
}

/// Sources of ids for shards whose source cannot list them.
#[derive(Default)]
pub struct Lists {
    /// A staging index or the target that lists the ids instead, and the namespace there.
    pub other: Option<(Arc<dyn Source>, Namespace)>,
    /// The most pages of a listing that are asked for at once; 0 means one.
    pub at_once: usize,
    /// The ids from the system of record.
    pub manifest: Option<Manifest>,
    /// The dimension of vectors, for the queries of a sweep.
    pub dimension: usize,
}

impl Ids {
    /// Starts at `cursor`. A sweep queries the source at this point and proves that it has found as many ids as the
    /// source counts.
    ///
    /// # Errors
    /// `Conflict` with the gap if a sweep does not find exactly as many ids as were counted.
    pub async fn start(
        source: Arc<dyn Source>,
        shard: &Shard,
        cursor: &Cursor,
        lists: Lists,
    ) -> Result<Self> {
        let walk = match (&shard.enumeration, cursor) {
            (_, Cursor::End) => Walk::Ended,
            (Enumeration::List, cursor) => {
                let many = (lists.at_once, shard.expected);
                Walk::List(Listing::start(source, shard.source.clone(), cursor, many))
            }
            (Enumeration::Staging { .. } | Enumeration::Collection, cursor) => {
                let (index, namespace) = lists.other.ok_or_else(|| {
                    Error::unexpected("a shard that another index lists was started without it")
                })?;
                let many = (lists.at_once, shard.expected);
                Walk::List(Listing::start(index, namespace, cursor, many))
            }
            (Enumeration::Sweep | Enumeration::Cell { .. }, cursor) => {
                let ids = sweep(&*source, shard, lists.dimension).await?;
                let skip = match cursor {
                    Cursor::After(id) => Some(RecordId::new(id)),
                    _ => None,
                };
                Walk::Sweep(
                    ids.into_iter()
                        .filter(|id| skip.as_ref().is_none_or(|skip| id > skip))
                        .collect(),
                )
            }
            (Enumeration::Manifest { .. }, cursor) => {
                let mut rows = lists.manifest.ok_or_else(|| {
                    Error::unexpected("a manifest shard was started without its manifest")
                })?;
                let done = match cursor {
                    Cursor::Row(done) => *done,
                    _ => 0,
                };
                for _ in 0..done {
                    rows.next().transpose()?;
                }
                Walk::Manifest { rows, row: done }
            }
        };
        Ok(Self { walk })
    }

    /// All ids that an index lists in a namespace.
    pub fn listed(index: Arc<dyn Source>, namespace: &Namespace) -> Self {
        Self { walk: Walk::List(Listing::start(index, namespace.clone(), &Cursor::Start, (1, 0))) }
    }

    /// The next ids, as many as are asked for; `None` at the end. The last chunk has fewer and the cursor [`Cursor::End`].
    pub async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        let most = most.max(1);
        let chunk = match &mut self.walk {
            Walk::Ended => return Ok(None),
            Walk::List(listing) => listing.next(most).await?,
            Walk::Sweep(rest) => {
                let ids: Vec<_> = rest.drain(..most.min(rest.len())).collect();
                let after = match (rest.is_empty(), ids.last()) {
                    (false, Some(last)) => Cursor::After(last.as_str().to_owned()),
                    _ => Cursor::End,
                };
                IdChunk { ids, after }
            }
            Walk::Manifest { rows, row } => {
                let ids = rows.by_ref().take(most).collect::<Result<Vec<_>>>()?;
                *row += ids.len() as u64;
                let after = if ids.len() < most { Cursor::End } else { Cursor::Row(*row) };
                IdChunk { ids, after }
            }
        };
        if chunk.after == Cursor::End {
            self.walk = Walk::Ended;
        }
        Ok(Some(chunk))
    }

    /// The rest as a stream of chunks of so many.
    pub fn into_stream(self, most: usize) -> BoxStream<'static, Result<IdChunk>> {
        let step =
            move |mut ids: Self| async move { Ok(ids.next(most).await?.map(|chunk| (chunk, ids))) };
        stream::try_unfold(self, step).boxed()
    }
}

/// Finds all ids of a namespace or cell with at most [`SWEEP_LIMIT`] records, in bytewise order.
async fn sweep(source: &dyn Source, shard: &Shard, dimension: usize) -> Result<BTreeSet<RecordId>> {
    let mut found = BTreeSet::new();
    let filter = match &shard.enumeration {
        Enumeration::Cell { filter } => Some(Filter(filter.clone())),
        _ => None,
    };
    if shard.expected == 0 {
        return Ok(found);
    }
    for attempt in 0..SWEEP_TRIES {
        let query = Query {
            vector: direction(dimension, attempt),
            top_k: SWEEP_LIMIT as u32,
            filter: filter.clone(),
            ..Query::default()
        };
        let matches = source.query(&shard.source, &query).await?;
        found.extend(matches.into_iter().map(|found| found.id));
        match (found.len() as u64).cmp(&shard.expected) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(found),
            Ordering::Greater => return Err(grown(shard, found.len())),
        }
    }
    refuse_change(source, shard, filter.as_ref()).await?;
    let gap = shard.expected - found.len() as u64;
    Err(Error::new(
        ErrorKind::Conflict,
        format!(
            "namespace `{}` has {} records by its own count and a sweep finds {}: {gap} are out of reach",
            shard.id(),
            shard.expected,
            found.len()
        ),
    )
    .with_hint("give a manifest of ids: `enumerate: { manifest: { file: ids.csv } }`"))
}

/// Refuses a source whose count has changed since the shard was planned.
///
/// # Errors
/// `Conflict` if the count differs.
async fn refuse_change(source: &dyn Source, shard: &Shard, filter: Option<&Filter>) -> Result<()> {
    let stats = match filter {
        Some(filter) => source.filtered_stats(filter).await?,
        None => source.stats().await?,
    };
    let now = stats.count(&shard.source);
    if now == shard.expected {
        return Ok(());
    }
    let message = format!(
        "`{}` had {} records when it was planned and has {now} now: something writes to the source",
        shard.id(),
        shard.expected
    );
    Err(Error::new(ErrorKind::Conflict, message).with_hint(PAUSE_WRITES))
}

fn grown(shard: &Shard, found: usize) -> Error {
    let message = format!(
        "`{}` had {} records when it was planned and a sweep finds {found}: something writes to the source",
        shard.id(),
        shard.expected
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
