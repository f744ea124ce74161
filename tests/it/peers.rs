//! What the conformance suite is run over: Pinecone as the emulator has it, and files.

use std::sync::Arc;

use vecshift::clock::Clock;
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::model::{IndexSpec, Metric, VectorType};
use vecshift::pinecone_wire::Deployment;
use vecshift::plan::file::Columns;
use vecshift::provider::Secret;
use vecshift::provider::files::Files;
use vecshift::provider::parquet;
use vecshift::provider::pinecone::{Index, Settings, Transport};
use vecshift::storage::S3Options;
use vecshift::store::calls::{CallOptions, Calls};
use vecshift::store::{Opened, Source, Store};

use crate::conformance::{DIMENSION, filling, namespace};

/// How many peers count by a filter: pods, over every wire.
pub const COUNTING: usize = 3;

/// An index of one kind over one wire.
pub struct Peer {
    pub name: String,
    pub target: Arc<dyn Store>,
    pub spec: IndexSpec,
    pub emulator: Emulator,
}

pub fn pod() -> Deployment {
    Deployment::Pod {
        environment: "us-east-1-aws".into(),
        pod_type: "p1.x1".into(),
        pods: 1,
        replicas: 1,
        shards: 1,
        indexed: None,
    }
}

pub fn serverless() -> Deployment {
    Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
}

pub fn spec(deployment: Deployment, metric: Metric, vector_type: VectorType) -> IndexSpec {
    IndexSpec {
        name: "conformance".into(),
        dimension: (vector_type == VectorType::Dense).then_some(DIMENSION),
        metric,
        vector_type,
        deployment: deployment.into(),
        deletion_protection: false,
        tags: Default::default(),
    }
}

pub fn index(emulator: &Emulator, transport: Transport) -> Arc<dyn Store> {
    bare(emulator, transport).through(Calls::bare())
}

pub fn bare(emulator: &Emulator, transport: Transport) -> Index {
    let settings = Settings {
        index: "conformance".into(),
        endpoint: emulator.url(),
        api_key: Secret::new("key"),
        transport,
        user_agent: "vecshift-tests".into(),
        rates: Default::default(),
    };
    Index::new(settings).unwrap()
}

/// Returns every kind of index over every wire; the index exists, is ready and empty.
pub async fn peers() -> Vec<Peer> {
    peers_on(&Clock::system()).await
}

pub async fn peers_on(clock: &Clock) -> Vec<Peer> {
    let kinds = [
        ("pod", spec(pod(), Metric::Dotproduct, VectorType::Dense)),
        ("serverless", spec(serverless(), Metric::Dotproduct, VectorType::Dense)),
        ("cosine", spec(serverless(), Metric::Cosine, VectorType::Dense)),
    ];
    let mut peers = Vec::new();
    for transport in [Transport::Grpc, Transport::Rest, Transport::Auto] {
        for (kind, spec) in &kinds {
            let options = EmulatorOptions { clock: clock.clone(), ..EmulatorOptions::default() };
            let emulator = Emulator::start(options).await.unwrap();
            emulator.add_index(spec.clone()).await.unwrap();
            // The third wire is also behind the usual layers.
            let calls = match transport {
                Transport::Auto => Calls::new(CallOptions::default()),
                _ => Calls::bare(),
            };
            let target = bare(&emulator, transport).through(calls);
            target.describe().await.unwrap();
            let name = format!("{kind} over {transport:?}");
            peers.push(Peer { name, target, spec: spec.clone(), emulator });
        }
    }
    peers
}

/// An index of any system with the same records in the namespace `n`.
pub struct Filled {
    pub name: String,
    pub source: Arc<dyn Source>,
    _kept: Option<(Emulator, tempfile::TempDir)>,
}

/// Every kind of index over every wire, and a folder of files.
pub async fn filled() -> Vec<Filled> {
    let (n, records) = (namespace("n"), filling());
    let mut all = Vec::new();
    for Peer { name, target, emulator, .. } in peers().await {
        target.must_write().unwrap().upsert(&n, &records).await.unwrap();
        let _kept = Some((emulator, tempfile::tempdir().unwrap()));
        all.push(Filled { name, source: target, _kept });
    }
    let folder = tempfile::tempdir().unwrap();
    for (number, part) in records.chunks(90).enumerate() {
        let file = folder.path().join(format!("n/{number}.parquet"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, parquet::encode(&n, part).unwrap()).unwrap();
    }
    let (path, options) = (folder.path().to_str().unwrap(), S3Options::default());
    let files = Files::new(path, folder.path(), options, Columns::default());
    let source = files.through(Calls::bare());
    source.describe().await.unwrap().unwrap();
    let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
    all.push(Filled { name: "files".into(), source, _kept: Some((emulator, folder)) });
    all
}
