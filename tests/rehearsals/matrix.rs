//! Records at the edges of what Pinecone accepts, copied and verified bit for bit over both wires, from pods and from
//! serverless indexes.

use std::collections::BTreeMap;

use vecshift::model::{
    IndexSpec, Metadata, Metric, Namespace, Numbers, Record, RecordId, SparseVector, Value, Vector,
    VectorType, Vectors,
};
use vecshift::pinecone_wire::Deployment;
use vecshift::provider::pinecone::Transport;
use vecshift::run::Outcome;

use crate::rig::Rig;

const PLAN: &str = r#"
version: 1
name: matrix
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, SPEC }
  - { kind: copy, strategy: stream, assert: [copy.failed == 0, copy.complete == true] }
  - kind: verify
    queries: { count: 40, top_k: 10, filtered: 50% }
    assert:
      - count_delta == 0
      - compared == RECORDS
      - missing == 0
      - extra == 0
      - mismatched == 0
      - max_difference == 0
      - schema_drift == 0
      - vanished == 0
      - error_rate == 0%
      - overlap@10 >= 0.99
"#;

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

fn serverless() -> Deployment {
    Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
}

pub fn index(deployment: Deployment, dimension: Option<u32>, vector_type: VectorType) -> IndexSpec {
    IndexSpec {
        name: "old".into(),
        dimension,
        metric: Metric::Dotproduct,
        vector_type,
        deployment: deployment.into(),
        deletion_protection: false,
        tags: BTreeMap::new(),
    }
}

/// Values that a careless wire changes: signs of zero, denormals, the ends of the range, the longest decimals.
fn edgy(dimension: usize, shift: usize) -> Vector {
    let edges = [
        0.1,
        -0.0,
        0.0,
        f32::from_bits(1),
        -f32::from_bits(0x007f_ffff),
        f32::MIN_POSITIVE,
        1.0e-30,
        16_777_217.0,
        -0.333_333_34,
        1.0 + f32::EPSILON,
    ];
    Vector::from_values((0..dimension).map(|at| edges[(at + shift) % edges.len()]))
}

/// Makes `count` entries up to the largest index there is, in no order.
fn sparse(count: u32, shift: usize) -> SparseVector {
    let step = u32::MAX / count;
    let mut indices: Vec<u32> = (0..count).map(|at| u32::MAX - at * step).collect();
    indices.rotate_left(shift % count as usize);
    // A zero is no entry.
    let values = edgy(count as usize, shift)
        .values()
        .map(|value| if value == 0.0 { 0.5 } else { value })
        .collect::<Vec<_>>();
    SparseVector::new(indices, Vector::from_values(values)).unwrap()
}

fn ids() -> Vec<String> {
    let odd = [
        "with space",
        "a/b//c/",
        "100%",
        "%2F%20%25",
        "?#&=+;,",
        "\"quoted\\back\"",
        " lead and trail ",
        ".",
        "..",
        "~!@$^*()[]{}|<>'`",
        "tab\tand\nline",
        "__default__",
        "-0",
        "null",
    ];
    odd.into_iter().map(str::to_owned).chain(["i".repeat(512), "% /".repeat(170)]).collect()
}

/// Makes metadata of exactly `bytes` bytes as compact JSON.
fn heavy(bytes: usize) -> Metadata {
    let text = |length: usize| {
        Metadata([("text".to_owned(), Value::Text("m".repeat(length).into()))].into())
    };
    text(bytes - text(0).json_bytes())
}

