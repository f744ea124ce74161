//! One shard from its cursor to its end: pages of whole records are read, changed and written, several at once, and settle
//! in order.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::stream::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use super::acked::{Acked, Keep};
use super::dead_letter::DeadLetters;
use super::existing::{Skipped, meet_records};
use super::export::{Export, FILE_BYTES};
use super::origin::{Lists, pages_of};
use super::transform::{Changed, Transform};
use super::writer::{Settled, Writer};
use crate::error::Result;
use crate::model::{
    Checkpoint, Comparing, Contents, Cursor, Namespace, Record, RecordId, Shard, Tally, Token, View,
};
use crate::store::read::{PAGE_BYTES, Page, PageSize, Reading, Room, begin, record_guess};
use crate::store::{Refusal, Rule, Source, Target};

/// Pages of one shard that are written, or settled and waiting for their turn.
const SETTLING: usize = 16;

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
    /// How what the target holds is compared with what it would keep of what is written over it.
    pub comparing: Arc<Comparing>,
    pub transform: Arc<Transform>,
    pub dead_letters: Arc<DeadLetters>,
    /// Components of a vector, for queries that find ids and for sizing pages.
    pub dimension: usize,
    /// The most records a second that are read from the source.
    pub rate: Option<f64>,
    /// Where the records are held that are read.
    pub room: Room,
    pub cancel: CancellationToken,
}

/// What became of a page.
struct Done {
    tally: Tally,
    token: Option<Token>,
    contents: Contents,
    after: Cursor,
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
    /// Ids whose records are asked for at once where only ids are known.
    pub(super) fn page_ids(&self) -> usize {
        let most = self.source.limits().fetch_ids;
        (PAGE_BYTES / record_guess(self.dimension)).clamp(1, most.max(1))
    }

    /// How the source is read; what is learned of the records serves all shards that are read so.
    pub fn reading(&self) -> Reading {
        let bytes = if self.export.is_some() { FILE_BYTES } else { PAGE_BYTES };
        let asked = self.source.limits().fetch_ids;
        let most = self.rate.map_or(asked, |rate| asked.min(rate.ceil().max(1.0) as usize));
        Reading::new(self.room.clone(), PageSize::new(most, bytes, self.dimension))
    }

    /// Returns a record with the metadata that the target keeps of it. What it makes of a vector stays a difference.
    pub(super) fn with_kept_metadata(&self, record: Record) -> Record {
        let Some(write) = self.target.write() else { return record };
        let kept = match write.kept(&record) {
            Cow::Borrowed(_) => None,
            Cow::Owned(Record { metadata, .. }) => Some(metadata),
        };
        match kept {
            Some(metadata) => Record { metadata, ..record },
            None => record,
        }
    }

    /// What copies shards, from this view of the source if there is one: the room and what is learned of either side are
    /// shared by all of them.
    ///
    /// # Errors
    /// `Unsupported` if the target takes no records.
    pub fn copier(&self, view: Option<View>) -> Result<Copier> {
        let writer = Writer::new(&*self.target)?;
        let mut reading = Reading { view, ..self.reading() };
        if self.export.is_none() {
            reading.size.batches_of(writer.batch_bytes());
        }
        if self.skip.is_some() {
            reading = reading.with_others();
        }
        Ok(Copier(Arc::new(Shared { pipeline: self.clone(), reading, writer })))
    }
}

/// The two ends of a copy and what happens between them. Cloning shares it.
#[derive(Clone)]
pub struct Copier(Arc<Shared>);

struct Shared {
    pipeline: Pipeline,
    reading: Reading,
    writer: Writer,
}

impl Copier {
    pub fn pipeline(&self) -> &Pipeline {
        &self.0.pipeline
    }

    /// The view that it reads from.
    pub fn view(&self) -> Option<&View> {
        self.0.reading.view.as_ref()
    }

