//! Bad input in whole runs: how the program ends, what it says, and what it leaves behind.

use vecshift::provider::pgvector::{Row, Settings, Table};
use vecshift::store::Opened;
use vecshift::store::calls::Calls;

use crate::program::{Program, arrived};
use crate::server::{self, Database};

const AUDIT: &str = "  - { kind: audit, sample: 50 }\n";
const CREATE: &str = "  - { kind: create, spec: { dimension: 2, metric: cosine } }\n";
const COPY: &str = "  - { kind: copy, assert: [copy.failed == 0, copy.complete == true] }\n  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0] }\n";

/// A plan from `old` to `new`; `source` and `target` are further keys of the sides.
fn plan(source: &str, target: &str, stages: &[&str]) -> String {
    format!(
        "version: 1\nname: bad\nsource: {{ provider: pgvector, index: old{source} }}\n\
         target: {{ provider: pgvector, index: new{target} }}\nstages:\n{}",
        stages.concat()
    )
}

async fn is_made(db: &Database) -> bool {
    db.text("select to_regclass('public.new') is not null").await == "true"
}

const OLD: &str = "create table old (id text primary key, embedding vector(2) not null);
     insert into old select 'r' || g, array[g, 1]::vector(2) from generate_series(1, 600) g;";
const NEW: &str = "create table new (id text primary key, embedding vector(2) not null);";

#[tokio::test]
async fn a_table_without_a_key_is_a_finding_and_nothing_is_made() {
    let db = server::database().await;
    db.run("create table old (id text, embedding vector(2)); insert into old values ('a', '[1,2]'), ('b', '[2,1]')")
        .await;
    let program = Program::of(&db, &plan(", row: { id: id }", "", &[AUDIT, CREATE, COPY]));
    let found =
        ["no key whose columns are all NOT NULL", "under `row.key`", "source.obstacles == 0"];
    program.does("audit").await.says(4, &found);
    program.does("run").await.says(8, &["no key"]);
    assert!(!is_made(&db).await);
    let by_word = plan(", row: { id: id, key: [id] }", "", &[AUDIT, CREATE, COPY]);
    Program::of(&db, &by_word).does("run").await.says(0, &[]);
}

/// Whatever lets two rows have one id: no key over it, a key that holds of some rows only or later, nulls that no key
/// compares, a table that others inherit from, a view.
#[tokio::test]
async fn an_id_of_two_rows_is_refused_before_anything_is_made() {
    const ROWS: &str = "select 'shop ' || g % 2, 'sku ' || g / 2, array[g + 1, 1]::vector(2) from generate_series(0, 599) g";
    let columns = "shop text not null, sku text not null, embedding vector(2)";
    for (of, table) in [
        ("a key of more", format!("create table old ({columns}, primary key (shop, sku))")),
        (
            "a partial index",
            format!(
                "create table old ({columns}, primary key (shop, sku)); create unique index on old (sku) where shop = 'shop 0'"
            ),
        ),
        (
            "an expression",
            format!(
                "create table old ({columns}, primary key (shop, sku)); create unique index on old ((sku || shop))"
            ),
        ),
        (
            "an inherited table",
            format!(
                "create table old ({columns}, primary key (shop, sku)); create table young () inherits (old); alter table young add primary key (sku, shop)"
            ),
        ),
        ("a view", format!("create table t ({columns}); create view old as select * from t")),
    ] {
        let db = server::database().await;
        let into = if of == "a view" { "t" } else { "old" };
        db.run(&format!("{table}; insert into {into} {ROWS}")).await;
        let row = "id: sku, vector: embedding, metadata: [], key: [shop, sku]";
        let source = format!(", row: {{ {row} }}");
        let found = ["rows whose id another row has", "(300)", "`sku 0` in 2 rows", "row.tenant"];
        let audited = plan(&source, "", &[AUDIT, CREATE, COPY]);
        Program::of(&db, &audited).does("audit").await.says(4, &found);
        Program::of(&db, &audited).does("run").await.says(8, &found);
        Program::of(&db, &plan(&source, "", &[CREATE, COPY])).does("run").await.says(8, &found);
        assert!(!is_made(&db).await, "{of}");
        let apart = plan(&format!(", row: {{ {row}, tenant: shop }}"), "", &[AUDIT, CREATE, COPY]);
        Program::of(&db, &apart).does("run").await.says(0, &[]);
        assert_eq!(db.text("select count(*) from new").await, "600", "{of}");
    }
}

