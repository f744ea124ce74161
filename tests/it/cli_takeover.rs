//! A process that was suspended while another machine took its plan.
#![cfg(unix)]

use std::process::Command;

use crate::cli_rig::{Cli, Emulated};

const PLAN: &str = r#"version: 1
name: moving
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  env_file: { file: search.env, variable: INDEX, source_value: old, target_value: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    assert: [copy.complete == true]
  - kind: canary
    steps: [{ weight: 100%, bake: 1h }]
    assert: [error_rate < 5%]
rehearsal:
  source: { kind: pod, records: 20, dimension: 8, metric: cosine }
"#;

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_frozen_process_whose_plan_was_taken_stops_when_it_wakes() {
    let cli = Cli::new();
    cli.write("moving.yaml", PLAN);
    let emulated = Emulated::start(&cli, "moving.yaml", 20);
    let (mut run, mut lines) = emulated.spawn(&cli, &["run", "moving.yaml"]);
    assert!(lines.any(|line| line.contains("bakes for 1 h")), "the bake never began");
    signal("-STOP", run.id());

    // Acts as another machine that saw the lease end: it puts its own record in the place of the first, and appends
    // one more event.
    let folder = cli.state().join("moving");
    let record = folder.join("lock.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let mut view: serde_json::Value = serde_json::from_str(&text).unwrap();
    view["id"] = "01ANOTHER".into();
    view["holder"]["host"] = "laptop".into();
    view["until"] = "2999-01-01T00:00:00Z".into();
    std::fs::write(folder.join("new"), view.to_string()).unwrap();
    std::fs::rename(folder.join("new"), &record).unwrap();
    let journal = folder.join("journal.jsonl");
    let left = std::fs::read(&journal).unwrap();
    assert_eq!(cli.json(&["status"])["runs"][0]["process"]["holder"]["host"], "laptop");

    signal("-CONT", run.id());
    let error: Vec<String> = lines.collect();
    assert_eq!(run.wait().unwrap().code(), Some(9), "{error:?}");
    assert!(error.iter().any(|line| line.contains("no longer holds its plan")), "{error:?}");
    assert_eq!(std::fs::read(&journal).unwrap(), left);
    assert_eq!(std::fs::read_to_string(&record).unwrap(), view.to_string());
    let env = std::fs::read_to_string(cli.path("search.env")).unwrap();
    assert!(env.contains("INDEX=new"), "{env}");
    assert_eq!(cli.json(&["status"])["runs"][0]["state"], "running", "the other goes on");
}
