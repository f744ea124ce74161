//! Views that an application asks by, and a run that moves its traffic by one.

use std::process::Stdio;

use vecshift::ErrorKind;
use vecshift::provider::pgvector::{Row, Settings, Table};
use vecshift::store::calls::Calls;
use vecshift::store::{Opened, Pointed};

use crate::server::{self, Database};

const TABLES: &str = "create schema shop; create role the_reader;
    create table shop.old (id text primary key, embedding vector(2), title varchar(20), secret text);
    create table shop.new (title varchar(20), id text primary key, namespace text, embedding vector(2));
    create table shop.other (id text primary key, embedding vector(3), title text);
    create view shop.live with (security_barrier = true) as select id, title, embedding from shop.old;
    grant select on shop.live to the_reader";

const BOTH: [&str; 2] = ["shop.old", "shop.new"];

/// Roles are the whole server's, so each database has its own.
fn own_roles(db: &Database, sql: &str) -> String {
    sql.replace("the_", &format!("{}_", db.name))
}

async fn tables(db: &Database) {
    db.run(&own_roles(db, TABLES)).await;
}

fn store(db: &Database) -> std::sync::Arc<dyn vecshift::store::Store> {
    let settings = Settings::default();
    let table = Table::new(db.address(), settings, "shop.new", Row::default()).unwrap();
    table.through(Calls::bare())
}

#[tokio::test]
async fn a_view_is_pointed_at_another_table_and_stays_what_it_is() {
    let db = server::database().await;
    tables(&db).await;
    db.run("insert into shop.old values ('1', '[1,2]', 'old', 's'); insert into shop.new values ('new', '1', 'n', '[1,2]')").await;
    let store = store(&db);
    let alias = store.must_alias().unwrap();
    assert!(alias.obstacles("shop.live", &BOTH).await.unwrap().is_empty());
    let kept = "select pg_get_userbyid(relowner) || relacl::text || reloptions::text from pg_class where oid = 'shop.live'::regclass";
    let before = db.text(kept).await;
    for (index, at, title) in
        [("shop.new", 1, "new"), ("shop.new", 1, "new"), ("shop.old", 0, "old")]
    {
        alias.point("shop.live", index).await.unwrap();
        assert_eq!(alias.resolve("shop.live", &BOTH).await.unwrap(), Pointed::At(at));
        assert_eq!(db.text("select title from shop.live").await, title);
        assert_eq!(db.text(kept).await, before);
        let columns = "select string_agg(attname, ' ' order by attnum) from pg_attribute where attrelid = 'shop.live'::regclass";
        assert_eq!(db.text(columns).await, "id title embedding");
    }
}

#[tokio::test]
async fn what_is_no_alias_is_never_replaced() {
    let db = server::database().await;
    tables(&db).await;
    db.run(
        "create view shop.some as select id, embedding from shop.old where title = 'a';
         create view shop.made as select id, upper(title) as title from shop.old;
         create view shop.called as select id as sku from shop.old;
         create view shop.joined as select o.id from shop.old o join shop.new n using (id);
         create materialized view shop.kept as select id from shop.old;
         create view shop.only as select id from only shop.old;
         create view shop.ruled as select id from shop.old;
         create rule ruled as on delete to shop.ruled do instead nothing;
         create view shop.elsewhere as select id from shop.other",
    )
    .await;
    let store = store(&db);
    let alias = store.must_alias().unwrap();
    for name in ["some", "made", "called", "joined", "kept", "old", "only", "ruled"] {
        let name = format!("shop.{name}");
        let found = alias.resolve(&name, &BOTH).await.unwrap();
        assert!(matches!(found, Pointed::Elsewhere(_)), "{name}: {found:?}");
        let error = alias.point(&name, "shop.new").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{name}: {error}");
    }
    assert_eq!(alias.resolve("shop.none", &BOTH).await.unwrap(), Pointed::Nowhere);
    let error = alias.point("shop.none", "shop.new").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    // It is an alias of a table of somebody else's.
    let found = alias.resolve("shop.elsewhere", &BOTH).await.unwrap();
    assert_eq!(found, Pointed::Elsewhere("a view of shop.other".to_owned()));
}

#[tokio::test]
async fn a_table_that_cannot_take_its_place_is_named_before() {
    let db = server::database().await;
    tables(&db).await;
    let store = store(&db);
    let alias = store.must_alias().unwrap();
    let all = ["shop.old", "shop.new", "shop.other", "shop.not_made_yet"];
    let said = alias.obstacles("shop.live", &all).await.unwrap();
    let said: Vec<_> = said.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("`title` is of type text and not character varying(20)")
            && said[0].contains("`embedding` is of type public.vector(3) and not public.vector(2)"),
        "{said:?}"
    );
    let error = alias.point("shop.live", "shop.other").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    // Whoever's rights count has to have them for both tables.
    let grant = "create role the_owner; grant usage on schema shop to the_owner; grant select on shop.old to the_owner; alter view shop.live owner to the_owner";
    db.run(&own_roles(&db, grant)).await;
    let error = alias.point("shop.live", "shop.new").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    assert!(error.to_string().contains("_owner (select)"), "{error}");
    let grant = "grant select on shop.new to the_owner; alter view shop.live set (security_invoker = true); grant select on shop.old to the_reader";
    db.run(&own_roles(&db, grant)).await;
    let error = alias.point("shop.live", "shop.new").await.unwrap_err();
    assert!(error.to_string().contains("_reader (select)"), "{error}");
    db.run(&own_roles(&db, "grant select on shop.new to the_reader")).await;
    // Whoever sees some rows of the one must not see all of the other.
    db.run("alter table shop.old enable row level security").await;
    let error = alias.point("shop.live", "shop.new").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("policies"), "{error}");
    db.run("alter table shop.new enable row level security").await;
    alias.point("shop.live", "shop.new").await.unwrap();
}

