//! A whole migration by bulk import through a bucket: vecshift writes it, the emulator reads it, and between them is
//! an S3 server from elsewhere (moto).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::clock::Clock;
use vecshift::emulator::{Emulator, EmulatorOptions, World as EmulatedWorld};
use vecshift::journal::{Holder, RunState};
use vecshift::plan::Plan;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Outcome, PreparedRun, RunOptions, Silent, World, preview, roll_back};
use vecshift::state::{Backend, Folder};
use vecshift::storage::{Place, S3Options};

use crate::installed::Server;
use crate::python::environment;
use crate::world::{KEY, plan_of};

const PLAN: &str = r#"
version: 1
name: bucket
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 64, metric: cosine }
  - kind: copy
    strategy: import
    import: { uri: "s3://shelf/moves/here" }
    namespaces: { rename: "100% {{ namespace }}" }
    assert: [copy.complete == true, copy.failed == 0]
  - { kind: verify, assert: [count_delta == 0, missing == 0, extra == 0, mismatched == 0] }
rehearsal:
  source: { kind: pod, records: 3_000, namespaces: 3 }
"#;

struct Rig {
    folder: tempfile::TempDir,
    plan: Plan,
    variables: BTreeMap<String, String>,
    emulator: Emulator,
    _server: Server,
}

impl Rig {
    /// Starts the servers; `None` if Python is missing.
    async fn of(text: &str) -> Option<Self> {
        let server = environment("moto")?.serve("bucket.py").await;
        let variables = [
            ("AWS_ENDPOINT_URL", server.address.as_str()),
            ("AWS_ACCESS_KEY_ID", "the-id"),
            ("AWS_SECRET_ACCESS_KEY", "the-key"),
        ];
        let s3 = S3Options::from_variables(variables);
        let folder = tempfile::tempdir().unwrap();
        let plan = plan_of(folder.path(), text);
        let emulator = Emulator::start(EmulatorOptions {
            s3,
            api_key: Some(KEY.to_owned()),
            ..Default::default()
        });
        let emulator = emulator.await.unwrap();
        emulator.load(EmulatedWorld::of_plan(&plan).unwrap()).await.unwrap();
        let variables = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        Some(Self { folder, plan, variables, emulator, _server: server })
    }

    fn environment(&self) -> Environment {
        Environment {
            variables: self.variables.clone(),
            ..Environment::stand_in(self.emulator.url(), Secret::new(KEY))
        }
    }

    async fn prepare(&self) -> PreparedRun {
        // This is no rehearsal, which would write to a folder in place of the bucket.
        PreparedRun::new(
            self.plan.clone(),
            World::open(&self.plan, &self.environment()).unwrap(),
            None,
            Folder::new(self.folder.path().join("state"), "here", Clock::system())
                .home(&self.plan.name),
            Clock::rehearsal(Duration::from_millis(50)),
            RunOptions::new(Holder::new("tester", "here", std::process::id())),
            Arc::new(Silent),
        )
        .await
        .unwrap()
    }

    async fn run(&self) -> Outcome {
        self.prepare().await.execute(CancellationToken::new()).await.unwrap()
    }

    /// Returns the paths of what is in the bucket.
    async fn files(&self) -> Vec<String> {
        let options = S3Options::from_variables(&self.variables);
        let place = Place::read("s3://shelf", &options).unwrap();
        place.list().await.unwrap().into_iter().map(|found| found.path).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_imported_through_a_bucket_and_the_bucket_is_left_empty() {
    let Some(rig) = Rig::of(PLAN).await else { return };
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.files().await, [""; 0]);
    assert_eq!(rig.emulator.counters().indexes["new"].imported, 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_an_import_that_fails_goes_with_the_rollback() {
    let Some(rig) = Rig::of(PLAN).await else { return };
    rig.emulator.set_faults(serde_json::from_str(r#"{"import":"fails"}"#).unwrap());
    let Outcome::Erred { error, .. } = rig.run().await else { panic!("it did not fail") };
    assert!(error.to_string().contains("is Failed"), "{error}");
    let files = rig.files().await;
    assert!(files.len() >= 3, "{files:?}");
    assert!(files.iter().all(|path| path.starts_with("moves/here/vecshift-import-")), "{files:?}");
    assert!(files.iter().any(|path| path.contains("/100% ns_1/")), "{files:?}");
    let outcome = roll_back(rig.prepare().await, true, CancellationToken::new()).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(rig.files().await, [""; 0]);
    assert_eq!(rig.emulator.indexes(), ["old"]);
}

/// Files of an import are a source themselves; here, those of one that failed.
#[tokio::test(flavor = "multi_thread")]
async fn files_in_a_bucket_are_a_source() {
    let Some(rig) = Rig::of(PLAN).await else { return };
    rig.emulator.set_faults(serde_json::from_str(r#"{"import":"fails"}"#).unwrap());
    let Outcome::Erred { .. } = rig.run().await else { panic!("it did not fail") };
    rig.emulator.set_faults(Default::default());
    let files = rig.files().await;
    let (folder, _) = files[0].split_once("/100% ").unwrap();
    let text = PLAN
        .replace("name: bucket", "name: from-bucket")
        .replace(
            "{ provider: pinecone, index: old }",
            &format!("{{ provider: parquet, index: \"s3://shelf/{folder}\" }}"),
        )
        .replace("index: new", "index: newer")
        .replace("    strategy: import\n    import: { uri: \"s3://shelf/moves/here\" }\n", "");
    let rig = Rig { plan: plan_of(rig.folder.path(), &text), ..rig };
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let copied: u64 =
        rig.prepare().await.state().stages.iter().map(|stage| stage.tally().copied).sum();
    assert_eq!(copied, 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_named() {
    let Some(rig) = Rig::of(&PLAN.replace("s3://shelf/", "s3://nowhere/")).await else { return };
    let world = World::open(&rig.plan, &rig.environment()).unwrap();
    let options = RunOptions::new(Holder::new("tester", "here", std::process::id()));
    let looked = preview(&rig.plan, &world, &RunState::default(), &options).await.unwrap_err();
    let ran = rig.prepare().await.execute(CancellationToken::new()).await.unwrap_err();
    for error in [looked, ran] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        let message = error.to_string();
        let expected = "the bucket `nowhere` cannot be read: NoSuchBucket: The specified bucket";
        assert!(message.starts_with(expected), "{message}");
        assert!(message.contains("s3://nowhere/moves/here"), "{message}");
    }
    assert_eq!(rig.emulator.indexes(), ["old"]);
}
