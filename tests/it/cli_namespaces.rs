//! `namespaces list` and `namespaces delete` by the built binary, against `emulate` in another process.

use vecshift::journal::Holder;

use crate::cli_rig::{Cli, Emulated, Said};
use crate::journals::held;

const PLAN: &str = r#"version: 1
name: small
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - kind: copy
    namespaces: { rename: "creator_{{ namespace }}" }
    assert: [copy.complete == true]
  - { kind: verify, assert: [missing == 0] }
rehearsal:
  source: { kind: pod, records: 60, namespaces: 3, dimension: 8, metric: cosine, namespace_names: "twin {{ n }}" }
  faults: { lag: 200ms }
"#;

/// Copies the plan's world and leaves the run open, with its verification still to come.
fn copied() -> (Cli, Emulated) {
    let cli = Cli::new();
    cli.write("small.yaml", PLAN);
    let emulated = Emulated::start(&cli, "small.yaml", 60);
    let said = emulated.run(&cli, &["run", "small.yaml", "--until", "copy"]);
    assert_eq!(said.code, 5, "{said:?}");
    // Writes become visible after the world's lag; each look takes a while.
    let is_there = |_: &u32| records(&list(&cli, &emulated), 1) == 60;
    assert!((0..200).any(|look| is_there(&look)), "the copied records never showed");
    (cli, emulated)
}

fn json(said: &Said) -> serde_json::Value {
    serde_json::from_str(&said.out).unwrap()
}

fn list(cli: &Cli, emulated: &Emulated) -> serde_json::Value {
    json(&emulated.run(cli, &["namespaces", "list", "small.yaml", "--json"]))
}

fn records(listed: &serde_json::Value, side: usize) -> u64 {
    let rows = listed["sides"][side]["namespaces"].as_array().unwrap();
    rows.iter().map(|row| row["records"].as_u64().unwrap()).sum()
}

