//! The conformance suite: the `# Behavior` lists of the parts of a store, run over whatever `peers` has: every system, kind
//! of index and wire of this binary.

use std::collections::BTreeSet;

use futures::stream::TryStreamExt;

use vecshift::ErrorKind;
use vecshift::model::{
    Cursor, Filter, Metadata, Metric, Namespace, Range, Record, RecordId, SparseVector, Value,
    Vector, Vectors,
};
use vecshift::store::read::{Page, PageSize, Reading, Room};
use vecshift::store::{Asked, IndexChange, Query, Refused, Scope, Splitting};

use crate::peers::{COUNTING, Filled, Peer, filled, peers};

/// Components of a record's vector.
pub const DIMENSION: u32 = 4;

pub fn namespace(name: &str) -> Namespace {
    Namespace::from(name)
}

pub fn ids_of(ids: &[&str]) -> Vec<RecordId> {
    ids.iter().map(|id| RecordId::from(*id)).collect()
}

pub fn record(id: &str) -> Record {
    let seed = id.bytes().fold(7u32, |seed, byte| seed.wrapping_mul(31) ^ u32::from(byte));
    let values = (0..DIMENSION).map(|at| ((seed.wrapping_add(at * 7_919) % 1_000) as f32) / 997.0);
    let metadata = [
        ("name".to_owned(), Value::Text(format!("ü{id}").into())),
        ("half".to_owned(), Value::F64(0.30000000000000004)),
        ("even".to_owned(), Value::Bool(seed.is_multiple_of(2))),
        ("tags".to_owned(), Value::List(vec![Value::Text("a".into())])),
    ];
    Record {
        id: RecordId::from(id),
        vectors: Vectors::plain(Vector::from_values(values), None),
        metadata: Metadata(metadata.into()),
    }
}

pub fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|a, b| a.id.cmp(&b.id));
    records
}

pub async fn fetch(peer: &Peer, name: &str, wanted: &[&str]) -> Vec<Record> {
    sorted(
        peer.target.must_fetch().unwrap().fetch(&namespace(name), &ids_of(wanted)).await.unwrap(),
    )
}

#[tokio::test]
async fn describe_shows_what_was_made() {
    for peer in peers().await {
        let description = peer.target.describe().await.unwrap().unwrap();
        assert_eq!(description.spec, peer.spec, "{}", peer.name);
        assert!(description.ready, "{}", peer.name);
    }
}

#[tokio::test]
async fn stats_count_by_namespace() {
    for peer in peers().await {
        assert_eq!(peer.target.stats().await.unwrap().total, 0, "{}", peer.name);
        peer.target.must_write().unwrap().upsert(&namespace(""), &[record("a")]).await.unwrap();
        peer.target
            .must_write()
            .unwrap()
            .upsert(&namespace("n"), &[record("a"), record("b")])
            .await
            .unwrap();
        let stats = peer.target.stats().await.unwrap();
        assert_eq!(stats.total, 3, "{}", peer.name);
        assert_eq!(stats.count(&namespace("")), 1, "{}", peer.name);
        assert_eq!(stats.count(&namespace("n")), 2, "{}", peer.name);
        assert_eq!(stats.dimension, Some(DIMENSION), "{}", peer.name);
    }
}

#[tokio::test]
async fn counting_by_a_filter_counts_what_matches() {
    let mut counted = 0;
    for peer in peers().await {
        let records = [record("a"), record("b")];
        peer.target.must_write().unwrap().upsert(&namespace("n"), &records).await.unwrap();
        let filter = Filter::read(&serde_json::json!({ "name": { "$eq": "üa" } })).unwrap();
        let Some(filtering) = peer.target.filtering() else { continue };
        let found = filtering.count(&filter).await.unwrap();
        assert_eq!(found.count(&namespace("n")), 1, "{}", peer.name);
        counted += 1;
    }
    assert_eq!(counted, COUNTING);
}

pub fn filling() -> Vec<Record> {
    (0..250).map(|at| record(&format!("id {at}"))).collect()
}

