//! Names, ids and records: merging, filtering, casting, manifests of many files and of a command, the mapping.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::model::{Metadata, Namespace, Record, RecordId, Side, Tally, Value};
use vecshift::provider::registry::open;
use vecshift::provider::{Environment, Secret};
use vecshift::run::{Outcome, RunOptions, Silent};
use vecshift::store::Store;
use vecshift::store::calls::Calls;

use crate::rig::{KEY, Rig, read};

/// Returns a plan with three namespaces of a pod: `a_1`, `a_2`, `b_3`.
fn plan(copy: &str, verify: &str) -> String {
    format!(
        r#"
version: 1
name: names
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
stages:
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 8, metric: cosine }}
  - kind: copy
{copy}
  - kind: verify
    assert: [{verify}]
rehearsal:
  source:
    kind: pod
    records: 90
    namespaces: 3
    namespace_names: "{{% if n < 3 %}}a{{% else %}}b{{% endif %}}_{{{{ n }}}}"
"#
    )
}

fn source(rig: &Rig) -> Arc<dyn Store> {
    let environment = Environment::stand_in(rig.emulator.url(), Secret::new(KEY));
    open(&rig.plan.source, Side::Source, &environment).unwrap().through(Calls::bare())
}

async fn counts(rig: &Rig) -> BTreeMap<Namespace, u64> {
    rig.world().target.stats().await.unwrap().namespaces
}

fn tally(rig: &Rig) -> Tally {
    rig.state().stages[1].tally()
}

fn options(rig: &Rig) -> RunOptions {
    RunOptions { is_rehearsal: false, ..rig.options() }
}

