//! Copies one shard from its cursor to its end.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::future::FutureExt;
use futures::stream::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::acked::Acked;
use super::concurrency::Adaptive;
use super::dead_letter::DeadLetters;
use super::enumerate::{IdChunk, Ids, Lists};
use super::existing::{Skipped, meet_records};
use super::export::{Export, FILE_BYTES, FILE_RECORDS};
use super::transform::{Changed, Transform};
use super::upsert::{Settled, upsert};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Checkpoint, Contents, Cursor, Namespace, Record, RecordId, Shard, Tally};
use crate::provider::{Refusal, Rule, Source, Target};

/// The intended size of a chunk in bytes, slightly below Pinecone's limit of 2 MB per upsert.
const CHUNK_BYTES: usize = 1_800_000;

/// The assumed size of a record besides its vector, for sizing chunks.
const METADATA_GUESS: usize = 600;

/// The state that all shards of a copy share, also across clones.
#[derive(Clone)]
pub struct Pipeline {
    pub source: Arc<dyn Source>,
    pub target: Arc<dyn Target>,
    /// Lists the source's ids if the source cannot.
    pub staging: Option<Arc<dyn Source>>,
    /// The destination of files for an import; `None` to upsert records instead.
    pub export: Option<Arc<Export>>,
    /// Target namespaces in which existing ids with other contents are skipped, and the file where those are noted.
    pub skip: Option<(Arc<BTreeSet<Namespace>>, Arc<Skipped>)>,
    pub transform: Arc<Transform>,
    pub dead_letters: Arc<DeadLetters>,
    pub concurrency: Arc<Adaptive>,
    /// The number of chunks of one shard that may be in progress, or settled and waiting for their turn.
    pub chunks_in_flight: usize,
    /// The dimension of vectors, for sizing chunks.
    pub dimension: usize,
    /// Returns the number of times both sides have asked to slow down.
    pub throttled: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub cancel: CancellationToken,
}

/// The result of settling a chunk.
struct Done {
    tally: Tally,
    lsn: Option<u64>,
    contents: Contents,
}

/// Returns the assumed size of a record in bytes before any has been seen.
pub fn record_guess(dimension: usize) -> usize {
    dimension * 4 + METADATA_GUESS
}

/// The end of copying a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardEnd {
    /// Every id found by the enumeration is settled.
    Complete(Tally),
    /// The run was asked to stop; the last checkpoint is valid.
    Interrupted,
}

impl Pipeline {
    /// Returns the number of ids a chunk should hold.
    pub fn chunk_ids(&self) -> usize {
        let record = record_guess(self.dimension);
        let fetched = self.source.capabilities().limits.fetch_ids;
        let ids = match self.export {
            // Metadata may be far larger than assumed.
            Some(_) => (FILE_BYTES / record).min(FILE_RECORDS),
            None => (CHUNK_BYTES / record).min(self.target.capabilities().limits.upsert_records),
        };
        ids.min(fetched).max(1)
    }

    /// Copies a shard, starting at `from`. `checkpoint` is called for every settled chunk, in order; the caller makes
    /// it durable.
    ///
    /// # Errors
    /// The first error that neither a retry nor the dead-letter file could handle. The last checkpoint is valid.
    pub async fn copy(
        &self,
        shard: &Shard,
        from: &Checkpoint,
        lists: Lists,
        checkpoint: &mut (dyn FnMut(Acked<Checkpoint>) -> Result<()> + Send),
    ) -> Result<ShardEnd> {
        let (mut tally, mut lsn) = (from.tally, from.lsn);
        // A shard that began without keeping its contents has lost those of its first records.
        let mut contents = match from.cursor {
            Cursor::Start => Some(Contents::default()),
            _ => from.contents,
        };
        if from.cursor == Cursor::End {
            return Ok(ShardEnd::Complete(tally));
        }
        let size = self.chunk_ids();
        let ids = Ids::start(self.source.clone(), shard, &from.cursor, size, lists).await?;
        let (pipeline, of) = (self.clone(), Arc::new(shard.clone()));
        let mut before = tally.enumerated;
        let mut settled = ids
            .into_stream()
            .map_ok(move |chunk| {
                let at = before;
                before += chunk.ids.len() as u64;
                pipeline.clone().settle(of.clone(), chunk, at).boxed()
            })
            .try_buffered(self.chunks_in_flight.max(1))
            .take_until(self.cancel.clone().cancelled_owned())
            .boxed();
        while let Some((done, cursor)) = settled.try_next().await? {
            tally.add(done.tally);
            lsn = lsn.max(done.lsn);
            contents = contents.map(|before| before + done.contents);
            checkpoint(Acked::new(Checkpoint { cursor: cursor.clone(), tally, lsn, contents }))?;
            if cursor == Cursor::End {
                return Ok(ShardEnd::Complete(tally));
            }
        }
        Ok(ShardEnd::Interrupted)
    }

