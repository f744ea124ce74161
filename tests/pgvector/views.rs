//! A view that is lost while a whole run reads from it, by the program itself.

use crate::program::{Ended, Program, arrived};
use crate::server::{self, Database};

const ROWS: u32 = 1_500;

fn plan(retry: &str) -> String {
    format!(
        "version: 1
name: moved
source: {{ provider: pgvector, index: public.old, url: {{ env: DATABASE_URL }} }}
target: {{ provider: pgvector, index: public.new, url: {{ env: DATABASE_URL }} }}
stages:
  - kind: create
    spec: {{ dimension: 3, metric: cosine }}
  - kind: copy
    rate: 300/s{retry}
    assert: [copy.failed == 0, copy.complete == true]
  - kind: verify
    assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0]
"
    )
}

/// Begins, and ends every session of the program on the server once records arrive.
async fn cut_off(program: &Program, db: &Database) -> Ended {
    let child = program.begins();
    arrived(db, 2).await;
    db.run("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()")
        .await;
    Program::ends(child).await
}

async fn filled() -> Database {
    let db = server::database().await;
    db.run(&format!(
        "create table old (id text primary key, embedding vector(3) not null, metadata jsonb);
         insert into old select to_char(g, 'FM000000'), array[g % 7 + 1, g % 11, g % 13]::vector(3), '{{}}' from generate_series(1, {ROWS}) g"
    ))
    .await;
    db
}

const ALL_CLOSED: &str = "select count(*) = 0 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

#[tokio::test]
async fn a_view_that_is_lost_stops_a_run_and_the_same_command_goes_on() {
    let db = filled().await;
    let run = Program::of(&db, &plan(""));
    cut_off(&run, &db).await.says(1, &["goes on where it stopped"]);
    let copied: u32 = db.text("select count(*) from new").await.parse().unwrap();
    assert!(copied > 0 && copied < ROWS, "{copied}");
    run.does("run").await.says(0, &[]);
    let journal = run.journal();
    // Shards are planned in the view that they are read from.
    let place = |event: &str| journal.find(&format!("\"event\":\"{event}\""));
    let made = journal.find("\"kind\":\"view\"").unwrap();
    assert!(place("shard_planned").is_some_and(|planned| made < planned), "{journal}");
    for part in [
        "\"view_lost\"",
        "the copy goes on where it stopped",
        "\"kind\":\"view\"",
        "resource_removed",
    ] {
        assert!(journal.contains(part), "{part}: {journal}");
    }
    assert_eq!(db.text("select count(*) from new").await, ROWS.to_string());
    server::until(&db, ALL_CLOSED).await;
}

#[tokio::test]
async fn a_run_whose_plan_says_so_goes_on_by_itself() {
    let db = filled().await;
    let run = Program::of(&db, &plan("\n    retry: { times: 3, wait: 1s }"));
    cut_off(&run, &db).await.says(0, &[]);
    assert!(run.journal().contains("the copy goes on where it stopped"), "{}", run.journal());
    assert_eq!(db.text("select count(*) from new").await, ROWS.to_string());
}