fn error(outcome: Outcome) -> vecshift::Error {
    match outcome {
        Outcome::Erred { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

fn artifact(rig: &Rig, ending: &str) -> String {
    let state = rig.state();
    let artifacts = state.stages.iter().flat_map(|stage| &stage.artifacts);
    let path = artifacts.map(|artifact| &artifact.path).find(|path| path.ends_with(ending));
    std::fs::read_to_string(path.unwrap()).unwrap()
}

/// Returns the ids of a namespace of the generated world.
async fn ids(rig: &Rig, namespace: &str) -> Vec<String> {
    let source = source(rig);
    let all: Vec<RecordId> = (1..=90).map(|n| RecordId::from(format!("rec-{n:06}"))).collect();
    let found =
        source.must_fetch().unwrap().fetch(&Namespace::from(namespace), &all).await.unwrap();
    found.into_iter().map(|record| record.id.to_string()).collect()
}

const MERGE: &str = r#"    namespaces:
      rename: "{{ namespace[:1] }}"
      merge: true
    assert: [copy.complete == true]"#;

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_with_disjoint_ids_become_one() {
    let rig = Rig::of_text(&plan(MERGE, "count_delta == 0, missing == 0, mismatched == 0")).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let counts = counts(&rig).await;
    assert_eq!(counts.keys().map(Namespace::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(counts.values().sum::<u64>(), 90);

    let mapping: serde_json::Value = serde_json::from_str(&artifact(&rig, ".json")).unwrap();
    assert_eq!(mapping["is_complete"], true);
    let rows = mapping["namespaces"].as_array().unwrap();
    let of = |at: usize, key: &str| rows[at][key].as_str().unwrap();
    assert_eq!((of(0, "source"), of(0, "target")), ("a_1", "a"));
    assert_eq!((of(2, "source"), of(2, "target")), ("b_3", "b"));
    let records: u64 = rows.iter().map(|row| row["records"].as_u64().unwrap()).sum();
    assert_eq!(records, 90);
    assert!(artifact(&rig, ".csv").contains("a_2,a,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_two_of_them_hold_stops_the_merge_before_the_first_record() {
    let rig = Rig::of_text(&plan(MERGE, "missing == 0")).await;
    let source = source(&rig);
    let first = ids(&rig, "a_1").await[0].clone();
    let records = source
        .must_fetch()
        .unwrap()
        .fetch(&Namespace::from("a_1"), &[RecordId::from(first.as_str())])
        .await;
    source.must_write().unwrap().upsert(&Namespace::from("a_2"), &records.unwrap()).await.unwrap();
    let error = error(rig.run().await);
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("`a_1` and `a_2` would both become `a`"), "{error}");
    assert!(error.message().contains(&format!("`{first}`")), "{error}");
    assert_eq!(rig.world().target.stats().await.unwrap().total, 0);

    // Once the double is gone the same command goes on.
    source
        .must_remove()
        .unwrap()
        .delete(&Namespace::from("a_2"), &[RecordId::from(first.as_str())])
        .await
        .unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_merge_two_namespaces_never_get_one_name() {
    let rig = Rig::of_text(&plan(&MERGE.replace("      merge: true\n", ""), "missing == 0")).await;
    let refused = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    let error = refused.unwrap_err();
    assert!(error.message().contains("`a_1` and `a_2` would both become `a`"), "{error}");
    assert!(error.hint().unwrap().contains("merge: true"), "{error}");
    assert!(rig.world().target.describe().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_the_filter_leaves_out_are_counted_and_verified_around() {
    let copy = "    filter: { importance: { $lt: 0.5 }, kind: { $exists: true } }\n    assert: [copy.complete == true, copy.left_out > 0]";
    let rig = Rig::of_text(&plan(copy, "count_delta == 0, missing == 0")).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let tally = tally(&rig);
    assert_eq!((tally.enumerated, tally.copied + tally.left_out), (90, 90));
    assert!(tally.copied > 10 && tally.left_out > 10, "{tally:?}");
    assert_eq!(counts(&rig).await.values().sum::<u64>(), tally.copied);
}

/// The nearest records of the source include some that were left out; the queries carry the filter, so that this does
/// not count as a difference.
#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compared_among_the_records_that_the_filter_chose() {
    let copy = "    filter: { importance: { $lt: 0.5 } }\n    assert: [copy.left_out > 10]";
    let verify =
        "\"overlap@10 == 1\", missing == 0]\n    queries: { count: 30, filtered: 50% }\n    # [";
    let rig = Rig::of_text(&plan(copy, verify)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let notes = &rig.state().stages[2].notes;
    assert!(notes.iter().any(|note| note.contains("carry the copy's filter")), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_cast_is_a_dead_letter_with_the_reason() {
    let copy = "    metadata: { cast: { importance: string, created_at: list, kind: number } }\n    assert: [copy.complete == true]";
    let rig = Rig::of_text(&plan(copy, "mismatched == 0")).await;
    let source = source(&rig);
    let metadata = [("kind".to_owned(), Value::Text("7".into()))];
    let one = source
        .must_fetch()
        .unwrap()
        .fetch(&"a_1".into(), &[ids(&rig, "a_1").await[0].as_str().into()])
        .await;
    let one = Record { metadata: Metadata(metadata.into()), ..one.unwrap().remove(0) };
    source.must_write().unwrap().upsert(&"a_1".into(), std::slice::from_ref(&one)).await.unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done | Outcome::Failed { .. }), "{outcome:?}");
    let tally = tally(&rig);
    assert_eq!((tally.enumerated, tally.copied, tally.failed), (90, 1, 89));
    let arrived =
        rig.world().target.must_fetch().unwrap().fetch(&"a_1".into(), &[one.id]).await.unwrap();
    assert_eq!(arrived[0].metadata.get("kind"), Some(&Value::F64(7.0)));
    let letters = artifact(&rig, "dead-letters.jsonl");
    assert_eq!(letters.lines().count(), 89);
    assert!(letters.lines().all(|line| line.contains("cannot cast the metadata field `kind`")));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_come_from_all_files_of_a_pattern_and_a_wrong_file_is_named() {
    let copy = |folder: &std::path::Path| {
        format!(
            "    enumerate: {{ manifest: {{ file: \"{}/*.csv\" }} }}\n    assert: [copy.complete == true]",
            folder.display()
        )
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("b_3.csv"), "namespace,id\n").unwrap();
    let rig = Rig::of_text(&plan(&copy(folder.path()), "missing == 0")).await;
    let mut all = Vec::new();
    for namespace in ["a_1", "a_2", "b_3"] {
        let ids = ids(&rig, namespace).await;
        all.extend(ids.iter().map(|id| (namespace, id.clone())));
        let rows: String = ids.iter().map(|id| format!("{namespace},{id}\n")).collect();
        let path = folder.path().join(format!("{namespace}.csv"));
        std::fs::write(path, format!("namespace,id\n{rows}")).unwrap();
    }
    let double = folder.path().join("double.csv");
    std::fs::write(&double, format!("namespace,id\n{},{}\n", all[0].0, all[0].1)).unwrap();
    let refused = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
    let error = refused.unwrap_err();
    assert!(error.message().contains("row 1 of double.csv"), "{error}");
    assert!(error.message().contains("row 1 of a_1.csv"), "{error}");

    std::fs::remove_file(double).unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.world().target.stats().await.unwrap().total, 90);
    assert_eq!(artifact(&rig, "ids.csv").lines().count(), 91);
}

/// Makes a command that prints ids and writes down that it was run.
#[cfg(unix)]
fn command(folder: &std::path::Path, ids: &str, status: u8) -> String {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(folder.join("ids.txt"), ids).unwrap();
    let script = folder.join("ids.sh");
    let text = format!("#!/bin/sh\necho \"$SECRET\" >> runs.txt\ncat ids.txt\nexit {status}\n");
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script.display().to_string()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_prints_the_ids_once_and_a_resume_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let script = command(folder.path(), "namespace,id\n", 1);
    let copy = format!(
        "    enumerate: {{ manifest: {{ exec: [\"{script}\"], timeout: 10s }} }}\n    assert: [copy.complete == true]"
    );
    let path = folder.path().join("plan.yaml");
    std::fs::write(&path, plan(&copy, "missing == 0")).unwrap();
    let mut rig = Rig::of_text(&plan(&copy, "missing == 0")).await;
    rig.plan = read(&path);
    let options = || {
        let mut options = options(&rig);
        options.environment = BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("SECRET".to_owned(), "hidden".to_owned()),
        ]);
        options
    };
    let run = || rig.run_with(options(), Arc::new(Silent), CancellationToken::new());

    let failed = error(run().await.unwrap());
    assert!(failed.to_string().contains("the command failed"), "{failed}");

    // One id is wrong; the command is run again after its ids were copied by.
    let mut lines = Vec::new();
    for namespace in ["a_1", "a_2", "b_3"] {
        lines.extend(
            ids(&rig, namespace)
                .await
                .into_iter()
                .map(|id| format!("{{\"namespace\":\"{namespace}\",\"id\":\"{id}\"}}")),
        );
    }
    let right = lines.join("\n");
    lines[0] = "{\"namespace\":\"a_1\",\"id\":\"nobody\"}".to_owned();
    command(folder.path(), &lines.join("\n"), 0);
    let outcome = run().await.unwrap();
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");

    command(folder.path(), &right, 0);
    let outcome = run().await.unwrap();
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.world().target.stats().await.unwrap().total, 90);
    let runs = std::fs::read_to_string(folder.path().join("runs.txt")).unwrap();
    assert_eq!(runs, "\n\n\n", "three runs, and none saw the secret");
    let notes = &rig.state().stages[1].notes;
    assert!(
        notes.iter().any(|note| note.contains("90 ids") && note.contains("sha256:")),
        "{notes:?}"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_never_runs_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let script = command(folder.path(), "", 0);
    let copy = format!(
        "    enumerate: {{ manifest: {{ exec: [\"{script}\"] }} }}\n    assert: [copy.complete == true]"
    );
    let rig = Rig::of_text(&plan(&copy, "missing == 0")).await;
    let error = error(rig.run().await);
    assert!(error.message().contains("a rehearsal does not run"), "{error}");
    assert!(!folder.path().join("runs.txt").exists());
}

/// The run is killed in the middle and its manifest rewritten meanwhile: it goes on by the ids it began with.
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_changes_in_mid_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ids.csv");
    std::fs::write(&file, "namespace,id\n").unwrap();
    let copy = format!(
        "    enumerate: {{ manifest: {{ file: \"{}\" }} }}\n    assert: [copy.complete == true]",
        file.display()
    );
    let rig = Rig::of_text(&plan(&copy, "missing == 0")).await;
    let mut rows = "namespace,id\n".to_owned();
    for namespace in ["b_3", "a_2", "a_1"] {
        for id in ids(&rig, namespace).await {
            rows.push_str(&format!("{namespace},{id}\n"));
        }
    }
    std::fs::write(&file, rows).unwrap();
    let cancel = CancellationToken::new();
    let listener = StopAtFirstCheckpoint(cancel.clone());
    let outcome = rig.run_with(rig.options(), Arc::new(listener), cancel).await.unwrap();
    assert!(matches!(outcome, Outcome::Interrupted), "{outcome:?}");
    std::fs::write(&file, "namespace,id\na_1,other\n").unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(tally(&rig).copied, 90);
}

/// The sorted ids are a file that anybody can open: nothing goes on by others than were sorted. A copy that is cut off
/// sorts them anew; what reads them later stops.
#[tokio::test(flavor = "multi_thread")]
async fn sorted_ids_that_somebody_changed_are_not_gone_on_by() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ids.csv");
    std::fs::write(&file, "namespace,id\n").unwrap();
    let copy = format!(
        "    enumerate: {{ manifest: {{ file: \"{}\" }} }}\n    assert: [copy.complete == true]",
        file.display()
    );
    type Change = fn(&str) -> Option<String>;
    // An id becomes another of the same length; the file ends early; the file is gone.
    let changes: [(Change, &str); 3] = [
        (|text| Some(text.replacen("rec-0", "rec-9", 1)), "no longer those that were sorted"),
        (|text| Some(text[..text.len() / 2].to_owned()), "no longer those that were sorted"),
        (|_| None, "are gone"),
    ];
    for (change, said) in changes {
        let rig = Rig::of_text(&plan(&copy, "missing == 0")).await;
        let mut rows = "namespace,id\n".to_owned();
        for namespace in ["b_3", "a_2", "a_1"] {
            for id in ids(&rig, namespace).await {
                rows.push_str(&format!("{namespace},{id}\n"));
            }
        }
        std::fs::write(&file, &rows).unwrap();
        let sorted = |rig: &Rig| {
            let stages = rig.state().stages;
            let mut ids = stages.iter().flat_map(|stage| &stage.artifacts);
            ids.rfind(|one| one.name == "ids").unwrap().clone()
        };
        let changed = |path: &str| {
            let text = std::fs::read_to_string(path).unwrap();
            let now = change(&text);
            assert_ne!(now.as_ref(), Some(&text));
            match now {
                Some(now) => std::fs::write(path, now).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
            text
        };
        // Cut off once they are sorted: the next attempt sorts them anew.
        let cancel = CancellationToken::new();
        let listener = StopWhenSorted(cancel.clone());
        let outcome = rig.run_with(rig.options(), Arc::new(listener), cancel).await.unwrap();
        assert!(matches!(outcome, Outcome::Interrupted), "{outcome:?}");
        let path = sorted(&rig).path;
        let text = changed(&path);
        let options = RunOptions { until: Some("copy".into()), no_wait: true, ..rig.options() };
        let copied = rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await;
        let copied = copied.unwrap();
        assert!(matches!(copied, Outcome::Held { .. }), "{copied:?}");
        assert_eq!(tally(&rig).copied, 90);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        assert_eq!(sorted(&rig).written.unwrap().bytes, text.len() as u64);

        // Copied by: whoever reads the source by them now reads by these or not at all.
        changed(&path);
        let failed = error(rig.run().await);
        assert!(failed.message().contains(said), "{failed}");
        std::fs::write(&path, &text).unwrap();
        let outcome = rig.run().await;
        assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    }
}

struct StopWhenSorted(CancellationToken);

impl vecshift::run::Listener for StopWhenSorted {
    fn event(&self, entry: &vecshift::journal::Entry, _: &vecshift::journal::RunState) {
        if matches!(entry.event, vecshift::journal::Event::ArtifactWritten { .. }) {
            self.0.cancel();
        }
    }

    fn progress(&self, _: &vecshift::run::Progress) {}
}

struct StopAtFirstCheckpoint(CancellationToken);

impl vecshift::run::Listener for StopAtFirstCheckpoint {
    fn event(&self, entry: &vecshift::journal::Entry, _: &vecshift::journal::RunState) {
        if matches!(entry.event, vecshift::journal::Event::Checkpointed { .. }) {
            self.0.cancel();
        }
    }

    fn progress(&self, _: &vecshift::run::Progress) {}
}