#[test]
fn namespaces_are_listed_in_a_table_that_fits() {
    let (cli, emulated) = copied();
    let said = emulated.run(
        &cli,
        &["namespaces", "list", "small.yaml", "--side", "target", "--match", "*_twin [12]"],
    );
    insta::assert_snapshot!(said.out, @r"
    new (target)

      namespace       records
      creator_twin 1       26
      creator_twin 2       18
      2 namespaces         44
    ");
    let listed = list(&cli, &emulated);
    assert_eq!((records(&listed, 0), records(&listed, 1)), (60, 60));
}

#[test]
fn namespaces_are_deleted_once_confirmed_and_are_gone() {
    let (cli, emulated) = copied();
    let delete =
        ["namespaces", "delete", "small.yaml", "--side", "target", "--match", "creator_twin 1"];
    let said = emulated.run(&cli, &delete);
    assert_eq!(said.code, 8, "{said:?}");
    insta::assert_snapshot!(said.out, @r"
    Would be deleted from new (target): 26 records in 1 namespace.

      namespace       records
      creator_twin 1       26
      1 namespace          26

    The run of small is open: what is still in the source is missing here then.
    Delete it from the source first.

    Nothing was deleted. To delete it:
      vecshift namespaces delete small.yaml --side target --match 'creator_twin 1' --confirm new
    ");
    assert_eq!(records(&list(&cli, &emulated), 1), 60);

    let wrong = emulated.run(&cli, &[&delete[..], &["--confirm", "old"]].concat());
    assert_eq!(wrong.code, 8, "{wrong:?}");
    assert!(wrong.err.contains("the target index is `new`"), "{wrong:?}");

    let said = emulated.run(&cli, &[&delete[..], &["--confirm", "new", "--json"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let deleted = json(&said)["deleted"].as_u64().unwrap();
    let listed = list(&cli, &emulated);
    assert!(deleted > 20, "{said:?}");
    assert_eq!((records(&listed, 0), records(&listed, 1)), (60, 60 - deleted));
    assert_eq!(listed["sides"][1]["namespaces"].as_array().unwrap().len(), 2);

    let again = emulated.run(&cli, &[&delete[..], &["--confirm", "new"]].concat());
    assert_eq!((again.code, again.out.as_str()), (0, "Nothing in new matches.\n"));
}

/// Types a line at a terminal of `columns`; returns what is seen there. `script` is a part of every Linux.
#[cfg(target_os = "linux")]
fn at_terminal(cli: &Cli, emulated: &Emulated, columns: u16, line: &str) -> Said {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let inner = emulated.command(cli, &[]);
    let program = env!("CARGO_BIN_EXE_vecshift");
    let arguments = "namespaces delete small.yaml --side target --match 'creator_twin 1'";
    let words = format!("stty rows 24 cols {columns}; exec '{program}' {arguments}");
    let variables = inner.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut script = Command::new("script");
    script.args(["-qec", &words, "/dev/null"]).current_dir(cli.path(".")).env_clear();
    script.env("PATH", std::env::var_os("PATH").unwrap()).env("SHELL", "/bin/sh").envs(variables);
    let script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = script.spawn().expect("`script` of util-linux");
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{line}").unwrap();
    let said = crate::cli_rig::said(&child.wait_with_output().unwrap());
    Said { out: said.out.replace("\r\n", "\n"), ..said }
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_deleted_for_good_is_read_and_typed_at_a_terminal() {
    let (cli, emulated) = copied();
    let wrong = at_terminal(&cli, &emulated, 80, "old");
    assert_eq!(wrong.code, 8, "{wrong:?}");
    insta::assert_snapshot!(wrong.out.replace("old\n", ""), @r"
    Would be deleted from new (target): 26 records in 1 namespace.

      namespace       records
      creator_twin 1       26
      1 namespace          26

    The run of small is open: what is still in the source is missing here then.
    Delete it from the source first.

    This cannot be undone. Type the index's name to delete:
    Nothing was deleted: that is not `new`.
    ");
    assert_eq!(records(&list(&cli, &emulated), 1), 60);
    let narrow = at_terminal(&cli, &emulated, 40, "new");
    assert_eq!(narrow.code, 0, "{narrow:?}");
    let prompt = "This cannot be undone. Type the index's\nname to delete:";
    assert!(narrow.out.contains(prompt), "{}", narrow.out);
    let (before, _) = narrow.out.split_once(prompt).unwrap();
    assert!(before.lines().all(|line| line.chars().count() <= 40), "{before}");
    assert!(records(&list(&cli, &emulated), 1) < 40);
}

/// A pod counts and deletes by the filter; a serverless index is walked.
#[test]
fn records_of_one_creator_are_deleted_in_every_namespace() {
    let (cli, emulated) = copied();
    let mut deleted = Vec::new();
    for (side, index) in [("source", "old"), ("target", "new")] {
        let delete =
            ["namespaces", "delete", "small.yaml", "--side", side, "--where", "kind=memory"];
        let preview = emulated.run(&cli, &delete);
        assert_eq!(preview.code, 8, "{preview:?}");
        assert!(preview.out.contains("of 60"), "{preview:?}");
        let said = emulated.run(&cli, &[&delete[..], &["--confirm", index, "--json"]].concat());
        assert_eq!(said.code, 0, "{said:?}");
        deleted.push(json(&said)["deleted"].as_u64().unwrap());
        let again = emulated.run(&cli, &delete);
        assert_eq!((again.code, again.out), (0, format!("Nothing in {index} matches.\n")));
    }
    assert!(deleted[0] > 5 && deleted[0] < 55, "{deleted:?}");
    assert_eq!(deleted[0], deleted[1]);
    let left = list(&cli, &emulated);
    assert_eq!((records(&left, 0), records(&left, 1)), (60 - deleted[0], 60 - deleted[0]));
}

#[test]
fn nothing_is_deleted_while_a_run_holds_the_plan() {
    let (cli, emulated) = copied();
    let lock = held(&cli.state(), "small", &Holder::new("bob", "desk", 1));
    let delete = [
        "namespaces",
        "delete",
        "small.yaml",
        "--side",
        "source",
        "--match",
        "*",
        "--confirm",
        "old",
    ];
    let said = emulated.run(&cli, &delete);
    assert_eq!(said.code, 9, "{said:?}");
    assert!(said.err.contains("bob@desk"), "{said:?}");
    drop(lock);
    assert_eq!(records(&list(&cli, &emulated), 0), 60);
}

/// Erases everything of one creator, from the source first.
fn erase(cli: &Cli, emulated: &Emulated) {
    for (side, name, index) in [("source", "twin 1", "old"), ("target", "creator_twin 1", "new")] {
        let said = emulated.run(
            cli,
            &[
                "namespaces",
                "delete",
                "small.yaml",
                "--side",
                side,
                "--match",
                name,
                "--confirm",
                index,
            ],
        );
        assert_eq!(said.code, 0, "{side}: {said:?}");
    }
}

fn events(cli: &Cli) -> String {
    std::fs::read_to_string(cli.state().join("small/journal.jsonl")).unwrap()
}

#[test]
fn a_creator_who_is_deleted_on_both_sides_does_not_stop_the_run() {
    let (cli, emulated) = copied();
    erase(&cli, &emulated);
    let said = emulated.run(&cli, &["run", "small.yaml"]);
    assert_eq!(said.code, 0, "{said:?}");
    let events = events(&cli);
    assert_eq!(events.matches(r#""event":"erase_intended""#).count(), 2, "{events}");
    assert_eq!(events.matches(r#""event":"erased""#).count(), 2, "{events}");
}

#[test]
fn a_run_that_a_process_holds_stands_still_while_a_creator_is_deleted() {
    let (cli, emulated) = copied();
    let approved = PLAN.replace("kind: verify,", "kind: verify, needs_approval: true,");
    cli.write("small.yaml", &approved);
    let (mut run, mut said) = emulated.spawn(&cli, &["run", "small.yaml", "--adopt"]);
    assert!(said.any(|line| line.contains("waits for approval")));
    erase(&cli, &emulated);
    assert_eq!(cli.run(&["approve", "small.yaml"]).code, 0);
    let rest: Vec<_> = said.collect();
    assert_eq!(run.wait().unwrap().code(), Some(0), "{rest:#?}");
    assert_eq!(events(&cli).matches(r#""event":"erased""#).count(), 2);
}

#[test]
fn what_to_delete_and_from_where_must_be_said() {
    let cli = Cli::new();
    for arguments in [
        &["namespaces", "delete", "p.yaml", "--match", "*"][..],
        &["namespaces", "delete", "p.yaml", "--side", "target"],
        &["namespaces", "delete", "p.yaml", "--side", "target", "--where", "creator"],
    ] {
        assert_eq!(cli.run(arguments).code, 64, "{arguments:?}");
    }
}