#[tokio::test]
async fn rows_without_an_id_and_rows_of_no_tenant_are_told_apart_by_no_key() {
    let db = server::database().await;
    db.run(
        "create table old (key int primary key, id text unique, shop text, embedding vector(2), unique (shop, id));
         insert into old values (1, null, 'a', '[1,2]'), (2, 'x', 'a', '[1,2]'), (3, null, 'a', '[1,2]')",
    )
    .await;
    let source = ", row: { id: id, metadata: [] }";
    let program = Program::of(&db, &plan(source, "", &[CREATE, COPY]));
    program.does("run").await.says(8, &["`id`: rows without an id (2)"]);
    db.run("alter table old drop constraint old_id_key; update old set id = 'x', shop = null where key <> 2").await;
    let source = ", row: { id: id, tenant: shop, metadata: [] }";
    let program = Program::of(&db, &plan(source, "", &[CREATE, COPY]));
    program.does("run").await.says(8, &["`x` in 2 rows"]);
    assert!(!is_made(&db).await);
}

/// A row that gets another's id while the copy goes on is found by its proof.
#[tokio::test]
async fn an_id_that_becomes_double_in_mid_copy_is_no_proof() {
    let db = server::database().await;
    db.run(
        "create table old (key int primary key, id text not null, embedding vector(2));
         insert into old select g, 'r' || g, array[g, 1]::vector(2) from generate_series(1, 1500) g",
    )
    .await;
    let slow =
        "  - { kind: copy, rate: 500/s, assert: [copy.failed == 0, copy.complete == true] }\n";
    let source = ", row: { id: id, metadata: [] }";
    let program = Program::of(&db, &plan(source, "", &[CREATE, slow]));
    let child = program.begins();
    arrived(&db, 1).await;
    db.run("update old set id = 'r1' where key = 1500").await;
    Program::ends(child).await.says(8, &["`r1` in 2 rows"]);
}

#[tokio::test]
async fn a_role_that_may_only_read_is_a_source_and_no_target() {
    let db = server::database().await;
    db.run(&format!("{OLD} {NEW}")).await;
    let reader = db.role_url("only_reads", "grant select on old, new to only_reads").await;
    let url = ", url: { env: READER }";
    let program = Program::of(&db, &plan("", url, &[AUDIT, COPY])).with("READER", reader.clone());
    let found = ["the role may not write the table", "grant it SELECT, INSERT and UPDATE"];
    program.does("audit").await.says(4, &[found[0], found[1], "target.obstacles == 0"]);
    program.does("plan").await.says(8, &found);
    program.does("run").await.says(8, &found);
    // Nor may it make one.
    db.run("drop table new; revoke create on schema public from public").await;
    let program = Program::of(&db, &plan("", url, &[AUDIT, CREATE, COPY]));
    let program = program.with("READER", reader.clone());
    program.does("run").await.says(8, &["may not make a table in the schema public"]);
    // As a source it does.
    let program = Program::of(&db, &plan(url, "", &[AUDIT, CREATE, COPY])).with("READER", reader);
    program.does("run").await.says(0, &[]);
    assert_eq!(db.text("select count(*) from new").await, "600");
}

/// What keeps every record from a table that is there is said before the first.
#[tokio::test]
async fn a_target_that_takes_no_record_is_refused_with_each_reason() {
    for (table, reason) in [
        ("create table new (id text, embedding vector(2))", "no key over the ids"),
        (
            "create table new (id text primary key, embedding vector(2), shop text not null)",
            "`shop`: the column needs a value",
        ),
        (
            "create table new (id bigint generated always as identity primary key, embedding vector(2))",
            "the server gives the ids",
        ),
        (
            "create table new (id char(8) primary key, embedding vector(2))",
            "that differ may be equal",
        ),
        (
            "create table base (id text primary key, embedding vector(2)); create view new as select * from base",
            "it is no table",
        ),
    ] {
        let db = server::database().await;
        db.run(&format!("{OLD} {table}")).await;
        let target = ", row: { id: id, metadata: [] }";
        let program = Program::of(&db, &plan("", target, &[AUDIT, COPY]));
        program.does("audit").await.says(4, &[reason, "target.obstacles == 0"]);
        program.does("run").await.says(8, &[reason]);
        assert_eq!(db.text("select count(*) from new").await, "0", "{reason}");
    }
}

