//! The plans in `plans/` with a table of PostgreSQL on one side, rehearsed by the program as a pull request's CI does it.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::server::{self, Database};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/plans"))
}

/// Rehearses a plan with `db` as its source and as what stands for its target. Returns whether it ended well, and what it
/// said.
pub async fn run(plan: &Path, db: &Database) -> (bool, String, String) {
    let state = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.arg("rehearse").arg(plan).arg("--json").arg("--state").arg(state.path());
    command.env("DATABASE_URL", db.url()).env("VECSHIFT_REHEARSAL_DATABASE_URL", db.url());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), said(&output.stdout), said(&output.stderr))
}

/// Rehearses a plan of `plans/`, which has to end well.
pub async fn rehearse(plan: &str, db: &Database, records: u64) {
    rehearse_at(&folder().join(plan), db, records).await;
}

/// Rehearses a plan with this text, which has to end well.
pub async fn rehearse_text(text: &str, db: &Database, records: u64) {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    rehearse_at(&path, db, records).await;
}

async fn rehearse_at(plan: &Path, db: &Database, records: u64) {
    let (succeeds, out, err) = run(plan, db).await;
    let plan = plan.display();
    assert!(succeeds, "{plan}: {err}\n{out}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let stages = document["report"]["stages"].as_array().unwrap();
    let copied = stages.iter().find(|stage| stage["stage"] == "copy").unwrap();
    assert_eq!(copied["figures"]["records"].as_f64(), Some(records as f64), "{plan}: {out}");
}

#[tokio::test]
async fn an_index_becomes_a_table_with_an_index_over_its_vectors() {
    let db = server::database().await;
    rehearse("pinecone-to-pgvector.yaml", &db, 2_000).await;
    let schema = "vecshift_rehearsal_search_packages";
    assert_eq!(db.text(&format!("select count(*) from {schema}.packages")).await, "2000");
    let valid = format!(
        "select indisvalid from pg_index where indexrelid = '{schema}.packages_embedding_hnsw'::regclass"
    );
    assert_eq!(db.text(&valid).await, "true");
    // It is emptied before the next one.
    rehearse("pinecone-to-pgvector.yaml", &db, 2_000).await;
}

/// Half precision rounds these embeddings: they are refused until the plan accepts it, and then no comparison of bits is
/// made.
#[tokio::test]
async fn rounding_is_refused_accepted_and_compared_by_a_tolerance() {
    let db = server::database().await;
    let text = std::fs::read_to_string(folder().join("pinecone-to-pgvector.yaml")).unwrap();
    let spec = "      dimension: 384\n";
    assert!(text.contains(spec) && text.contains("  - kind: verify\n"));
    let files = tempfile::tempdir().unwrap();
    let plan = |name: &str, verify: &str| {
        let spec_of_it = format!("{spec}      element: f16\n      rounding: accept\n");
        let text = text
            .replace(spec, &spec_of_it)
            .replace("../examples", concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))
            .replace("  - kind: verify\n", &format!("  - kind: verify\n{verify}"))
            .replace("      - mismatched == 0\n", "      - mismatched == 0\n      - comparison == tolerance\n      - max_difference > 0\n");
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (succeeds, _, said) = run(&plan("none.yaml", ""), &db).await;
    assert!(!succeeds && said.contains("a side rounds the components"), "{said}");
    let (succeeds, out, said) = run(&plan("some.yaml", "    tolerance: 0.0001\n"), &db).await;
    assert!(succeeds, "{said}\n{out}");
    let sentence = "equal within the plan's tolerance of 0.0001: the source keeps every bit, the target rounds components";
    assert!(out.contains(sentence), "{out}");
}

#[tokio::test]
async fn a_table_becomes_an_index_and_stays_as_it_is() {
    let db = server::database().await;
    db.run(
        "create schema shop;
         create table shop.products (sku bigint, shop text, embedding vector(8) not null, title text, price float8,
           in_stock bool, added_at timestamptz, secret text, primary key (shop, sku));
         insert into shop.products select g, 'shop ' || g % 3, (select array_agg(((g * 31 + n * 7919) % 997) / 991.0) from generate_series(1, 8) n)::vector,
           'title ' || g, g / 4.0, g % 2 = 0, 'epoch'::timestamptz + g * interval '1 hour', 'never moved' from generate_series(1, 600) g",
    )
    .await;
    let sum = "select md5(string_agg(p::text, ',' order by sku)) from shop.products p";
    let before = db.text(sum).await;
    rehearse("pgvector-to-pinecone.yaml", &db, 600).await;
    assert_eq!(db.text(sum).await, before);
}

/// The text of the id of a number.
type TextOf = fn(u32) -> String;

/// Ids keep their text where a plan says so, and are refused one and all where it does not. Each is looked for on the other
/// side by what it becomes there.
#[tokio::test]
async fn ids_of_every_kind_become_text_by_the_plans_word() {
    let text = std::fs::read_to_string(folder().join("pgvector-to-pinecone.yaml")).unwrap();
    let word = "    ids: { to: text }\n";
    assert!(text.contains(word));
    let files = tempfile::tempdir().unwrap();
    let (number, uuid, name): (TextOf, TextOf, TextOf) = (
        |at| at.to_string(),
        |at| format!("00000000-0000-0000-0000-{at:012}"),
        |at| format!("sku {at}"),
    );
    for (kind, id, text_of, is_refused) in [
        ("bigint", "g", number, true),
        ("uuid", "lpad(g::text, 32, '0')::uuid", uuid, true),
        ("text", "'sku ' || g", name, false),
    ] {
        let db = server::database().await;
        db.run(&format!(
            "create schema shop;
             create table shop.products (sku {kind}, shop text, embedding vector(8) not null, title text, price float8,
               in_stock bool, added_at timestamptz, primary key (shop, sku));
             insert into shop.products select {id}, 'a shop', (select array_agg(((g * 31 + n * 7919) % 997) / 991.0) from generate_series(1, 8) n)::vector,
               'title ' || g, g / 4.0, g % 2 = 0, 'epoch'::timestamptz + g * interval '1 hour' from generate_series(1, 60) g"
        ))
        .await;
        rehearse("pgvector-to-pinecone.yaml", &db, 60).await;
        // The ids of a manifest are texts, whatever the table keeps.
        let rows: String = (1..=60).map(|at| format!("a shop,{}\n", text_of(at))).collect();
        std::fs::write(files.path().join("ids.csv"), format!("namespace,id\n{rows}")).unwrap();
        let by_manifest = format!("{word}    enumerate: {{ manifest: {{ file: ids.csv }} }}\n");
        let path = files.path().join("listed.yaml");
        std::fs::write(&path, text.replace(word, &by_manifest)).unwrap();
        let (succeeds, out, said) = run(&path, &db).await;
        assert!(succeeds, "{kind}: {said}\n{out}");

        let path = files.path().join("plan.yaml");
        std::fs::write(&path, text.replace(word, "")).unwrap();
        let (succeeds, out, said) = run(&path, &db).await;
        assert_eq!(succeeds, !is_refused, "{kind}: {said}\n{out}");
        let sentence = "60 records (kind of id)";
        assert_eq!(
            out.contains(sentence) || said.contains(sentence),
            is_refused,
            "{kind}: {said}\n{out}"
        );
    }
}

/// What a target holds already is compared with what would be written under the same text, to the last bit where both keep
/// every one, whatever tolerance a verification has; and what only it holds is found.
#[tokio::test]
async fn what_the_target_holds_is_found_whatever_the_kind_of_ids() {
    let number = "g";
    let uuid = "lpad(g::text, 32, '0')::uuid";
    for (from, source_id, kind, target_id, to) in [
        ("bigint", number, "text", "g::text", "text"),
        ("text", "g::text", "bigint", number, "number"),
        ("uuid", uuid, "text", "lpad(g::text, 32, '0')::uuid::text", "text"),
        ("text", "lpad(g::text, 32, '0')::uuid::text", "uuid", uuid, "uuid"),
    ] {
        let db = server::database().await;
        db.run(&format!(
            "create table a (id {from} primary key, embedding vector(2));
             insert into a select {source_id}, array[g, 1]::vector from generate_series(1, 20) g;
             create table b (id {kind} primary key, embedding vector(2));
             insert into b select {target_id}, array[g, 2]::vector from generate_series(20, 21) g"
        ))
        .await;
        let folder = tempfile::tempdir().unwrap();
        let plan = format!(
            "version: 1
name: kinds
source: {{ provider: pgvector, index: a }}
target: {{ provider: pgvector, index: b }}
stages:
  - kind: copy
    ids: {{ to: {to} }}
    assert: [copy.complete == true, copy.failed == 0]
  - kind: verify
    compare: 60%
    tolerance: 2
    assert: [missing == 0, mismatched == 0, extra < 2]
"
        );
        let path = folder.path().join("kinds.yaml");
        std::fs::write(&path, &plan).unwrap();
        let (succeeds, said) = run_plan(&path, &db).await;
        let sentence = "the target holds 1 id that the copy would write, with something else";
        assert!(!succeeds && said.contains(sentence), "{from} {kind}: {said}");
        assert_eq!(db.text("select count(*) from b").await, "2", "{from} {kind}");
        let word = "    existing: overwrite\n    assert: [copy.complete";
        let plan = plan.replace("    assert: [copy.complete", word).replace("60%", "all");
        std::fs::write(&path, plan.replace("extra < 2", "extra == 1")).unwrap();
        let (succeeds, said) = run_plan(&path, &db).await;
        assert!(succeeds, "{from} {kind}: {said}");
        assert_eq!(db.text("select count(*) from b").await, "21", "{from} {kind}");
    }
}

/// Runs a plan whose sides are tables of `db`, a changed one, too.
pub async fn run_plan(plan: &Path, db: &Database) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.args(["run", "--adopt"]).arg(plan).current_dir(plan.parent().unwrap());
    command.env("DATABASE_URL", db.url()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// A namespace becomes a partition, whatever it is called, and a table with partitions is a source as any other.
#[tokio::test]
async fn namespaces_become_partitions_and_come_back() {
    let db = server::database().await;
    let text = std::fs::read_to_string(folder().join("pinecone-to-pgvector.yaml")).unwrap();
    let spec = "      dimension: 384\n";
    assert!(text.contains(spec));
    let text = text
        .replace(spec, &format!("{spec}      namespaces: partitions\n"))
        .replace("../examples", concat!(env!("CARGO_MANIFEST_DIR"), "/examples"));
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    let (succeeds, out, said) = run(&path, &db).await;
    assert!(succeeds, "{said}\n{out}");
    let table = "vecshift_rehearsal_search_packages.packages";
    let count = |what: &str| format!("select count({what}) from {table}");
    assert_eq!(db.text(&count("*")).await, "2000");
    let partitions =
        format!("select count(*) from pg_inherits where inhparent = '{table}'::regclass");
    assert_eq!(db.text(&partitions).await, db.text(&count("distinct namespace")).await);

    // The other way round: from these partitions to those of another table.
    let back = format!(
        "version: 1\nname: back\nsource: {{ provider: pgvector, index: {table} }}\n\
         target: {{ provider: pgvector, index: public.again }}\nstages:\n\
         \x20 - {{ kind: create, spec: {{ dimension: 384, metric: cosine, namespaces: partitions }} }}\n\
         \x20 - {{ kind: copy, assert: [copy.complete == true, copy.failed == 0] }}\n\
         \x20 - {{ kind: verify, assert: [count_delta == 0, missing == 0, mismatched == 0] }}\n"
    );
    std::fs::write(&path, back).unwrap();
    let (succeeds, out, said) = run(&path, &db).await;
    assert!(succeeds, "{said}\n{out}");
    let again = "select count(*) from vecshift_rehearsal_public_again.again";
    assert_eq!(db.text(again).await, "2000");
}

#[tokio::test]
async fn files_become_a_table() {
    let db = server::database().await;
    rehearse("parquet-to-pgvector.yaml", &db, 2_000).await;
    assert_eq!(
        db.text("select count(*) from vecshift_rehearsal_public_packages.packages").await,
        "2000"
    );
}
