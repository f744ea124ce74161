//! A table for each namespace: as what stands in for a target, as a source, and what of it is refused.

use std::path::Path;

use vecshift::model::Namespace;
use vecshift::provider::pgvector::{Row, Settings, Table};
use vecshift::store::calls::Calls;
use vecshift::store::{Opened, Standing, Store};

use crate::common::record;
use crate::plans::{rehearse_text, run, run_plan};
use crate::server::{self, Database};

/// Makes tables of two tenants, one with a name that has to be quoted.
async fn shop(db: &Database) {
    db.run(
        "create schema shop;
         create table shop.items_red (id text primary key, embedding vector(3) not null, title text);
         create table shop.\"items_Blue \"\"1\"\"\" (title text, id text primary key, embedding vector(3));
         insert into shop.items_red select 'r' || g, array[g, 1, g % 7]::vector, 'red ' || g from generate_series(1, 300) g;
         insert into shop.\"items_Blue \"\"1\"\"\" select 'title', 'r' || g, array[g, 2, g % 5]::vector from generate_series(1, 200) g;
         create table shop.items_none (like shop.items_red including all);
         create view shop.items_all as select * from shop.items_red",
    )
    .await;
}

/// A plan from tables of tenants to `target`, with these lines of its stages.
fn plan(target: &str, stages: &str) -> String {
    format!(
        "version: 1
name: tenants
source: {{ provider: pgvector, index: \"shop.items_{{namespace}}\" }}
target: {{ provider: pgvector, index: '{target}' }}
stages:
{stages}"
    )
}

const MOVED: &str = "  - kind: audit
    assert: [source.records == 500, source.namespaces == 2]
  - { kind: create, spec: { dimension: 3, metric: cosine, hnsw: { m: 8 } } }
  - kind: copy
    assert: [copy.complete == true, copy.failed == 0]
  - kind: verify
    assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0, metadata_mismatched == 0]
";

async fn run_text(db: &Database, text: &str) -> (bool, String) {
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    run_plan(&path, db).await
}

/// Namespaces of an index become tables, each with its own index over the vectors, and are a source again.
#[tokio::test]
async fn namespaces_become_tables_and_come_back() {
    let db = server::database().await;
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/pinecone-to-pgvector.yaml"),
    )
    .unwrap();
    let index = "index: search.packages";
    assert!(text.contains(index));
    let text = text
        .replace(index, "index: \"search.packages_{namespace}\"")
        .replace("../examples", concat!(env!("CARGO_MANIFEST_DIR"), "/examples"));
    rehearse_text(&text, &db, 2_000).await;
    let schema = "vecshift_rehearsal_search_packages___default__";
    let tables = format!(
        "select count(*) from pg_class c where relnamespace = '{schema}'::regnamespace and relkind = 'r'"
    );
    let indexed = format!(
        "{tables} and exists (select from pg_index i join pg_class n on n.oid = i.indexrelid join pg_am a on a.oid = n.relam \
         where i.indrelid = c.oid and a.amname = 'hnsw' and i.indisvalid)"
    );
    let count = db.text(&tables).await;
    assert!(count.parse::<u32>().unwrap() > 2, "{count}");
    assert_eq!(db.text(&indexed).await, count);

    let back = format!(
        "version: 1\nname: back\nsource: {{ provider: pgvector, index: \"{schema}.packages_{{namespace}}\" }}\n\
         target: {{ provider: pgvector, index: public.again }}\nstages:\n\
         \x20 - {{ kind: create, spec: {{ dimension: 384, metric: cosine }} }}\n\
         \x20 - {{ kind: copy, assert: [copy.complete == true, copy.failed == 0] }}\n\
         \x20 - {{ kind: verify, assert: [count_delta == 0, missing == 0, mismatched == 0] }}\n"
    );
    let (succeeds, said) = run_text(&db, &back).await;
    assert!(succeeds, "{said}");
    let spaces = "select count(*) || ' ' || count(distinct namespace) from again";
    let spaces = db.text(spaces).await;
    let (records, names) = spaces.split_once(' ').unwrap();
    assert_eq!(records, "2000");
    // The first table is of the default namespace, which may hold nothing.
    let names = names.parse::<u32>().unwrap();
    assert!([names, names + 1].contains(&count.parse().unwrap()), "{spaces}, {count} tables");
}