/// All ids of a range from a place on, so many at a time, and the place behind each chunk.
async fn walk(
    filled: &Filled,
    part: &Splitting,
    after: &Cursor,
) -> (Vec<RecordId>, Vec<(usize, Cursor)>) {
    let n = namespace("n");
    let scan = filled.source.must_scan().unwrap();
    let scope = Scope { namespace: &n, records: part.records };
    let mut ids = scan.ids(scope, &part.range, after).await.unwrap();
    let (mut found, mut places) = (Vec::new(), Vec::new());
    while let Some(chunk) = ids.next(40).await.unwrap() {
        found.extend(chunk.ids);
        places.push((found.len(), chunk.after));
    }
    (found, places)
}

#[tokio::test]
async fn a_scan_gives_each_record_once_from_every_place_on() {
    let (n, records) = (namespace("n"), filling());
    let expected: BTreeSet<RecordId> = records.iter().map(|record| record.id.clone()).collect();
    for filled in filled().await {
        let (name, scan) = (&filled.name, filled.source.must_scan().unwrap());
        assert_eq!(filled.source.stats().await.unwrap().count(&n), 250, "{name}");
        let scope = Scope { namespace: &n, records: 250 };
        let split = scan.split(scope, Asked::anew()).await.unwrap();
        assert_eq!(split.gap, None, "{name}");
        assert_eq!(split.ranges.iter().map(|part| part.records).sum::<u64>(), 250, "{name}");
        let mut all = Vec::new();
        for part in &split.ranges {
            let (ids, places) = walk(&filled, part, &Cursor::Start).await;
            assert_eq!(places.last().unwrap().1, Cursor::End, "{name}");
            for (done, place) in places {
                let place = serde_json::from_str(&serde_json::to_string(&place).unwrap()).unwrap();
                let (rest, _) = walk(&filled, part, &place).await;
                assert_eq!(rest, ids[done..], "{name} behind {done}");
            }
            let reading = Reading::new(Room::default(), PageSize::new(100, 1_000_000, 4));
            let scope = Scope { namespace: &n, records: part.records };
            let pages = scan.read(scope, &part.range, &Cursor::Start, &reading).await.unwrap();
            let pages: Vec<Page> = pages.try_collect().await.unwrap();
            let read = pages.into_iter().flat_map(|page| page.records);
            all.extend(read);
        }
        assert_eq!(all.len(), 250, "{name}");
        assert_eq!(all.iter().map(|record| record.id.clone()).collect::<BTreeSet<_>>(), expected);
        assert_eq!(sorted(all), sorted(records.clone()), "{name}");
    }
}

