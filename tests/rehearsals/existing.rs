//! Ids that the target holds already: refused, overwritten or left alone, and never by chance.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::model::{Namespace, Record, RecordId, StageId, Vector, VectorName, Verdict};
use vecshift::run::{Outcome, RunOptions, Silent, preview};
use vecshift::store::Target;

use crate::rig::{Rig, ids_of};

fn plan(copy: &str, more: &str) -> String {
    format!(
        r#"
version: 1
name: existing
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
stages:
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 8, metric: cosine }}
  - {{ kind: copy, namespaces: {{ rename: "to_{{{{ namespace }}}}" }}{copy}, assert: [copy.complete == true] }}
  - {{ kind: verify, assert: [missing == 0, mismatched == 0] }}
{more}
rehearsal:
  source: {{ kind: serverless, records: 60, sizes: {{ a: 40, b: 20 }} }}
"#
    )
}

pub const TO: &str = "to_a";

/// Makes a migration whose target holds, in one of the namespaces, `other` ids of the source with different content,
/// one record as it is in the source, and two of its own.
pub async fn beside(copy: &str, more: &str, other: usize) -> (Rig, Vec<Record>) {
    let rig = Rig::of_text(&plan(copy, more)).await;
    let until = RunOptions { until: Some(StageId::new("create")), ..rig.options() };
    rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    let (source, from) = (rig.world().source, Namespace::from("a"));
    source.describe().await.unwrap().unwrap();
    let ids = ids_of(&*source, &from).await;
    let mut records = source.must_fetch().unwrap().fetch(&from, &ids[..other + 1]).await.unwrap();
    for record in &mut records[..other] {
        record.vectors.put(VectorName::DENSE, Vector::from_values([0.5; 8]));
    }
    let changed = records[..other].to_vec();
    for name in ["own-1", "own-2"] {
        records.push(Record { id: RecordId::new(name), ..records[0].clone() });
    }
    rig.emulator.insert("new", &Namespace::from(TO), records).unwrap();
    (rig, changed)
}

async fn there(rig: &Rig, ids: &[Record]) -> Vec<Record> {
    let target: Arc<dyn Target> = rig.world().target;
    target.describe().await.unwrap().unwrap();
    let ids: Vec<RecordId> = ids.iter().map(|record| record.id.clone()).collect();
    let mut found = target.must_fetch().unwrap().fetch(&Namespace::from(TO), &ids).await.unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

fn sorted(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by(|a, b| a.id.cmp(&b.id));
    records
}

async fn details(rig: &Rig) -> String {
    let seen = preview(&rig.plan, &rig.world(), &rig.state(), &rig.options()).await.unwrap();
    seen.stages.iter().find(|stage| stage.kind == "copy").unwrap().details.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_written_over_is_refused_before_anything_is_written() {
    let (rig, changed) = beside("", "", 3).await;
    let said = details(&rig).await;
    let expected = "the target holds 6 records in its namespaces; 3 ids hold something else: which the copy refuses";
    assert!(said.contains(expected), "{said}");
    let Outcome::Erred { error, .. } = rig.run().await else { panic!() };
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.message().starts_with("the target holds 3 ids that the copy would write"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("existing: overwrite"), "{error:?}");
    assert_eq!(there(&rig, &changed).await, sorted(changed));
    let counts = rig.world().target.stats().await.unwrap();
    assert_eq!((counts.total, rig.state().stages[1].tally().copied), (6, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_as_it_would_be_written_is_no_matter() {
    let (rig, _) = beside("", "", 0).await;
    assert!(details(&rig).await.contains("no id of 3 looked at would be written over"));
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.world().target.stats().await.unwrap().total, 62);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_lets_be_written_over_is() {
    let (rig, changed) = beside(", existing: overwrite", "", 3).await;
    assert!(details(&rig).await.contains("3 ids hold something else: written over"));
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_ne!(there(&rig, &changed).await, sorted(changed));
    assert_eq!(rig.world().target.stats().await.unwrap().total, 62);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_alone_stays_and_is_counted_and_not_compared() {
    let (rig, changed) = beside(", existing: skip", "", 3).await;
    assert!(details(&rig).await.contains("left as they are"));
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let state = rig.state();
    let tally = state.stages[1].tally();
    assert_eq!((tally.copied, tally.skipped, tally.enumerated), (57, 3, 60));
    assert_eq!(there(&rig, &changed).await, sorted(changed));
    let judged = state.stages[2].judgements.iter().find(|one| one.judgement.text == "missing == 0");
    let judged = &judged.unwrap().judgement;
    assert_eq!((judged.verdict, judged.samples), (Verdict::Pass, 57));
    let notes = &state.stages[2].notes;
    assert!(
        notes.iter().any(|note| note.starts_with("3 ids were left as the target had them")),
        "{notes:?}"
    );
}

/// Records that were left alone are in the source only: without a snapshot the source is not deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_which_ids_were_left_alone_is_not_deleted_without_a_snapshot() {
    let (rig, _) = beside(", existing: skip", "  - { kind: decommission, confirm: old }", 2).await;
    let Outcome::Erred { stage, error } = rig.run().await else { panic!() };
    assert_eq!((stage, error.kind()), (Some("decommission".into()), ErrorKind::Refused));
    assert_eq!(rig.emulator.indexes(), ["new", "old"]);
}

/// The records of a run that was rolled back still exist; the next run writes the same again.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_after_a_rollback_is_not_refused_by_its_own_records() {
    let rig = Rig::of_text(&plan("", "")).await;
    let until = RunOptions { until: Some(StageId::new("copy")), ..rig.options() };
    rig.run_with(until, Arc::new(Silent), CancellationToken::new()).await.unwrap();
    rig.roll_back(false).await.unwrap();
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(rig.world().target.stats().await.unwrap().total, 60);
}
