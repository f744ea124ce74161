//! A source and a target that are the same rows by two names.

use std::process::Stdio;

use crate::server::{self, Database};

const TABLES: &str = "create table own (id text primary key, embedding vector(2), title text);
    insert into own values ('a', '[1,2]', 'as it was'), ('b', '[2,1]', 'as it was');
    create view shown as select * from own;
    create view shown_again as select id, embedding, title from shown;
    create materialized view kept as select * from own; create unique index on kept (id);
    create table parent (id text not null, embedding vector(2), title text, unique (id, title)) partition by list (title);
    create table part partition of parent for values in ('as it was');
    create table other_part partition of parent default;
    insert into parent values ('a', '[1,2]', 'as it was');
    create table above (id text primary key, embedding vector(2), title text);
    create table below (unique (id)) inherits (above);
    alter table below alter column id set not null;
    insert into below values ('a', '[1,2]', 'as it was');
    create table apart (like own including all);
    create schema apart; create table apart.own (like own including all);";

/// Runs a plan from one table to another, by two addresses of one server. Returns whether it ended well, and what it said.
async fn run(db: &Database, (source, target): (&str, &str), command: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let plan = folder.path().join("plan.yaml");
    let text = format!(
        "version: 1
name: same
source: {{ provider: pgvector, index: {source}, url: {{ env: HERE }}, row: {{ id: id, key: [id] }} }}
target: {{ provider: pgvector, index: {target}, url: {{ env: THERE }}, row: {{ id: id, key: [id] }} }}
stages:
  - kind: copy
    existing: overwrite
    metadata: {{ set: {{ title: changed }} }}
    assert: [copy.failed == 0]
"
    );
    std::fs::write(&plan, text).unwrap();
    let there = db.url().replace("127.0.0.1", "localhost");
    assert_ne!(there, db.url());
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    program.arg(command).arg(&plan).arg("--state").arg(folder.path().join("state"));
    program.env("HERE", db.url()).env("THERE", there);
    let output = program.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn no_name_of_the_source_is_written_to() {
    let db = server::database().await;
    db.run(TABLES).await;
    for names in [
        ("own", "own"),
        ("own", "public.own"),
        ("shown", "own"),
        ("shown_again", "own"),
        ("own", "shown"),
        ("part", "parent"),
        ("parent", "part"),
        ("above", "below"),
    ] {
        for command in ["plan", "run"] {
            let (succeeds, said) = run(&db, names, command).await;
            assert!(!succeeds, "{names:?} {command}: {said}");
            assert!(said.contains("hold the same records"), "{names:?} {command}: {said}");
        }
    }
    for table in ["own", "parent", "below"] {
        let changed = format!("select count(*) from {table} where title <> 'as it was'");
        assert_eq!(db.text(&changed).await, "0");
    }
}

/// Neither a name that is the same elsewhere nor rows that were copied by a materialised view are the source.
#[tokio::test]
async fn tables_that_only_look_alike_are_two() {
    let db = server::database().await;
    db.run(TABLES).await;
    for names in [("own", "apart"), ("own", "apart.own"), ("kept", "apart")] {
        let (succeeds, said) = run(&db, names, "run").await;
        assert!(succeeds, "{names:?}: {said}");
    }
    assert_eq!(db.text("select count(*) from own where title <> 'as it was'").await, "0");
    assert_eq!(db.text("select count(*) from apart where title = 'changed'").await, "2");
}
