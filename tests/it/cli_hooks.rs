//! Hooks that fail: the blame, in text and in JSON, for the process that met the failure and for one that reads of it
//! later.

use vecshift::journal::{Entry, RunState};
use vecshift::{Error, ErrorKind};

use crate::cli_rig::{Cli, Emulated};

const PLAN: &str = r#"version: 1
name: hooked
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: audit
    assert: [source.records > 0]
hooks:
  - HOOK
rehearsal:
  source: { kind: serverless, records: 30, namespaces: 1, dimension: 8 }
"#;

fn with_hook(hook: &str) -> Cli {
    let cli = Cli::new();
    cli.write("hooked.yaml", &PLAN.replace("HOOK", hook));
    cli
}

/// Each case has the stage that stopped, if one did, and the message.
#[test]
fn a_hook_that_fails_is_the_users_and_says_so_to_everybody() {
    let cases = [
        ("{ when: before_run, run: [/bin/false] }", None, "exit status: 1"),
        ("{ when: before_stage, run: [/bin/sleep, '9'], timeout: 100ms }", Some("audit"), "killed"),
        (
            "{ when: after_stage, run: [/bin/sh, -c, 'echo no >&2; exit 3'] }",
            Some("audit"),
            "output: no",
        ),
    ];
    let emulated = Emulated::start(&with_hook(cases[0].0), "hooked.yaml", 30);
    for (hook, stage, words) in cases {
        let cli = with_hook(hook);
        let said = emulated.run(&cli, &["run", "hooked.yaml", "--json"]);
        assert_eq!(said.code, 1, "{hook}: {said:?}");
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let error = &json["error"];
        assert_eq!(error["kind"], "hook", "{hook}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{hook}: {error}");
        assert!(!error["hint"].as_str().unwrap().contains("bug"), "{hook}: {error}");

        let later = cli.json(&["report", "hooked"]);
        let report = &later["report"];
        assert_eq!(report["error"]["kind"], "hook", "{hook}: {report}");
        assert_eq!(report["error"]["hint"], error["hint"], "{hook}");
        assert_eq!(report["error"]["message"], error["message"], "{hook}");
        let blamed = if stage.is_some() { "error" } else { "pending" };
        assert_eq!(report["stages"][0]["status"], blamed, "{hook}: {report}");
        let text = cli.run(&["report", "hooked"]).out;
        let first = text.lines().next().unwrap();
        let prefix = stage.map(|stage| format!("{stage}: ")).unwrap_or_default();
        assert!(
            first.starts_with(&format!("! Error: {prefix}a hook of the plan failed")),
            "{text}"
        );
    }
}

#[test]
fn a_hook_after_the_end_changes_no_ending() {
    let cli = with_hook("{ when: after_run, run: [/bin/false] }");
    let emulated = Emulated::start(&cli, "hooked.yaml", 30);
    let said = emulated.run(&cli, &["run", "hooked.yaml", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let hook = &json["report"]["hooks"][0];
    assert_eq!(hook["hook"], "after_run#1");
    assert!(hook["error"].as_str().unwrap().contains("exit status: 1"), "{hook}");
}

#[test]
fn a_rollback_hook_that_fails_is_what_could_not_be_undone() {
    let cli = Cli::new();
    let plan = PLAN
        .replace("    assert:", "    rollback: [{ run: [/bin/false] }]\n    assert:")
        .replace("hooks:\n  - HOOK\n", "");
    cli.write("hooked.yaml", &plan);
    let emulated = Emulated::start(&cli, "hooked.yaml", 30);
    assert_eq!(emulated.run(&cli, &["run", "hooked.yaml"]).code, 0);
    let said = emulated.run(&cli, &["rollback", "hooked.yaml"]);
    assert_eq!(said.code, 7, "{said:?}");
    let words = "✗ Stuck: the rollback could not undo audit: a hook of the plan failed: ";
    assert!(said.out.replace("\n  ", " ").starts_with(words), "{}", said.out);
}

fn folded(last: &str) -> Error {
    let lines = [
        r#"{"v":1,"seq":0,"at":"2026-11-02T09:00:00Z","event":"run_started","run":"r","plan":"p","digest":"d","program":"0.1.0","holder":"h","rehearsal":false,"source":"a","target":"b","stages":["audit"]}"#,
        r#"{"v":1,"seq":1,"at":"2026-11-02T09:00:00Z","event":"stage_started","stage":"audit","attempt":1}"#,
        last,
    ];
    let entries: Vec<Entry> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    RunState::fold(&entries).unwrap().stopped.unwrap().error()
}

#[test]
fn a_journal_of_an_older_or_newer_version_still_says_what_happened() {
    let old = r#"{"v":1,"seq":2,"at":"2026-11-02T09:00:01Z","event":"stage_erred","stage":"audit","reason":"no answer; what to do: wait"}"#;
    let error = folded(old);
    assert_eq!((error.message(), error.hint()), ("no answer", Some("wait")));
    assert_ne!(error.kind(), ErrorKind::Unexpected, "it is no bug of ours");
    let newer = r#"{"v":1,"seq":2,"at":"2026-11-02T09:00:01Z","event":"stage_erred","stage":"audit","reason":"odd","kind":"kind_of_tomorrow"}"#;
    assert_ne!(folded(newer).kind(), ErrorKind::Unexpected);
    let known = r#"{"v":1,"seq":2,"at":"2026-11-02T09:00:01Z","event":"stage_erred","stage":"audit","reason":"slow","kind":"rate_limited"}"#;
    assert_eq!(folded(known).kind(), ErrorKind::RateLimited);
}
