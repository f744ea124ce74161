//! A view that is lost while a whole run reads from it, by the program itself.

use std::path::Path;
use std::process::Stdio;

use crate::server::{self, Database};

const ROWS: u32 = 1_500;

fn plan(db: &str, retry: &str) -> String {
    format!(
        "version: 1
name: moved
source: {{ provider: pgvector, index: {db}.old, url: {{ env: DATABASE_URL }} }}
target: {{ provider: pgvector, index: {db}.new, url: {{ env: DATABASE_URL }} }}
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

struct Run {
    folder: tempfile::TempDir,
    url: String,
}

impl Run {
    fn of(db: &Database, retry: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.yaml"), plan("public", retry)).unwrap();
        Self { folder, url: db.url() }
    }

    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
        command.args(["run", "plan.yaml"]).current_dir(self.folder.path());
        command.env("DATABASE_URL", &self.url).stdin(Stdio::null()).kill_on_drop(true);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    async fn to_the_end(&self) -> (bool, String) {
        said(self.command().output().await.unwrap())
    }

    /// Begins, and ends every session of the program on the server once records arrive.
    async fn cut_off(&self, db: &Database) -> (bool, String) {
        let child = self.command().spawn().unwrap();
        for asked in
            ["select to_regclass('public.new') is not null", "select count(*) > 1 from new"]
        {
            while db.text(asked).await != "true" {
                tokio::task::yield_now().await;
            }
        }
        db.run("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()")
            .await;
        said(child.wait_with_output().await.unwrap())
    }

    fn journal(&self) -> String {
        let state = self.folder.path().join(".vecshift");
        files(&state)
            .into_iter()
            .map(|path| std::fs::read_to_string(path).unwrap_or_default())
            .collect()
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false if path.extension().is_some_and(|end| end == "jsonl") => all.push(path),
            false => {}
        }
    }
    all
}

fn said(output: std::process::Output) -> (bool, String) {
    let all = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&all).into_owned())
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

const OPEN: &str = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

#[tokio::test]
async fn a_view_that_is_lost_stops_a_run_and_the_same_command_goes_on() {
    let db = filled().await;
    let run = Run::of(&db, "");
    let (succeeds, out) = run.cut_off(&db).await;
    assert!(!succeeds && out.contains("goes on where it stopped"), "{out}");
    let copied: u32 = db.text("select count(*) from new").await.parse().unwrap();
    assert!(copied > 0 && copied < ROWS, "{copied}");
    let (succeeds, out) = run.to_the_end().await;
    assert!(succeeds, "{out}");
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
    while db.text(OPEN).await != "0" {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_run_whose_plan_says_so_goes_on_by_itself() {
    let db = filled().await;
    let run = Run::of(&db, "\n    retry: { times: 3, wait: 1s }");
    let (succeeds, out) = run.cut_off(&db).await;
    assert!(succeeds, "{out}");
    assert!(run.journal().contains("the copy goes on where it stopped"), "{}", run.journal());
    assert_eq!(db.text("select count(*) from new").await, ROWS.to_string());
}
