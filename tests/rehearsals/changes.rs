//! Changes in the source after it was copied: noticed before it is deleted, at whatever moment and on whatever route
//! the records travelled, as is a loss in the target.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::{Entry, Event, RunState};
use vecshift::model::{
    IndexSpec, Metadata, Metric, Namespace, Record, RecordId, StageId, Vector, VectorType, Vectors,
};
use vecshift::pinecone_wire::Deployment;
use vecshift::provider::pinecone::Transport;
use vecshift::run::{Listener, Outcome, Progress, Silent};

use crate::rig::Rig;

const PLAN: &str = r#"
version: 1
name: changes
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  flagd: { file: flag.json, flag: new-index, bucket_by: user }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    strategy: stream
    assert: [copy.complete == true]
  - { kind: verify, assert: [count_delta == 0, mismatched == 0] }
  - kind: canary
    probe: { queries: 10 }
    steps: [{ weight: 100%, bake: 1h }]
    assert: [error_rate <= 100% over 10m]
  - { kind: decommission, after: 1d, snapshot: "file:backup", confirm: old }
rehearsal:
  source: { kind: pod, records: 60, namespaces: 2, namespace_names: "space_{{ n }}" }
"#;

/// Returns the same plan without traffic, which leaves less to wait for.
fn short() -> String {
    let (before, rest) = PLAN.split_once("  - kind: canary").unwrap();
    let (_, after) = rest.split_once("  - { kind: decommission").unwrap();
    format!("{before}  - {{ kind: decommission{after}")
        .replace("traffic:\n  flagd: { file: flag.json, flag: new-index, bucket_by: user }\n", "")
}

/// Something that somebody does to the source.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Update,
    Add,
    Remove,
    /// One record goes and one comes, so that the counts stay.
    Swap,
    NewNamespace,
    DropNamespace,
}

const DEEDS: [Deed; 6] =
    [Deed::Update, Deed::Add, Deed::Remove, Deed::Swap, Deed::NewNamespace, Deed::DropNamespace];

fn record(id: &str) -> Record {
    Record {
        id: RecordId::from(id),
        vectors: Vectors::plain(Vector::from_values([0.5; 8]), None),
        metadata: Metadata::default(),
    }
}

impl Deed {
    fn happens(self, rig: &Rig) {
        let space = Namespace::new("space_1");
        let put = |space: &Namespace, id: &str| {
            rig.emulator.insert("old", space, vec![record(id)]).unwrap();
        };
        let remove = |ids: Vec<RecordId>| rig.emulator.remove("old", &space, ids).unwrap();
        let first = || RecordId::from("rec-000001");
        match self {
            Self::Update => put(&space, "rec-000001"),
            Self::Add => put(&space, "late"),
            Self::Remove => remove(vec![first()]),
            Self::Swap => {
                remove(vec![first()]);
                put(&space, "late");
            }
            Self::NewNamespace => put(&Namespace::new("late_space"), "late"),
            Self::DropNamespace => {
                let all = (1..=60).map(|n| RecordId::from(format!("rec-{n:06}")));
                remove(all.collect());
            }
        }
    }

    /// Returns whether the refusal at the end names it.
    fn is_named_by(self, message: &str) -> bool {
        match self {
            Self::Update => message.contains("`space_1`: 1 changed (for example `rec-000001`)"),
            Self::Add => message.contains("`space_1`: 1 added (for example `late`)"),
            Self::Remove => message.contains("`space_1`: 1 removed (for example `rec-000001`)"),
            Self::Swap => message.contains("`space_1`: 1 added, 1 removed"),
            Self::NewNamespace => message.contains("`late_space` appeared"),
            Self::DropNamespace => message.contains("`space_1` vanished with its 35 records"),
        }
    }
}

/// Moment at which it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    Verified,
    Bakes,
    Retained,
    Snapshot,
}

/// An observer that does a deed once, at its moment.
struct Meddler {
    rig: Arc<Rig>,
    moment: Moment,
    deed: Mutex<Option<Deed>>,
}

impl Meddler {
    fn happen(&self) {
        if let Some(deed) = self.deed.lock().unwrap().take() {
            deed.happens(&self.rig);
        }
    }
}