#[tokio::test]
async fn tables_of_tenants_become_others_whatever_they_are_called() {
    let db = server::database().await;
    shop(&db).await;
    let (succeeds, said) = run_text(&db, &plan("kept.{namespace} of \"us\"", MOVED)).await;
    assert!(succeeds, "{said}");
    assert!(said.contains("shop.items_all"), "a view is named and not read: {said}");
    let blue = "kept.\"Blue \"\"1\"\" of \"\"us\"\"\"";
    assert_eq!(db.text(&format!("select count(*) from {blue}")).await, "200");
    let differing = format!(
        "select count(*) from {blue} a full join shop.\"items_Blue \"\"1\"\"\" b using (id)
         where a.embedding is distinct from b.embedding or a.metadata->>'title' is distinct from b.title"
    );
    assert_eq!(db.text(&differing).await, "0");
    // A namespace without records gets no table, and the default one has that by which the others go.
    let tables = "select string_agg(relname, ', ' order by relname collate \"C\") from pg_class where relnamespace = 'kept'::regnamespace and relkind = 'r'";
    assert_eq!(db.text(tables).await, "Blue \"1\" of \"us\", __default__ of \"us\", red of \"us\"");
    // Once more: nothing is left to do, and nothing is made twice.
    let (succeeds, said) = run_text(&db, &plan("kept.{namespace} of \"us\"", MOVED)).await;
    assert!(succeeds, "{said}");
}

/// What fits a pattern and is not one of its tables is refused, and nothing is made.
#[tokio::test]
async fn what_fits_and_is_another_thing_is_refused() {
    for (change, wanted) in [
        ("create table shop.items_meta (id text primary key)", "shop.items_meta"),
        ("alter table shop.items_none alter embedding type vector(4)", "shop.items_none"),
        ("alter table shop.items_none drop constraint items_none_pkey", "shop.items_none"),
        // The scan of such a table would have no key to go by.
        (
            "alter table shop.items_none drop constraint items_none_pkey, add unique (id), alter id drop not null",
            "shop.items_none",
        ),
        ("create table shop.items_heir () inherits (shop.items_red)", "inherits from"),
        (
            "create table shop.items___default__ (like shop.items_red including all); insert into shop.items_red select repeat('x', 60), array[1,1,1]::vector, ''; alter table shop.items_red rename to items_123456789_123456789_123456789_123456789_123456789",
            "longer than 63 bytes",
        ),
    ] {
        let db = server::database().await;
        shop(&db).await;
        db.run(change).await;
        let stages = &MOVED[MOVED.find("  - { kind: create").unwrap()..];
        let (succeeds, said) =
            run_text(&db, &plan("kept.a_rather_long_name_{namespace}", stages)).await;
        assert!(!succeeds && said.contains(wanted), "{change}: {said}");
        assert_eq!(db.text("select to_regnamespace('kept') is null").await, "true", "{change}");
    }
}

/// A role that may not read one of many tables is told which.
#[tokio::test]
async fn a_table_that_may_not_be_read_is_named() {
    let db = server::database().await;
    shop(&db).await;
    let grants = "grant usage on schema shop to reader_of_tenants; grant select on shop.items_red, shop.items_none to reader_of_tenants";
    let url = db.role_url("reader_of_tenants", grants).await;
    let text = plan("kept.{namespace}", MOVED)
        .replace("{namespace}\" }\ntarget", "{namespace}\", url: { env: READER_URL } }\ntarget");
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.arg("run").arg(&path).current_dir(files.path()).kill_on_drop(true);
    command.env("DATABASE_URL", db.url()).env("READER_URL", url);
    let output = command.stdin(std::process::Stdio::null()).output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success() && said.contains("items_Blue"), "{said}");
    assert_eq!(db.text("select to_regnamespace('kept') is null").await, "true");
}

/// A rollback drops the tables that the run made, and nothing else that fits their names.
#[tokio::test]
async fn a_rollback_takes_back_only_what_the_run_made() {
    let db = server::database().await;
    shop(&db).await;
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, plan("kept.i_{namespace}", MOVED)).unwrap();
    let (succeeds, said) = run_plan(&path, &db).await;
    assert!(succeeds, "{said}");
    db.run("create table kept.i_theirs (like kept.i_red including all)").await;
    let purge = async || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
        command.args(["rollback", "--purge"]).arg(&path).current_dir(files.path());
        command.env("DATABASE_URL", db.url()).kill_on_drop(true);
        let output = command.stdin(std::process::Stdio::null()).output().await.unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let said = purge().await;
    assert!(said.contains("kept.i_theirs"), "{said}");
    assert_eq!(db.text("select count(*) from kept.i_red").await, "300", "all or none: {said}");
    db.run("drop table kept.i_theirs").await;
    let said = purge().await;
    let left = "select count(*) from pg_class where relnamespace = 'kept'::regnamespace";
    assert_eq!(db.text(left).await, "0", "{said}");
}

/// A pattern with a rehearsal on both sides changes nothing of what is there.
#[tokio::test]
async fn a_rehearsal_leaves_the_tables_as_they_are() {
    let db = server::database().await;
    shop(&db).await;
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    let last = "  - { kind: decommission, confirm: \"shop.items_{namespace}\", snapshot: \"file:kept\" }\n";
    std::fs::write(&path, plan("kept.{namespace}", &format!("{MOVED}{last}"))).unwrap();
    db.run("drop view shop.items_all").await;
    let (succeeds, out, said) = run(&path, &db).await;
    assert!(succeeds, "{said}\n{out}");
    assert_eq!(db.text("select count(*) from shop.items_red").await, "300");
    assert_eq!(db.text("select to_regnamespace('kept') is null").await, "true");
}

