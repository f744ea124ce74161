//! Findings of a verification, its words for them, and what it must not claim.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::copy::{Difference, DifferenceKind};
use vecshift::journal::{Entry, Event, RunState};
use vecshift::model::{
    IndexSpec, Metadata, Metric, Namespace, Observed, Record, RecordId, Side, Span, StageId, Value,
    Vector, VectorName, VectorType, Vectors, Verdict,
};
use vecshift::plan::file::Faults;
use vecshift::provider::pinecone::Transport;
use vecshift::report::{Look, Report, table};
use vecshift::run::{Listener, Outcome, Progress, Silent};
use vecshift::store::Query;

use crate::matrix::{index, pod};
use crate::rig::Rig;

const PLAN: &str = r#"
version: 1
name: verify
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, strategy: stream, assert: [copy.complete == true] }
  - kind: verify
    VERIFY
rehearsal:
  source: { kind: pod, records: 120, namespaces: 3 }
  FAULTS
"#;

fn plan(verify: &str) -> String {
    PLAN.replace("VERIFY", verify).replace("FAULTS", "faults: {}")
}

async fn run_until(rig: &Rig, stage: &str) {
    let mut options = rig.options();
    options.until = Some(StageId::new(stage));
    rig.run_with(options, Arc::new(Silent), CancellationToken::new()).await.unwrap();
}

fn verdict(rig: &Rig, metric: &str) -> (Verdict, Option<Observed>, u64) {
    let state = rig.state();
    let mut judged = state.stages.iter().flat_map(|stage| &stage.judgements);
    let found = judged.rfind(|judged| judged.judgement.text.starts_with(metric));
    let judgement = &found.unwrap_or_else(|| panic!("{metric} was not judged")).judgement;
    (judgement.verdict, judgement.observed.clone(), judgement.samples)
}

fn number(observed: Option<Observed>) -> f64 {
    observed.and_then(|observed| observed.number()).unwrap()
}

/// Sixty records of five kinds: a query for ten meets twelve that are equal, of which each side returns ten of its
/// own.
#[tokio::test(flavor = "multi_thread")]
async fn which_of_equals_comes_first_is_no_difference() {
    let asked = "queries: { count: 20, top_k: 10 }\n    assert: [mismatched == 0, overlap@10 == 1]";
    let kinds: Vec<Vector> = (0..5)
        .map(|kind| Vector::from_values((0..8).map(move |at| (kind * 8 + at) as f32 % 7.0 - 3.0)))
        .collect();
    let records = (0..60).map(|at| Record {
        id: format!("r{at:03}").into(),
        vectors: Vectors::plain(kinds[at % 5].clone(), None),
        metadata: Metadata::default(),
    });
    let records = vec![(Namespace::new("all"), records.collect())];
    let index = IndexSpec { metric: Metric::Cosine, ..index(pod(), Some(8), VectorType::Dense) };
    let rig = Rig::holding(&plan(asked), index, records, Transport::Auto).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(verdict(&rig, "overlap@10").0, Verdict::Pass);
    let world = rig.world();
    let query =
        Query { vectors: Vectors::plain(kinds[0].clone(), None), limit: 10, ..Query::default() };
    let all = Namespace::new("all");
    world.source.describe().await.unwrap();
    world.target.describe().await.unwrap();
    let source = world.source.must_search().unwrap().query(&all, &query).await.unwrap();
    let target = world.target.must_search().unwrap().query(&all, &query).await.unwrap();
    assert_ne!(source, target, "the emulator's indexes order equals differently");
}