impl Listener for Meddler {
    fn event(&self, entry: &Entry, _: &RunState) {
        let is_now = match (&entry.event, self.moment) {
            (Event::StagePassed { stage }, Moment::Verified) => stage.as_str() == "verify",
            (Event::BakeStarted { .. }, Moment::Bakes) => true,
            (Event::StageHeld { stage, .. }, Moment::Retained) => stage.as_str() == "decommission",
            _ => false,
        };
        if is_now {
            self.happen();
        }
    }

    fn progress(&self, progress: &Progress) {
        if self.moment == Moment::Snapshot && progress.unit == "records in the snapshot" {
            self.happen();
        }
    }
}

async fn meddled(plan: &str, moment: Moment, deed: Deed) -> (Arc<Rig>, Outcome) {
    let rig = Arc::new(Rig::of_text(plan).await);
    let meddler = Meddler { rig: rig.clone(), moment, deed: Mutex::new(Some(deed)) };
    let meddler = Arc::new(meddler);
    let outcome =
        rig.run_with(rig.options(), meddler.clone(), CancellationToken::new()).await.unwrap();
    assert!(meddler.deed.lock().unwrap().is_none(), "{moment:?} never came");
    (rig, outcome)
}

/// Returns the refusal of the stage that deletes.
fn refusal(outcome: &Outcome) -> String {
    let Outcome::Erred { stage, error } = outcome else { panic!("{outcome:?}") };
    let stage = stage.as_ref().map(|stage| stage.as_str());
    assert_eq!((stage, error.kind()), (Some("decommission"), ErrorKind::Refused), "{error}");
    assert!(error.hint().is_some(), "{error}");
    error.message().to_owned()
}

