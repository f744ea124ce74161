//! Tables with several vectors a row: moved by their names, to another table and to an index that keeps one.

use crate::plans::{rehearse, run};
use crate::server::{self, Database};

/// Makes a table with two dense vectors and a sparse one, of which some rows lack one.
async fn books(db: &Database) {
    db.run(
        "create schema library;
         create table library.books (id text primary key, title vector(8), body vector(4) not null, words sparsevec(1000));
         insert into library.books select 'book ' || g,
           case when g % 10 <> 0 then (select array_agg(((g * 31 + n * 7919) % 61) / 64.0 + n) from generate_series(1, 8) n)::vector end,
           (select array_agg(((g * 17 + n * 104729) % 997) / 991.0 - 0.5) from generate_series(1, 4) n)::vector,
           case when g % 3 = 0 then ('{' || g || ':0.5,1000:' || g || '}/1000')::sparsevec end
           from generate_series(1, 300) g;
         create index on library.books using hnsw (body vector_ip_ops)",
    )
    .await;
}

/// Runs a plan whose copy stage has these lines, towards an index; whether it ended well, and all it said.
async fn into_an_index(db: &Database, row: &str, copy: &str, verify: &str) -> (bool, String) {
    let text = format!(
        "version: 1
name: books
source: {{ provider: pgvector, index: library.books, url: {{ env: DATABASE_URL }}{row} }}
target: {{ provider: pinecone, index: books }}
stages:
  - kind: audit
    assert: [source.records > 0]
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 4, metric: dotproduct }}
    assert: [target.ready == true]
  - kind: copy
    scores: accept
{copy}    assert: [copy.failed == 0, copy.complete == true]
  - kind: verify
    queries: {{ count: 20, top_k: 5{verify} }}
    assert: [missing == 0, mismatched == 0, overlap@5 >= 0.9]
"
    );
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    let (succeeds, out, err) = run(&path, db).await;
    (succeeds, format!("{err}\n{out}"))
}

#[tokio::test]
async fn each_goes_to_the_column_of_its_name_and_one_to_another() {
    let db = server::database().await;
    books(&db).await;
    rehearse("vectors-by-name.yaml", &db, 300).await;
    let made = "vecshift_rehearsal_library_works.works";
    let differs = "a.body is distinct from b.body or a.words is distinct from b.words or a.title::halfvec is distinct from b.heading";
    let sql = format!(
        "select count(*) from library.books a join {made} b on a.id = b.id where {differs}"
    );
    assert_eq!(db.text(&sql).await, "0");
    let sql =
        format!("select count(*) || ' ' || count(heading) || ' ' || count(words) from {made}");
    assert_eq!(db.text(&sql).await, "300 270 100");
    let sql = "select string_agg(indexdef, '; ' order by indexname) from pg_indexes \
               where schemaname = 'vecshift_rehearsal_library_works' and indexdef like '%hnsw%'";
    let indexes = db.text(sql).await;
    for part in ["(body public.vector_ip_ops)", "(heading public.halfvec_cosine_ops) WITH (m='8')"]
    {
        assert!(
            indexes.contains(part) || indexes.contains(&part.replace("public.", "")),
            "{indexes}"
        );
    }
}

fn by_name() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/vectors-by-name.yaml");
    std::fs::read_to_string(path).unwrap()
}

/// Rehearses a plan of this text; whether it ended well, its report, and all it said.
async fn rehearsed(db: &Database, text: &str) -> (bool, serde_json::Value, String) {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    let (succeeds, out, err) = run(&path, db).await;
    let report = serde_json::from_str(&out).unwrap_or_default();
    (succeeds, report, format!("{err}\n{out}"))
}

