//! Figures of a copy that several processes worked on.

use vecshift::journal::Event;
use vecshift::model::{Cursor, Observed, Verdict};
use vecshift::report::{Look, Report, table};
use vecshift::run::Outcome;

use crate::rig::Rig;

fn plan(copy: &str) -> String {
    format!(
        r#"
version: 1
name: figures
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
stages:
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 8, metric: cosine }}
  - {{ kind: copy, {copy}, assert: [copy.rate > 0.1/s, copy.complete == true] }}
rehearsal:
  source: {{ kind: pod, records: 60, namespaces: 2 }}
"#
    )
}

/// Cuts the journal after the entry at `last`, as if the process had been killed there.
fn cut(rig: &Rig, last: usize) {
    let path = rig.journal();
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: String = text.split_inclusive('\n').take(last + 1).collect();
    std::fs::write(&path, kept).unwrap();
}

/// Returns the entries at which the shards came to their ends.
fn ends(rig: &Rig) -> Vec<usize> {
    let is_end = |event: &Event| matches!(event, Event::Checkpointed { checkpoint, .. } if checkpoint.cursor == Cursor::End);
    let entries = rig.entries();
    let ends = entries.iter().enumerate().filter(|(_, entry)| is_end(&entry.event));
    ends.map(|(at, _)| at).collect()
}

fn rate(rig: &Rig) -> (Verdict, Option<Observed>) {
    let state = rig.state();
    let judged = &state.stage(&"copy".into()).unwrap().judgements;
    let of_rate =
        judged.iter().find(|one| one.judgement.assertion.starts_with("copy.rate")).unwrap();
    (of_rate.judgement.verdict, of_rate.judgement.observed.clone())
}

/// The process that goes on has nothing left to copy, and the rate is that of the one that copied.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_killed_after_its_last_record_keeps_its_rate() {
    let rig = Rig::of_text(&plan("strategy: stream, parallel: 1")).await;
    assert!(matches!(rig.run().await, Outcome::Done));
    cut(&rig, *ends(&rig).last().unwrap());
    let copied = rig.state().stage(&"copy".into()).unwrap().worked;
    assert_eq!(copied.records, 60);
    assert!(matches!(rig.run().await, Outcome::Done));
    let (verdict, observed) = rate(&rig);
    assert_eq!(verdict, Verdict::Pass);
    let Some(Observed::PerSecond(observed)) = observed else { panic!("{observed:?}") };
    assert!((observed - copied.rate().unwrap()).abs() < 1e-6, "{observed}: {copied:?}");
}

/// The rate is the records of both processes over the time of both.
#[tokio::test(flavor = "multi_thread")]
async fn the_records_of_all_processes_are_in_the_rate() {
    let rig = Rig::of_text(&plan("strategy: stream, parallel: 1")).await;
    assert!(matches!(rig.run().await, Outcome::Done));
    cut(&rig, ends(&rig)[0]);
    let first = rig.state().stage(&"copy".into()).unwrap().worked;
    assert!((1..60).contains(&first.records), "{first:?}");
    assert!(matches!(rig.run().await, Outcome::Done));
    let all = rig.state().stage(&"copy".into()).unwrap().worked;
    assert_eq!(all.records, 60);
    assert!(all.time > first.time);
    assert_eq!(rate(&rig).1, Some(Observed::PerSecond(all.rate().unwrap())));
}

/// Nobody measured bytes or a rate of what the provider copied by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_collection_has_no_rate_and_no_bytes() {
    let rig = Rig::of_text(&plan("strategy: collection").replace("copy.rate > 0.1/s, ", "")).await;
    assert!(matches!(rig.run().await, Outcome::Done));
    let report = Report::from_entries(&rig.entries()).unwrap();
    let shown = table(&report, Look::default());
    assert!(shown.contains("by the provider") && !shown.contains(" 0 B"), "{shown}");
    let state = rig.state();
    let figures = &state.stage(&"copy".into()).unwrap().figures;
    assert!(!figures.contains_key("bytes") && !figures.contains_key("records_per_second"));
}