    /// Copies a shard from `from` on. `checkpoints` are given every settled page, in order.
    ///
    /// # Errors
    /// The first error that neither a retry nor the dead-letter file could handle. The last checkpoint is valid.
    pub async fn copy(
        &self,
        shard: &Shard,
        from: &Checkpoint,
        lists: Lists,
        checkpoints: &mut dyn Keep,
    ) -> Result<ShardEnd> {
        let (mut tally, mut token) = (from.tally, from.token.clone());
        // A shard that began without keeping its contents has lost those of its first records.
        let mut contents = match from.cursor {
            Cursor::Start => Some(Contents::default()),
            _ => from.contents,
        };
        if from.cursor == Cursor::End {
            return Ok(ShardEnd::Complete(tally));
        }
        let Shared { pipeline, reading, writer } = &*self.0;
        let pages = pages_of(&*pipeline.source, shard, &from.cursor, lists, reading).await?;
        let (shared, of) = (self.0.clone(), Arc::new(shard.clone()));
        let mut before = tally.enumerated;
        let mut settled = pages
            .map_ok(move |page| {
                let at = before;
                before += page.found;
                let (shared, of) = (shared.clone(), of.clone());
                begin(async move { shared.settle(&of, page, at).await })
            })
            .try_buffered(SETTLING)
            .take_until(pipeline.cancel.clone().cancelled_owned())
            .boxed();
        while let Some(done) = settled.try_next().await? {
            tally.add(done.tally);
            token = writer.both(token, done.token)?;
            contents = contents.map(|before| before + done.contents);
            let cursor = done.after;
            let at = Checkpoint { cursor: cursor.clone(), tally, token: token.clone(), contents };
            checkpoints.keep(Acked::new(at)).await?;
            if cursor == Cursor::End {
                return Ok(ShardEnd::Complete(tally));
            }
        }
        Ok(ShardEnd::Interrupted)
    }
}

impl Shared {
    /// Settles a page of a shard, `before` of whose ids stand before it.
    async fn settle(&self, shard: &Shard, mut page: Page, before: u64) -> Result<Done> {
        let mut tally =
            Tally { enumerated: page.found, missing: page.missing(), ..Tally::default() };
        let records = std::mem::take(&mut page.records);
        let (mut records, mut refused) = self.pipeline.change(shard, records, &mut tally);
        tally.skipped = self.pipeline.leave_alone(&shard.target, &mut records).await?;
        tally.bytes = records.iter().map(|record| record.stored_bytes() as u64).sum();
        let settled = self.write(shard, before, records).await?;
        refused.extend(settled.refused);
        tally.copied = settled.copied;
        tally.failed = refused.len() as u64;
        self.pipeline.dead_letters.put(&shard.source, &shard.target, refused).await?;
        Ok(Done { tally, token: settled.token, contents: page.contents, after: page.after.clone() })
    }

    async fn write(&self, shard: &Shard, before: u64, records: Vec<Record>) -> Result<Settled> {
        let (accepted, mut settled) = self.writer.sort_out(&shard.target, records);
        match &self.pipeline.export {
            Some(export) => settled.copied = export.write(shard, before, accepted).await?,
            None => {
                let weighed = self.writer.weigh(accepted);
                self.reading.size.written(weighed.len(), weighed.bytes());
                settled = self.writer.write(&shard.target, &weighed, settled).await?;
                self.reading.size.batches_of(self.writer.batch_bytes());
            }
        }
        Ok(settled)
    }
}

impl Pipeline {
    /// The records as the target is to have them, and those that cannot be changed as the plan asks.
    fn change(
        &self,
        shard: &Shard,
        records: Vec<Record>,
        tally: &mut Tally,
    ) -> (Vec<Record>, Vec<(Record, Refusal)>) {
        let mut unchangeable = Vec::new();
        let change = |record| match self.transform.change(&shard.source, record) {
            Changed::LeftOut => {
                tally.left_out += 1;
                None
            }
            Changed::Kept(record) => Some(record),
            Changed::Refused(record, reason) => {
                unchangeable.push((record, Refusal::new(Rule::Change, reason)));
                None
            }
        };
        // They stay in the memory that they are in.
        let changed = records.into_iter().filter_map(change).collect();
        (changed, unchangeable)
    }

    /// Takes out of `records` those whose ids hold something else in the target, where the plan leaves such alone; how
    /// many. What is there just so is written once more, which changes nothing.
    async fn leave_alone(&self, namespace: &Namespace, records: &mut Vec<Record>) -> Result<u64> {
        let Some((namespaces, skipped)) = &self.skip else { return Ok(0) };
        if !namespaces.contains(namespace) {
            return Ok(0);
        }
        let met = meet_records(&*self.target, namespace, records, &self.comparing).await?;
        if met.other.is_empty() {
            return Ok(0);
        }
        let other: HashSet<&RecordId> = met.other.iter().collect();
        let is_other = |record: &mut Record| other.contains(&record.id);
        let left: Vec<Record> = records.extract_if(.., is_other).collect();
        let count = left.len() as u64;
        skipped.put(namespace, left).await?;
        Ok(count)
    }
}
