//! What a copy asks for and holds, counted at an index that keeps nothing: requests, bytes and memory. No test here asks
//! how long something takes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vecshift::copy::{Acked, DeadLetters, Keep, Lists, Pipeline, ShardEnd, Transform};
use vecshift::error::{Error, ErrorKind, Result};
use vecshift::model::{
    Checkpoint, Comparing, Cursor, Enumeration, IndexDescription, IndexSpec, IndexStats, Likeness,
    Metadata, Namespace, Range, Record, RecordId, Shard, Token, Vector, Vectors,
};
use vecshift::plan::CopyStage;
use vecshift::provider::pinecone::LIMITS;
use vecshift::store::read::{Given, IdChunk, Ids, Pages, Reading, Room, pages_by_id};
use vecshift::store::{
    Asked, Describe, Fetch, Limits, Promise, Reader, Refusal, Scan, Scope, Source, Split, Target,
    Upserted, Write,
};

/// Bytes of an upsert beside its records.
const ENVELOPE: usize = 2_048;

/// Ids, and records that are made when they are fetched and forgotten when they are written. Cloning shares it.
#[derive(Clone)]
struct Index(Arc<World>);

impl std::ops::Deref for Index {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

struct World {
    ids: BTreeSet<RecordId>,
    dimension: usize,
    /// Bytes that an upsert may have.
    most: usize,
    /// Ids of each fetch, and bytes of each upsert and records.
    fetches: Mutex<Vec<usize>>,
    upserts: Mutex<Vec<(usize, usize)>>,
    too_large: AtomicUsize,
    /// Bytes of vectors that somebody holds, and the most there were.
    held: Arc<AtomicUsize>,
    peak: AtomicUsize,
    arrived: Mutex<BTreeSet<RecordId>>,
}

/// A vector's bytes, which are missed when they are gone.
struct Held(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0.len(), SeqCst);
    }
}

impl World {
    fn new(ids: impl IntoIterator<Item = String>, dimension: usize) -> Self {
        Self {
            ids: ids.into_iter().map(RecordId::from).collect(),
            dimension,
            most: 2_000_000,
            fetches: Mutex::default(),
            upserts: Mutex::default(),
            too_large: AtomicUsize::new(0),
            held: Arc::default(),
            peak: AtomicUsize::new(0),
            arrived: Mutex::default(),
        }
    }
}

impl Index {
    fn record(&self, id: &RecordId) -> Record {
        let held = self.held.fetch_add(self.dimension * 4, SeqCst) + self.dimension * 4;
        self.peak.fetch_max(held, SeqCst);
        let bytes = [1, 0, 128, 63].repeat(self.dimension);
        let vector = Bytes::from_owner(Held(bytes, self.held.clone()));
        Record {
            id: id.clone(),
            vectors: Vectors::plain(Vector::from_le_bytes(vector).unwrap(), None),
            metadata: Metadata::default(),
        }
    }
}

impl Source for Index {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn scan(&self) -> Option<Arc<dyn Scan>> {
        Some(Arc::new(self.clone()))
    }

    fn fetch(&self) -> Option<Arc<dyn Fetch>> {
        Some(Arc::new(self.clone()))
    }
}

impl Target for Index {
    fn write(&self) -> Option<Arc<dyn Write>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Describe for Index {
    async fn describe(&self) -> Result<Option<IndexDescription>> {
        unreachable!()
    }

    async fn stats(&self) -> Result<IndexStats> {
        unreachable!()
    }
}

/// Ids that come a hundred at a time, so that others have their turn in between.
struct InPages(Given);

#[async_trait]
impl Ids for InPages {
    async fn next(&mut self, most: usize) -> Result<Option<IdChunk>> {
        for _ in 0..most.div_ceil(100) {
            tokio::task::yield_now().await;
        }
        self.0.next(most).await
    }
}

/// All ids.
#[async_trait]
impl Scan for Index {
    fn promise(&self) -> Promise {
        Promise::ONCE
    }

    fn whole(&self) -> Option<Range> {
        Some(Range::new(&"all"))
    }

    async fn split(&self, _: Scope<'_>, _: Asked<'_>) -> Result<Split> {
        unreachable!()
    }

    fn is_bound(&self, _: &Range) -> bool {
        false
    }

    async fn recount(&self, _: &Namespace, _: &Range) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn ids(&self, _: Scope<'_>, _: &Range, after: &Cursor) -> Result<Box<dyn Ids>> {
        let ids: Vec<RecordId> = self.ids.iter().cloned().collect();
        Ok(Box::new(InPages(Given::behind(Box::new(ids.into_iter().map(Ok)), after)?)))
    }

    async fn read(
        &self,
        scope: Scope<'_>,
        range: &Range,
        after: &Cursor,
        reading: &Reading,
    ) -> Result<Pages> {
        let ids = self.ids(scope, range, after).await?;
        Ok(pages_by_id(Arc::new(self.clone()), scope.namespace, ids, reading))
    }
}

#[async_trait]
impl Fetch for Index {
    fn most(&self) -> usize {
        LIMITS.fetch_ids
    }

    async fn fetch(&self, _: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        self.fetches.lock().unwrap().push(ids.len());
        Ok(ids.iter().filter(|id| self.ids.contains(*id)).map(|id| self.record(id)).collect())
    }
}

#[async_trait]
impl Write for Index {
    async fn upsert(&self, _: &Namespace, records: &[Record]) -> Result<Upserted> {
        let bytes = records.iter().map(|record| self.request_bytes(record)).sum::<usize>();
        if bytes + ENVELOPE > self.most {
            self.too_large.fetch_add(1, SeqCst);
            return Err(Error::new(ErrorKind::TooLarge, "too large"));
        }
        self.upserts.lock().unwrap().push((bytes, records.len()));
        let ids = records.iter().map(|record| record.id.clone());
        self.arrived.lock().unwrap().extend(ids);
        Ok(Upserted { count: records.len() as u64, ..Upserted::default() })
    }