fn tenants(db: &Database) -> std::sync::Arc<dyn Store> {
    let index = "shop.items_{namespace}";
    let table = Table::new(db.address(), Settings::default(), index, Row::default()).unwrap();
    table.through(Calls::bare())
}

/// A tenant without records says nothing of the others' vectors.
#[tokio::test]
async fn the_length_of_vectors_is_that_of_whichever_table_has_some() {
    let db = server::database().await;
    for (kind, value) in [("vector", "[1,2,3]"), ("real[]", "{1,2,3}")] {
        db.run(&format!(
            "drop schema if exists shop cascade; create schema shop;
             create table shop.items_a (id text primary key, embedding {kind}, title text);
             create table shop.items_b (like shop.items_a including all); create table shop.items_c (like shop.items_a including all)"
        ))
        .await;
        let row = Row { vectors: vec!["embedding".to_owned()], ..Row::default() };
        let index = "shop.items_{namespace}";
        let table = Table::new(db.address(), Settings::default(), index, row).unwrap();
        let table = table.through(Calls::bare());
        let length = async || table.describe().await.unwrap().unwrap().spec.dimension;
        assert_eq!(length().await, None, "{kind}");
        db.run(&format!("insert into shop.items_b values ('x', null), ('y', '{value}')")).await;
        assert_eq!(length().await, Some(3), "{kind}");
    }
}

/// Two variables may lead to one database, in which the target would be one of the source's tables.
#[tokio::test]
async fn a_target_that_would_be_one_of_the_sources_tables_is_never_made() {
    let db = server::database().await;
    shop(&db).await;
    let stages = &MOVED[MOVED.find("  - { kind: create").unwrap()..];
    let text = plan("shop.items_new", stages);
    let text =
        text.replace("index: 'shop.items_new'", "index: shop.items_new, url: { env: OTHER_URL }");
    let files = tempfile::tempdir().unwrap();
    let path = files.path().join("plan.yaml");
    std::fs::write(&path, text).unwrap();
    for word in ["plan", "run"] {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
        command.arg(word).arg(&path).current_dir(files.path()).kill_on_drop(true);
        command.env("DATABASE_URL", db.url()).env("OTHER_URL", db.url());
        let output = command.stdin(std::process::Stdio::null()).output().await.unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = "`shop.items_new` would be a part of the source";
        assert!(!output.status.success() && said.contains(wanted), "{said}");
    }
    assert_eq!(db.text("select to_regclass('shop.items_new') is null").await, "true");
}

/// Tables that are made beside an application's own are searched as those are: over each column, by its distance, with the
/// parameters.
#[tokio::test]
async fn a_table_like_an_applications_own_gets_the_same_indexes_over_vectors() {
    let db = server::database().await;
    db.run(
        "create schema shop;
         create table shop.items_m (id text primary key, body vector(2), title vector(2));
         create index on shop.items_m using hnsw (title vector_l1_ops) with (m = 5);
         create index on shop.items_m using hnsw (body vector_ip_ops);
         create index on shop.items_m using hnsw (body vector_l2_ops) with (m = 6, ef_construction = 20);
         create index part on shop.items_m using hnsw (body vector_cosine_ops) where id > 'x'",
    )
    .await;
    // The first of them sorts before the application's own, and others are made like it.
    for namespace in ["a", "z"] {
        let table = tenants(&db);
        let before = table.describe().await.unwrap().unwrap();
        let write = table.must_write().unwrap();
        if namespace == "a" {
            let said = write.inventory(None).await.unwrap();
            assert!(said.sentences().iter().any(|one| one.contains("`part`")), "{said:?}");
        }
        write.upsert(&Namespace::new(namespace), &[record("x", &[])]).await.unwrap();
        let admin = table.must_admin().unwrap();
        while admin.finish().await.unwrap().is_some_and(|one| one.standing != Standing::Done) {
            tokio::task::yield_now().await;
        }
        let after = table.describe().await.unwrap().unwrap();
        assert_eq!(before.identity().differs(&after.identity()), None);
        let own = format!(
            "select string_agg(substring(pg_get_indexdef(indexrelid) from 'USING hnsw.*'), '; ' order by pg_get_indexdef(indexrelid) collate \"C\")
             from pg_index i join pg_class c on c.oid = indexrelid join pg_am a on a.oid = relam and amname = 'hnsw' where indrelid = 'shop.items_{namespace}'::regclass and indisvalid"
        );
        let found = db.text(&own).await;
        let mut found: Vec<_> = found.split("; ").collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                "USING hnsw (body vector_ip_ops)",
                "USING hnsw (body vector_l2_ops) WITH (ef_construction='20', m='6')",
                "USING hnsw (title vector_l1_ops) WITH (m='5')",
            ],
            "{namespace}"
        );
    }
    // What the application's table says of its metric is what all of them say.
    let table = tenants(&db).describe().await.unwrap().unwrap();
    assert!(!table.spec.deployment.knows_metric, "its body has two");
}
