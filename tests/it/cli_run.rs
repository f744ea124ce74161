//! Whole migrations by the built binary: a rehearsal, and a real run against `emulate` in another process.

use futures::future::join_all;
use vecshift::error::ErrorKind;
use vecshift::provider::Secret;
use vecshift::provider::pinecone::{Index, Settings, Transport};
use vecshift::store::Opened;
use vecshift::store::calls::Calls;

use crate::cli_rig::{Cli, Emulated, said};

/// A plan that takes a second: everything but the canary's and decommission's long waits.
const SMALL: &str = r#"version: 1
name: small
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  env_file: { file: search.env, variable: INDEX, source_value: old, target_value: new }
stages:
  - kind: audit
    assert: [source.records == 60, source.rejects == 0]
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    assert: [copy.complete == true]
  - kind: verify
    assert: [count_delta == 0, missing == 0, mismatched == 0]
rehearsal:
  source: { kind: pod, records: 60, namespaces: 3, dimension: 8, metric: cosine }
"#;

fn small() -> Cli {
    let cli = Cli::new();
    cli.write("small.yaml", SMALL);
    cli
}

#[test]
fn a_rehearsal_does_the_plan_and_keeps_its_journal_apart() {
    let cli = small();
    let files = ["--events", "events.jsonl", "--junit", "junit.xml", "--report-md", "report.md"];
    let said = cli.run(&[&["rehearse", "small.yaml"][..], &files].concat());
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    assert!(said.out.starts_with("REHEARSAL: emulator, clock scaled"), "{}", said.out);
    assert!(said.out.contains("✓ Done"), "{}", said.out);
    assert!(said.err.contains("verify: ✓ passed"), "{}", said.err);
    assert!(cli.state().join("rehearsals/small/journal.jsonl").is_file());
    assert!(!cli.state().join("small").exists());
    let journal =
        std::fs::read_to_string(cli.state().join("rehearsals/small/journal.jsonl")).unwrap();
    assert_eq!(std::fs::read_to_string(cli.path("events.jsonl")).unwrap(), journal);
    assert!(
        std::fs::read_to_string(cli.path("junit.xml"))
            .unwrap()
            .contains("<testsuite name=\"verify\"")
    );
    let markdown = std::fs::read_to_string(cli.path("report.md")).unwrap();
    assert_eq!(cli.run(&["report", "--rehearsal", "small.yaml", "--format", "md"]).out, markdown);
    assert_eq!(cli.run(&["status"]).out, "No runs in .vecshift.\n");
}

#[test]
fn a_run_against_the_emulator_is_planned_done_and_then_changes_nothing() {
    let cli = small();
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    let plan = emulated
        .run(&cli, &["plan", "small.yaml", "--out", "reviewed.json", "--detailed-exitcode"]);
    assert_eq!(plan.code, 2, "{}\n{}", plan.out, plan.err);
    assert!(plan.out.starts_with("Plan: 1 to create, 3 namespaces to copy.\n"), "{}", plan.out);
    assert!(!cli.state().exists(), "looking writes no journal");

    let run = emulated.run(&cli, &["run", "reviewed.json", "--until", "create"]);
    assert_eq!(run.code, 5, "{}\n{}", run.out, run.err);
    assert!(run.out.contains("vecshift run"), "{}", run.out);
    let run = emulated.run(&cli, &["run", "small.yaml"]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);

    let again = emulated.run(&cli, &["run", "small.yaml"]);
    assert_eq!(again.code, 0);
    assert!(again.out.starts_with("No changes."), "{}", again.out);
    let plan = emulated.run(&cli, &["plan", "small.yaml", "--detailed-exitcode"]);
    assert_eq!((plan.code, plan.out.lines().next()), (0, Some("No changes.")), "{}", plan.out);

    let check = emulated.run(&cli, &["check", "small.yaml", "--stage", "verify"]);
    assert_eq!(check.code, 0, "{}\n{}", check.out, check.err);
    assert!(
        check.out.contains("Rollback: nothing to roll back: this only looked"),
        "{}",
        check.out
    );
    let check = emulated.run(&cli, &["check", "small.yaml", "--stage", "create"]);
    assert_eq!(check.code, 8, "{}\n{}", check.out, check.err);
    let audit = emulated.run(&cli, &["audit", "small.yaml"]);
    assert_eq!(audit.code, 0, "{}\n{}", audit.out, audit.err);
    assert!(
        audit.out.contains("Rollback: nothing to roll back: this only looked"),
        "{}",
        audit.out
    );
}

