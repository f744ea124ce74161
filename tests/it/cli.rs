//! The command line on its own: words, exit codes, and output about crafted journals.

use insta::assert_snapshot;
use vecshift::journal::{Holder, Request};

use crate::cli_rig::Cli;
use crate::journals::{Writer, folder, held, requests, rolled_back, waiting};

#[test]
fn help_names_every_command() {
    let said = Cli::new().run(&["-h"]);
    assert_eq!(said.code, 0);
    assert_snapshot!(said.out, @r#"
    Moves a vector index to a new home, as described by a plan file reviewed in a pull request

    Usage: vecshift [OPTIONS] <COMMAND>

    Commands:
      validate    Read, resolve and check a plan; reports everything that is wrong at once
      plan        Show what a run would do now, against live state; changes nothing
      rehearse    Run the whole plan against the embedded emulator; touches nothing real
      run         Run the plan; the same command continues it
      status      Show where runs stand, what they wait for and how to release them
      approve     Approve what a run waits for
      pause       Ask a run to pause
      resume      Continue a paused run, or one that could not be judged
      abort       Ask a run to stop and roll back
      rollback    Undo a run, last stage first
      report      Print the report of a run, from its journal
      artifacts   List or fetch the files that a run wrote
      audit       Look at both sides as the plan's audit stage does; changes nothing
      check       Judge the assertions of a single stage; changes nothing
      namespaces  List or delete namespaces of a plan's indexes
      emulate     Serve the Pinecone emulator
      schema      Print the JSON Schema of a plan
      explain     Explain an error code, a metric or `exit-codes`
      state       List, move or check the place where runs are recorded
      lock        Show who holds the lock of a plan
      unlock      Remove the lock of a run that is gone
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Global options:
          --state <PLACE>     Where the journals are: a folder, or s3://bucket/prefix, gs://…, az://…,
                              file:///shared/folder; default: VECSHIFT_STATE, or the project's, or
                              .vecshift
          --json              Print one JSON document instead of text; it always contains `exit`
          --color <WHEN>      When to use colours [default: auto] [possible values: auto, always, never]
          --var <NAME=VALUE>  Set a variable of the plan; may be repeated
          --var-file <FILE>   Read variables from a YAML or JSON mapping; `--var` takes precedence
      -q, --quiet             Print nothing but errors on standard error
      -v, --verbose...        Show more: -v every namespace and judgement, -vv requests, -vvv everything

    A first look, with no key and no network:
      vecshift rehearse plans/quickstart.yaml

    Exit codes: vecshift explain exit-codes
    "#);
}

#[test]
fn a_wrong_command_line_is_64() {
    let cli = Cli::new();
    for arguments in [
        &["run"][..],
        &["bake"],
        &["status", "--frob"],
        &["run", "x.yaml", "--detach-after", "5"],
        &[],
    ] {
        let said = cli.run(arguments);
        assert_eq!(said.code, 64, "{arguments:?}: {said:?}");
        assert!(said.out.is_empty() && !said.err.is_empty(), "{said:?}");
    }
}

#[test]
fn a_wrong_plan_is_3_with_every_mistake_at_its_place() {
    let cli = Cli::new();
    cli.write("x.yaml", "version: 1\nname: x\nsuorce: {}\nstages:\n  - kind: copy\n    rate: 5\n");
    let said = cli.run(&["validate", "x.yaml"]);
    assert_eq!(said.code, 3);
    assert!(said.out.is_empty(), "{said:?}");
    assert!(
        said.err.contains("x.yaml:3:1") && said.err.contains("did you mean `source`"),
        "{}",
        said.err
    );
    assert!(said.err.contains("x.yaml:6"), "{}", said.err);
    assert!(!said.err.contains('\x1b'), "{}", said.err);
    let json = cli.json(&["validate", "x.yaml"]);
    assert_eq!(json["exit"]["name"], "invalid");
    assert!(json["diagnostics"].as_array().unwrap().len() >= 2, "{json}");
    assert!(!cli.state().exists());
}

#[test]
fn a_missing_secret_is_named_before_anything_is_touched() {
    let cli = Cli::with_plans();
    let said = cli.run(&["run", "plans/quickstart.yaml"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("PINECONE_API_KEY") && said.err.contains("source"), "{}", said.err);
    assert!(!cli.state().exists());
}

#[test]
fn the_schema_is_json_that_editors_take() {
    let said = Cli::new().run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn exit_codes_and_metrics_are_explained() {
    let cli = Cli::new();
    let said = cli.run(&["explain", "exit-codes"]);
    assert!(said.out.contains("6  rolled_back"), "{}", said.out);
    assert_eq!(cli.json(&["explain", "exit-codes"])["exit_codes"].as_array().unwrap().len(), 13);
    assert!(cli.run(&["explain", "p95(query)"]).out.contains("p95"));
    for word in ["6", "rolled_back"] {
        let said = cli.run(&["explain", word]);
        assert!(said.out.starts_with("Exit code 6, rolled_back: "), "{}", said.out);
    }
    let metrics = cli.run(&["explain", "metrics"]).out;
    assert!(metrics.contains("\n  copy.failed") && !metrics.contains("| `"), "{metrics}");
    assert!(metrics.lines().all(|line| line.chars().count() <= 80), "{metrics}");
    let unknown = cli.run(&["explain", "nonsense"]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.err.contains("what to do:"), "{}", unknown.err);
}

#[test]
fn status_says_what_is_waited_for_and_how_to_release_it() {
    let cli = Cli::new();
    assert_eq!(cli.run(&["status"]).out, "No runs in .vecshift.\n");
    waiting(&cli.state());
    assert_snapshot!(cli.run(&["status", "twins"]).out, @r#"
    plan        twins
    run         01J9ZZZZZZZZZZZZZZZZZZZZZZ
    digest      sha256:9c1f4a7f03bd11aa55ee77cc99e07a
    from, to    pinecone twins-pod -> pinecone twins-serverless
    state       waiting
    stages      2 of 4 passed
    stage       canary (3 of 4)
    traffic     5% of it goes to pinecone twins-serverless
    traffic now unknown: the plan cannot be read from here
    waits for   approval of canary step 2
    rollback    possible: the source was not deleted
    last event  2026-11-02 10:00:08 UTC
    next        vecshift approve twins --stage canary --step 2
    "#);
    assert_snapshot!(cli.run(&["status"]).out, @r#"
    plan   state    stage            waits for                  rollback
    twins  waiting  canary (3 of 4)  approval of canary step 2  possible

    twins: vecshift approve twins --stage canary --step 2
    "#);
    let json = cli.json(&["status"]);
    assert_eq!(json["runs"][0]["ending"], "waiting");
    assert_eq!(json["runs"][0]["waiting"]["hold"]["for"], "approval");
    assert_eq!(json["runs"][0]["rollback"]["is_possible"], true);
}

#[test]
fn looking_changes_nothing() {
    let cli = Cli::new();
    waiting(&cli.state());
    let journal = folder(&cli.state()).journal_of("twins");
    let before = std::fs::read(&journal).unwrap();
    for arguments in [
        &["status"][..],
        &["status", "twins"],
        &["report"],
        &["report", "twins"],
        &["lock", "show"],
    ] {
        assert_eq!(cli.run(arguments).code, 0, "{arguments:?}");
    }
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(cli.state().join("twins")).unwrap().count(),
        2,
        "journal and lock file"
    );
}

#[test]
fn a_report_is_found_by_plan_and_by_run_in_every_format() {
    let cli = Cli::new();
    rolled_back(&cli.state(), false);
    let table = cli.run(&["report"]);
    assert_eq!(table.code, 0);
    assert!(table.out.starts_with("✗ Rolled back"), "{}", table.out);
    assert_eq!(cli.run(&["report", "01J9ZZZZZZZZZZZZZZZZZZZZZZ"]).out, table.out);
    assert!(
        cli.run(&["report", "twins", "--format", "md"])
            .out
            .starts_with("# Migration report: twins")
    );
    assert!(cli.run(&["report", "twins", "--format", "junit"]).out.starts_with("<?xml"));
    let json: serde_json::Value =
        serde_json::from_str(&cli.run(&["report", "--format", "json"]).out).unwrap();
    assert_eq!(json, cli.json(&["report"]));
    assert_eq!(json["report"]["ending"], "rolled_back");
    assert!(cli.run(&["report", "--format", "html"]).out.starts_with("<!DOCTYPE html>"));
    assert_eq!(cli.run(&["report", "--format", "pdf"]).code, 64);
    assert_eq!(cli.run(&["report", "unknown"]).code, 3);
}

#[test]
fn colour_is_only_where_it_is_asked_for() {
    let cli = Cli::new();
    rolled_back(&cli.state(), false);
    assert!(!cli.run(&["report"]).out.contains('\x1b'));
    assert!(cli.run(&["report", "--color", "always"]).out.contains("\x1b[31m✗ fail\x1b[0m"));
}

#[test]
fn an_approval_goes_to_the_run_that_holds_the_lock() {
    let cli = Cli::new();
    waiting(&cli.state());
    let lock = held(&cli.state(), "twins", &Holder::new("grace", "desk", 9));
    let said = cli.run(&["approve", "twins"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("grace@desk (process 9) takes it up"), "{}", said.out);
    let asked = requests(&cli.state(), "twins");
    let [Request::Approve { gate, by }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((gate.to_string().as_str(), by.as_str()), ("canary step 2", "ada"));
    drop(lock);
    let said = cli.run(&["pause", "twins", "--by", "linus"]);
    assert!(said.out.contains("the next `vecshift run` of twins takes it up"), "{}", said.out);
    assert_eq!(requests(&cli.state(), "twins").len(), 2);
}

#[test]
fn a_run_that_ended_cannot_be_steered() {
    let cli = Cli::new();
    rolled_back(&cli.state(), false);
    for command in ["approve", "pause", "resume", "abort"] {
        let said = cli.run(&[command, "twins"]);
        assert_eq!(said.code, 8, "{command}: {said:?}");
        assert!(said.err.contains("rolled back"), "{}", said.err);
    }
    assert!(requests(&cli.state(), "twins").is_empty());
}

#[test]
fn a_lock_is_shown_and_only_that_of_a_gone_holder_is_removed() {
    let cli = Cli::new();
    assert_eq!(cli.run(&["lock", "show"]).out, "No plan is locked.\n");
    let run = Writer::begin(&cli.state(), false);
    let said = cli.run(&["lock", "show"]);
    assert!(
        said.out.contains("ada@desk (process 7)")
            && said.out.contains("held by a process on this machine"),
        "{}",
        said.out
    );
    let locks = cli.json(&["lock", "show"]);
    assert_eq!(locks["locks"][0]["held_here"], true);
    let id = locks["locks"][0]["lock"]["id"].as_str().unwrap().to_owned();
    assert_eq!(cli.run(&["unlock", &id]).code, 9);
    let record = cli.state().join("twins/lock.json");
    let left = std::fs::read(&record).unwrap();
    drop(run);
    std::fs::write(&record, left).unwrap();
    assert_eq!(cli.run(&["unlock", "other"]).code, 3);
    assert_eq!(cli.run(&["unlock", &id]).out, "Unlocked twins.\n");
    assert!(!record.exists());
}

#[test]
fn variables_come_from_a_file_and_the_command_line() {
    let cli = Cli::new();
    let plan = "version: 1\nname: v\nvars:\n  n: {}\nsource: { provider: pinecone, index: a }\n\
                target: { provider: pinecone, index: \"b-{{ vars.n }}\" }\nstages:\n  - kind: audit\n";
    cli.write("v.yaml", plan);
    cli.write("vars.yaml", "n: 7\n");
    assert_eq!(cli.run(&["validate", "v.yaml"]).code, 3);
    let digest = |arguments: &[&str]| cli.json(arguments)["digest"].as_str().unwrap().to_owned();
    let file = digest(&["validate", "v.yaml", "--var-file", "vars.yaml"]);
    assert_eq!(file, digest(&["validate", "v.yaml", "--var", "n=7"]));
    assert_ne!(file, digest(&["validate", "v.yaml", "--var-file", "vars.yaml", "--var", "n=8"]));
}
