//! Erasure of somebody's data through the library, for cases that the command line's tests cannot set up.

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::clock::Clock;
use vecshift::emulator::{Emulator, EmulatorOptions};
use vecshift::model::{IndexSpec, Metric, Namespace, VectorType};
use vecshift::pinecone_wire::Deployment;
use vecshift::provider::pinecone::Transport;
use vecshift::run::{Erasure, Wanted};

use crate::conformance::record;
use crate::peers::index;

async fn erasure(indexed: Option<Vec<String>>, filter: serde_json::Value) -> (Emulator, Erasure) {
    let emulator = Emulator::start(EmulatorOptions::default()).await.unwrap();
    let target = index(&emulator, Transport::Auto);
    let spec = IndexSpec {
        name: "conformance".into(),
        dimension: Some(4),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment: Deployment::Pod {
            environment: "us-east-1-aws".into(),
            pod_type: "p1.x1".into(),
            pods: 1,
            replicas: 1,
            shards: 1,
            indexed,
        }
        .into(),
        deletion_protection: false,
        tags: Default::default(),
    };
    emulator.add_index(spec).await.unwrap();
    target.describe().await.unwrap();
    for namespace in ["a", "b"] {
        let records = [record("one"), record("two")];
        target.must_write().unwrap().upsert(&Namespace::from(namespace), &records).await.unwrap();
    }
    let wanted = Wanted::new(Vec::new(), Some(filter)).unwrap();
    let (clock, cancel) = (Clock::system(), CancellationToken::new());
    (emulator, Erasure { index: target, wanted, clock, cancel })
}

/// Such a pod would count 0 for the field, and "nothing matches" would be false.
#[tokio::test]
async fn a_pod_that_does_not_index_the_field_is_refused() {
    let filter = serde_json::json!({ "name": "üone" });
    let (_emulator, unindexed) = erasure(Some(vec!["half".into()]), filter.clone()).await;
    let error = unindexed.find().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("`name`"), "{error}");

    let (_emulator, indexed) = erasure(Some(vec!["name".into()]), filter).await;
    let found = indexed.find().await.unwrap();
    assert_eq!(
        found.iter().map(|one| (one.records, one.matching)).collect::<Vec<_>>(),
        [(2, 1); 2]
    );
    let permit = indexed.permit("conformance", None, &found).await.unwrap();
    indexed.erase(permit).await.unwrap();
    assert!(indexed.find().await.unwrap().is_empty());
    assert_eq!(indexed.index.stats().await.unwrap().total, 2);
}

#[tokio::test]
async fn an_interrupted_deletion_says_that_it_is_safe_to_go_on() {
    let (_emulator, erasure) = erasure(None, serde_json::json!({ "name": "üone" })).await;
    let found = erasure.find().await.unwrap();
    erasure.cancel.cancel();
    let permit = erasure.permit("conformance", None, &found).await.unwrap();
    let error = erasure.erase(permit).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(error.hint().unwrap().contains("again"), "{error}");
}

/// A pod's own filter matches a list by each of its items, and would delete by it.
#[tokio::test]
async fn equality_to_the_letter_leaves_lists_that_hold_the_value() {
    let filter = serde_json::json!({ "owner": { "$eq": "1" } });
    let (_emulator, mut erasure) = erasure(None, filter.clone()).await;
    let owned = |id: &str, owner: serde_json::Value| vecshift::model::Record {
        metadata: serde_json::from_value(serde_json::json!({ "owner": owner })).unwrap(),
        ..record(id)
    };
    let records =
        [owned("own", serde_json::json!("1")), owned("shared", serde_json::json!(["1", "2"]))];
    erasure.index.must_write().unwrap().upsert(&Namespace::from("a"), &records).await.unwrap();
    assert_eq!(erasure.find().await.unwrap()[0].matching, 2);

    erasure.wanted = Wanted::literally(Vec::new(), Some(filter), &["owner".to_owned()]).unwrap();
    let found = erasure.find().await.unwrap();
    assert_eq!(found.iter().map(|one| one.matching).collect::<Vec<_>>(), [1]);
    let permit = erasure.permit("conformance", None, &found).await.unwrap();
    erasure.erase(permit).await.unwrap();
    let left = erasure
        .index
        .must_fetch()
        .unwrap()
        .fetch(&Namespace::from("a"), &["own".into(), "shared".into()])
        .await;
    let left: Vec<_> = left.unwrap().into_iter().map(|record| record.id.to_string()).collect();
    assert_eq!(left, ["shared"]);
}