const PLAN: &str = "version: 1
name: shop
source: { provider: pgvector, index: shop.old, row: { metadata: [title] } }
target: { provider: pgvector, index: shop.new, row: { metadata: [title] } }
traffic: { alias: { name: shop.live } }
stages:
  - { kind: copy, assert: [copy.complete == true] }
  - { kind: verify, assert: [missing == 0, mismatched == 0] }
  - kind: canary
    probe: { rate: 50/s }
    steps: [{ weight: 100%, bake: 1s }]
    assert: [{ check: error_rate < 50% over 1s, min_samples: 1 }]
";

/// The source is given up at the end: the view that the run moves stands for it until then.
#[tokio::test]
async fn a_view_that_the_run_moves_does_not_keep_the_source_from_being_dropped() {
    let db = server::database().await;
    db.run(
        "create schema shop; create table shop.old (id text primary key, embedding vector(2), title text);
         insert into shop.old select g, array[g, 1]::vector, 't' || g from generate_series(1, 50) g;
         create view shop.live as select id, embedding from shop.old",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let text = PLAN.replace(", row: { metadata: [title] }", "").replace(
        "stages:\n",
        "stages:\n  - { kind: create, spec: { dimension: 2, metric: cosine } }\n",
    ) + "  - { kind: decommission, confirm: shop.old }\n";
    std::fs::write(folder.path().join("shop.yaml"), text).unwrap();
    let words = |said: &str| said.split_whitespace().collect::<Vec<_>>().join(" ");
    let plan = async || {
        let (succeeds, said) = command(folder.path(), &db, &["plan", "shop.yaml"]).await;
        assert!(succeeds || said.contains("would refuse"), "{said}");
        words(&said)
    };
    let taken = "assumes that `shop.live` stands for the target by then";
    let said = plan().await;
    assert!(said.contains(taken) && !said.contains("would refuse"), "{said}");
    // Whatever else depends on the source is told apart from it.
    db.run("create view shop.also as select id from shop.old").await;
    let said = plan().await;
    assert!(said.contains(taken) && said.contains("view shop.also"), "{said}");
    assert!(!said.contains("view shop.live"), "{said}");
    let rehearse = async || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
        command.args(["rehearse", "shop.yaml"]).current_dir(folder.path());
        command.env("DATABASE_URL", db.url()).env("VECSHIFT_REHEARSAL_DATABASE_URL", db.url());
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), words(&said))
    };
    let (succeeds, said) = rehearse().await;
    assert!(!succeeds && said.contains("view shop.also"), "{said}");
    db.run("drop view shop.also").await;
    let (succeeds, said) = rehearse().await;
    assert!(succeeds && said.contains("`shop.live` is taken for moved"), "{said}");
    assert_eq!(db.text("select count(*) from shop.old").await, "50");
    // A run looks at where the view is. Here somebody points it back before the end.
    let run = ["run", "shop.yaml", "--confirm", "shop.old"];
    let until = [&run[..], &["--until", "canary"]].concat();
    let (_, said) = command(folder.path(), &db, &until).await;
    assert!(said.contains("Stopped before decommission"), "{said}");
    let store = store(&db);
    store.must_alias().unwrap().point("shop.live", "shop.old").await.unwrap();
    let said = plan().await;
    assert!(said.contains("view shop.live") && !said.contains(taken), "{said}");
    store.must_alias().unwrap().point("shop.live", "shop.new").await.unwrap();
    let (succeeds, said) = command(folder.path(), &db, &run).await;
    assert!(succeeds, "{said}");
    assert_eq!(db.text("select to_regclass('shop.old') is null").await, "true");
    assert_eq!(db.text("select count(*) from shop.live").await, "50");
}

async fn command(folder: &std::path::Path, db: &Database, arguments: &[&str]) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.args(arguments).current_dir(folder).env("DATABASE_URL", db.url());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn a_run_moves_its_traffic_by_a_view_and_a_rollback_moves_it_back() {
    let db = server::database().await;
    tables(&db).await;
    db.run("insert into shop.old select g, array[g, 1]::vector, 't' || g, 's' from generate_series(1, 50) g").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), PLAN).unwrap();
    let stands_for = "select substring(pg_get_viewdef('shop.live'::regclass) from 'FROM (.*);')";
    assert_eq!(db.text(stands_for).await, "shop.old");
    let (succeeds, said) = command(folder.path(), &db, &["run", "shop.yaml"]).await;
    assert!(succeeds, "{said}");
    assert_eq!(db.text(stands_for).await, "shop.new", "{said}");
    assert_eq!(db.text("select count(*) from shop.live").await, "50");
    let (succeeds, said) = command(folder.path(), &db, &["rollback", "shop.yaml"]).await;
    assert!(succeeds, "{said}");
    assert_eq!(db.text(stands_for).await, "shop.old", "{said}");
    // Half of the traffic cannot be.
    std::fs::write(folder.path().join("half.yaml"), PLAN.replace("100%", "50%")).unwrap();
    let (succeeds, said) = command(folder.path(), &db, &["validate", "half.yaml"]).await;
    assert!(!succeeds && said.contains("an alias cannot send 50% of the traffic"), "{said}");
}
