//! Ids that are looked for in files by passes over all of them: who would need too many reads the files once instead.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::model::{
    IndexDescription, IndexStats, Metadata, Namespace, Record, RecordId, StageId, Vector,
    VectorField, VectorName, Vectors,
};
use vecshift::provider::parquet::RecordWriter;
use vecshift::run::{Outcome, RunOptions, Silent};
use vecshift::store::{Describe, Fetch, Inventory, Limits, Passes, Scan, Source};

use crate::rig::Rig;

/// Files of which a pass finds only so many ids, and how many passes were made.
struct Few {
    of: Arc<dyn Source>,
    most: usize,
    passes: Arc<AtomicUsize>,
}

#[async_trait]
impl Describe for Few {
    async fn describe(&self) -> vecshift::Result<Option<IndexDescription>> {
        self.of.describe().await
    }

    async fn stats(&self) -> vecshift::Result<IndexStats> {
        self.of.stats().await
    }

    async fn inventory(&self) -> vecshift::Result<Option<Inventory>> {
        self.of.inventory().await
    }
}

impl Source for Few {
    fn limits(&self) -> Limits {
        self.of.limits()
    }

    fn scan(&self) -> Option<Arc<dyn Scan>> {
        self.of.scan()
    }

    fn fetch(&self) -> Option<Arc<dyn Fetch>> {
        let of = self.of.fetch()?;
        Some(Arc::new(FewIds { of, most: self.most, passes: self.passes.clone() }))
    }
}

struct FewIds {
    of: Arc<dyn Fetch>,
    most: usize,
    passes: Arc<AtomicUsize>,
}

#[async_trait]
impl Fetch for FewIds {
    fn most(&self) -> usize {
        self.of.most()
    }

    fn own_kind(&self, id: RecordId) -> RecordId {
        self.of.own_kind(id)
    }

    async fn fetch(
        &self,
        namespace: &Namespace,
        ids: &[RecordId],
    ) -> vecshift::Result<Vec<Record>> {
        self.of.fetch(namespace, ids).await
    }

    fn passes(&self) -> Option<&dyn Passes> {
        Some(self)
    }
}

#[async_trait]
impl Passes for FewIds {
    fn most_ids(&self) -> usize {
        self.most
    }

    async fn present(
        &self,
        namespace: &Namespace,
        ids: &[RecordId],
    ) -> vecshift::Result<std::collections::HashSet<RecordId>> {
        assert!(ids.len() <= self.most);
        self.passes.fetch_add(1, Ordering::Relaxed);
        self.of.passes().unwrap().present(namespace, ids).await
    }
}

fn record(number: usize) -> Record {
    Record {
        id: RecordId::new(format!("id {number:03}")),
        vectors: Vectors::plain(Vector::from_values([1.0, number as f32]), None),
        metadata: Metadata::default(),
    }
}

fn plan(files: &Path, stages: &str) -> String {
    format!(
        r#"
version: 1
name: passes
source: {{ provider: parquet, index: "{}" }}
target: {{ provider: pinecone, index: new }}
stages:
{stages}
"#,
        files.display()
    )
}

/// Sixteen passes find 64 ids at 4 a pass, and 32 at 2: the target holds 42.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_holds_is_found_by_passes_or_by_one_walk_over_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let namespace = Namespace::new("n");
    let file = folder.path().join("all.parquet");
    let mut writer = RecordWriter::create(file, &VectorField::plain()).unwrap();
    let records: Vec<Record> = (0..60).map(record).collect();
    writer.append(&namespace, &records).unwrap();
    writer.finish().unwrap();
    let stages = "
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 2, metric: cosine }
  - { kind: copy, strategy: stream, assert: [copy.complete == true] }";
    for (most, by_passes) in [(4, true), (2, false)] {
        let rig = Rig::empty_of_text(&plan(folder.path(), stages)).await;
        let until = RunOptions { until: Some(StageId::new("create")), ..rig.options() };
        rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
        let mut held: Vec<Record> = (10..50).map(record).collect();
        for other in &mut held[..5] {
            other.vectors.put(VectorName::DENSE, Vector::from_values([0.5, 0.5]));
        }
        held.extend([900, 901].map(record));
        rig.emulator.insert("new", &namespace, held).unwrap();

        let (mut world, passes) = (rig.world(), Arc::new(AtomicUsize::new(0)));
        world.source = Arc::new(Few { of: world.source, most, passes: passes.clone() });
        let run = rig.prepare_in(world, rig.options(), Arc::new(Silent)).await.unwrap();
        let Outcome::Erred { error, .. } = run.execute(CancellationToken::new()).await.unwrap()
        else {
            panic!("{most}")
        };
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        let said =
            "the target holds 5 ids that the copy would write, with something else in them: `id 01";
        assert!(error.message().starts_with(said), "{most}: {error}");
        assert_eq!(passes.load(Ordering::Relaxed) > 0, by_passes, "{most}");
        assert_eq!(rig.world().target.stats().await.unwrap().total, 42);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_alone_finds_an_id_that_is_twice() {
    let folder = tempfile::tempdir().unwrap();
    for (file, numbers) in [("a.parquet", 0..20), ("b.parquet", 19..40)] {
        let file = folder.path().join(file);
        let mut writer = RecordWriter::create(file, &VectorField::plain()).unwrap();
        let records: Vec<Record> = numbers.map(record).collect();
        writer.append(&Namespace::new("n"), &records).unwrap();
        writer.finish().unwrap();
    }
    let stages = "  - { kind: audit, sample: 5, assert: [source.rejects == 0] }";
    let rig = Rig::empty_of_text(&plan(folder.path(), stages)).await;
    let Outcome::Erred { stage, error } = rig.run().await else { panic!() };
    assert_eq!((stage, error.kind()), (Some("audit".into()), ErrorKind::Conflict));
    let said = "`id 019` is twice in namespace `n`: a.parquet, row 20 and b.parquet, row 1";
    assert!(error.message().starts_with(said), "{error}");
}