/// A check begins a journal of its own, but knows what the run or the last check has read. It writes nothing.
#[test]
fn a_check_sells_nothing_warm_as_cold_and_writes_no_probe() {
    let asked = "queries: { count: 10, rate: 50/s }\n    assert: [read_after_write < 1m, cold(query) < 1h, ";
    let cli = Cli::new();
    cli.write("small.yaml", &SMALL.replace("assert: [count_delta", &format!("{asked}count_delta")));
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    let run = emulated.run(&cli, &["run", "small.yaml", "--until", "copy"]);
    assert_eq!(run.code, 5, "{}\n{}", run.out, run.err);
    let check = || emulated.run(&cli, &["check", "small.yaml", "--stage", "verify"]);
    let first = check();
    assert!(
        first.out.contains("the first query of 3 of 3 namespaces"),
        "{}\n{}",
        first.out,
        first.err
    );
    assert!(first.out.contains("read after write was not measured"), "{}", first.out);
    let second = check();
    assert!(second.out.contains("nothing is cold"), "{}\n{}", second.out, second.err);
    assert!(!second.out.contains("the first query of"), "{}", second.out);
    let run = emulated.run(&cli, &["run", "small.yaml"]);
    assert!(run.out.contains("✓ pass"), "{}\n{}", run.out, run.err);
}

#[test]
fn a_plan_that_is_not_the_reviewed_one_is_refused_with_what_differs() {
    let cli = small();
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    assert_eq!(emulated.run(&cli, &["plan", "small.yaml", "--out", "reviewed.json"]).code, 0);
    cli.write("small.yaml", &SMALL.replace("source.records == 60", "source.records == 61"));
    for command in ["run", "plan", "validate"] {
        let said = emulated.run(&cli, &[command, "reviewed.json"]);
        assert_eq!(said.code, 8, "{command}: {}\n{}", said.out, said.err);
        let expected =
            "reviewed as reviewed.json: audit, assertion 1: source.records == 60 became == 61";
        assert!(said.err.contains(expected), "{}", said.err);
    }
    let run = emulated.run(&cli, &["run", "small.yaml", "--expect", "sha256:0"]);
    assert_eq!(run.code, 8);
    assert!(!cli.state().exists());
}

#[test]
fn a_digest_can_be_used_as_it_is_printed() {
    let cli = small();
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    let plan = emulated.run(&cli, &["plan", "small.yaml"]);
    let digest = plan.out.lines().find_map(|line| line.strip_prefix("Digest ")).unwrap();
    let run = |expect: &str| {
        emulated.run(&cli, &["run", "small.yaml", "--until", "audit", "--expect", expect]).code
    };
    for expect in [digest, &digest[..19], &digest["sha256:".len()..][..12]] {
        assert_eq!(run(expect), 5, "{expect}");
    }
    for expect in [&digest[..18], "sha256:000000000000", "sha256:0000…0000"] {
        assert_eq!(run(expect), 8, "{expect}");
    }
}