async fn source_is_there(rig: &Rig) -> bool {
    rig.world().source.describe().await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_after_the_verification_keeps_the_source() {
    let mut cases = Vec::new();
    for deed in DEEDS {
        cases.push((short(), Moment::Verified, deed));
        cases.push((short(), Moment::Retained, deed));
    }
    cases.push((PLAN.to_owned(), Moment::Bakes, Deed::Update));
    cases.push((PLAN.to_owned(), Moment::Bakes, Deed::Swap));
    let tried = cases.iter().map(|(plan, moment, deed)| async move {
        let (rig, outcome) = meddled(plan, *moment, *deed).await;
        let message = refusal(&outcome);
        assert!(deed.is_named_by(&message), "{deed:?} {moment:?}: {message}");
        assert!(source_is_there(&rig).await, "{deed:?} {moment:?}");
        // The next process has forgotten nothing.
        let again = rig.run().await;
        assert!(deed.is_named_by(&refusal(&again)), "{deed:?} {moment:?}: {again:?}");
        assert!(source_is_there(&rig).await, "{deed:?} {moment:?}");
    });
    futures::future::join_all(tried).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_while_the_snapshot_is_taken_keeps_the_source() {
    let plan = short();
    let tried = DEEDS.iter().map(|deed| {
        let plan = &plan;
        async move {
            let (rig, outcome) = meddled(plan, Moment::Snapshot, *deed).await;
            refusal(&outcome);
            assert!(source_is_there(&rig).await, "{deed:?}");
        }
    });
    futures::future::join_all(tried).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_noticed_on_every_way_that_records_travel() {
    let copies = [
        "    strategy: auto",
        "    enumerate: staging\n    namespaces: { rename: \"moved_{{ namespace }}\" }",
        "    strategy: import\n    import: { uri: \"s3://shelf\" }",
    ];
    let plans = copies.iter().map(|copy| short().replace("    strategy: stream", copy));
    let listed = short().replace("kind: pod", "kind: serverless");
    let sampled =
        listed.replace("kind: verify, assert: [", "kind: verify, compare: 1 records, assert: [");
    let plans: Vec<String> = plans.chain([listed, sampled]).collect();
    let tried = plans.iter().map(|plan| async move {
        for deed in [Deed::Update, Deed::Swap] {
            let (rig, outcome) = meddled(plan, Moment::Verified, deed).await;
            let message = refusal(&outcome);
            assert!(message.contains("space_1`: 1 "), "{deed:?}: {message}\n{plan}");
            assert!(source_is_there(&rig).await, "{deed:?}");
        }
    });
    futures::future::join_all(tried).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_both_sides_is_no_change() {
    let rig = Rig::of_text(&short()).await;
    run_until(&rig, "verify").await;
    Deed::Update.happens(&rig);
    let target = rig.world().target;
    target.describe().await.unwrap();
    target
        .must_write()
        .unwrap()
        .upsert(&Namespace::new("space_1"), &[record("rec-000001")])
        .await
        .unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let notes = notes(&rig);
    assert!(
        notes.contains("`space_1` is not what was copied; both sides hold the same"),
        "{notes}"
    );
}

async fn run_until(rig: &Rig, stage: &str) {
    let mut options = rig.options();
    options.until = Some(StageId::new(stage));
    rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap();
}

fn notes(rig: &Rig) -> String {
    rig.state().stages.iter().flat_map(|stage| stage.notes.clone()).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_the_target_lost_keep_the_source_unless_the_plan_allows_it() {
    let rig = Rig::of_text(&short()).await;
    run_until(&rig, "verify").await;
    let target = rig.world().target;
    target.describe().await.unwrap();
    let space = Namespace::new("space_1");
    let ids = [RecordId::from("rec-000001"), RecordId::from("rec-000003")];
    let held = target.must_fetch().unwrap().fetch(&space, &ids).await.unwrap();
    assert!(!held.is_empty());
    let mut held: Vec<RecordId> = held.into_iter().map(|record| record.id).collect();
    held.sort();
    rig.emulator.remove("new", &space, held.clone()).unwrap();
    let message = refusal(&rig.run().await);
    let lost = format!("`space_1` lacks {} records (for example `{}`", held.len(), held[0]);
    assert!(message.contains(&lost), "{message}");
    assert!(source_is_there(&rig).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_deletes_in_the_new_index_can_be_allowed_for() {
    let allowing = short().replace(
        "confirm: old }",
        "confirm: old, assert: [target.missing <= 1, target.changed <= 1] }",
    );
    let rig = Rig::of_text(&allowing).await;
    run_until(&rig, "verify").await;
    let gone = vec![RecordId::from("rec-000001")];
    rig.emulator.remove("new", &Namespace::new("space_1"), gone).unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_asserts_it_stops_at_the_step_in_which_the_source_changed() {
    let asserted =
        PLAN.replace("assert: [error_rate <= 100% over 10m]", "assert: [source.changed == 0]");
    let rig = Rig::of_text(&asserted).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let judged = rig.state().stages[3].judgements.clone();
    assert_eq!(judged.iter().filter(|judged| judged.judgement.samples == 60).count(), 1);

    let (rig, outcome) = meddled(&asserted, Moment::Bakes, Deed::Update).await;
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(source_is_there(&rig).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_says_whether_the_source_changed_since_it_was_copied() {
    let asserted = short().replace(
        "kind: verify, assert: [count_delta == 0, mismatched == 0]",
        "kind: verify, compare: 1 records, assert: [source.changed == 0]",
    );
    let rig = Rig::of_text(&asserted).await;
    run_until(&rig, "copy").await;
    Deed::Update.happens(&rig);
    let outcome = rig.run().await;
    let Outcome::Failed { stage, reason } = outcome else { panic!("{outcome:?}") };
    assert_eq!(stage.as_str(), "verify");
    assert!(reason.contains("source.changed"), "{reason}");
    assert!(notes(&rig).contains("`space_1`: 1 changed"), "{}", notes(&rig));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_no_copy_planned_is_a_difference_of_the_counts() {
    let rig = Rig::of_text(&short()).await;
    run_until(&rig, "copy").await;
    Deed::NewNamespace.happens(&rig);
    let outcome = rig.run().await;
    let Outcome::Failed { stage, reason } = outcome else { panic!("{outcome:?}") };
    assert_eq!(stage.as_str(), "verify");
    assert!(reason.contains("count_delta"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_leaves_behind_may_stay_as_it_was_and_not_grow() {
    let some = short().replace("    strategy: stream", "    namespaces: { select: [space_1] }");
    let rig = Rig::of_text(&some).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");

    let rig = Rig::of_text(&some).await;
    run_until(&rig, "verify").await;
    rig.emulator.insert("old", &Namespace::new("space_2"), vec![record("late")]).unwrap();
    let message = refusal(&rig.run().await);
    assert!(
        message.contains("`space_2`, which no copy takes, was written to: 1 added"),
        "{message}"
    );
}

/// Rewrites the journal as a version wrote it that kept no contents.
fn forget_contents(rig: &Rig) {
    let path = rig.journal();
    let lines = std::fs::read_to_string(&path).unwrap();
    let without = lines.lines().map(|line| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        if event["event"] == "checkpointed" {
            assert!(event["checkpoint"].as_object_mut().unwrap().remove("contents").is_some());
        }
        format!("{event}\n")
    });
    let without: String = without.collect();
    std::fs::write(&path, without).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_what_the_copy_read_the_target_says_what_changed() {
    let rig = Rig::of_text(&short()).await;
    run_until(&rig, "copy").await;
    forget_contents(&rig);
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    for deed in DEEDS {
        let rig = Rig::of_text(&short()).await;
        run_until(&rig, "verify").await;
        forget_contents(&rig);
        deed.happens(&rig);
        let message = refusal(&rig.run().await);
        assert!(deed.is_named_by(&message), "{deed:?}: {message}");
        assert!(source_is_there(&rig).await, "{deed:?}");
    }
}

/// Records of a manifest go and others come: one is missed by its id, the other shows in the count.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_behind_a_manifest_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let ids = folder.path().join("ids.csv");
    let rows: String = (1..=60).map(|n| format!("space_1,rec-{n:06}\n")).collect();
    std::fs::write(&ids, format!("namespace,id\n{rows}")).unwrap();
    let manifest = format!(
        "    enumerate: {{ manifest: {{ file: {}, namespace: namespace }} }}",
        ids.display()
    );
    let plan = short()
        .replace("    strategy: stream", &manifest)
        .replace("namespaces: 2", "namespaces: 1");
    for deed in [Deed::Swap, Deed::Update] {
        let (rig, outcome) = meddled(&plan, Moment::Verified, deed).await;
        let message = refusal(&outcome);
        assert!(message.contains("`space_1`") || message.contains("snapshot"), "{message}");
        assert!(source_is_there(&rig).await, "{deed:?}");
    }
}

fn index() -> IndexSpec {
    IndexSpec {
        name: "old".into(),
        dimension: Some(8),
        metric: Metric::Cosine,
        vector_type: VectorType::Dense,
        deployment: Deployment::Serverless { cloud: "aws".into(), region: "us-east-1".into() }
            .into(),
        deletion_protection: false,
        tags: BTreeMap::new(),
    }
}

/// Returns the snapshot that a run left.
fn snapshot(rig: &Rig) -> std::path::PathBuf {
    let state = rig.state();
    let mut artifacts = state.stages.iter().flat_map(|stage| &stage.artifacts);
    artifacts.find(|artifact| artifact.name == "snapshot").unwrap().path.clone().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_in_case_or_are_long_come_back_from_a_snapshot_and_old_files_do_not() {
    let long = "n".repeat(500);
    let names = ["Creator_1", "creator_1", "CREATOR_1", "a/b c", "", &long];
    let held: Vec<(Namespace, Vec<Record>)> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let records = (0..=at).map(|n| record(&format!("{at}-{n}"))).collect();
            (Namespace::new(name), records)
        })
        .collect();
    let plan = short().split("rehearsal:").next().unwrap().to_owned();
    let rig = Rig::holding(&plan, index(), held.clone(), Transport::Auto).await;
    run_until(&rig, "verify").await;
    // Somebody else's file where the snapshots go.
    let artifacts = rig.home().artifacts(&rig.state().run);
    let old = artifacts.join("backup/old.parquet");
    std::fs::create_dir_all(old.parent().unwrap()).unwrap();
    std::fs::write(&old, "not of this run").unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(old.exists());

    let folder = snapshot(&rig);
    let mut files = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.len() < 40, "{name}");
        files.insert(name.to_lowercase());
    }
    assert_eq!(files.len(), names.len() + 1, "a file a namespace, and the manifest: {files:?}");

    // Now the way back in.
    let back = format!(
        "version: 1\nname: back\nsource: {{ provider: parquet, index: {} }}\n\
         target: {{ provider: pinecone, index: again }}\nstages:\n  - kind: create\n    spec: \
         {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 8, metric: cosine }}\n  \
         - {{ kind: copy, assert: [copy.complete == true] }}\n  - {{ kind: verify, assert: [mismatched == 0, \
         count_delta == 0] }}\n",
        folder.display()
    );
    let again = Rig::empty_of_text(&back).await;
    let outcome = again.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let target = again.world().target;
    target.describe().await.unwrap();
    let counts = target.stats().await.unwrap().namespaces;
    for (namespace, records) in held {
        assert_eq!(counts.get(&namespace), Some(&(records.len() as u64)), "{namespace}");
    }
}
