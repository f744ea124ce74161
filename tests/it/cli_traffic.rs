//! Traffic by the built binary: what it finds before a run, what somebody else does to it, and how it ends.

use std::os::unix::fs::PermissionsExt;

use crate::cli_rig::{Cli, Emulated, Said};

const PLAN: &str = r#"version: 1
name: shift
source: { provider: pinecone, index: old }
target: { provider: pinecone, index: new }
traffic:
  exec: { set: [./set.sh], read: [./get.sh] }
stages:
  - kind: create
    spec: { serverless: { cloud: aws, region: us-east-1 }, dimension: 8, metric: cosine }
  - { kind: copy, assert: [copy.complete == true] }
  - kind: canary
    probe: { rate: 50/s }
    steps: [{ weight: 5%, bake: 1s }, { weight: 25%, bake: 1s }]
    assert: [{ check: error_rate < 50% over 1s, min_samples: 1 }]
  - { kind: verify, assert: [missing == 0] }
rehearsal:
  source: { kind: pod, records: 30, namespaces: 1, dimension: 8, metric: cosine }
"#;

const SET: &str = "echo $VECSHIFT_WEIGHT > weight";
/// Command that writes 25 and fails, as something behind a gateway may.
const SET_BAD: &str = "echo $VECSHIFT_WEIGHT > weight; [ $VECSHIFT_WEIGHT != 25 ] || { echo gateway timeout >&2; exit 1; }";
const GET: &str = "cat weight";
/// Command that cannot read 25.
const GET_BAD: &str = "[ $(cat weight) != 25 ] && cat weight";