#[tokio::test]
async fn a_missing_namespace_has_no_records() {
    let missing = namespace("nobody");
    for filled in filled().await {
        let scan = filled.source.must_scan().unwrap();
        let Some(whole) = scan.whole() else { continue };
        let scope = Scope { namespace: &missing, records: 0 };
        let mut ids = scan.ids(scope, &whole, &Cursor::Start).await.unwrap();
        let first = ids.next(10).await.unwrap();
        assert!(first.is_none_or(|chunk| chunk.ids.is_empty()), "{}", filled.name);
        let fetch = filled.source.must_fetch().unwrap();
        assert!(fetch.fetch(&missing, &ids_of(&["id 1"])).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_place_of_another_kind_is_no_start() {
    let n = namespace("n");
    for filled in filled().await {
        let (name, scan) = (&filled.name, filled.source.must_scan().unwrap());
        let scope = Scope { namespace: &n, records: 250 };
        let range = scan.split(scope, Asked::anew()).await.unwrap().ranges.remove(0).range;
        let foreign = Cursor::At(serde_json::json!({ "key": 7 }));
        let refused = scan.ids(scope, &range, &foreign).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{name}: {refused}");
        let foreign = Range::new(&serde_json::json!({ "table": "t" }));
        let refused = scan.ids(scope, &foreign, &Cursor::Start).await.err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{name}: {refused}");
    }
}

#[tokio::test]
async fn records_come_back_bit_for_bit() {
    for peer in peers().await {
        let values = [0.1, -0.0, f32::MIN_POSITIVE, 16_777_217.0];
        let sparse = SparseVector::new(vec![7, 4_000_000_000], Vector::from_values([0.7, -0.1]));
        let sparse = sparse.filter(|_| peer.spec.metric == Metric::Dotproduct);
        let written = Record {
            vectors: Vectors::plain(Vector::from_values(values), sparse),
            ..record("a b/ü?&=")
        };
        let written = Record { id: RecordId::from("a b/?&=+%"), ..written };
        peer.target
            .must_write()
            .unwrap()
            .upsert(&namespace("n s/&"), std::slice::from_ref(&written))
            .await
            .unwrap();
        assert_eq!(fetch(&peer, "n s/&", &["a b/?&=+%"]).await, [written], "{}", peer.name);
    }
}

#[tokio::test]
async fn ids_that_are_not_there_are_absent() {
    for peer in peers().await {
        assert!(fetch(&peer, "nobody", &["a"]).await.is_empty(), "{}", peer.name);
        peer.target.must_write().unwrap().upsert(&namespace("n"), &[record("a")]).await.unwrap();
        assert_eq!(fetch(&peer, "n", &["a", "z"]).await, [record("a")], "{}", peer.name);
        assert!(fetch(&peer, "n", &[]).await.is_empty(), "{}", peer.name);
    }
}

#[tokio::test]
async fn as_many_long_ids_as_allowed_can_be_fetched() {
    for peer in peers().await {
        let most = peer.target.limits().fetch_ids;
        let records: Vec<Record> =
            (0..most).map(|at| record(&format!("{at:04}{}", "x".repeat(100)))).collect();
        for part in records.chunks(500) {
            peer.target.must_write().unwrap().upsert(&namespace("n"), part).await.unwrap();
        }
        let ids: Vec<RecordId> = records.iter().map(|record| record.id.clone()).collect();
        let found = peer.target.must_fetch().unwrap().fetch(&namespace("n"), &ids).await.unwrap();
        assert_eq!(sorted(found), records, "{}", peer.name);
    }
}

#[tokio::test]
async fn a_query_gives_the_nearest_first() {
    for peer in peers().await {
        let vector = Vector::from_values([1.0, 0.0, 0.0, 0.0]);
        let vectors = Vectors::plain(vector, None);
        let query = |filter| Query { vectors: vectors.clone(), limit: 2, filter };
        let none =
            peer.target.must_search().unwrap().query(&namespace("n"), &query(None)).await.unwrap();
        assert!(none.is_empty(), "{}", peer.name);

        let at = |id: &str, values: [f32; 4]| Record {
            vectors: Vectors::plain(Vector::from_values(values), None),
            ..record(id)
        };
        let records = [
            at("far", [0.0, 1.0, 0.0, 0.0]),
            at("near", [1.0, 0.0, 0.0, 0.0]),
            at("middle", [0.7, 0.7, 0.0, 0.0]),
        ];
        peer.target.must_write().unwrap().upsert(&namespace("n"), &records).await.unwrap();
        let found =
            peer.target.must_search().unwrap().query(&namespace("n"), &query(None)).await.unwrap();
        let order: Vec<_> = found.iter().map(|found| found.id.text()).collect();
        assert_eq!(order, ["near", "middle"], "{}", peer.name);
        assert!(found[0].score > found[1].score, "{}", peer.name);

        let filter =
            Filter::read(&serde_json::json!({ "name": { "$in": ["üfar", "ümiddle"] } })).unwrap();
        let found = peer
            .target
            .must_search()
            .unwrap()
            .query(&namespace("n"), &query(Some(filter)))
            .await
            .unwrap();
        assert_eq!(found[0].id, "middle".into(), "{}", peer.name);
    }
}

#[tokio::test]
async fn an_index_is_made_protected_and_deleted() {
    for peer in peers().await {
        let taken = peer.target.must_admin().unwrap().create(&peer.spec).await.unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AlreadyExists, "{}", peer.name);

        let protect = |on| IndexChange { deletion_protection: Some(on) };
        peer.target.must_remove().unwrap().configure(&protect(true)).await.unwrap();
        let description = peer.target.describe().await.unwrap().unwrap();
        assert!(description.spec.deletion_protection, "{}", peer.name);
        let refused = peer.target.must_remove().unwrap().delete_index().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{}: {refused}", peer.name);

        peer.target.must_remove().unwrap().configure(&protect(false)).await.unwrap();
        peer.target.must_remove().unwrap().delete_index().await.unwrap();
        peer.target.must_remove().unwrap().delete_index().await.unwrap();
    }
}

#[tokio::test]
async fn a_record_with_the_same_id_is_replaced_as_a_whole() {
    for peer in peers().await {
        let n = namespace("n");
        let bare = Record { metadata: Metadata::default(), ..record("a") };
        for _ in 0..2 {
            let upserted = peer
                .target
                .must_write()
                .unwrap()
                .upsert(&n, &[record("a"), record("b")])
                .await
                .unwrap();
            assert_eq!(upserted.count, 2, "{}", peer.name);
        }
        peer.target.must_write().unwrap().upsert(&n, std::slice::from_ref(&bare)).await.unwrap();
        assert_eq!(fetch(&peer, "n", &["a", "b"]).await, [bare, record("b")], "{}", peer.name);
        assert_eq!(
            peer.target.must_write().unwrap().upsert(&n, &[]).await.unwrap().count,
            0,
            "{}",
            peer.name
        );
    }
}

#[tokio::test]
async fn too_much_at_once_is_too_large() {
    for peer in peers().await {
        let text = Value::Text("x".repeat(30_000).into());
        let heavy = |at: usize| Record {
            metadata: Metadata([("t".to_owned(), text.clone())].into()),
            ..record(&format!("{at}"))
        };
        let records: Vec<Record> = (0..80).map(heavy).collect();
        let error =
            peer.target.must_write().unwrap().upsert(&namespace("n"), &records).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{}: {error}", peer.name);
        assert_eq!(peer.target.stats().await.unwrap().total, 0, "{}", peer.name);

        let many: Vec<Record> = (0..1_001).map(|at| record(&format!("{at}"))).collect();
        let error =
            peer.target.must_write().unwrap().upsert(&namespace("n"), &many).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{}: {error}", peer.name);
    }
}

#[tokio::test]
async fn a_batch_reckoned_to_fit_fits() {
    for peer in peers().await {
        let limits = peer.target.limits();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for at in 0.. {
            let text = Value::Text("\u{1}\"ü".repeat(500).into());
            let metadata = Metadata([("t".to_owned(), text)].into());
            let record = Record { metadata, ..record(&format!("{at}")) };
            bytes += peer.target.must_write().unwrap().request_bytes(&record);
            if bytes > limits.upsert_bytes - 1_000 || batch.len() == limits.upsert_records {
                break;
            }
            batch.push(record);
        }
        peer.target.must_write().unwrap().upsert(&namespace("n"), &batch).await.unwrap();
        assert!(batch.len() > 200, "{}: {}", peer.name, batch.len());
    }
}

#[tokio::test]
async fn what_is_said_to_be_refused_is_refused_and_the_rest_is_taken() {
    for peer in peers().await {
        let with =
            |value| Record { metadata: Metadata([("f".to_owned(), value)].into()), ..record("a") };
        let sparse = SparseVector::new(vec![1], Vector::from_values([1.0]));
        let twice = SparseVector::new(vec![1, 1], Vector::from_values([1.0, 2.0]));
        let with_sparse = |sparse, id: &str| Record {
            vectors: Vectors::plain(record(id).dense().clone(), sparse),
            ..record(id)
        };
        let cases = [
            record("fine"),
            record(&"x".repeat(512)),
            record(&"x".repeat(513)),
            record("é"),
            with(Value::Map(Default::default())),
            with(Value::List(vec![Value::F64(1.0)])),
            with(Value::Text("x".repeat(40_900).into())),
            with(Value::Text("x".repeat(41_000).into())),
            Record { vectors: Vectors::plain(Vector::from_values([1.0]), None), ..record("short") },
            Record { vectors: Vectors::default(), ..record("none") },
            with_sparse(sparse, "sparse"),
            with_sparse(twice, "twice"),
        ];
        for record in cases {
            let reason = peer.target.must_write().unwrap().rejects(&namespace("n"), &record, None);
            let upserted = peer
                .target
                .must_write()
                .unwrap()
                .upsert(&namespace("n"), std::slice::from_ref(&record))
                .await;
            let refused = upserted.unwrap().refused;
            match refused.first() {
                None => assert_eq!(reason, None, "{}: {record:?}", peer.name),
                Some(refused) => assert!(reason.is_some(), "{}: {refused:?}", peer.name),
            }
        }
    }
}

#[tokio::test]
async fn of_a_batch_what_cannot_be_taken_is_refused_one_by_one_and_the_rest_is_written() {
    for peer in peers().await {
        let short = |id: &str| Record {
            vectors: Vectors::plain(Vector::from_values([1.0]), None),
            ..record(id)
        };
        let mut batch: Vec<Record> = (0..20).map(|at| record(&format!("{at:02}"))).collect();
        for at in [0, 7, 8, 19] {
            batch[at] = short(&format!("{at:02}"));
        }
        let n = namespace("n");
        let write = peer.target.must_write().unwrap();
        let upserted = write.upsert(&n, &batch).await.unwrap();
        assert_eq!(upserted.count, 16, "{}", peer.name);
        let refused: Vec<usize> = upserted.refused.iter().map(|refused| refused.at).collect();
        assert_eq!(refused, [0, 7, 8, 19], "{}", peer.name);
        for Refused { refusal, .. } in &upserted.refused {
            let is_named =
                ["dimension", "component"].iter().any(|word| refusal.reason.contains(word));
            assert!(is_named, "{}: {refusal:?}", peer.name);
        }
        assert!(upserted.whole().is_err(), "{}", peer.name);
        let ids: Vec<String> = batch.iter().map(|record| record.id.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(fetch(&peer, "n", &ids).await.len(), 16, "{}", peer.name);

        let none = write.upsert(&n, &[short("a"), short("b")]).await.unwrap();
        assert_eq!((none.count, none.refused.len(), none.token), (0, 2, None), "{}", peer.name);
    }
}

#[tokio::test]
async fn records_that_match_a_filter_are_deleted_and_the_others_stay() {
    for peer in peers().await {
        let (n, filter) = (
            namespace("n"),
            Filter::read(&serde_json::json!({ "name": { "$eq": "üa" } })).unwrap(),
        );
        peer.target.must_remove().unwrap().delete_matching(&n, &filter).await.unwrap();
        peer.target.must_write().unwrap().upsert(&n, &[record("a"), record("b")]).await.unwrap();
        peer.target.must_write().unwrap().upsert(&namespace("m"), &[record("a")]).await.unwrap();
        peer.target.must_remove().unwrap().delete_matching(&n, &filter).await.unwrap();
        assert_eq!(fetch(&peer, "n", &["a", "b"]).await, [record("b")], "{}", peer.name);
        assert_eq!(fetch(&peer, "m", &["a"]).await, [record("a")], "{}", peer.name);
        let all = Filter::All(Vec::new());
        let refused =
            peer.target.must_remove().unwrap().delete_matching(&n, &all).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{}", peer.name);
    }
}

#[tokio::test]
async fn deleting_what_is_not_there_succeeds() {
    for peer in peers().await {
        let n = namespace("n");
        peer.target.must_remove().unwrap().delete(&n, &ids_of(&["a"])).await.unwrap();
        peer.target.must_remove().unwrap().delete_namespace(&n).await.unwrap();
        peer.target.must_write().unwrap().upsert(&n, &[record("a"), record("b")]).await.unwrap();
        peer.target.must_remove().unwrap().delete(&n, &ids_of(&["a", "z"])).await.unwrap();
        peer.target.must_remove().unwrap().delete(&n, &[]).await.unwrap();
        assert_eq!(fetch(&peer, "n", &["a", "b"]).await, [record("b")], "{}", peer.name);

        for name in ["n", ""] {
            peer.target
                .must_write()
                .unwrap()
                .upsert(&namespace(name), &[record("c")])
                .await
                .unwrap();
            peer.target.must_remove().unwrap().delete_namespace(&namespace(name)).await.unwrap();
            assert_eq!(peer.target.stats().await.unwrap().count(&namespace(name)), 0);
            assert!(fetch(&peer, name, &["b", "c"]).await.is_empty(), "{}", peer.name);
        }
    }
}
