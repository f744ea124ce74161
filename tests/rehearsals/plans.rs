//! Every plan in `plans/` is rehearsed by the program, as a pull request's CI does it, and ends as it is meant to.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use futures::StreamExt;
use serde_json::Value;

use crate::rig::{alone, is_long};

/// Expected ending of a plan's rehearsal.
struct Ending {
    plan: &'static str,
    exit: i32,
    records: u64,
    /// The weight at the end, if the plan moves traffic.
    weight: Option<&'static str>,
    /// True for a pod of 200,000 records, which takes minutes without optimisation.
    is_long: bool,
}

const fn done(plan: &'static str, records: u64) -> Ending {
    Ending { plan, exit: 0, records, weight: None, is_long: false }
}

const ENDINGS: [Ending; 6] = [
    done("bulk-import.yaml", 6_000),
    Ending { weight: Some("100%"), ..done("digital-twin.yaml", 5_000) },
    Ending { exit: 6, weight: Some("0%"), ..done("failing-canary.yaml", 600) },
    Ending { is_long: true, ..done("large-pod.yaml", 200_000) },
    Ending { weight: Some("100%"), ..done("quickstart.yaml", 2_000) },
    Ending { weight: Some("100%"), ..done("same-namespaces.yaml", 3_000) },
];

/// Plans that need a server of another kind; the tests of its system rehearse them.
const ELSEWHERE: [&str; 4] = [
    "parquet-to-pgvector.yaml",
    "pgvector-to-pinecone.yaml",
    "pinecone-to-pgvector.yaml",
    "vectors-by-name.yaml",
];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/plans"))
}

#[test]
fn every_plan_has_an_ending() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let plans = files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let plans = plans.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let endings = ENDINGS.iter().map(|ending| ending.plan).chain(ELSEWHERE);
    assert_eq!(plans.collect::<BTreeSet<_>>(), endings.map(str::to_owned).collect());
}

/// Two run side by side: most of a rehearsal is waiting, and more of them would slow down what they measure. They
/// judge latencies, so nothing else runs meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn every_plan_ends_as_it_is_meant_to() {
    let _machine = alone().await;
    let rehearsed = ENDINGS.iter().filter(|ending| !ending.is_long || is_long());
    let ended: Vec<Result<(), String>> =
        futures::stream::iter(rehearsed.map(rehearse)).buffer_unordered(2).collect().await;
    let problems: Vec<String> = ended.into_iter().filter_map(Result::err).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Rehearses one plan; returns what the program printed if the ending is another.
async fn rehearse(ending: &Ending) -> Result<(), String> {
    let state = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_vecshift"));
    command.arg("rehearse").arg(folder().join(ending.plan));
    command.arg("--json").arg("--state").arg(state.path());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let seen = output.status.code();
    let said = || format!("{} ended with {seen:?}\n{err}\n{out}", ending.plan);
    let document: Value = serde_json::from_str(&out).map_err(|_| said())?;
    let report = &document["report"];
    let stages = report["stages"].as_array().into_iter().flatten();
    let copies = stages.filter(|stage| stage["stage"] == "copy");
    let records: f64 = copies.filter_map(|stage| stage["figures"]["records"].as_f64()).sum();
    let is_right = seen == Some(ending.exit)
        && records == ending.records as f64
        && report["weight"].as_str() == ending.weight;
    if is_right { Ok(()) } else { Err(said()) }
}
