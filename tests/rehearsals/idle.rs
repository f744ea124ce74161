//! What a copy names and what is not there: `plan` says it, and a copy of nothing is refused before anything is made.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vecshift::ErrorKind;
use vecshift::journal::RunState;
use vecshift::run::{Outcome, Silent, preview};

use crate::rig::Rig;

fn plan(stages: &str) -> String {
    format!(
        r#"
version: 1
name: idle
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
stages:
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 8, metric: cosine }}
{stages}
rehearsal:
  source: {{ kind: serverless, sizes: {{ Users_1: 20, Users_2: 20 }} }}
"#
    )
}

async fn rig(stages: &str) -> Rig {
    Rig::of_text_beside(
        &plan(stages),
        &[("owners.csv", "namespace,owner\nUsers_1,ada\nUser_2,grace\n")],
    )
    .await
}

const MISSPELT: &str = r#"
  - kind: copy
    namespaces:
      select: ["Users_*", "users_*", "Teams_*"]
      rename: "{{ owners | default('nobody') }}_{{ namespace }}"
      lookup: { owners: { file: owners.csv, key: namespace, value: owner } }
    metadata: { drop: [no_such_field], rename: { titel: title } }
    assert: [copy.complete == true]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_names_and_is_not_there_is_named_by_plan_and_by_the_run() {
    let rig = rig(MISSPELT).await;
    let seen = preview(&rig.plan, &rig.world(), &RunState::default(), &rig.options()).await;
    let seen = seen.unwrap().notes.join("\n");
    let names = [
        "`users_*` matches no namespace; in other letters it would match 2",
        "`Teams_*` matches no namespace",
        "1 row of the lookup `owners` is of no namespace: `User_2`",
    ];
    let fields = [
        "has the field `no_such_field`, which `metadata.drop` names",
        "has the field `titel`, which `metadata.rename` names",
    ];
    for said in names.iter().chain(&fields) {
        assert!(seen.contains(said), "{said}: {seen}");
    }
    let outcome = rig.run().await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    let notes = rig.state().stages[1].notes.join("\n");
    for said in names {
        assert!(notes.contains(said), "{said}: {notes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_takes_nothing_is_refused_before_anything_is_made() {
    let one = "  - { kind: copy, namespaces: { select: [\"users_*\"] }, assert: [copy.complete == true] }";
    let two = "  - { kind: copy, id: all, namespaces: { rename: \"x_{{ namespace }}\" }, assert: [copy.complete == true] }\n  \
               - { kind: copy, id: more, namespaces: { select: [\"users_*\"] }, assert: [copy.complete == true] }";
    for (stages, by) in [(one, ""), (two, " by the copy `more`")] {
        let rig = rig(stages).await;
        let expected = format!(
            "no namespace of the source is selected{by}: `users_*` matches no namespace; in other letters it would match 2"
        );
        let looked = preview(&rig.plan, &rig.world(), &RunState::default(), &rig.options()).await;
        let looked = looked.unwrap_err();
        let run = rig.run_with(rig.options(), Arc::new(Silent), CancellationToken::new()).await;
        for error in [looked, run.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            assert!(error.message().contains(&expected), "{error}");
        }
        assert_eq!(rig.emulator.indexes(), ["old"]);
    }
}