fn notes(rig: &Rig) -> String {
    rig.state().stages.iter().flat_map(|stage| stage.notes.clone()).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_tampered_with_is_found_and_the_numbers_add_up() {
    let asserted = "assert: [missing == 0, extra == 0, mismatched == 0, values_mismatched == 0, \
                    metadata_mismatched == 0, schema_drift == 0, count_delta == 0, compared == 120]";
    let rig = Rig::of_text(&plan(asserted)).await;
    run_until(&rig, "copy").await;
    let target = rig.world().target;
    let namespace = Namespace::new("ns_1");
    target.describe().await.unwrap();
    let ids: Vec<_> = (1..=4).map(|n| RecordId::new(format!("rec-{n:06}"))).collect();
    let mut records = target.must_fetch().unwrap().fetch(&namespace, &ids).await.unwrap();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    let mut values: Vec<f32> = records[0].dense().values().collect();
    values[5] += 0.25;
    values[2] += 0.125;
    records[0].vectors.put(VectorName::DENSE, Vector::from_values(values));
    records[1].metadata.0.insert("created_at", Value::Text("then".into()));
    let turned = Vector::from_values(records[1].dense().values().map(|value| -value));
    records[1].vectors.put(VectorName::DENSE, turned);
    let mut extra = records[2].clone();
    extra.id = RecordId::new("nobody's");
    target
        .must_write()
        .unwrap()
        .upsert(&namespace, &[records[0].clone(), records[1].clone(), extra])
        .await
        .unwrap();
    rig.admin(Side::Target).must_remove().unwrap().delete(&namespace, &ids[2..]).await.unwrap();

    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    for (metric, value) in [
        ("missing", 2.0),
        ("extra", 1.0),
        ("mismatched", 2.0),
        ("values_mismatched", 2.0),
        ("metadata_mismatched", 1.0),
        ("schema_drift", 1.0),
        ("count_delta", 1.0),
    ] {
        let (verdict, observed, _) = verdict(&rig, metric);
        assert_eq!((verdict, number(observed)), (Verdict::Fail, value), "{metric}");
    }
    assert_eq!(verdict(&rig, "compared").0, Verdict::Pass);
    let state = rig.state();
    let verify = state.stage(&StageId::new("verify")).unwrap();
    let figure = |name: &str| verify.figures[name];
    assert_eq!(figure("compared"), figure("equal") + figure("mismatched") + figure("missing"));
    let notes = notes(&rig);
    assert!(
        notes.contains(
            "compared 120 of 120 records: 116 equal, 2 different, 2 missing; 1 more in the target"
        ),
        "{notes}"
    );
    assert!(
        notes.contains("`created_at` is number in the source and number or string in the target"),
        "{notes}"
    );

    let artifact = verify.artifacts.iter().find(|artifact| artifact.name == "differences").unwrap();
    let text = std::fs::read_to_string(&artifact.path).unwrap();
    let lines: Vec<Difference> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len() as u64, artifact.records);
    let of = |id: &str| lines.iter().filter(|line| *line.id.text() == *id).collect::<Vec<_>>();
    let [vector] = of("rec-000001")[..] else { panic!("{lines:#?}") };
    assert_eq!(
        (vector.kind, vector.index, vector.differing),
        (DifferenceKind::Vector, Some(5), Some(2))
    );
    assert!((vector.difference.unwrap() - 0.25).abs() < 1e-6);
    assert!(vector.source.is_number() && vector.target.is_number());
    let kinds: Vec<_> = of("rec-000002").iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [DifferenceKind::Vector, DifferenceKind::Metadata]);
    assert_eq!(of("rec-000002")[1].target, "then");
    assert_eq!(of("rec-000003")[0].kind, DifferenceKind::Missing);
    assert_eq!(of("nobody's")[0].kind, DifferenceKind::Extra);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_nothing_has_read_is_cold() {
    let queries = "queries: { count: 12, rate: 50/s }\n    assert: [cold(query) < 1h]";
    let again = format!("{queries}\n  - kind: verify\n    id: again\n    {queries}");
    let rig = Rig::of_text(&plan(&again)).await;
    let outcome = rig.run().await;
    let Outcome::Erred { stage, error } = outcome else { panic!("{outcome:?}") };
    assert_eq!(stage, Some("again".into()));
    assert!(error.to_string().contains("nothing is cold"), "{error}");
    let state = rig.state();
    let first = state.stage(&StageId::new("verify")).unwrap();
    assert_eq!(first.judgements[0].judgement.samples, 3);
    assert_eq!(first.figures["cold_namespaces"], 3.0);
    assert!(notes(&rig).contains("the first query of 3 of 3 namespaces"), "{}", notes(&rig));
}

/// Nothing can be cold twice, and a measurement is not lost with the try that made it.
#[tokio::test(flavor = "multi_thread")]
async fn another_try_keeps_what_was_cold_in_the_first() {
    let asserted =
        "queries: { count: 20, rate: 200/s }\n    assert: [p95(query) < 0.001ms, cold(query) < 1h]";
    let rig = Rig::of_text(&plan(asserted)).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        assert!(matches!(rig.run().await, Outcome::Failed { .. }));
        seen.push(verdict(&rig, "cold"));
    }
    assert_eq!((seen[0].0, seen[0].2), (Verdict::Pass, 3));
    assert_eq!((seen[1].0, seen[1].2), (Verdict::Pass, 3));
    let apart = number(seen[0].1.clone()) - number(seen[1].1.clone());
    assert!(apart.abs() < 1e-3, "the same to the histogram's digits: {seen:?}");
    assert!(notes(&rig).contains("as an earlier try of this stage measured it with 3 queries"));
}

