//! What a copy asks for and holds, counted at an index that keeps nothing: requests, bytes and memory. No test here asks
//! how long something takes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use vecshift::copy::{DeadLetters, Lists, Pipeline, Room, ShardEnd, Transform};
use vecshift::error::{Error, ErrorKind, Result};
use vecshift::model::{
    Checkpoint, Cursor, Enumeration, IndexDescription, IndexSpec, IndexStats, Metadata, Namespace,
    Record, RecordId, Shard, Vector,
};
use vecshift::plan::file::Copy;
use vecshift::provider::pinecone::LIMITS;
use vecshift::provider::{
    Capabilities, Collection, Filter, IdPage, Import, Match, Query, Refusal, Source, Target,
    Upserted,
};

/// Bytes of an upsert beside its records.
const ENVELOPE: usize = 2_048;

/// Ids, and records that are made when they are fetched and forgotten when they are written.
struct Index {
    ids: BTreeSet<RecordId>,
    dimension: usize,
    /// Bytes that an upsert may have.
    most: usize,
    latency: Duration,
    lists: AtomicUsize,
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

impl Index {
    fn new(ids: impl IntoIterator<Item = String>, dimension: usize) -> Self {
        Self {
            ids: ids.into_iter().map(RecordId::from).collect(),
            dimension,
            most: 2_000_000,
            latency: Duration::ZERO,
            lists: AtomicUsize::new(0),
            fetches: Mutex::default(),
            upserts: Mutex::default(),
            too_large: AtomicUsize::new(0),
            held: Arc::default(),
            peak: AtomicUsize::new(0),
            arrived: Mutex::default(),
        }
    }

    fn record(&self, id: &RecordId) -> Record {
        let held = self.held.fetch_add(self.dimension * 4, SeqCst) + self.dimension * 4;
        self.peak.fetch_max(held, SeqCst);
        let bytes = [1, 0, 128, 63].repeat(self.dimension);
        let vector = Bytes::from_owner(Held(bytes, self.held.clone()));
        Record {
            id: id.clone(),
            vector: Vector::from_le_bytes(vector).unwrap(),
            sparse: None,
            metadata: Metadata::default(),
        }
    }
}

#[async_trait]
impl Source for Index {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            list: true,
            filtered_count: false,
            lsn: false,
            sparse: false,
            query: false,
            limits: LIMITS,
        }
    }

    async fn list(&self, _: &Namespace, prefix: &str, page: Option<&str>) -> Result<IdPage> {
        self.lists.fetch_add(1, SeqCst);
        tokio::time::sleep(self.latency).await;
        let from = RecordId::from(page.unwrap_or(prefix));
        let behind = self.ids.range(from..).filter(|id| Some(id.as_str()) != page);
        let own = behind.take_while(|id| id.as_str().starts_with(prefix));
        let ids: Vec<RecordId> = own.take(101).cloned().collect();
        let next = (ids.len() > 100).then(|| ids[99].as_str().to_owned());
        Ok(IdPage { ids: ids.into_iter().take(100).collect(), next })
    }

    async fn fetch(&self, _: &Namespace, ids: &[RecordId]) -> Result<Vec<Record>> {
        self.fetches.lock().unwrap().push(ids.len());
        tokio::time::sleep(self.latency).await;
        Ok(ids.iter().filter(|id| self.ids.contains(*id)).map(|id| self.record(id)).collect())
    }

    async fn describe(&self) -> Result<Option<IndexDescription>> {
        unreachable!()
    }

    async fn stats(&self) -> Result<IndexStats> {
        unreachable!()
    }

    async fn filtered_stats(&self, _: &Filter) -> Result<IndexStats> {
        unreachable!()
    }

    async fn query(&self, _: &Namespace, _: &Query) -> Result<Vec<Match>> {
        unreachable!()
    }

    async fn is_visible(&self, _: &Namespace, _: u64) -> Result<Option<bool>> {
        unreachable!()
    }
}

#[async_trait]
impl Target for Index {
    async fn upsert(&self, _: &Namespace, records: &[Record]) -> Result<Upserted> {
        let bytes = records.iter().map(|record| self.request_bytes(record)).sum::<usize>();
        if bytes + ENVELOPE > self.most {
            self.too_large.fetch_add(1, SeqCst);
            return Err(Error::new(ErrorKind::TooLarge, "too large"));
        }
        tokio::time::sleep(self.latency).await;
        self.upserts.lock().unwrap().push((bytes, records.len()));
        let ids = records.iter().map(|record| record.id.clone());
        self.arrived.lock().unwrap().extend(ids);
        Ok(Upserted { count: records.len() as u64, lsn: None })
    }

    fn request_bytes(&self, record: &Record) -> usize {
        record.stored_bytes() + 12
    }

    fn rejects(&self, _: &Record, _: Option<&IndexSpec>) -> Option<Refusal> {
        None
    }

    async fn create(&self, _: &IndexSpec) -> Result<()> {
        unreachable!()
    }

    async fn create_collection(&self, _: &str) -> Result<()> {
        unreachable!()
    }

    async fn collection(&self, _: &str) -> Result<Option<Collection>> {
        unreachable!()
    }

    async fn create_from(&self, _: &IndexSpec, _: &str) -> Result<()> {
        unreachable!()
    }

