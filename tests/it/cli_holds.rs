//! What a run waits for, each kind of it: the command that the report prints is taken, and leads past it.

use std::process::Command;

use vecshift::journal::{Hold, Request};
use vecshift::model::{Namespace, Side};

use crate::cli_rig::{Cli, Emulated, Said};
use crate::journals::{ask, home, wait};

const PLAN: &str = r#"version: 1
name: holds
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  env_file: { file: target.env, variable: INDEX }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, assert: [copy.complete == true] }
  - kind: canary
    probe: { rate: 50/s }
    steps: [{ weight: 100%, bake: 1s }]
    assert: [{ check: error_rate < 50% over 1s, min_samples: 1 }]
  - { kind: decommission, after: 1s, confirm: old, snapshot: "file:backup" }
rehearsal:
  source: { kind: pod, records: 30, namespaces: 1, dimension: 8, metric: cosine }
"#;

struct Run {
    cli: Cli,
    emulated: Emulated,
}

impl Run {
    /// A plan, run until it waits.
    fn of(plan: &str, arguments: &[&str]) -> Self {
        let cli = Cli::new();
        cli.write("holds.yaml", plan);
        cli.write("target.env", "INDEX=source\n");
        let emulated = Emulated::start(&cli, "holds.yaml", 30);
        let run = Self { cli, emulated };
        let said = run.run(&[&["run", "holds.yaml"], arguments].concat());
        assert_eq!(said.code, 5, "{said:?}");
        run
    }

    fn run(&self, arguments: &[&str]) -> Said {
        self.emulated.run(&self.cli, arguments)
    }

    fn report(&self) -> serde_json::Value {
        let said = self.run(&["report", "holds.yaml", "--format", "json"]);
        serde_json::from_str::<serde_json::Value>(&said.out).unwrap()["report"].clone()
    }

    fn hold(&self) -> Hold {
        let hold = self.report()["waiting"]["hold"].clone();
        serde_json::from_value(hold).unwrap()
    }

    /// The command that the report prints, as a shell runs it.
    fn release(&self) -> Said {
        let command = self.report()["next"]["command"].as_str().unwrap().to_owned();
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_vecshift")).parent().unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &command]).current_dir(self.cli.folder.path()).env_clear();
        shell.env("PATH", program).env("USER", "ada").env("HOSTNAME", "desk");
        shell.env("PINECONE_CONTROLLER_HOST", &self.emulated.address).env("PINECONE_API_KEY", "k");
        let said = crate::cli_rig::said(&shell.output().unwrap());
        assert!(matches!(said.code, 0 | 5), "{command}: {said:?}");
        said
    }

    /// How often something was judged.
    fn judged(&self) -> usize {
        let entries = wait(home(&self.cli.state(), "holds").entries()).unwrap();
        let kind = |event| serde_json::to_value(event).unwrap()["event"].clone();
        entries.iter().filter(|entry| kind(&entry.event) == "judged").count()
    }

    /// What was printed is done and, where that was no run, a run after it: it waits for this no longer.
    fn goes_on(&self) {
        let before = self.hold();
        let judged = self.judged();
        self.release();
        self.run(&["run", "holds.yaml", "--no-wait"]);
        let report = self.report();
        let after = report["waiting"]["hold"].clone();
        let is_released = after != serde_json::to_value(&before).unwrap();
        // What cannot be judged is judged anew, and may wait again.
        let is_anew = self.judged() > judged;
        let is_judged = matches!(before, Hold::Judgement { .. });
        assert!(is_released || (is_judged && is_anew), "{before:?}: {report:#}");
    }
}

fn with(from: &str, to: &str) -> String {
    assert!(PLAN.contains(from));
    PLAN.replace(from, to)
}

/// A verification of more records than there are cannot be judged.
fn beyond_judgement() -> String {
    with(
        "  - kind: canary",
        "  - { kind: verify, assert: [{ check: missing == 0, min_samples: 100 }] }\n  - kind: canary",
    )
}

/// A run that waits for this, made as people make it.
fn waiting(kind: &str) -> Run {
    let run = match kind {
        "approval" => {
            Run::of(&with("kind: canary", "kind: canary\n    needs_approval: true"), &["--no-wait"])
        }
        "approval of a step" => {
            Run::of(&with("bake: 1s", "bake: 1s, approve: manual"), &["--no-wait"])
        }
        "time" => Run::of(&with("after: 1s", "after: 3s"), &["--no-wait"]),
        "until" => Run::of(PLAN, &["--until", "copy"]),
        "judgement" => Run::of(&beyond_judgement(), &["--detach-after", "3s"]),
        "confirmation" => Run::of(PLAN, &[]),
        "paused" | "erasure" | "traffic" => Run::of(PLAN, &["--until", "copy"]),
        other => panic!("{other}"),
    };
    match kind {
        "paused" => {
            assert_eq!(run.run(&["pause", "holds.yaml"]).code, 0);
            run.run(&["run", "holds.yaml", "--no-wait"]);
        }
        // Of a process that was killed half-way.
        "erasure" => {
            let namespaces = [(Namespace::new("ns_1"), 30)].into();
            let (what, by) = ("--match 'ns_*'".to_owned(), "ada".to_owned());
            let request = Request::Erase { side: Side::Target, what, by, namespaces };
            ask(&run.cli.state(), "holds", request);
            run.run(&["run", "holds.yaml", "--no-wait"]);
        }
        "traffic" => {
            run.cli.write("target.env", "INDEX=target\n");
            run.run(&["run", "holds.yaml", "--no-wait"]);
        }
        _ => {}
    }
    run
}

#[test]
fn the_command_that_is_printed_leads_past_what_is_waited_for() {
    let kinds = [
        "approval",
        "approval of a step",
        "time",
        "paused",
        "judgement",
        "until",
        "erasure",
        "confirmation",
        "traffic",
    ];
    std::thread::scope(|scope| {
        for kind in kinds {
            scope.spawn(move || {
                let run = waiting(kind);
                assert_eq!(name(&run.hold()), kind);
                run.goes_on();
            });
        }
    });
}

/// A new kind of waiting has a line here and a way into it in [`waiting`].
fn name(hold: &Hold) -> &'static str {
    match hold {
        Hold::Approval { gate } if gate.step.is_some() => "approval of a step",
        Hold::Approval { .. } => "approval",
        Hold::Time { .. } => "time",
        Hold::Paused { .. } => "paused",
        Hold::Judgement { .. } => "judgement",
        Hold::Until => "until",
        Hold::Erasure { .. } => "erasure",
        Hold::Confirmation { .. } => "confirmation",
        Hold::Traffic { .. } => "traffic",
    }
}

/// A process that waits for it takes the same command.
#[test]
fn a_process_that_could_not_judge_takes_the_command_that_it_prints() {
    let cli = Cli::new();
    cli.write("holds.yaml", &beyond_judgement());
    cli.write("target.env", "INDEX=source\n");
    let emulated = Emulated::start(&cli, "holds.yaml", 30);
    let (mut child, mut lines) = emulated.spawn(&cli, &["run", "holds.yaml"]);
    assert!(lines.any(|line| line.contains("could not be judged")));
    let run = Run { cli, emulated };
    let judged = run.judged();
    run.release();
    assert!(lines.any(|line| line.contains("could not be judged")));
    assert!(run.judged() > judged);
    child.kill().unwrap();
    child.wait().unwrap();
}
