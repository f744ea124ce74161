//! A migration between tables, killed after any of its events: started again, it ends in the same place, whatever was lost
//! with it of the view that it read from and of the index that it made.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use vecshift::ErrorKind;
use vecshift::clock::Clock;
use vecshift::journal::{Entry, Holder, Phase, RunState};
use vecshift::plan::{Inputs, Plan};
use vecshift::provider::{Environment, language};
use vecshift::run::{Listener, Outcome, PreparedRun, RunOptions, Silent, World};
use vecshift::state::{Backend, Folder};

use crate::kill::{Kill, Killed, run_and_kill, run_noting_steps};
use crate::server::{self, Database};

/// Number of runs side by side.
const AT_ONCE: usize = 6;

const PLAN: &str = "
version: 1
name: crash
source: { provider: pgvector, index: old }
target: { provider: pgvector, index: TARGET }
stages:
  - kind: create
    spec: { dimension: 3, metric: cosine, hnsw: {} }
  - { kind: copy, assert: [copy.complete == true, copy.failed == 0] }
  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0] }
";

/// A migration to a table of its own.
struct Moved {
    folder: tempfile::TempDir,
    plan: Plan,
    environment: Environment,
}

impl Moved {
    fn to(db: &Database, target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.yaml");
        std::fs::write(&path, PLAN.replace("TARGET", target)).unwrap();
        let plan = language().read(&path, &Inputs::default()).unwrap().plan;
        let variables = [("DATABASE_URL".to_owned(), db.url())].into();
        Self { folder, plan, environment: Environment { variables, ..Environment::default() } }
    }

    fn state(&self) -> Folder {
        Folder::new(self.folder.path().join("state"), "here", Clock::system())
    }

    fn entries(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(self.journal()).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn is_done(&self) -> bool {
        RunState::fold(&self.entries()).unwrap().phase == Phase::Done
    }
}

impl Killed for Moved {
    async fn begun(&self, listener: Arc<dyn Listener>) -> PreparedRun {
        let world = World::open(&self.plan, &self.environment).unwrap();
        let clock = Clock::rehearsal(Duration::from_millis(5));
        let options = RunOptions::new(Holder::new("tester", "here", std::process::id()));
        let home = self.state().home(&self.plan.name);
        PreparedRun::new(self.plan.clone(), world, None, home, clock, options, listener)
            .await
            .unwrap()
    }

    fn journal(&self) -> PathBuf {
        self.state().journal_of(&self.plan.name)
    }
}

/// Everything is there, with an index that is in use, and nothing is held any more.
async fn assert_moved(db: &Database, target: &str, kill: Option<Kill>) {
    let same = format!("select count(*) from old join {target} using (namespace, id, embedding)");
    assert_eq!(db.text(&same).await, "120", "{kill:?}");
    assert_eq!(db.text(&format!("select count(*) from {target}")).await, "120", "{kill:?}");
    let valid = format!(
        "select string_agg(indisvalid::text, ',') from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am a on a.oid = c.relam
         where i.indrelid = '{target}'::regclass and a.amname = 'hnsw'"
    );
    assert_eq!(db.text(&valid).await, "true", "{kill:?}");
}

/// Returns whether there was a run to kill.
async fn resume_after(db: &Database, (number, kill): (usize, Kill)) -> bool {
    let target = format!("new_{number}");
    let run = Moved::to(db, &target);
    if !run_and_kill(&run, kill).await || run.is_done() {
        return false;
    }
    let mut again = run.begun(Arc::new(Silent)).await.execute(Default::default()).await.unwrap();
    // The server may notice later than this that who held the view is gone: the same command goes on.
    if matches!(&again, Outcome::Erred { error, .. } if error.kind() == ErrorKind::ViewLost) {
        again = run.begun(Arc::new(Silent)).await.execute(Default::default()).await.unwrap();
    }
    assert!(matches!(again, Outcome::Done), "{kill:?}: {again:?}");
    assert_moved(db, &target, Some(kill)).await;
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_event_a_migration_of_tables_ends_in_the_same_place() {
    let db = server::database().await;
    db.run(
        "create table old (namespace text, id text, embedding vector(3) not null, primary key (namespace, id));
         insert into old select 'n' || g % 3, 'r' || g, array[g % 7 + 1, g % 11, g % 13]::vector(3) from generate_series(1, 120) g",
    )
    .await;
    let before = "select md5(string_agg(o::text, ',' order by id)) from old o";
    let sum = db.text(before).await;
    let whole = Moved::to(&db, "whole");
    let (outcome, steps) = run_noting_steps(&whole).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_moved(&db, "whole", None).await;
    let entries = serde_json::to_string(&whole.entries()).unwrap();
    for part in ["\"open a view\"", "resource_removed", "\"finish\""] {
        assert!(entries.contains(part), "{part}: {entries}");
    }
    let kills = Kill::all(&whole.entries(), &steps);
    let runs = kills.iter().copied().enumerate().map(|kill| resume_after(&db, kill));
    let killed: Vec<bool> = futures::stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let killed = killed.into_iter().filter(|is_killed| *is_killed).count();
    assert!(killed * 2 > kills.len(), "{killed} of {} were killed", kills.len());
    assert_eq!(db.text(before).await, sum, "the source is only read");
    let held = "select count(*) = 0 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null";
    server::until(&db, held).await;
}