    fn request_bytes(&self, record: &Record) -> usize {
        record.stored_bytes() + 12
    }

    fn rejects(&self, _: &Namespace, _: &Record, _: Option<&IndexSpec>) -> Option<Refusal> {
        None
    }

    fn both(&self, one: Token, _: Token) -> Result<Token> {
        Ok(one)
    }

    async fn visible(&self, _: &Namespace, _: &Token, _: Reader) -> Result<Option<bool>> {
        Ok(None)
    }
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("rec-{number:06}"))
}

/// Copies `index` into itself from a cursor on, and gives the cursors of its checkpoints and the tally at the end.
async fn copy(index: &Index, from: Cursor) -> (Vec<Cursor>, u64) {
    let text = "version: 1\nname: n\nsource: { provider: pinecone, index: a }\n\
                target: { provider: pinecone, index: b }\nstages: [ { kind: copy, assert: [copy.failed == 0] } ]\n";
    let path = std::path::Path::new("plan.yaml");
    let plan = vecshift::provider::language()
        .read_text(path, text.to_owned(), &Default::default())
        .unwrap()
        .plan;
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline {
        source: Arc::new(index.clone()),
        target: Arc::new(index.clone()),
        staging: None,
        export: None,
        skip: None,
        comparing: Arc::new(Comparing::all(Likeness::Bits)),
        transform: Arc::new(
            Transform::new(&plan, &CopyStage::whole(), Default::default()).unwrap(),
        ),
        dead_letters: Arc::new(DeadLetters::new(folder.path().join("dead.jsonl"))),
        dimension: index.dimension,
        rate: None,
        room: Room::default(),
        cancel: CancellationToken::new(),
    };
    let shard = Shard {
        source: "a".into(),
        cell: 0,
        target: "a".into(),
        enumeration: Enumeration::Scan(Range::new(&"all")),
        expected: index.ids.len() as u64,
    };
    let from = Checkpoint { cursor: from, ..Checkpoint::default() };
    let lists = Lists::default();
    let mut cursors = Cursors::default();
    let end =
        pipeline.copier(None).unwrap().copy(&shard, &from, lists, &mut cursors).await.unwrap();
    let ShardEnd::Complete(tally) = end else { panic!("{end:?}") };
    assert_eq!((tally.copied, tally.missing), (tally.enumerated, 0));
    (cursors.0, tally.copied)
}

/// The cursors of all checkpoints.
#[derive(Default)]
struct Cursors(Vec<Cursor>);

#[async_trait]
impl Keep for Cursors {
    async fn keep(&mut self, acked: Acked<Checkpoint>) -> Result<()> {
        self.0.push(acked.into_inner().cursor);
        Ok(())
    }
}

/// Small records: as many ids as a fetch takes, as many records as an upsert takes.
#[tokio::test]
async fn a_fetch_and_an_upsert_hold_as_many_records_as_they_may() {
    let index = Index(Arc::new(World::new(numbered(20_000), 8)));
    copy(&index, Cursor::Start).await;
    let (fetches, upserts) = (index.fetches.lock().unwrap(), index.upserts.lock().unwrap());
    assert_eq!(*fetches, [1_000; 20]);
    assert_eq!(upserts.len(), 20);
}

/// Large ones: requests are full but for a tenth at the most, and what is held is bounded whatever the number of records.
#[tokio::test]
async fn upserts_are_full_and_memory_is_bounded() {
    for (dimension, records) in [(1_536, 6_000), (3_072, 3_000), (768, 12_000)] {
        let index = Index(Arc::new(World::new(numbered(records), dimension)));
        let (_, copied) = copy(&index, Cursor::Start).await;
        assert_eq!(copied, records as u64);
        let upserts = index.upserts.lock().unwrap();
        let bytes: usize = upserts.iter().map(|(bytes, _)| bytes).sum();
        let fill = bytes as f64 / upserts.len() as f64 / 2e6;
        assert!(fill >= 0.9, "{dimension} dimensions: {fill}");
        let most = upserts.iter().map(|(bytes, _)| bytes + ENVELOPE).max().unwrap();
        assert!(most <= 2_000_000, "{most}");
        let fetches = index.fetches.lock().unwrap().len();
        assert!(fetches <= upserts.len(), "{fetches} fetches, {} upserts", upserts.len());
        let peak = index.peak.load(SeqCst);
        assert!(peak <= 14_500_000, "{dimension} dimensions: {peak} bytes at once");
        assert_eq!(index.held.load(SeqCst), 0);
    }
}

/// A target that takes less than is documented: found out in a few refusals, and no record is lost or refused.
#[tokio::test]
async fn the_targets_own_limit_is_learned() {
    let index = Index(Arc::new(World { most: 1_200_000, ..World::new(numbered(8_000), 1_536) }));
    let (_, copied) = copy(&index, Cursor::Start).await;
    assert_eq!((copied, index.arrived.lock().unwrap().len()), (8_000, 8_000));
    let refused = index.too_large.load(SeqCst);
    assert!(refused <= 24, "{refused} refusals");
    let upserts = index.upserts.lock().unwrap();
    let late = &upserts[upserts.len() / 2..];
    let fill = late.iter().map(|(bytes, _)| bytes).sum::<usize>() as f64 / late.len() as f64;
    assert!(fill >= 0.75 * 1_200_000.0, "{fill}");
}