#[tokio::test(flavor = "multi_thread")]
async fn read_after_write_is_timed_in_a_namespace_that_is_gone_afterwards() {
    let asserted = "read_after_write: 3\n    assert: [read_after_write < 1m, extra == 0]";
    let text = PLAN.replace("VERIFY", asserted).replace("FAULTS", "faults: { lag: 300ms }");
    let rig = Rig::of_text(&text).await;
    assert!(matches!(rig.run().await, Outcome::Done), "{}", notes(&rig));
    let (_, observed, samples) = verdict(&rig, "read_after_write");
    assert_eq!(samples, 3);
    assert!(number(observed) >= 0.3, "it cannot be readable before the lag");
    let stats = rig.world().target.stats().await.unwrap();
    assert_eq!((stats.namespaces.len(), stats.total), (3, 120));
}

/// What an earlier try of the stage has written is readable at once, and says nothing of what is written now.
#[tokio::test(flavor = "multi_thread")]
async fn read_after_write_is_not_timed_by_the_records_of_an_earlier_try() {
    let rig = Rig::of_text(&plan("read_after_write: 1\n    assert: [read_after_write < 1m]")).await;
    let is_written = |event: &Event| matches!(event, Event::StepTaken { step, .. } if step.starts_with("read after write"));
    rig.kill_at(rig.options(), is_written).await;
    // Longer than the step that writes asks for it.
    let faults = Faults { lag: Some(Span(Duration::from_secs(7))), ..Faults::default() };
    rig.emulator.set_faults(faults);
    rig.run().await;
    let (_, observed, _) = verdict(&rig, "read_after_write");
    // Before the lag has passed nothing was there to be read; a rehearsal's clock may have given up by then.
    let is_honest = match &observed {
        Some(Observed::Unanswered) => true,
        Some(observed) => observed.number().is_some_and(|seconds| seconds >= 7.0),
        None => false,
    };
    assert!(is_honest, "{observed:?}: {}", notes(&rig));
}

/// An observer that keeps what is said while a run waits.
#[derive(Default)]
struct Ears(Mutex<Vec<String>>);

impl Listener for Ears {
    fn event(&self, _: &Entry, _: &RunState) {}