#[tokio::test]
async fn a_column_of_the_wrong_type_is_named() {
    let db = server::database().await;
    db.run(&format!("{OLD} alter table old add title text")).await;
    let program = Program::of(&db, &plan(", row: { vector: title }", "", &[CREATE, COPY]));
    program.does("run").await.says(3, &["the column `title` is of type text"]);
    db.run("create table new (id text primary key, embedding vector(2), title boolean)").await;
    db.run("update old set title = 'x'").await;
    let program = Program::of(&db, &plan("", "", &[AUDIT, COPY]));
    program
        .does("audit")
        .await
        .says(4, &["a string in a column of type boolean", "source.rejects == 0"]);
    program.does("run").await.says(4, &["50 records (metadata value)"]);
    assert_eq!(db.text("select count(*) from new").await, "0");
}

#[tokio::test]
async fn namespaces_without_a_column_to_go_to_are_counted_by_the_audit() {
    let db = server::database().await;
    db.run(&format!(
        "create table old (shop text, id text, embedding vector(2) not null, primary key (shop, id));
         insert into old select 'shop ' || g % 3, 'r' || g, array[g, 1]::vector(2) from generate_series(1, 150) g; {NEW}"
    ))
    .await;
    let source = ", row: { id: id, tenant: shop, metadata: [] }";
    let audit = AUDIT.replace("50", "150");
    let program = Program::of(&db, &plan(source, "", &[&audit, COPY]));
    let found =
        ["150 records (namespace)", "no column for the namespace `shop", "row: { tenant: … }"];
    program.does("audit").await.says(4, &found);
    program.does("run").await.says(4, &["source.rejects == 0: observed 150"]);
    assert_eq!(db.text("select count(*) from new").await, "0");
    // The plan's word: so many are refused, and the rest is moved.
    let audit = "  - { kind: audit, sample: 150, assert: [source.rejects == 150] }\n";
    let copy = "  - { kind: copy, assert: [copy.failed == 150, copy.complete == true] }\n";
    Program::of(&db, &plan(source, "", &[audit, copy])).does("run").await.says(0, &[]);
    // A copy whose plan does not say it fails.
    let copy = "  - { kind: copy, assert: [copy.complete == true] }\n";
    let program = Program::of(&db, &plan(source, "", &[audit, copy]));
    program.does("run").await.says(4, &["copy.failed == 0: observed 150"]);
}

#[tokio::test]
async fn numbers_that_would_be_rounded_are_refused_until_the_plan_says_so() {
    let db = server::database().await;
    db.run(
        "create table old (id text primary key, embedding float8[] not null);
         insert into old select 'r' || g, array[g / 10.0, 0.5] from generate_series(1, 20) g",
    )
    .await;
    let source = ", row: { vectors: [embedding] }";
    let found = ["vectors with a number that no 32-bit float keeps (16)", "row: { round: true }"];
    let program = Program::of(&db, &plan(source, "", &[AUDIT, CREATE, COPY]));
    program.does("audit").await.says(4, &found);
    for stages in [[AUDIT, CREATE, COPY].as_slice(), &[CREATE, COPY]] {
        let program = Program::of(&db, &plan(source, "", stages));
        program.does("plan").await.says(8, &found);
        program.does("run").await.says(8, &found);
        assert!(!is_made(&db).await);
    }
    // A word about what is in the way is none about records that nobody looked at.
    let audit = "  - { kind: audit, sample: 50, assert: [source.obstacles <= 1] }\n";
    let program = Program::of(&db, &plan(source, "", &[audit, CREATE, COPY]));
    let said = ["no record of the source was looked at", "source.rejects == 0"];
    program.does("run").await.says(1, &said);
    assert!(!is_made(&db).await);
    let source = ", row: { vectors: [embedding], round: true }";
    let program = Program::of(&db, &plan(source, "", &[AUDIT, CREATE, COPY]));
    let said = ["no 32-bit float keeps (16)", "the source rounds components"];
    program.does("run").await.says(0, &said);
    // Halves of a target are the other way round.
    db.run("drop table new").await;
    let halves = CREATE.replace("metric", "element: f16, metric");
    let program = Program::of(&db, &plan(source, "", &[AUDIT, &halves, COPY]));
    program.does("run").await.says(4, &["(rounding)", "half precision would round"]);
}