    async fn start_import(&self, _: &str, _: Option<&str>) -> Result<String> {
        unreachable!()
    }

    async fn imports(&self) -> Result<Vec<Import>> {
        unreachable!()
    }
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("rec-{number:06}"))
}

/// Copies `index` into itself from a cursor on, and gives the cursors of its checkpoints and the tally at the end.
async fn copy(index: &Arc<Index>, from: Cursor, lists: usize) -> (Vec<Cursor>, u64) {
    let text = "version: 1\nname: n\nsource: { provider: pinecone, index: a }\n\
                target: { provider: pinecone, index: b }\nstages: [ { kind: copy, assert: [copy.failed == 0] } ]\n";
    let path = std::path::Path::new("plan.yaml");
    let plan = vecshift::provider::language()
        .read_text(path, text.to_owned(), &Default::default())
        .unwrap()
        .plan;
    let folder = tempfile::tempdir().unwrap();
    let pipeline = Pipeline {
        source: index.clone(),
        target: index.clone(),
        staging: None,
        export: None,
        skip: None,
        transform: Arc::new(Transform::new(&plan, &Copy::default()).unwrap()),
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
        enumeration: Enumeration::List,
        expected: index.ids.len() as u64,
    };
    let from = Checkpoint { cursor: from, ..Checkpoint::default() };
    let lists = Lists { at_once: lists, ..Lists::default() };
    let mut cursors = Vec::new();
    let mut keep = |acked: vecshift::copy::Acked<Checkpoint>| {
        cursors.push(acked.into_inner().cursor);
        Ok(())
    };
    let end = pipeline.copier().copy(&shard, &from, lists, &mut keep).await.unwrap();
    let ShardEnd::Complete(tally) = end else { panic!("{end:?}") };
    assert_eq!((tally.copied, tally.missing), (tally.enumerated, 0));
    (cursors, tally.copied)
}

/// Small records: as many ids as a fetch takes, as many records as an upsert takes.
#[tokio::test]
async fn a_fetch_and_an_upsert_hold_as_many_records_as_they_may() {
    let index = Arc::new(Index::new(numbered(20_000), 8));
    copy(&index, Cursor::Start, 1).await;
    let (fetches, upserts) = (index.fetches.lock().unwrap(), index.upserts.lock().unwrap());
    assert_eq!(*fetches, [1_000; 20]);
    assert_eq!(upserts.len(), 20);
    // A list of just 20,000 ids ends with a page of none.
    assert_eq!(index.lists.load(SeqCst), 200);
}

/// Large ones: requests are full but for a tenth at the most, and what is held is bounded whatever the number of records.
#[tokio::test]
async fn upserts_are_full_and_memory_is_bounded() {
    for (dimension, records) in [(1_536, 6_000), (3_072, 3_000), (768, 12_000)] {
        let index = Arc::new(Index::new(numbered(records), dimension));
        let (_, copied) = copy(&index, Cursor::Start, 1).await;
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
    let index = Arc::new(Index { most: 1_200_000, ..Index::new(numbered(8_000), 1_536) });
    let (_, copied) = copy(&index, Cursor::Start, 1).await;
    assert_eq!((copied, index.arrived.lock().unwrap().len()), (8_000, 8_000));
    let refused = index.too_large.load(SeqCst);
    assert!(refused <= 24, "{refused} refusals");
    let upserts = index.upserts.lock().unwrap();
    let late = &upserts[upserts.len() / 2..];
    let fill = late.iter().map(|(bytes, _)| bytes).sum::<usize>() as f64 / late.len() as f64;
    assert!(fill >= 0.75 * 1_200_000.0, "{fill}");
}

/// An index far away is listed in parts. Whatever its ids look like, each is found once, from every checkpoint on, and
/// for not many more requests than its pages.
#[tokio::test]
async fn ids_that_are_listed_in_parts_are_all_of_them() {
    let hexadecimal =
        (0..12_000u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let nested = (0..9_000).map(|n| match n % 3 {
        0 => format!("{}", n),
        1 => format!("{}#{}", n % 7, n),
        _ => format!("~{}{}", "z".repeat(n % 5), n),
    });
    let worlds: [(&str, Vec<String>); 3] = [
        ("numbers", numbered(40_000).collect()),
        ("hexadecimal", hexadecimal.collect()),
        ("all sorts", nested.collect()),
    ];
    for (name, ids) in worlds {
        let far = Index { latency: Duration::from_millis(9), ..Index::new(ids, 1) };
        let index = Arc::new(far);
        let all = index.ids.len();
        let (cursors, copied) = copy(&index, Cursor::Start, 8).await;
        assert_eq!((copied, index.arrived.lock().unwrap().len()), (all as u64, all), "{name}");
        let (lists, pages) = (index.lists.load(SeqCst), all / 100);
        assert!(lists <= pages * 5 / 2 + 100, "{name}: {lists} lists of {pages} pages");
        for (at, cursor) in cursors.into_iter().enumerate().step_by(7) {
            let done = (at + 1) * 1_000;
            let (_, copied) = copy(&index, cursor, 8).await;
            assert_eq!(copied, all.saturating_sub(done) as u64, "{name}: behind {done}");
        }
    }
}
