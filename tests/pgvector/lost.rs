//! Whole runs in which something would be lost, or pass for what it is not.

use std::sync::Arc;

use vecshift::model::{Namespace, Record, RecordId};
use vecshift::provider::Secret;
use vecshift::provider::pgvector::admin::{
    IdType, TableSpec, Tenants, VectorColumn, make_extension, prepare,
};
use vecshift::provider::pgvector::{Address, Kind, Row, Session, Settings, Table, TableName};
use vecshift::store::calls::Calls;
use vecshift::store::{Opened, Store};

use crate::common::record;
use crate::program::Program;
use crate::server;

const AUDIT: &str = "  - { kind: audit, sample: 50 }\n";
const CREATE: &str = "  - { kind: create, spec: { dimension: 2, metric: cosine } }\n";
const COPY: &str = "  - { kind: copy, assert: [copy.failed == 0, copy.complete == true] }\n";
const VERIFY: &str = "  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0, metadata_mismatched == 0] }\n";
const DROP: &str = "  - { kind: decommission, confirm: old, snapshot: \"file:backup\" }\n";

/// A plan from `old` to `new`; `source` is a further key of it.
fn plan(source: &str, stages: &[&str]) -> String {
    format!(
        "version: 1\nname: lost\nsource: {{ provider: pgvector, index: old{source} }}\n\
         target: {{ provider: pgvector, index: new }}\nstages:\n{}",
        stages.concat()
    )
}

fn store(address: Address, table: &str, row: Row) -> Arc<dyn Store> {
    let table = Table::new(address, Settings::default(), table, row).unwrap();
    table.through(Calls::bare())
}

const OLD: &str = "create table old (id text primary key, embedding vector(2) not null);
     insert into old select 'p' || g, array[g, 1]::vector(2) from generate_series(1, 50) g;";

/// The default namespace has several names, and to a key over the namespace they are several.
#[tokio::test]
async fn an_id_under_two_names_of_the_default_namespace_is_refused() {
    let db = server::database().await;
    db.run(
        "create table old (namespace text not null, id text, embedding vector(2) not null, primary key (namespace, id));
         insert into old select n, 'p' || g, array[g, length(n)]::vector(2) from generate_series(1, 6) g, (values (''), ('__default__'), ('a')) v(n)",
    )
    .await;
    let found = ["rows whose id another row has", "(6)", "`p1` in 2 rows", "`__default__`"];
    let program = Program::of(&db, &plan("", &[AUDIT, CREATE, COPY]));
    program.does("audit").await.says(4, &found);
    program.does("run").await.says(8, &found);
    Program::of(&db, &plan("", &[CREATE, COPY])).does("run").await.says(8, &found);
    assert_eq!(db.text("select to_regclass('public.new')").await, "");
    db.run("delete from old where namespace = '' and id <> 'p1' or namespace = '__default__' and id = 'p1'")
        .await;
    Program::of(&db, &plan("", &[AUDIT, CREATE, COPY, VERIFY])).does("run").await.says(0, &[]);
    assert_eq!(
        db.text("select count(*) filter (where namespace = '') || ' ' || count(*) from new").await,
        "6 12"
    );
}

