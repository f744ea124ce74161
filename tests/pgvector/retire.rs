//! A table that is no more needed: dropped once its records are elsewhere, and never while something else needs it.

use std::path::Path;
use std::process::Stdio;

use vecshift::ErrorKind;
use vecshift::provider::pgvector::{Row, Settings, Table};
use vecshift::store::Opened;
use vecshift::store::calls::Calls;

use crate::server::{self, Database};

const ROWS: u32 = 200;

async fn filled() -> Database {
    let db = server::database().await;
    db.run(&format!(
        "create schema shop;
         create table shop.items (id text primary key, shop text not null, embedding vector(3) not null, title text);
         insert into shop.items select 'i' || g, 's' || g % 3, array[g, g % 7, 1]::vector, 'title ' || g from generate_series(1, {ROWS}) g"
    ))
    .await;
    db
}

const PLAN: &str = "version: 1
name: retired
source: { provider: pgvector, index: shop.items, row: { tenant: shop } }
target: { provider: pgvector, index: kept.items }
stages:
  - { kind: create, spec: { dimension: 3, metric: cosine } }
  - kind: copy
    assert: [copy.complete == true, copy.failed == 0]
  - kind: verify
    compare: all
    assert: [count_delta == 0, missing == 0, mismatched == 0]
  - { kind: decommission, confirm: shop.items, snapshot: \"file:backup\", assert: [snapshot.complete == true] }
";

async fn vecshift(folder: &Path, db: &Database, arguments: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.args(arguments).current_dir(folder).env("DATABASE_URL", db.url());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

const IS_THERE: &str = "select to_regclass('shop.items') is not null";

/// Everything that a drop would break, or take away unseen, and what takes it away.
#[tokio::test]
async fn a_table_is_dropped_once_nothing_depends_on_it() {
    let db = filled().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.yaml"), PLAN).unwrap();
    let go = async || {
        vecshift(folder.path(), &db, &["run", "plan.yaml", "--confirm", "shop.items"]).await
    };
    for (made, named, gone) in [
        ("create view shop.v as select id from shop.items", "view shop.v", "drop view shop.v"),
        (
            "create table shop.orders (item text references shop.items)",
            "constraint orders_item_fkey on table shop.orders",
            "drop table shop.orders",
        ),
        (
            "create function shop.f() returns trigger language plpgsql as 'begin return new; end'; create trigger outbox after insert on shop.items for each row execute function shop.f()",
            "trigger outbox on shop.items",
            "drop trigger outbox on shop.items",
        ),
        (
            "create publication feed for table shop.items",
            "publication feed",
            "drop publication feed",
        ),
        (
            "create function shop.g(shop.items) returns text language sql as 'select $1.id'",
            "function shop.g(shop.items)",
            "drop function shop.g",
        ),
        (
            "create function shop.h(shop.items[]) returns int language sql as 'select 1'",
            "function shop.h(shop.items[])",
            "drop function shop.h",
        ),
    ] {
        db.run(made).await;
        let (succeeds, said) = go().await;
        assert!(!succeeds && said.contains(named), "{made}: {said}");
        assert_eq!(db.text(IS_THERE).await, "true");
        let (_, said) = vecshift(folder.path(), &db, &["plan", "plan.yaml"]).await;
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(named), "{made}: {said}");
        db.run(gone).await;
    }
    let (succeeds, said) = go().await;
    assert!(succeeds, "{said}");
    assert_eq!(db.text(IS_THERE).await, "false");
    assert_eq!(db.text("select count(*) from kept.items").await, ROWS.to_string());
    // Once more: there is nothing left to do.
    let (succeeds, said) = go().await;
    assert!(succeeds, "{said}");
    let (succeeds, said) = vecshift(folder.path(), &db, &["plan", "plan.yaml"]).await;
    assert!(succeeds, "{said}");
}

/// The application goes on with the new table: what it changes there is there, and lacks nothing.
#[tokio::test]
async fn a_column_that_the_target_was_given_since_keeps_no_table() {
    let db = filled().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.yaml"), PLAN).unwrap();
    let (_, said) = vecshift(folder.path(), &db, &["run", "plan.yaml", "--until", "verify"]).await;
    db.run("alter table kept.items add column stock text not null default 'none'").await;
    let (succeeds, more) =
        vecshift(folder.path(), &db, &["run", "plan.yaml", "--confirm", "shop.items"]).await;
    assert!(succeeds, "{said}{more}");
    assert_eq!(db.text(IS_THERE).await, "false");
}

/// What JSON has not is in the snapshot all the same: whoever comes to it last has nothing else.
#[tokio::test]
async fn a_snapshot_holds_bytes_and_numbers_that_are_none() {
    let db = filled().await;
    db.run(
        "alter table shop.items add column raw bytea, add column weight double precision;
         update shop.items set raw = '\\x00ff'::bytea, weight = 'NaN' where id = 'i1';
         update shop.items set weight = '-Infinity' where id = 'i2'",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    // A table of the very same columns takes all of it.
    db.run("create schema kept; create table kept.items (like shop.items including all)").await;
    let plan = PLAN
        .replace("  - { kind: create, spec: { dimension: 3, metric: cosine } }\n", "")
        .replace("index: kept.items }", "index: kept.items, row: { tenant: shop } }");
    std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
    let (succeeds, said) =
        vecshift(folder.path(), &db, &["run", "plan.yaml", "--confirm", "shop.items"]).await;
    assert!(succeeds, "{said}");
    assert_eq!(db.text(IS_THERE).await, "false");
}

/// A column that no record has would be lost with the table.
#[tokio::test]
async fn what_is_not_moved_keeps_the_table() {
    let db = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let plan = PLAN.replace("tenant: shop }", "tenant: shop, metadata: [] }");
    std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
    let (succeeds, said) =
        vecshift(folder.path(), &db, &["run", "plan.yaml", "--confirm", "shop.items"]).await;
    assert!(!succeeds && said.contains("`title`"), "{said}");
    assert_eq!(db.text(IS_THERE).await, "true");
}

/// A rehearsal goes all the way and drops nothing.
#[tokio::test]
async fn a_rehearsal_only_looks_whether_it_could_be_dropped() {
    let db = filled().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.yaml"), PLAN).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.args(["rehearse", "plan.yaml"]).current_dir(folder.path());
    command.env("DATABASE_URL", db.url()).env("VECSHIFT_REHEARSAL_DATABASE_URL", db.url());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(db.text("select count(*) from shop.items").await, ROWS.to_string());
}

/// Counted and dropped in one transaction: what was written since the look keeps the table.
#[tokio::test]
async fn a_table_that_holds_other_records_is_kept() {
    let db = filled().await;
    db.run(
        "create table shop.of_a (id text primary key, embedding vector(3)); create table shop.of_b (like shop.of_a including all);
         insert into shop.of_a values ('x', '[1,2,3]');
         create table shop.parts (id text, shop text, embedding vector(3), primary key (shop, id)) partition by list (shop);
         create table shop.parts_a partition of shop.parts for values in ('a');
         create table shop.parts_b partition of shop.parts for values in ('b') partition by hash (id);
         create table shop.parts_b0 partition of shop.parts_b for values with (modulus 1, remainder 0);
         insert into shop.parts values ('x', 'a', '[1,2,3]'), ('x', 'b', '[1,2,3]')",
    )
    .await;
    for (index, row, write) in [
        (
            "shop.items",
            Row { tenant: Some("shop".to_owned()), ..Row::default() },
            "insert into shop.items values ('new', 's1', '[1,2,3]', '')",
        ),
        (
            "shop.parts",
            Row { tenant: Some("shop".to_owned()), ..Row::default() },
            "insert into shop.parts values ('new', 'b', '[1,2,3]')",
        ),
        ("shop.of_{namespace}", Row::default(), "insert into shop.of_b values ('y', '[1,2,3]')"),
    ] {
        let table = Table::new(db.address(), Settings::default(), index, row).unwrap();
        let table = table.through(Calls::bare());
        let held = table.stats().await.unwrap();
        db.run(write).await;
        let remove = table.must_remove().unwrap();
        let refused = remove.retire(&held, None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        assert!(refused.message().contains("something writes to it"), "{refused}");
        let refused = remove.delete_index().await.unwrap_err();
        assert!(refused.message().contains("not made by this run"), "{refused}");
        let held = table.stats().await.unwrap();
        remove.retire(&held, None).await.unwrap();
        remove.retire(&held, None).await.unwrap();
        assert_eq!(table.describe().await.unwrap(), None, "{index}");
    }
    assert_eq!(
        db.text("select count(*) from pg_class where relnamespace = 'shop'::regnamespace").await,
        "0"
    );
}

/// A role that is not the owner cannot drop a table, and hears of it first.
#[tokio::test]
async fn a_role_that_may_not_drop_a_table_is_told_so() {
    let db = filled().await;
    let grants = "grant usage on schema shop to mover_of_items; grant select, update on shop.items to mover_of_items";
    let address = db.role("mover_of_items", grants).await;
    let table = Table::new(address, Settings::default(), "shop.items", Row::default()).unwrap();
    let table = table.through(Calls::bare());
    let remove = table.must_remove().unwrap();
    let obstacles = remove.obstacles(None).await.unwrap();
    assert!(obstacles[0].message().contains("shop.items"), "{obstacles:?}");
    let held = table.stats().await.unwrap();
    assert_eq!(remove.retire(&held, None).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(db.text(IS_THERE).await, "true");
}

/// A table without records says neither how long its vectors are nor by what they are searched: what is known of it later is
/// no other table.
#[tokio::test]
async fn a_target_that_was_found_empty_stays_the_one_it_was() {
    let db = filled().await;
    db.run("create schema kept; create table kept.items (id text, shop text, embedding vector, title text, primary key (shop, id))")
        .await;
    let folder = tempfile::tempdir().unwrap();
    let plan = PLAN
        .replace("  - { kind: create, spec: { dimension: 3, metric: cosine } }\n", "")
        .replace("index: kept.items }", "index: kept.items, row: { tenant: shop } }");
    assert!(!plan.contains("create"));
    std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
    let run = ["run", "plan.yaml", "--confirm", "shop.items"];
    let until = [&run[..], &["--until", "verify"]].concat();
    let (_, said) = vecshift(folder.path(), &db, &until).await;
    assert!(said.contains("Stopped before decommission"), "{said}");
    // Whose table it is makes an index once it is filled.
    db.run("alter table kept.items alter embedding type vector(3); create index on kept.items using hnsw (embedding vector_l2_ops)")
        .await;
    let (succeeds, said) = vecshift(folder.path(), &db, &run).await;
    assert!(succeeds, "{said}");
    assert_eq!(db.text(IS_THERE).await, "false");
    assert_eq!(db.text("select count(*) from kept.items").await, ROWS.to_string());
}

/// Whoever reads goes on while the rows are counted, whoever writes waits, and an attempt that was given up leaves no lock.
#[tokio::test]
async fn a_table_is_read_while_it_is_counted_before_it_is_dropped() {
    let db = server::database().await;
    // A count that waits for whoever holds this lock.
    db.run(
        "create schema shop; create type shop.tenant as (name text);
         create function shop.said(shop.tenant) returns text language plpgsql as $$ begin perform pg_advisory_xact_lock(7); return $1.name; end $$;
         create cast (shop.tenant as text) with function shop.said(shop.tenant);
         create table shop.items (id text primary key, shop shop.tenant not null, embedding vector(3));
         insert into shop.items select g, row('s')::shop.tenant, '[1,2,3]' from generate_series(1, 20) g",
    )
    .await;
    let row = Row { tenant: Some("shop".to_owned()), ..Row::default() };
    let table = Table::new(db.address(), Settings::default(), "shop.items", row).unwrap();
    let table = table.through(Calls::bare());
    let held = table.stats().await.unwrap();
    let retire = || {
        let (table, held) = (table.clone(), held.clone());
        tokio::spawn(async move { table.must_remove().unwrap().retire(&held, None).await })
    };
    let is_counting =
        "select count(*) = 1 from pg_locks where locktype = 'advisory' and not granted";
    let is_locked = "select count(*) > 0 from pg_locks where relation = 'shop.items'::regclass and mode = 'ShareLock'";
    db.run("select pg_advisory_lock(7)").await;
    let given_up = retire();
    server::until(&db, is_counting).await;
    assert_eq!(db.text("select count(*) from shop.items").await, "20");
    db.run("do $$ begin set local lock_timeout = '10ms'; delete from shop.items; raise 'it was written';
            exception when lock_not_available then null; end $$")
        .await;
    assert_eq!(db.text(is_locked).await, "true");
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    server::until(&db, &format!("select not ({is_locked})")).await;
    let again = retire();
    server::until(&db, is_counting).await;
    db.run("select pg_advisory_unlock(7)").await;
    again.await.unwrap().unwrap();
    assert_eq!(db.text(IS_THERE).await, "false");
}

/// Tables that no transaction of this server could drop are named as that, before anybody waits for them.
#[tokio::test]
async fn more_tables_than_the_server_has_locks_for_are_said_beforehand() {
    let settings = ["max_locks_per_transaction = 10", "max_connections = 20"];
    let db = server::database_alone(&settings).await;
    for number in 0..60 {
        db.run(&format!("create table of_{number} (id text primary key, embedding vector(3))"))
            .await;
    }
    let table = Table::new(db.address(), Settings::default(), "of_{namespace}", Row::default());
    let table = table.unwrap().through(Calls::bare());
    let remove = table.must_remove().unwrap();
    let found = remove.obstacles(None).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let wanted = "and the server holds about 200";
    assert!(found[0].message().contains(wanted), "{found:?}");
    assert!(found[0].hint().unwrap().contains("max_locks_per_transaction"), "{found:?}");
    // One by one, the same transaction holds as many as the look has said.
    let locks = "select count(*) from pg_locks where pid = pg_backend_pid() and locktype in ('relation', 'object')";
    db.run("begin; drop table of_0, of_1, of_2, of_3, of_4, of_5").await;
    let taken: usize = db.text(locks).await.parse().unwrap();
    db.run("rollback").await;
    let said = found[0].message().split_whitespace().filter_map(|word| word.parse::<usize>().ok());
    let said: Vec<_> = said.collect();
    assert_eq!(said[0], 60, "{found:?}");
    assert!((said[1] / 10).abs_diff(taken) <= 8, "{taken} of 6 tables, {found:?}");
}
