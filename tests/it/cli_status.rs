//! `status` beside journals that cannot be read, and requests that are checked against what a run waits for.

use vecshift::journal::{Event, FORMAT, Gate, Hold};

use crate::cli_rig::{Cli, Said, said};
use crate::journals::{Writer, folder, requests, waiting};

fn journal(cli: &Cli, plan: &str) -> std::path::PathBuf {
    let path = folder(&cli.state()).journal_of(plan);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

fn said_of(command: &mut std::process::Command) -> Said {
    said(&command.output().unwrap())
}

/// An empty or damaged journal, or one of a newer program, newer format or another plan, stands beside the others.
#[test]
fn a_journal_that_cannot_be_read_hides_no_other() {
    let cli = Cli::new();
    waiting(&cli.state());
    let good = std::fs::read_to_string(journal(&cli, "twins")).unwrap();
    let first = good.lines().next().unwrap();
    let format = |number: u32| format!("\"v\":{number}");
    let unknown = r#"{"v":1,"seq":1,"at":"2026-11-02T09:00:00Z","event":"source_frozen"}"#;
    let mut files = vec![
        ("a-empty", String::new(), "not_found", "is empty: no run has begun"),
        ("b-damaged", "#\n".to_owned(), "conflict", "is damaged in line 1"),
        ("c-newer", format!("{first}\n{unknown}\n"), "refused", "`source_frozen`"),
        (
            "d-format",
            first.replace(&format(FORMAT), &format(FORMAT + 1)) + "\n",
            "refused",
            "has format",
        ),
        ("e-foreign", good.clone(), "refused", "belongs to the plan `twins`"),
    ];
    for (plan, text, ..) in &files {
        std::fs::write(journal(&cli, plan), text).unwrap();
    }
    files.push(("twins", good, "", ""));
    let said = cli.run(&["status"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("twins: vecshift approve"), "{}", said.out);
    let runs = cli.json(&["status"])["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), files.len());
    for (run, (plan, text, kind, message)) in runs.iter().zip(&files) {
        assert_eq!(run["plan"], *plan);
        if kind.is_empty() {
            assert_eq!((&run["state"], &run["error"]), (&"waiting".into(), &().into()));
            continue;
        }
        assert_eq!((&run["state"], &run["error"]["kind"]), (&"unknown".into(), &(*kind).into()));
        assert!(run["error"]["message"].as_str().unwrap().contains(message), "{run}");
        assert!(said.out.contains(message), "{}", said.out);
        let alone = cli.run(&["status", plan]);
        assert_ne!(alone.code, 0, "{alone:?}");
        assert_eq!(std::fs::read_to_string(journal(&cli, plan)).unwrap(), *text);
    }
    // They do not stand in the way of a report, either, which is not said to be the only one.
    let report = cli.run(&["report"]);
    assert!(report.code == 0 && report.err.contains("b-damaged: "), "{report:?}");
    assert_eq!(cli.run(&["report", "01J9ZZZZZZZZZZZZZZZZZZZZZZ"]).code, 0);
}

/// What stands in the place of a journal and is none is neither passed over nor written to.
#[cfg(unix)]
#[test]
fn something_else_in_a_journals_place_is_named() {
    let cli = Cli::with_plans();
    waiting(&cli.state());
    std::fs::create_dir(journal(&cli, "a-folder")).unwrap();
    std::os::unix::fs::symlink("gone.jsonl", journal(&cli, "b-link")).unwrap();
    std::os::unix::fs::symlink("loop", cli.state().join("c-loop")).unwrap();
    std::os::unix::fs::symlink("c-loop", cli.state().join("loop")).unwrap();
    let said = cli.run(&["status"]);
    assert_eq!(said.code, 1, "{said:?}");
    for named in ["twins: vecshift approve", "is a folder", "leads to nothing", "c-loop"] {
        assert!(said.out.contains(named), "{named}: {}", said.out);
    }
    let plan = std::fs::read_to_string(cli.path("plans/quickstart.yaml")).unwrap();
    let plan = plan.replace("name: quickstart", "name: b-link");
    cli.write("plans/b-link.yaml", &plan);
    let mut run = cli.command(&["run", "plans/b-link.yaml"]);
    let run = said_of(run.env("PINECONE_API_KEY", "k"));
    assert_eq!(run.code, 8, "{run:?}");
    assert!(run.err.contains("leads to nothing"), "{}", run.err);
    assert!(!cli.state().join("b-link/gone.jsonl").exists());
}

#[test]
fn only_what_is_waited_for_can_be_approved() {
    let cli = Cli::new();
    waiting(&cli.state());
    let refused = [
        (&["--stage", "canary", "--step", "9"][..], 8, "only of canary step 2, canary step 3"),
        (&["--stage", "canary", "--step", "1"], 8, "it has passed"),
        (&["--stage", "audit"], 8, "it has passed"),
        (&["--stage", "decommission"], 8, "asks for no approval of decommission"),
        (&["--stage", "nothing"], 64, "its stages are audit, copy, canary, decommission"),
    ];
    for (gate, code, why) in refused {
        let said = cli.run(&[&["approve", "twins"], gate].concat());
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.err.contains(why), "{}", said.err);
        let command = "`vecshift approve twins --stage canary --step 2`";
        assert!(code == 64 || said.err.contains(command), "{}", said.err);
    }
    let asked = cli.json(&["approve", "twins", "--stage", "canary", "--step", "3"]);
    assert_eq!(asked["request"]["gate"]["step"], 3);
    let again = cli.run(&["approve", "twins", "--stage", "canary", "--step", "3"]);
    assert!(again.out.contains("not taken up yet"), "{}", again.out);
    assert_eq!(requests(&cli.state(), "twins").len(), 1);
}

#[test]
fn what_was_asked_and_not_taken_up_is_in_the_status() {
    let cli = Cli::new();
    waiting(&cli.state());
    assert_eq!(cli.run(&["approve", "twins", "--by", "grace"]).code, 0);
    let status = cli.run(&["status", "twins"]);
    assert!(
        status.out.contains("request     approve canary step 2, asked by grace"),
        "{}",
        status.out
    );
    assert!(
        cli.run(&["status"])
            .out
            .contains("twins: approve canary step 2, asked by grace, not taken up yet")
    );
    let run = &cli.json(&["status"])["runs"][0];
    assert_eq!(run["requests"][0]["gate"]["step"], 2);
    assert_eq!(run["waiting"]["hold"]["gate"]["step"], 2);
}

#[test]
fn only_what_is_paused_or_could_not_be_judged_is_resumed() {
    let cli = Cli::new();
    waiting(&cli.state());
    let resume = || cli.run(&["resume", "twins"]);
    assert_eq!(resume().code, 8);
    assert!(resume().err.contains("it waits for approval of canary step 2"), "{}", resume().err);
    assert_eq!(cli.run(&["pause", "twins"]).code, 0);
    assert!(cli.run(&["pause", "twins"]).out.contains("asked to pause already"));
    assert_eq!(resume().code, 0);
    assert!(resume().out.contains("asked to resume already"));
    assert_eq!(cli.run(&["abort", "twins"]).code, 0);
    assert!(cli.run(&["abort", "twins"]).out.contains("asked to abort already"));
    assert_eq!(requests(&cli.state(), "twins").len(), 3);
}

#[test]
fn a_judgement_that_was_inconclusive_is_resumed() {
    let cli = Cli::new();
    let mut run = Writer::begin(&cli.state(), false);
    run.audit_and_copy();
    run.start("canary");
    let verdict = vecshift::model::Verdict::Inconclusive;
    run.hold("canary", Hold::Judgement { verdict, reason: "no samples".into() });
    drop(run);
    assert_eq!(cli.run(&["resume", "twins"]).code, 0);
}

/// Journals that older versions began do not contain the plan's gates.
#[test]
fn an_old_journal_takes_the_approval_it_asked_for() {
    let cli = Cli::new();
    waiting(&cli.state());
    let path = journal(&cli, "twins");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines[0].as_object_mut().unwrap().remove("gates").unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&path, text).unwrap();
    assert_eq!(cli.run(&["approve", "twins", "--stage", "canary", "--step", "3"]).code, 8);
    assert_eq!(cli.run(&["approve", "twins", "--stage", "canary", "--step", "2"]).code, 0);
}

/// The copy was left by a killed process.
#[test]
fn the_records_of_a_copy_are_counted() {
    let cli = Cli::new();
    let mut run = Writer::begin(&cli.state(), false);
    run.start("copy");
    run.copy_shard("twin_001", 1500);
    run.write(Event::ApprovalRequested { gate: Gate { stage: "canary".into(), step: Some(1) } });
    drop(run);
    let status = cli.run(&["status", "twins"]);
    assert!(
        status.out.contains("progress    1,500 of 1,500 records found so far"),
        "{}",
        status.out
    );
    assert!(status.out.contains("state       interrupted"), "{}", status.out);
    assert_eq!(cli.json(&["status"])["runs"][0]["progress"]["records"], 1500);
}

#[test]
fn a_state_folder_further_up_is_named() {
    let cli = Cli::new();
    waiting(&cli.state());
    std::fs::create_dir_all(cli.path("a/b")).unwrap();
    let from = |arguments: &[&str]| {
        crate::cli_rig::said(&cli.command(arguments).current_dir(cli.path("a/b")).output().unwrap())
    };
    let state = cli.state().canonicalize().unwrap().display().to_string();
    assert!(from(&["status"]).out.contains(&format!("--state {state}")), "{:?}", from(&["status"]));
    let one = from(&["status", "twins"]);
    assert_eq!(one.code, 3);
    assert!(one.err.contains(&format!("--state {state}")), "{one:?}");
    assert_eq!(from(&["status", "twins", "--state", &state]).code, 0);
}
