use serde_json::json;
use vecshift::ErrorKind;
use vecshift::model::{AnyVector, Filter, Metric, SparseVector, Vector};
use vecshift::provider::pgvector::{
    Accuracy, Distance, Effort, Layout, Query, Scope, Score, canonical, search,
};

use crate::common::{dense, mapping};
use crate::server;

const APPROXIMATE: Accuracy =
    Accuracy::Approximate(Effort { ef_search: Some(200), probes: Some(10), is_iterative: true });

#[tokio::test]
async fn every_distance_is_answered_and_has_one_meaning() {
    let db = server::database().await;
    db.run(
        "create table t (id text primary key, embedding vector(2), half halfvec(2), sparse sparsevec(2), bits bit(4), list real[], doubles float8[]);
         insert into t values ('a', '[1,0]', '[1,0]', '{1:1}/2', B'1100', '{1,0}', '{1,0}'), ('b', '[3,4]', '[3,4]', '{1:3,2:4}/2', B'1111', '{3,4}', '{3,4}'),
           ('zero', '[0,0]', '[0,0]', '{}/2', B'0000', '{0,0}', '{0,0}'), ('none', null, null, null, null, null, null)",
    )
    .await;
    let vectors = ["embedding", "half", "sparse", "bits", "list", "doubles"]
        .map(|name| (name.to_owned(), name.to_owned()))
        .into();
    let mapping = mapping(&db, "t", &Layout { vectors, ..Layout::default() }).await;
    let mut session = db.session().await;
    let sparse = AnyVector::Sparse(SparseVector::new(vec![0], Vector::from_values([1.0])).unwrap());
    let bits = dense(&[1.0, 1.0, 0.0, 0.0]);
    let one = dense(&[1.0, 0.0]);
    let root = 20_f64.sqrt();
    for (using, vector, distance, wanted) in [
        (
            "embedding",
            &one,
            Distance::Cosine,
            vec![("a", Score::Similarity(1.0)), ("b", Score::Similarity(0.6))],
        ),
        (
            "embedding",
            &one,
            Distance::L2,
            vec![
                ("a", Score::Distance(0.0)),
                ("zero", Score::Distance(1.0)),
                ("b", Score::Distance(root)),
            ],
        ),
        (
            "embedding",
            &one,
            Distance::InnerProduct,
            vec![
                ("b", Score::Similarity(3.0)),
                ("a", Score::Similarity(1.0)),
                ("zero", Score::Similarity(0.0)),
            ],
        ),
        (
            "embedding",
            &one,
            Distance::L1,
            vec![
                ("a", Score::Distance(0.0)),
                ("zero", Score::Distance(1.0)),
                ("b", Score::Distance(6.0)),
            ],
        ),
        (
            "half",
            &one,
            Distance::Cosine,
            vec![("a", Score::Similarity(1.0)), ("b", Score::Similarity(0.6))],
        ),
        (
            "list",
            &one,
            Distance::Cosine,
            vec![("a", Score::Similarity(1.0)), ("b", Score::Similarity(0.6))],
        ),
        (
            "doubles",
            &one,
            Distance::Cosine,
            vec![("a", Score::Similarity(1.0)), ("b", Score::Similarity(0.6))],
        ),
        (
            "sparse",
            &sparse,
            Distance::L2,
            vec![
                ("a", Score::Distance(0.0)),
                ("zero", Score::Distance(1.0)),
                ("b", Score::Distance(root)),
            ],
        ),
        (
            "bits",
            &bits,
            Distance::Hamming,
            vec![
                ("a", Score::Distance(0.0)),
                ("b", Score::Distance(2.0)),
                ("zero", Score::Distance(2.0)),
            ],
        ),
        (
            "bits",
            &bits,
            Distance::Jaccard,
            vec![
                ("a", Score::Distance(0.0)),
                ("b", Score::Distance(0.5)),
                ("zero", Score::Distance(1.0)),
            ],
        ),
    ] {
        for accuracy in [Accuracy::Exact, APPROXIMATE, Accuracy::Approximate(Effort::default())] {
            let query = Query { using, vector, distance, limit: 10, accuracy };
            let mut found =
                search(&mut session, &mapping, &Scope::default(), &query).await.unwrap();
            // Ties come in any order.
            found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
            let ids: Vec<_> = found.iter().map(|found| found.id.to_string()).collect();
            assert_eq!(
                ids,
                wanted.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
                "{using} {distance:?}"
            );
            for (found, (_, wanted)) in found.iter().zip(&wanted) {
                let close = match (found.score, *wanted) {
                    (Score::Similarity(a), Score::Similarity(b))
                    | (Score::Distance(a), Score::Distance(b)) => (a - b).abs() < 1e-6,
                    _ => false,
                };
                assert!(close, "{using} {distance:?}: {found:?} {wanted:?}");
            }
        }
    }
    assert_eq!(canonical(Distance::of(Metric::Dotproduct), -2.0), Score::Similarity(2.0));
    for (using, vector, distance) in
        [("none", &one, Distance::L2), ("embedding", &bits, Distance::L2)]
    {
        let query = Query { using, vector, distance, limit: 1, accuracy: Accuracy::Exact };
        let error = search(&mut session, &mapping, &Scope::default(), &query).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    }
}

#[tokio::test]
async fn an_exact_search_looks_at_everything_and_a_filtered_one_at_what_passes() {
    let db = server::database().await;
    db.run(
        "create table t (id int primary key, embedding vector(3), n int);
         select setseed(0.5);
         insert into t select g, array[random(), random(), random()]::vector(3), g % 100 from generate_series(1, 5000) g;
         create index on t using hnsw (embedding vector_l2_ops) with (m = 4, ef_construction = 8); analyze t",
    )
    .await;
    let mapping = mapping(&db, "t", &Layout::default()).await;
    let mut session = db.session().await;
    let vector = dense(&[0.5, 0.5, 0.5]);
    let rows = db.rows("select id from t order by embedding <-> '[0.5,0.5,0.5]'::vector + '[0,0,0]'::vector, id limit 20").await;
    let truth: Vec<String> = rows.iter().map(|row| row.get::<_, i32>(0).to_string()).collect();
    let ask = |accuracy, limit| Query {
        using: "embedding",
        vector: &vector,
        distance: Distance::L2,
        limit,
        accuracy,
    };
    let exact =
        search(&mut session, &mapping, &Scope::default(), &ask(Accuracy::Exact, 20)).await.unwrap();
    assert_eq!(exact.iter().map(|found| found.id.to_string()).collect::<Vec<_>>(), truth);
    let weak = Accuracy::Approximate(Effort { ef_search: Some(1), ..Effort::default() });
    let few = search(&mut session, &mapping, &Scope::default(), &ask(weak, 20)).await.unwrap();
    assert!(few.len() < 20, "an index that looks at one candidate gives {}", few.len());
    let scope = Scope { partition: None, filter: Some(Filter::read(&json!({"n": 7})).unwrap()) };
    for accuracy in [Accuracy::Exact, APPROXIMATE] {
        let found = search(&mut session, &mapping, &scope, &ask(accuracy, 50)).await.unwrap();
        assert_eq!(found.len(), 50, "{accuracy:?}");
    }
    // What was set for one query is not there for the next.
    let found = search(
        &mut session,
        &mapping,
        &Scope::default(),
        &ask(Accuracy::Approximate(Effort::default()), 20),
    )
    .await
    .unwrap();
    assert_eq!(found.len(), 20);
}