#[test]
fn a_reviewed_plan_is_found_from_any_folder() {
    let cli = small();
    for folder in ["plans", "reviews", "elsewhere"] {
        std::fs::create_dir(cli.path(folder)).unwrap();
    }
    std::fs::rename(cli.path("small.yaml"), cli.path("plans/small.yaml")).unwrap();
    // Commands start in the plan's folder, too.
    let hook = "hooks: [{ when: before_run, run: [./hook.sh] }]\nrehearsal:";
    cli.write("plans/small.yaml", &SMALL.replace("rehearsal:", hook));
    cli.write("plans/hook.sh", "#!/bin/sh\necho ran > hook.out\n");
    let made =
        std::process::Command::new("chmod").args(["+x"]).arg(cli.path("plans/hook.sh")).status();
    assert!(made.unwrap().success());
    let emulated = Emulated::start(&cli, "plans/small.yaml", 60);
    let plan = ["plan", "plans/small.yaml", "--out", "reviews/small.json"];
    assert_eq!(emulated.run(&cli, &plan).code, 0);
    let from = |folder: &str, arguments: &[&str]| {
        let mut command = cli.command(arguments);
        command
            .current_dir(cli.path(folder))
            .env("PINECONE_CONTROLLER_HOST", &emulated.address)
            .env("PINECONE_API_KEY", "k");
        said(&command.output().unwrap())
    };
    let valid = from("elsewhere", &["validate", "../reviews/small.json"]);
    assert_eq!(valid.code, 0, "{}", valid.err);
    assert!(valid.out.starts_with("Valid: small"), "{}", valid.out);
    let run = ["run", "../reviews/small.json", "--until", "create", "--state", "../s"];
    let run = from("elsewhere", &run);
    assert_eq!(run.code, 5, "{}\n{}", run.out, run.err);
    assert_eq!(std::fs::read_to_string(cli.path("plans/hook.out")).unwrap(), "ran\n");

    // A command printed in another folder can be typed there.
    let status = from("reviews", &["status", "small", "--state", "../s", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    let next = status["runs"][0]["next"]["command"].as_str().unwrap().to_owned();
    let words: Vec<_> = next.split(' ').skip(1).collect();
    let run = from("reviews", &words);
    assert_eq!(run.code, 0, "{next}\n{}\n{}", run.out, run.err);

    std::fs::remove_file(cli.path("plans/small.yaml")).unwrap();
    let run = from("elsewhere", &["run", "../reviews/small.json"]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("../reviews/small.json: the plan it was made of"), "{}", run.err);
}

#[test]
fn a_run_that_is_refused_leaves_nothing_and_says_what_to_mend() {
    let cli = small();
    cli.write(
        "other.yaml",
        &SMALL.replace("name: small", "name: other").replace("index: old", "index: odl"),
    );
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    let document = |said: crate::cli_rig::Said| -> serde_json::Value {
        serde_json::from_str(&said.out).unwrap()
    };
    let refused = document(emulated.run(&cli, &["run", "other.yaml", "--json"]));
    assert_eq!(
        (&refused["exit"]["code"], &refused["error"]["retryable"]),
        (&3.into(), &false.into())
    );
    assert!(!cli.state().exists());
    let mut command = cli.command(&["run", "small.yaml", "--json"]);
    command.env("PINECONE_CONTROLLER_HOST", &emulated.address).env("PINECONE_API_KEY", "wrong");
    let refused = document(said(&command.output().unwrap()));
    assert_eq!(
        (&refused["exit"]["code"], &refused["error"]["retryable"]),
        (&3.into(), &false.into())
    );
    let run = emulated.run(&cli, &["run", "small.yaml", "--confirm", "another"]);
    assert!(run.code == 3 || run.code == 8, "{}", run.err);
    assert!(!cli.state().exists());
    assert_eq!(emulated.run(&cli, &["run", "small.yaml", "--until", "audit"]).code, 5);
    assert!(cli.run(&["status"]).out.contains("small"));
}

#[test]
fn a_plan_changed_in_mid_run_is_refused_with_what_changed_and_adopted_on_purpose() {
    let cli = small();
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    assert_eq!(emulated.run(&cli, &["run", "small.yaml", "--until", "create"]).code, 5);
    let changed =
        SMALL.replace("assert: [copy.complete", "rate: 500/s\n    assert: [copy.complete");
    cli.write("small.yaml", &changed);
    let what = "copy, rate: 500/s was added";
    for arguments in
        [&["run", "small.yaml"][..], &["rollback", "small", "--dry-run"], &["rollback", "small"]]
    {
        let said = emulated.run(&cli, arguments);
        assert_eq!(said.code, 8, "{arguments:?}: {}\n{}", said.out, said.err);
        assert!(said.err.contains(what), "{}", said.err);
    }
    let plan = emulated.run(&cli, &["plan", "small.yaml"]);
    assert!(plan.out.contains(what), "{}", plan.out);
    let run = emulated.run(&cli, &["run", "small.yaml", "--adopt"]);
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    assert!(run.err.contains(&format!("the changed plan was adopted: {what}")), "{}", run.err);
}

#[test]
fn github_gets_a_summary_outputs_and_annotations() {
    let cli = small();
    cli.write("small.yaml", &SMALL.replace("source.records == 60", "source.records == 61"));
    let mut command = cli.command(&["rehearse", "small.yaml"]);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", cli.path("summary.md"))
        .env("GITHUB_OUTPUT", cli.path("output.txt"));
    let said = said(&command.output().unwrap());
    assert_eq!(said.code, 4, "{}\n{}", said.out, said.err);
    assert!(said.err.contains("::error file=small.yaml,line=9,"), "{}", said.err);
    assert!(
        std::fs::read_to_string(cli.path("summary.md"))
            .unwrap()
            .starts_with("# Migration report: small")
    );
    let output = std::fs::read_to_string(cli.path("output.txt")).unwrap();
    assert!(output.contains("exit-code=4\nexit-name=failed\n"), "{output}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_lets_go_of_the_plan_and_can_be_rolled_back() {
    let canary = "  - kind: canary\n    steps: [{ weight: 100%, bake: 1h }]\n    assert: [error_rate < 5%]\nrehearsal:";
    let cli = small();
    cli.write("small.yaml", &SMALL.replace("rehearsal:", canary));
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    let (mut run, mut lines) = emulated.spawn(&cli, &["run", "small.yaml"]);
    assert!(lines.any(|line| line.contains("step 1 bakes for 1 h")), "the bake never began");
    assert_eq!(emulated.run(&cli, &["run", "small.yaml"]).code, 9);
    let back = emulated.run(&cli, &["rollback", "small"]);
    assert_eq!(back.code, 9);
    assert!(back.err.contains("`vecshift abort small` asks it to stop"), "{}", back.err);
    let status = cli.run(&["status", "small"]);
    assert!(status.out.contains("progress    step 1 bakes until "), "{}", status.out);
    let sent =
        std::process::Command::new("kill").args(["-INT", &run.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert!(lines.any(|line| line.contains("Stopping at the next checkpoint")));
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(cli.run(&["lock", "show"]).out, "No plan is locked.\n");
    assert_eq!(cli.json(&["status", "small"])["runs"][0]["state"], "interrupted");
    let plan = emulated.run(&cli, &["plan", "small.yaml"]);
    assert!(plan.out.contains("Run so far: interrupted"), "{}", plan.out);
    let back = emulated.run(&cli, &["rollback", "small", "--dry-run"]);
    assert!(back.out.contains("< canary: set the weight to 0%"), "{}", back.out);
    let back = emulated.run(&cli, &["rollback", "small.yaml", "--purge"]);
    assert_eq!(back.code, 0, "{}\n{}", back.out, back.err);
    assert!(std::fs::read_to_string(cli.path("search.env")).unwrap().contains("INDEX=old"));
}

/// This holds whatever places a plan names, and wherever they lead.
#[test]
fn a_rehearsal_writes_into_its_own_folder_only() {
    let cli = Cli::new();
    let outside = tempfile::tempdir().unwrap();
    let outside_path = outside.path().display().to_string();
    std::fs::create_dir(cli.path("plans")).unwrap();
    let plan = format!(
        r#"version: 1
name: places
source: {{ provider: pinecone, index: old }}
target: {{ provider: pinecone, index: new }}
traffic:
  env_file: {{ file: "{outside_path}/search.env", variable: INDEX, source_value: old, target_value: new }}
stages:
  - {{ kind: audit, export: "file:{outside_path}/sample.parquet", assert: [source.records == 60] }}
  - {{ kind: audit, id: again, export: "../../sample.parquet", assert: [source.records == 60] }}
  - kind: create
    spec: {{ serverless: {{ cloud: aws, region: us-east-1 }}, dimension: 8, metric: cosine }}
  - {{ kind: copy, assert: [copy.complete == true] }}
  - {{ kind: verify, assert: [missing == 0, mismatched == 0] }}
  - kind: canary
    steps: [{{ weight: 100%, bake: 1m }}]
    assert: [error_rate < 1%]
  - kind: decommission
    after: 1d
    snapshot: "file://{outside_path}/snapshot"
    confirm: old
    assert: [snapshot.complete == true]
rehearsal:
  source: {{ kind: pod, records: 60, namespaces: 3, dimension: 8, metric: cosine }}
"#
    );
    cli.write("plans/places.yaml", &plan);
    let said = cli.run(&["rehearse", "plans/places.yaml"]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let names = |folder: &std::path::Path| -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(cli.folder.path()), [".vecshift", "plans"]);
    assert_eq!(names(&cli.path("plans")), ["places.yaml"]);
    let shown = format!("{}{}", said.out, said.err);
    for command in ["vecshift run", "vecshift rollback", "vecshift approve", "--purge"] {
        assert!(!shown.contains(command), "{command}: {shown}");
    }
}

/// `audit`, `check` and `run` look at what the copy takes, under its names, and agree on the figures.
#[test]
fn every_command_audits_the_same() {
    let cli = Cli::new();
    let copy =
        "namespaces: { select: [\"*1\"], rename: \"to_{{ namespace }}\" }\n    assert: [copy";
    cli.write("small.yaml", &SMALL.replace("assert: [copy", copy));
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    let figures = |said: crate::cli_rig::Said| {
        let lines = said.out.lines().chain(said.err.lines()).map(str::trim);
        let wanted =
            ["selected", "possible ways to copy", "cost a month", "taken by no copy stage"];
        let found: Vec<String> = lines
            .filter(|line| wanted.iter().any(|words| line.contains(words)))
            .map(str::to_owned)
            .collect();
        assert!(!found.is_empty(), "{}\n{}", said.out, said.err);
        found
    };
    let audit = figures(emulated.run(&cli, &["audit", "small.yaml", "-q"]));
    let check = figures(emulated.run(&cli, &["check", "small.yaml", "--stage", "audit", "-q"]));
    let run = figures(emulated.run(&cli, &["run", "small.yaml", "--until", "audit", "-q"]));
    assert_eq!(audit, check);
    assert_eq!(audit, run);
    assert!(
        audit[0].contains("60 records in 3 namespaces, ") && audit[0].contains(" in 1 selected")
    );
}

/// Asks for four times as many counts as a serverless index allows in a second; how many were refused.
async fn rate_limited(emulated: &Emulated) -> usize {
    let settings = Settings {
        index: "old".into(),
        endpoint: emulated.address.clone(),
        api_key: Secret::new("k"),
        transport: Transport::Grpc,
        user_agent: "vecshift-tests".into(),
        rates: Default::default(),
    };
    let index = Index::new(settings).unwrap().through(Calls::bare());
    index.describe().await.unwrap();
    let refused = |kind| kind == Some(ErrorKind::RateLimited);
    let answers = join_all((0..400).map(|_| index.stats())).await;
    answers.iter().filter(|answer| refused(answer.as_ref().err().map(|error| error.kind()))).count()
}

#[tokio::test]
async fn rate_limits_are_left_out_where_the_command_says_so() {
    let cli = Cli::new();
    cli.write("small.yaml", &SMALL.replace("kind: pod", "kind: serverless"));
    let emulated = Emulated::start_with(&cli, "small.yaml", 60, &["--no-rate-limits"]);
    assert_eq!(rate_limited(&emulated).await, 0);
    assert!(rate_limited(&Emulated::start(&cli, "small.yaml", 60)).await > 0);
}