#[tokio::test]
async fn a_server_that_restarts_in_mid_copy_costs_no_record() {
    let mut db = server::database_alone(&[]).await;
    db.run(&OLD.replace("600", "1500")).await;
    let slow = COPY.replace("kind: copy,", "kind: copy, rate: 300/s,");
    let program = Program::of(&db, &plan("", "", &[CREATE, &slow]));
    let child = program.begins();
    arrived(&db, 2).await;
    db.server().restart();
    db.reconnect().await;
    let ended = Program::ends(child).await;
    assert!([0, 1].contains(&ended.code), "{ended:?}");
    program.does("run").await.says(0, &[]);
    let same = "select count(*) from old join new using (id, embedding)";
    assert_eq!(db.text(same).await, "1500");
}

/// A table counts at once what it holds: what it does not count is missing, and no wait would bring it.
#[tokio::test]
async fn records_that_are_gone_from_the_target_are_missing_and_not_late() {
    let db = server::database().await;
    db.run(OLD).await;
    let slow = COPY.replace("kind: copy,", "kind: copy, rate: 300/s,");
    let program = Program::of(&db, &plan("", "", &[CREATE, &slow]));
    let child = program.begins();
    arrived(&db, 100).await;
    db.run("delete from new where id in (select id from new limit 50)").await;
    Program::ends(child).await.says(4, &["missing == 0: observed 50", "50 missing"]);
}

/// A server answers that its disk is full: the run stops with that, and the same command goes on once there is room.
#[tokio::test]
async fn a_full_disk_stops_a_run_which_goes_on_where_it_was() {
    let db = server::database().await;
    db.run(&format!(
        "{OLD} {NEW}
         create function full_disk() returns trigger language plpgsql as $$ begin
           if new.id > 'r3' then raise exception 'could not extend file: No space left on device' using errcode = '53100'; end if;
           return new;
         end $$;
         create trigger full_disk before insert on new for each row execute function full_disk()"
    ))
    .await;
    let program = Program::of(&db, &plan("", "", &[COPY]));
    let found =
        ["No space left on device", "the disk of the server is full: make room, then go on"];
    program.does("run").await.says(8, &found);
    db.run("drop trigger full_disk on new").await;
    program.does("run").await.says(0, &[]);
    assert_eq!(db.text("select count(*) from old join new using (id, embedding)").await, "600");
}

/// All rows are read to see that no two are one record: once, however many ask, and for as long as that takes.
#[tokio::test]
async fn rows_that_are_one_record_are_looked_for_once() {
    let db = server::database().await;
    // Each row that is read counts, and no limit of time is set while it is.
    db.run(
        "create table t (id text, embedding vector(1)); insert into t select g, '[1]' from generate_series(1, 100) g;
         create sequence rows; select nextval('rows');
         create function read() returns boolean language plpgsql volatile as $$ begin
           if current_setting('statement_timeout') <> '0' then raise 'a limit of time'; end if;
           perform nextval('rows'); return true; end $$;
         create view v as select * from t where read()",
    )
    .await;
    let rows_read = async || db.text("select last_value from rows").await.parse::<u32>().unwrap();
    let open = || {
        let row = Row { id: Some("id".into()), key: vec!["id".into()], ..Row::default() };
        let table = Table::new(db.address(), Settings::default(), "v", row).unwrap();
        table.through(Calls::bare())
    };
    let table = open();
    let scan = table.must_scan().unwrap();
    table.describe().await.unwrap();
    let begin = rows_read().await;
    scan.see_distinct(false).await.unwrap();
    let once = rows_read().await - begin;
    assert!(once > 100, "{once}");
    let other = open();
    let scan = other.must_scan().unwrap();
    let looks = (0..4).map(|_| scan.see_distinct(false));
    futures::future::try_join_all(looks).await.unwrap();
    assert!(!scan.promise().repeats);
    other.describe().await.unwrap();
    assert!(!scan.promise().repeats);
    scan.see_distinct(false).await.unwrap();
    assert_eq!(rows_read().await - begin, 2 * once);
    // What an audit has looked at need not be looked at again, and a proof looks anew.
    let audited = open();
    let scan = audited.must_scan().unwrap();
    audited.inventory().await.unwrap();
    assert!(!scan.promise().repeats);
    audited.stats().await.unwrap();
    let begin = rows_read().await;
    scan.see_distinct(true).await.unwrap();
    assert_eq!(rows_read().await - begin, once);
    // A table that is not there has nothing that could be looked at.
    db.run("drop view v").await;
    assert_eq!(audited.inventory().await.unwrap(), None);
    assert!(scan.promise().repeats);
}