    fn progress(&self, progress: &Progress) {
        if progress.is_waiting() {
            self.0.lock().unwrap().push(progress.note.as_ref().unwrap().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_says_what_it_waits_for_and_ends_at_its_deadline() {
    let text = PLAN
        .replace("VERIFY", "catch_up: 3s\n    assert: [missing == 0]")
        .replace("FAULTS", "faults: { lag: 1d }");
    let rig = Rig::of_text(&text.replace("kind: create", "kind: create\n    id: made")).await;
    // Under the lag the probe record of the create stage would never be readable, so the lag comes later.
    rig.emulator.set_faults(Default::default());
    run_until(&rig, "made").await;
    rig.emulator.set_faults(rig.plan.rehearsal.clone().unwrap().faults.unwrap());
    let ears = Arc::new(Ears::default());
    let outcome =
        rig.run_with(rig.options(), ears.clone(), CancellationToken::new()).await.unwrap();
    let Outcome::Erred { error, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("shows 0 of"), "{error}");
    let heard = ears.0.lock().unwrap();
    assert!(heard[0].starts_with("waiting for `ns_1` shows 0 of"), "{heard:?}");
    assert!(heard[0].contains("2 namespaces more; gives up in"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_nothing_does_not_pass() {
    let rig = Rig::of_text(&plan("compare: 0.0001%\n    assert: [mismatched == 0]")).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Held { .. }), "{outcome:?}");
    assert_eq!(verdict(&rig, "mismatched").0, Verdict::Inconclusive);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_every_form_are_asked_and_answered_alike() {
    let asserted = "queries: { count: 80, top_k: 5, filtered: 50%, rate: 200/s }\n    \
                    assert: [filtered_overlap@5 >= 0.99, overlap@5 >= 0.99]";
    let rig = Rig::of_text(&plan(asserted)).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert_eq!(verdict(&rig, "filtered_overlap").2, 40);
    let notes = notes(&rig);
    assert!(
        notes.contains("40 with a filter (10 $eq, 10 $in, 10 combined, 10 range), 0 hybrid"),
        "{notes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sparse_queries_have_a_metric_of_their_own() {
    let asserted =
        "queries: { count: 60, top_k: 5, rate: 200/s }\n    assert: [sparse_overlap@5 >= 0.9]";
    let rig = Rig::of_text(&plan(asserted).replace("cosine", "dotproduct")).await;
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?} {}", notes(&rig));
    let samples = verdict(&rig, "sparse_overlap").2;
    assert!((10..50).contains(&samples), "a third of the records is hybrid: {samples}");
    assert!(notes(&rig).contains(&format!("{samples} hybrid")), "{}", notes(&rig));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_is_shown_beside_the_source_at_the_same_time() {
    let asserted = "queries: { count: 20, rate: 100/s }\n    assert: [p95(query) < 0.001ms]";
    let rig = Rig::of_text(&plan(asserted)).await;
    assert!(matches!(rig.run().await, Outcome::Failed { .. }));
    let report = Report::from_entries(&rig.entries()).unwrap();
    let text = table(&report, Look::default());
    assert!(text.contains("meanwhile the source's p95(query) at the same time was"), "{text}");
    assert!(text.contains("Rollback: possible"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_only_looked_offers_no_rollback() {
    let audit = "\nversion: 1\nname: look\nsource: { provider: pinecone, index: old }\n\
                 target: { provider: pinecone, index: new }\n\
                 stages: [{ kind: audit, assert: [source.records == 10] }]\n\
                 rehearsal: { source: { kind: pod, records: 10, dimension: 4 } }\n";
    let rig = Rig::of_text(audit).await;
    assert!(matches!(rig.run().await, Outcome::Done));
    let report = Report::from_entries(&rig.entries()).unwrap();
    assert!(!report.rollback.is_possible);
    assert_eq!(report.rollback.text, "nothing to roll back: nothing was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_without_sequence_numbers_goes_by_its_counts_and_says_so() {
    let asserted = "compare: 50%\n    assert: [mismatched == 0, extra == 0, missing == 0]";
    let pod = "pod: { environment: us-east-1-aws, pod_type: p1.x1 }";
    let text = plan(asserted).replace("serverless: { cloud: aws, region: us-east-1 }", pod);
    let rig = Rig::of_text(&text).await;
    let outcome = rig.run().await;
    let notes = notes(&rig);
    assert!(notes.contains("gave no sequence number for 3 of 3 namespaces"), "{outcome:?} {notes}");
    // A pod cannot list its ids, and half of the records proves nothing about the rest.
    let (extra, _, _) = verdict(&rig, "extra");
    assert_eq!(extra, Verdict::Error);
    let (mismatched, _, compared) = verdict(&rig, "mismatched");
    assert_eq!(mismatched, Verdict::Pass);
    assert!((30..90).contains(&compared), "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_a_sample_of_both_sides() {
    let rig = Rig::of_text(&plan("compare: 50%\n    assert: [extra == 0, missing == 0]")).await;
    run_until(&rig, "copy").await;
    let target = rig.world().target;
    let namespace = Namespace::new("ns_1");
    target.describe().await.unwrap();
    let ids: Vec<_> = (1..=40).map(|n| RecordId::new(format!("rec-{n:06}"))).collect();
    let records = target.must_fetch().unwrap().fetch(&namespace, &ids).await.unwrap();
    let extra = records.iter().map(|record| {
        let id = RecordId::new(format!("extra-{}", record.id));
        vecshift::model::Record { id, ..record.clone() }
    });
    target.must_write().unwrap().upsert(&namespace, &extra.collect::<Vec<_>>()).await.unwrap();
    assert!(matches!(rig.run().await, Outcome::Failed { .. }));
    let (_, extra, compared) = verdict(&rig, "extra");
    let extra = number(extra);
    assert!((8.0..32.0).contains(&extra), "about half of 40: {extra}");
    assert!((30..90).contains(&compared), "about half of 120: {compared}");
    assert_eq!(verdict(&rig, "missing").0, Verdict::Pass);
}