/// Each vector is compared by what both sides keep of it, and the report says so of each.
#[tokio::test]
async fn each_is_compared_by_its_own() {
    let db = server::database().await;
    books(&db).await;
    db.run("update library.books set title = (select array_agg(x / 3)::vector from unnest(title::real[]) x) where title is not null")
        .await;
    let plan = |verify: &str| {
        let text = by_name().replace("    spec:\n", "    spec:\n      rounding: accept\n");
        text.replace("  - kind: verify\n", &format!("  - kind: verify\n{verify}"))
    };
    for (verify, wanted) in [
        ("", "a side rounds the components of the vector `heading`"),
        ("    tolerance: { heading: 0.01, body: 0.01 }\n", "no side rounds the vector `body`"),
        ("    tolerance: { heading: 0.01, title: 0.01 }\n", "no vector `title`"),
    ] {
        let (succeeds, _, said) = rehearsed(&db, &plan(verify)).await;
        assert!(!succeeds && said.contains(wanted), "{wanted}: {said}");
    }
    let verify = "    tolerance: { heading: 0.01 }\n";
    let asserted = "      - mismatched == 0\n      - vector_mismatched(heading) == 0\n      - vector_comparison(heading) == tolerance\n      \
                    - vector_max_difference(heading) > 0\n      - vector_comparison(body) == bits\n      - comparison == tolerance\n";
    let text = plan(verify).replace("      - mismatched == 0\n", asserted);
    let (succeeds, document, said) = rehearsed(&db, &text).await;
    assert!(succeeds, "{said}");
    let stages = document["report"]["stages"].as_array().unwrap();
    let verified = stages.iter().find(|stage| stage["stage"] == "verify").unwrap();
    let of = |name: &str| {
        let all = verified["vectors"].as_array().unwrap();
        all.iter().find(|one| one["vector"] == name).unwrap().clone()
    };
    let heading = of("heading");
    assert_eq!(
        (&heading["comparison"], &heading["tolerance"]),
        (&"tolerance".into(), &0.01.into())
    );
    assert_eq!((&heading["compared"], &heading["differing"]), (&270.into(), &0.into()));
    assert_eq!((&of("body")["comparison"], &of("body")["compared"]), (&"bits".into(), &300.into()));
    let line = "vector `heading`: within 0.01, 0 of 270 differ, by at most";
    assert!(said.contains(line), "{said}");
    assert!(said.contains("vector `body`: every bit, 0 of 300 differ"), "{said}");
}

/// What is nearest by one metric is not by another, and a number that an answer has in one system is another one elsewhere.
#[tokio::test]
async fn other_answers_are_refused_until_the_plan_means_them() {
    let db = server::database().await;
    books(&db).await;
    let other = by_name().replace("metric: dotproduct, hnsw", "metric: cosine, hnsw");
    let (succeeds, _, said) = rehearsed(&db, &other).await;
    let sentence =
        "the vector `body` is searched by dotproduct in the source and by cosine in the target";
    assert!(!succeeds && said.contains(sentence), "{said}");
    let accepted = other.replace("heading } }", "heading }, accept_metric: [body] }");
    let (succeeds, _, said) = rehearsed(&db, &accepted).await;
    assert!(succeeds, "{said}");
    let noted = "`body` is searched by dotproduct in the source and by cosine in the target: the vectors of 300 of 300 records";
    assert!(said.contains(noted), "{said}");
    db.run("drop index library.books_body_idx; create index on library.books using hnsw (body vector_l1_ops)").await;
    let (succeeds, _, said) = rehearsed(&db, &by_name()).await;
    assert!(!succeeds && said.contains("searched by l1 in the source"), "{said}");

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/plans/pinecone-to-pgvector.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace("../examples", concat!(env!("CARGO_MANIFEST_DIR"), "/examples"));
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("scores:")).collect();
    let (succeeds, _, said) = rehearsed(&db, &lines.join("\n")).await;
    assert!(
        !succeeds && said.contains("are the cosine in the source and 1 - the cosine"),
        "{said}"
    );
}

#[tokio::test]
async fn an_index_that_keeps_one_takes_what_the_plan_picks() {
    let db = server::database().await;
    books(&db).await;
    let (succeeds, said) = into_an_index(&db, "", "    vectors: { pick: body }\n", "").await;
    assert!(succeeds, "{said}");
    let (succeeds, said) =
        into_an_index(&db, "", "    vectors: { drop: [title] }\n", ", using: body").await;
    assert!(succeeds, "{said}");
    let row = ", row: { vectors: [body] }";
    let (succeeds, said) = into_an_index(&db, row, "", "").await;
    assert!(succeeds, "{said}");
}

#[tokio::test]
async fn what_the_target_has_no_place_for_is_refused_by_name_before_anything_is_made() {
    let db = server::database().await;
    books(&db).await;
    for (copy, verify, wanted) in [
        ("", "", "no place for the vectors `body`, `title`"),
        ("    vectors: { pick: titel }\n", "", "no vector `titel`"),
        ("    vectors: { rename: { title: other } }\n", "", "no vector `other`"),
        ("    vectors: { pick: title }\n", "", "`title` of the source has 8 components"),
        ("    vectors: { pick: body }\n", ", using: title", "`using: title` names no vector"),
    ] {
        let (succeeds, said) = into_an_index(&db, "", copy, verify).await;
        assert!(!succeeds && said.contains(wanted), "{wanted}: {said}");
    }
    // A row without the vector that was picked is a record that the index refuses.
    db.run("alter table library.books alter body drop not null; update library.books set body = null where id = 'book 7'").await;
    let (succeeds, said) = into_an_index(&db, "", "    vectors: { pick: body }\n", "").await;
    assert!(!succeeds && said.contains("1 record (no vector)"), "{said}");
}