    async fn settle(
        self,
        shard: Arc<Shard>,
        chunk: IdChunk,
        before: u64,
    ) -> Result<(Done, Cursor)> {
        let permit = self.concurrency.acquire().await?;
        let result = self.settle_ids(&shard, &chunk.ids, before).await;
        self.concurrency.release(permit, (self.throttled)());
        Ok((result?, chunk.after))
    }

    /// Settles some ids of a shard; `before` ids of the shard precede them.
    async fn settle_ids(&self, shard: &Shard, ids: &[RecordId], before: u64) -> Result<Done> {
        let mut tally = Tally { enumerated: ids.len() as u64, ..Tally::default() };
        let records = fetch_all(&*self.source, &shard.source, ids).await?;
        tally.missing = (ids.len() - records.len()) as u64;
        let contents = Contents::of(&records);
        let mut changed = Vec::with_capacity(records.len());
        let mut unchangeable = Vec::new();
        for record in records {
            match self.transform.change(&shard.source, record) {
                Changed::LeftOut => tally.left_out += 1,
                Changed::Kept(record) => changed.push(record),
                Changed::Refused(record, reason) => {
                    unchangeable.push((record, Refusal::new(Rule::Change, reason)));
                }
            }
        }
        tally.skipped = self.leave_alone(&shard.target, &mut changed).await?;
        tally.bytes = changed.iter().map(|record| record.stored_bytes() as u64).sum();
        let Settled { copied, mut refused, lsn } = match &self.export {
            Some(export) => export.write(&*self.target, shard, before, changed).await?,
            None => upsert(&*self.target, &shard.target, changed).await?,
        };
        refused.extend(unchangeable);
        tally.copied = copied;
        tally.failed = refused.len() as u64;
        for (record, refusal) in refused {
            self.dead_letters.put(&shard.source, &shard.target, &record, &refusal)?;
        }
        Ok(Done { tally, lsn, contents })
    }
}

impl Pipeline {
    /// Removes from `records` those whose ids hold something else in the target, if the plan skips such ids, and
    /// returns their number. Records that are already there unchanged are written again, which has no effect.
    async fn leave_alone(&self, namespace: &Namespace, records: &mut Vec<Record>) -> Result<u64> {
        let Some((namespaces, skipped)) = &self.skip else { return Ok(0) };
        if !namespaces.contains(namespace) {
            return Ok(0);
        }
        let met = meet_records(&*self.target, namespace, records).await?;
        if met.other.is_empty() {
            return Ok(0);
        }
        let other: HashSet<&RecordId> = met.other.iter().collect();
        let is_other = |record: &mut Record| other.contains(&record.id);
        let left: Vec<Record> = records.extract_if(.., is_other).collect();
        skipped.put(namespace, &left)?;
        Ok(left.len() as u64)
    }
}

/// Fetches records by id in as many requests as the source's limit requires, each id at most once.
///
/// # Errors
/// `Protocol` if the source returns a record that was not requested.
pub async fn fetch_all(
    source: &dyn Source,
    namespace: &Namespace,
    ids: &[RecordId],
) -> Result<Vec<Record>> {
    let mut records = Vec::with_capacity(ids.len());
    for part in ids.chunks(source.capabilities().limits.fetch_ids.max(1)) {
        let answer = source.fetch(namespace, part).await?;
        let mut asked: std::collections::HashSet<&RecordId> = part.iter().collect();
        for record in &answer {
            if !asked.remove(&record.id) {
                let message =
                    format!("the source answered with `{}`, which was not asked for", record.id);
                return Err(
                    Error::new(ErrorKind::Protocol, message).with_context("namespace", namespace)
                );
            }
        }
        records.extend(answer);
    }
    Ok(records)
}