fn odd_metadata() -> Vec<Metadata> {
    let json = |text: &str| serde_json::from_str::<Metadata>(text).unwrap();
    let numbers = [
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        9_007_199_254_740_994.0,
        -9_223_372_036_854_775_808.0,
        18_446_744_073_709_551_615.0,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        -0.0,
        0.1 + 0.2,
        1e21,
    ];
    let numbers = numbers
        .iter()
        .enumerate()
        .map(|(at, number)| (format!("number {at}"), Value::F64(*number)));
    vec![
        Metadata::default(),
        heavy(40_960),
        Metadata(numbers.collect()),
        json(r#"{"empty list":[],"empty text":"","yes":true,"no":false}"#),
        json(
            r#"{"ключ":"значение","名前":["ねこ","いぬ"],"e\u0301":"é","🧭":"🦀\u200d\u0000\n\t\"\\"}"#,
        ),
        json(r#"{"a.b":1,"a b":2,"":3,"a/b":"x","%":"%25","one":["x"]}"#),
        json(r#"{"large integer":9007199254740992,"kind":"plain","n":7}"#),
        json(r#"{"kind":"plain","n":8,"tags":["a","b"]}"#),
        json(r#"{"kind":"other","n":9.5,"tags":["b"]}"#),
    ]
}

/// Makes a record for every id, with every vector, sparse vector and metadata somewhere among them.
fn records(dimension: usize, with_sparse: impl Fn(usize) -> Option<SparseVector>) -> Vec<Record> {
    let metadata = odd_metadata();
    let record = |(at, id): (usize, String)| Record {
        id: RecordId::from(id),
        vectors: Vectors::plain(edgy(dimension, at), with_sparse(at)),
        metadata: metadata[at % metadata.len()].clone(),
    };
    ids().into_iter().enumerate().map(record).collect()
}

async fn arrives(spec: &str, index: IndexSpec, records: Vec<(Namespace, Vec<Record>)>) {
    let count: usize = records.iter().map(|(_, records)| records.len()).sum();
    let plan = PLAN.replace("SPEC", spec).replace("RECORDS", &count.to_string());
    for transport in [Transport::Grpc, Transport::Rest] {
        let rig = Rig::holding(&plan, index.clone(), records.clone(), transport).await;
        let outcome = rig.run().await;
        let notes: Vec<_> =
            rig.state().stages.iter().flat_map(|stage| stage.notes.clone()).collect();
        assert!(matches!(outcome, Outcome::Done), "{transport:?}: {outcome:?} {notes:#?}");
        let target = rig.world().target;
        target.describe().await.unwrap();
        for (namespace, wanted) in &records {
            let ids: Vec<_> = wanted.iter().map(|record| record.id.clone()).collect();
            let found = target.must_fetch().unwrap().fetch(namespace, &ids).await.unwrap();
            let mut found: BTreeMap<_, _> =
                found.into_iter().map(|record| (record.id.clone(), record)).collect();
            for record in wanted {
                let seen = found.remove(&record.id);
                assert_same(record, seen.as_ref(), transport);
            }
        }
    }
}

/// Compares without the code under test: bytes, sorted entries, and metadata as text, which distinguishes `-0` from
/// `0`.
fn assert_same(record: &Record, seen: Option<&Record>, transport: Transport) {
    let place = format!("{:?} over {transport:?}", record.id);
    let seen = seen.unwrap_or_else(|| panic!("{place} is missing"));
    assert_eq!(record.dense().as_le_bytes(), seen.dense().as_le_bytes(), "{place}");
    let entries = |record: &Record| {
        let mut entries: Vec<_> = record
            .sparse()
            .into_iter()
            .flat_map(|sparse| {
                sparse.indices.iter().copied().zip(sparse.values.values().map(f32::to_bits))
            })
            .collect();
        entries.sort_unstable();
        entries
    };
    assert_eq!(entries(record), entries(seen), "{place}");
    // As Pinecone keeps it: every number is a float.
    let as_floats = |record: &Record| {
        let text = serde_json::to_string(&record.metadata).unwrap();
        Metadata::from_json(&text, Numbers::Floats).unwrap()
    };
    let text = |record: &Record| serde_json::to_string(&as_floats(record)).unwrap();
    assert_eq!(text(record), text(seen), "{place}");
}

fn spread(mut records: Vec<Record>) -> Vec<(Namespace, Vec<Record>)> {
    let names = ["", "with space", "a/b", "100%", &"n".repeat(512)];
    let part = records.len().div_ceil(names.len());
    let mut parts = Vec::new();
    for name in names {
        let rest = records.split_off(part.min(records.len()));
        parts.push((Namespace::new(name), std::mem::replace(&mut records, rest)));
    }
    parts.retain(|(_, records)| !records.is_empty());
    parts
}

const HYBRID: &str = "dimension: 8, metric: dotproduct";

fn hybrid_records() -> Vec<(Namespace, Vec<Record>)> {
    spread(records(8, |at| (at % 3 != 1).then(|| sparse(if at == 0 { 2_048 } else { 5 }, at))))
}

#[tokio::test(flavor = "multi_thread")]
async fn hybrid_records_of_a_pod_arrive_bit_for_bit() {
    arrives(HYBRID, index(pod(), Some(8), VectorType::Dense), hybrid_records()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hybrid_records_of_a_serverless_index_arrive_bit_for_bit() {
    arrives(HYBRID, index(serverless(), Some(8), VectorType::Dense), hybrid_records()).await;
}

/// Pods keep sparse values only beside dense ones.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_sparse_index_arrive_bit_for_bit() {
    let records = spread(records(0, |at| Some(sparse(if at == 0 { 2_048 } else { 7 }, at))));
    let spec = "vector_type: sparse, metric: dotproduct";
    arrives(spec, index(serverless(), None, VectorType::Sparse), records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_20_000_dimensions_arrive_bit_for_bit() {
    let spec = "dimension: 20000, metric: dotproduct";
    for deployment in [pod(), serverless()] {
        let records: Vec<_> = records(20_000, |_| None).into_iter().take(6).collect();
        let of = index(deployment, Some(20_000), VectorType::Dense);
        arrives(spec, of, vec![(Namespace::new(""), records)]).await;
    }
}