#[tokio::test]
async fn a_target_keeps_its_own_name_of_the_default_namespace() {
    let overwrite = "  - { kind: copy, existing: overwrite, assert: [copy.failed == 0, copy.complete == true] }\n";
    for (columns, name, names) in [
        (
            "namespace text not null, id text, embedding vector(2), primary key (namespace, id)",
            "'__default__'",
            "__default__ 50",
        ),
        ("namespace text, id text primary key, embedding vector(2)", "null", "none 50"),
        (
            "namespace text, id text primary key, embedding vector(2)",
            "'__default__'",
            "__default__ 50",
        ),
        (
            "namespace text not null, id text, embedding vector(2), primary key (namespace, id)",
            "''",
            " 50",
        ),
    ] {
        let db = server::database().await;
        db.run(OLD).await;
        db.run(&format!("create table new ({columns}); insert into new (namespace, id, embedding) select {name}, id, '[9,9]' from old where id < 'p3'"))
            .await;
        Program::of(&db, &plan("", &[AUDIT, overwrite, VERIFY])).does("run").await.says(0, &[]);
        let now = "select string_agg(coalesce(namespace, 'none') || ' ' || n, ', ') from (select namespace, count(*) n from new group by 1) t";
        assert_eq!(db.text(now).await, names, "{columns}, {name}");
    }
    let db = server::database().await;
    db.run(OLD).await;
    db.run("create table new (namespace text not null, id text, embedding vector(2), primary key (namespace, id));
            insert into new values ('', 'a', '[1,2]'), ('__default__', 'b', '[1,2]')")
        .await;
    let found = ["`namespace`: rows of an empty namespace, and rows of `__default__`", "(2)"];
    let program = Program::of(&db, &plan("", &[overwrite]));
    program.does("plan").await.says(8, &found);
    program.does("run").await.says(8, &found);
    assert_eq!(db.text("select count(*) from new").await, "2");
}

#[tokio::test]
async fn a_field_of_the_jsonb_that_has_a_column_is_never_dropped() {
    let db = server::database().await;
    db.run(
        "create table old (id text primary key, embedding vector(2) not null, title text, made timestamptz, metadata jsonb);
         insert into old values ('a', '[1,2]', 'col', '2026-01-01', '{\"title\": \"json\", \"x\": 1, \"made\": \"2026-01-01T00:00:00Z\"}'),
                                ('b', '[1,2]', null, null, '{\"title\": \"only here\"}'), ('c', '[2,2]', 'same', '2026-01-01 10:00:00.5', '{\"title\": \"same\", \"made\": \"2026-01-01 10:00:00.500+00\"}')",
    )
    .await;
    let found = ["`title`: rows whose `jsonb` has another value for the field than its column (1)"];
    let audited = plan("", &[AUDIT, CREATE, COPY]);
    Program::of(&db, &audited).does("audit").await.says(4, &found);
    Program::of(&db, &audited).does("run").await.says(8, &found);
    let read = store(db.address(), "old", Row::default()).fetch().unwrap();
    let both = ["a", "b"].map(RecordId::new);
    let error = read.fetch(&Namespace::new(""), &both).await.unwrap_err().to_string();
    assert!(
        error.contains("the field `title` has one value in its column and another in the jsonb"),
        "{error}"
    );
    db.run("update old set metadata = metadata - 'title' where id = 'a'").await;
    let times = COPY.replace("kind: copy", "kind: copy, metadata: { times: text }");
    Program::of(&db, &plan("", &[AUDIT, CREATE, &times, VERIFY])).does("run").await.says(0, &[]);
    assert_eq!(
        db.text("select metadata from new where id = 'b'").await,
        "{\"title\": \"only here\"}"
    );
    assert_eq!(db.text("select metadata ->> 'title' from new where id = 'c'").await, "same");
    let only = Program::of(
        &db,
        &plan(
            "",
            &[
                CREATE,
                "  - { kind: copy, filter: { title: { $eq: only here } }, metadata: { times: text } }\n",
            ],
        ),
    );
    db.run("drop table new").await;
    only.does("run").await.says(0, &[]);
    assert_eq!(db.text("select string_agg(id, ' ') from new").await, "b");
}

/// Anybody may make a function in a schema of a role's path, and a polymorphic one of the server gives way to it.
#[tokio::test]
async fn no_function_that_somebody_planted_is_called() {
    let db = server::database().await;
    db.run(
        "create table pwned (who text);
         create function public.unnest(smallint[]) returns setof smallint language plpgsql as $$begin insert into public.pwned values (current_user); return; end$$;
         create function public.unnest(double precision[]) returns setof double precision language plpgsql as $$begin insert into public.pwned values (current_user); return; end$$;
         create table old (id text primary key, embedding double precision[] not null, price int);
         insert into old values ('a', '{0.1,1}', 1), ('b', '{0,0}', 2)",
    )
    .await;
    let found = [
        "that no 32-bit float keeps (1)",
        "vectors that are all zero: under cosine no query finds them (1)",
    ];
    let source = ", row: { vectors: [embedding] }";
    Program::of(&db, &plan(source, &[AUDIT, CREATE, COPY])).does("audit").await.says(4, &found);
    let source = ", row: { vectors: [embedding], round: true }";
    let filter = COPY.replace("kind: copy", "kind: copy, filter: { price: { $gt: 0 } }");
    Program::of(&db, &plan(source, &[AUDIT, CREATE, &filter, VERIFY]))
        .does("run")
        .await
        .says(0, &[]);
    assert_eq!(db.text("select count(*) from pwned").await, "0");
}

/// What runs for a record has the path of the role, and what was acknowledged is on disk, whatever the database is set to.
#[tokio::test]
async fn a_trigger_finds_its_names_and_a_commit_waits_for_the_disk() {
    let db = server::database().await;
    db.run(OLD).await;
    db.run(&format!(
        "alter database \"{}\" set synchronous_commit = off; create table new (id text primary key, embedding vector(2));
         create table logged (id text, how text);
         create function log() returns trigger language plpgsql as $$begin insert into logged values (new.id, current_setting('synchronous_commit')); return new; end$$;
         create trigger log before insert on new for each row execute function log()",
        db.name
    ))
    .await;
    Program::of(&db, &plan("", &[COPY, VERIFY])).does("run").await.says(0, &[]);
    assert_eq!(
        db.text("select string_agg(distinct how, ' ') || count(*) from logged").await,
        "local50"
    );
    db.run("drop trigger log on new; truncate new; alter table new set unlogged").await;
    let found = ["the table is unlogged: a crash of the server empties it"];
    let program = Program::of(&db, &plan("", &[COPY]));
    program.does("plan").await.says(8, &found);
    program.does("run").await.says(8, &found);
}

#[tokio::test]
async fn a_trigger_that_changes_ids_or_takes_rows_out_is_no_pass() {
    for (of, trigger) in [
        ("before", "new.id = lower(left(new.id, 2)); return new;"),
        (
            "after",
            "if new.id > 'p3' then delete from new held where held.id = new.id; end if; return new;",
        ),
    ] {
        let db = server::database().await;
        db.run(OLD).await;
        db.run(&format!(
            "create table new (id text primary key, embedding vector(2), t text);
             create function change() returns trigger language plpgsql as $$begin {trigger} end$$;
             create trigger change {of} insert on new for each row execute function change()"
        ))
        .await;
        let ended = Program::of(&db, &plan("", &[AUDIT, COPY])).does("run").await;
        ended.says(4, &["gives the record another id, or takes it out"]);
        let right = "select count(*) from new join old using (id, embedding)";
        assert_eq!(db.text(right).await, db.text("select count(*) from new").await, "{of}");
    }
}

#[tokio::test]
async fn a_trigger_that_changes_vectors_keeps_the_source() {
    let db = server::database().await;
    db.run(OLD).await;
    db.run(
        "create table new (id text primary key, embedding vector(2));
         create function change() returns trigger language plpgsql as $$begin new.embedding = '[0,1]'; return new; end$$;
         create trigger change before insert on new for each row execute function change()",
    )
    .await;
    let program = Program::of(&db, &plan("", &[COPY, DROP]));
    let found = ["the target holds records otherwise than they were copied (50)"];
    program.confirms("old").await.says(8, &found);
    assert_eq!(db.text("select count(*) from old").await, "50");
    db.run("drop trigger change on new; update new set embedding = old.embedding from old where old.id = new.id").await;
    program.confirms("old").await.says(0, &[]);
    assert_eq!(db.text("select to_regclass('public.old')").await, "");
}

/// A table that was made anew under its name is another one, on either side.
#[tokio::test]
async fn a_table_that_was_made_anew_is_another() {
    let db = server::database().await;
    db.run(OLD).await;
    let program = Program::of(&db, &plan("", &[CREATE, COPY, VERIFY, DROP]));
    program.runs_until("verify").await.says(5, &[]);
    db.run("create table o2 (like old including all); insert into o2 select * from old; drop table old; alter table o2 rename to old").await;
    program.confirms("old").await.says(8, &["it was made anew: its table is"]);
    assert_eq!(db.text("select count(*) from old").await, "50");
    db.run("revoke execute on function pg_control_system() from public").await;
    let limited = db.role("limited", "grant select on old to limited").await;
    let seen = async |address| {
        store(address, "old", Row::default()).describe().await.unwrap().unwrap().identity()
    };
    let (before, by_limited) = (seen(db.address()).await, seen(limited).await);
    assert!(before.marks.contains_key("cluster") && !by_limited.marks.contains_key("cluster"));
    assert_eq!(before.differs(&by_limited), None);
    db.run("vacuum full old").await;
    db.run("alter table old add x int").await;
    assert_eq!(before.differs(&seen(db.address()).await), None);
    db.run("alter table old rename to o3; create table old (like o3 including all)").await;
    assert!(before.differs(&seen(db.address()).await).unwrap().contains("made anew"));
}

#[tokio::test]
async fn rounding_to_nothing_is_counted_and_refused() {
    let db = server::database().await;
    db.run("create table old (id text primary key, embedding double precision[] not null);
            insert into old values ('a', '{1e-50,1e-60}'), ('b', '{1e-46,-1e-46}'), ('c', '{1e-45,0}'), ('d', '{0,0}'), ('e', '{1e300,1}')")
        .await;
    let source = ", row: { vectors: [embedding], round: true }";
    let found = [
        "of which rounding to 32 bits makes zeros, which under cosine no query finds (2)",
        "vectors that are all zero: under cosine no query finds them (1)",
        "a number that is none, or infinite once it has 32 bits (1)",
    ];
    Program::of(&db, &plan(source, &[AUDIT, CREATE, COPY])).does("audit").await.says(4, &found);
    let row = Row { vectors: vec!["embedding".to_owned()], round: true, ..Row::default() };
    let read = store(db.address(), "old", row).fetch().unwrap();
    let error =
        read.fetch(&Namespace::new(""), &[RecordId::new("a")]).await.unwrap_err().to_string();
    assert!(error.contains("rounded to 32 bits all of its numbers are zero"), "{error}");
    let kept = ["c", "d", "e"].map(RecordId::new);
    assert_eq!(read.fetch(&Namespace::new(""), &kept).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_keeps_records_from_being_written_is_said_beforehand() {
    for (new, found) in [
        (
            "create table new (id text not null, namespace text not null generated always as ('a' || left(id, 1)) stored, embedding vector(2), primary key (namespace, id))",
            "`namespace`: the server makes the column's values",
        ),
        (
            "create table new (id text primary key, embedding vector(2), metadata jsonb generated always as ('{}'::jsonb) stored)",
            "`metadata`: the server makes the column's values",
        ),
    ] {
        let db = server::database().await;
        db.run(&format!("{OLD}; {new}")).await;
        Program::of(&db, &plan("", &[COPY])).does("plan").await.says(8, &[found]);
    }
    for (what, new) in [
        ("a sequence", "create sequence new"),
        ("a type", "create type new as (a int)"),
        ("a type", "create domain new as text"),
        ("an index", "create index new on old (embedding)"),
    ] {
        let db = server::database().await;
        db.run(&format!("{OLD}; {new}")).await;
        let found = format!("public.new is the name of {what} already");
        Program::of(&db, &plan("", &[CREATE, COPY])).does("plan").await.says(8, &[&found]);
    }
}

/// Who does not own a partitioned table writes to what is there.
#[tokio::test]
async fn partitions_that_are_there_are_used_by_who_may_make_none() {
    let db = server::database().await;
    db.run(
        "create table old (namespace text not null, id text, embedding vector(2) not null, primary key (namespace, id));
         insert into old select n, 'p' || g, array[g, 1]::vector(2) from generate_series(1, 5) g, (values ('a'), ('b')) v(n);
         create table new (namespace text not null, id text, embedding vector(2), primary key (namespace, id)) partition by list (namespace);
         create table a_of_new partition of new for values in ('a')",
    )
    .await;
    let url = db.role_url("mover", &format!("grant select on old to mover; grant select, insert, update on new to mover; grant temporary on database \"{}\" to mover", db.name)).await;
    let program = || Program::of(&db, &plan("", &[COPY])).with("DATABASE_URL", url.clone());
    program().does("plan").await.says(0, &["only the owner of the table can make partitions"]);
    program().does("run").await.says(4, &["5 failed"]);
    assert_eq!(db.text("select count(*) from new").await, "5");
    db.run("create table d_of_new partition of new default; insert into new values ('b', 'p9', '[1,2]')").await;
    Program::of(&db, &plan("", &[COPY])).does("run").await.says(0, &[]);
    assert_eq!(db.text("select count(*) from new").await, "11");
    db.run("create table new_a (id text primary key, embedding vector(2))").await;
    let apart = plan("", &[COPY]).replace("index: new", "index: \"public.new_{namespace}\"");
    let program = Program::of(&db, &apart).with("DATABASE_URL", url.clone());
    db.run(&format!("grant select, insert, update on new_a to {}_mover", db.name)).await;
    program.does("plan").await.says(0, &["may not make a table in the schema public"]);
}

#[tokio::test]
async fn policies_that_hide_rows_are_named_with_a_way_out() {
    let db = server::database().await;
    db.run(&format!("{OLD}; alter table old enable row level security; create policy few on old using (id < 'p3')")).await;
    let url = db
        .role_url("mover", "grant select on old to mover; grant create on schema public to mover")
        .await;
    for word in ["audit", "plan", "run"] {
        let program = Program::of(&db, &plan("", &[AUDIT, CREATE, COPY]));
        let ended = program.with("DATABASE_URL", url.clone()).does(word).await;
        assert_ne!(ended.code, 0, "{word}");
        ended.says(ended.code, &["row-level security", "BYPASSRLS"]);
    }
}

/// An id that the server's encoding has no letters for cannot be there.
#[tokio::test]
async fn an_id_beyond_the_servers_encoding_is_absent() {
    let db = server::database().await;
    let name = format!("{}_latin", db.name);
    db.run(&format!("create database \"{name}\" encoding 'LATIN1' locale 'C' template template0"))
        .await;
    let url = db.url().replace(&db.name, &name);
    let address = || Address::read(&Secret::new(url.clone())).unwrap();
    let session = Session::open(&address(), Settings::default()).await.unwrap();
    let extension = make_extension(&session).await.unwrap();
    let vector = VectorColumn {
        name: "embedding".to_owned(),
        kind: Kind::Vector,
        dimension: 2,
        is_required: true,
        distance: None,
    };
    let spec = TableSpec {
        name: TableName::new("public", "new"),
        id: ("id".to_owned(), IdType::Text),
        tenants: Tenants::None,
        vectors: vec![vector],
        fields: Vec::new(),
        json: Some("metadata".to_owned()),
    };
    prepare(&session, &extension, &spec, "mark").await.unwrap();
    let table = store(address(), "new", Row::default());
    let default = Namespace::new("");
    let records: Vec<Record> = ["a", "é", "日", "z"].map(|id| record(id, &[1.0, 2.0])).into();
    let (write, fetch, remove) =
        (table.write().unwrap(), table.fetch().unwrap(), table.remove().unwrap());
    let answer = write.upsert(&default, &records).await.unwrap();
    assert_eq!((answer.count, answer.refused.len()), (3, 1));
    let ids: Vec<RecordId> = records.iter().map(|one| one.id.clone()).collect();
    let mut found = fetch.fetch(&default, &ids).await.unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(found.iter().map(|one| one.id.to_string()).collect::<Vec<_>>(), ["a", "z", "é"]);
    remove.delete(&default, &ids).await.unwrap();
    assert_eq!(fetch.fetch(&default, &ids).await.unwrap(), []);
}