fn script(cli: &Cli, name: &str, text: &str) {
    cli.write(name, &format!("#!/bin/sh\n{text}\n"));
    std::fs::set_permissions(cli.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

struct Shift {
    cli: Cli,
    emulated: Emulated,
}

impl Shift {
    fn new(set: &str, get: &str) -> Self {
        let cli = Cli::new();
        cli.write("shift.yaml", PLAN);
        script(&cli, "set.sh", set);
        script(&cli, "get.sh", get);
        cli.write("weight", "0");
        let emulated = Emulated::start(&cli, "shift.yaml", 30);
        Self { cli, emulated }
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let mut command = self.cli.command(arguments);
        command.env("PINECONE_CONTROLLER_HOST", &self.emulated.address);
        command.env("PINECONE_API_KEY", "k").env("PATH", std::env::var("PATH").unwrap());
        crate::cli_rig::said(&command.output().unwrap())
    }

    fn weight(&self) -> String {
        std::fs::read_to_string(self.cli.path("weight")).unwrap().trim().to_owned()
    }

    /// Returns whether the run of this state has made anything.
    fn has_begun(&self) -> bool {
        let journal = self.cli.state().join("shift/journal.jsonl");
        std::fs::read(journal).is_ok_and(|journal| !journal.is_empty())
    }
}

#[test]
fn everything_that_cannot_work_is_said_at_once_by_plan_and_by_run() {
    let shift = Shift::new(SET, "exit 3");
    let hooks = "hooks:\n  - { when: before_run, run: [./gone.sh] }\nstages:";
    let rollback = "  - { kind: verify, rollback: [{ run: [./plain.sh] }], assert: [missing == 0] }\n  - { kind: decommission, after: 1d, snapshot: \"file:weight/backup\", confirm: old }";
    let plan = PLAN.replace("stages:", hooks).replace("weight: 25%", "weight: 100%");
    let plan = plan.replace("  - { kind: verify, assert: [missing == 0] }", rollback);
    shift.cli.write("shift.yaml", &plan.replace("set: [./set.sh]", "set: [./no-set.sh]"));
    shift.cli.write("plain.sh", "#!/bin/sh\n");
    let findings = [
        "`./no-set.sh` cannot be started",
        "the command failed with exit status: 3 (in read the weight",
        "hook 1 (before_run): the command `./gone.sh` cannot be started",
        "rollback hook 1 of stage `verify`: the command `./plain.sh` is no program",
        "snapshot of stage `decommission`",
    ];
    for command in ["plan", "run"] {
        let said = shift.run(&[command, "shift.yaml"]);
        assert_eq!(said.code, 8, "{}\n{}", said.out, said.err);
        assert!(said.err.contains("5 things that the plan needs are not so"), "{}", said.err);
        for finding in findings {
            assert!(said.err.contains(finding), "{command}, {finding}: {}", said.err);
        }
    }
    assert!(!shift.has_begun());
    let said = shift.run(&["run", "shift.yaml", "--confirm", "wrong"]);
    assert_eq!(said.code, 8, "{}", said.err);
    assert!(said.err.contains("`wrong` is not the source"), "{}", said.err);
    assert!(said.err.contains("6 things"), "{}", said.err);
    // A rollback of something that was never done succeeds.
    let back = shift.run(&["rollback", "shift.yaml"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert!(
        back.out.starts_with("Nothing to undo: there is no run of `shift` in "),
        "{}",
        back.out
    );
}

#[test]
fn a_confirmation_of_another_index_is_refused_at_once() {
    let shift = Shift::new(SET, GET);
    let said = shift.run(&["run", "shift.yaml", "--confirm", "new"]);
    assert_eq!(said.code, 8, "{}", said.err);
    assert!(said.err.contains("the source is `old`"), "{}", said.err);
    assert!(!shift.has_begun());
    assert_eq!(shift.run(&["run", "shift.yaml", "--until", "create"]).code, 5);
    assert_eq!(shift.run(&["run", "shift.yaml", "--confirm", "new"]).code, 8, "and later, too");
}

#[test]
fn a_set_that_fails_is_an_error_and_its_weight_unknown_where_nobody_can_read_it() {
    let shift = Shift::new(SET_BAD, GET_BAD);
    let run = shift.run(&["run", "shift.yaml"]);
    assert_eq!(run.code, 1, "{}\n{}", run.out, run.err);
    assert!(run.out.contains("step 2, weight 25% unknown"), "{}", run.out);
    assert!(run.out.contains("Traffic: unknown: 25% asked for, last read 5%"), "{}", run.out);
    let status = shift.run(&["status", "shift"]);
    assert!(status.out.contains("unknown: 25% asked for, last read 5%"), "{}", status.out);
    let again = shift.run(&["run", "shift.yaml"]);
    assert_eq!(again.code, 1, "what cannot be read is not gone on from: {}", again.out);
    assert_eq!(shift.weight(), "25");
    let back = shift.run(&["rollback", "shift.yaml"]);
    assert_eq!((back.code, shift.weight()), (0, "0".to_owned()), "{}\n{}", back.out, back.err);
}

#[test]
fn a_set_that_fails_and_is_set_goes_on() {
    let shift = Shift::new(SET_BAD, GET);
    let run = shift.run(&["run", "shift.yaml"]);
    assert_eq!((run.code, shift.weight()), (0, "25".to_owned()), "{}\n{}", run.out, run.err);
    assert!(run.out.contains("25% is set, although the driver failed"), "{}", run.out);
}

#[test]
fn a_weight_set_by_hand_is_shown_held_and_gone_on_from_when_it_is_accepted() {
    let shift = Shift::new(SET, GET);
    let run = shift.run(&["run", "shift.yaml", "--until", "canary"]);
    assert_eq!(run.code, 5, "{}\n{}", run.out, run.err);
    let plan = shift.run(&["plan", "shift.yaml"]);
    assert!(
        plan.out.contains("Traffic now: 25% goes to the target, as the run left it"),
        "{}",
        plan.out
    );
    shift.cli.write("weight", "5");
    let plan = shift.run(&["plan", "shift.yaml"]);
    assert!(
        plan.out.contains("Traffic now: the weight is 5%, where the run left 25%"),
        "{}",
        plan.out
    );
    let status = shift.run(&["status", "shift.yaml", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    let now = &status["runs"][0]["traffic_now"];
    assert_eq!(
        (&now["standing"], &now["now"], &now["left"]),
        (&"changed".into(), &"5%".into(), &"25%".into())
    );
    let status = shift.run(&["status"]);
    assert!(status.out.contains("shift: the traffic: the weight is 5%"), "{}", status.out);

    let run = shift.run(&["run", "shift.yaml"]);
    assert_eq!(run.code, 8, "{}\n{}", run.out, run.err);
    assert!(run.err.contains("vecshift resume shift.yaml --accept-weight 5%"), "{}", run.err);
    assert_eq!(shift.weight(), "5");
    assert_eq!(shift.run(&["resume", "shift.yaml", "--accept-weight", "500%"]).code, 64);
    assert_eq!(shift.run(&["resume", "shift.yaml", "--accept-weight", "5%"]).code, 0);
    let run = shift.run(&["run", "shift.yaml"]);
    assert_eq!((run.code, shift.weight()), (0, "25".to_owned()), "{}\n{}", run.out, run.err);
}
