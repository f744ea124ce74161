//! The workflow of `examples/ci/`, played: the commands of its steps as they are written, by the shell that GitHub takes, each
//! job on a machine of its own with nothing but a checkout.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::Value;

use crate::machines::{Process, RUN, Shelf, World, assert_reads_like, slow, until};
use crate::proxy::{Asked, Fate};

/// The example, and what its jobs run in.
struct Workflow<'a> {
    text: Value,
    world: &'a World,
    /// Programs that a runner of GitHub has.
    programs: tempfile::TempDir,
}

/// A job at work.
struct Job<'a> {
    workflow: &'a Workflow<'a>,
    name: &'a str,
    checkout: Arc<tempfile::TempDir>,
    /// What `${{ … }}` stands for.
    values: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
}

impl<'a> Workflow<'a> {
    fn of(world: &'a World) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci/github.yml");
        let text = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let programs = tempfile::tempdir().unwrap();
        // Keeps what would be comments, one a file.
        let gh = r#"#!/bin/sh
set -e
cd "$GH_COMMENTS"
for last; do :; done
file="$OLDPWD/${last#body=@}"
case "$*" in
  *" -X PATCH "*) cp "$file" "${2##*/}" ;;
  "pr comment 7 --body-file "*) cp "$file" 41 ;;
  "api repos/acme/plans/issues/7/comments "*)
    # What `--jq` selects: the comments that begin so.
    mark="${last#*startswith(\"}"
    grep -l "^${mark%%\"*}" * || true ;;
  *) exit 2 ;;
esac
"#;
        std::fs::write(programs.path().join("gh"), gh).unwrap();
        let may_run = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(programs.path().join("gh"), may_run).unwrap();
        std::fs::create_dir(programs.path().join("comments")).unwrap();
        Self { text, world, programs }
    }

    /// Begins a job of an event, whose role reaches the state by `shelf`.
    fn job(&'a self, name: &'a str, event: &str, shelf: &Shelf) -> Job<'a> {
        let when = self.text["jobs"][name]["if"].as_str().unwrap();
        assert!(when.contains(&format!("'{event}'")), "{name} is not for {event}: {when}");
        let checkout = Arc::new(tempfile::tempdir().unwrap());
        let comments = self.programs.path().join("comments").display().to_string();
        let plans = checkout.path().join("plans");
        std::fs::create_dir(&plans).unwrap();
        std::fs::write(plans.join("twins.yaml"), &self.world.plan).unwrap();
        let project = format!("state: {{ uri: \"{}\", lease: {} }}\n", shelf.uri, self.world.lease);
        std::fs::write(checkout.path().join("vecshift.yaml"), project).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_vecshift")).parent().unwrap();
        let path =
            format!("{}:{}:/usr/bin:/bin", self.programs.path().display(), program.display());
        let mut variables = shelf.variables.clone();
        let file = |name: &str| checkout.path().join(name).display().to_string();
        variables.extend(
            [
                ("PATH", path),
                ("HOSTNAME", name.to_owned()),
                ("CI", "true".to_owned()),
                ("GITHUB_ACTIONS", "true".to_owned()),
                ("GITHUB_ACTOR", "ada".to_owned()),
                ("GITHUB_OUTPUT", file("output.txt")),
                ("GITHUB_STEP_SUMMARY", file("summary.md")),
                ("GH_COMMENTS", comments),
                ("PINECONE_CONTROLLER_HOST", self.world.reached()[0].1.clone()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let values = [
            ("secrets.PINECONE_API_KEY", "k"),
            ("secrets.PINECONE_READER_API_KEY", "k"),
            ("github.token", "the-token"),
            ("github.event.number", "7"),
            ("github.repository", "acme/plans"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Job { workflow: self, name, checkout, values, variables }
    }
}

impl Job<'_> {
    fn with(mut self, name: &str, value: &str) -> Self {
        self.values.insert(name.to_owned(), value.to_owned());
        self
    }

    fn steps(&self) -> Vec<Value> {
        let steps = self.workflow.text["jobs"][self.name]["steps"].as_array().unwrap();
        steps.iter().filter(|step| step.get("uses").is_none()).cloned().collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.checkout.path().join(name)
    }

    fn filled(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut filled = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once("}}").unwrap();
            let value = match (self.values.get(name.trim()), name.trim()) {
                (Some(value), _) => value,
                // An output that was not written is empty.
                (None, name) if name.starts_with("steps.") => "",
                (None, name) => panic!("`{name}` stands for nothing here"),
            };
            filled.push_str(value);
            filled.push_str(rest);
        }
        filled
    }

    fn start(&self, step: &Value) -> Process {
        let script = self.path("step.sh");
        std::fs::write(&script, self.filled(step["run"].as_str().unwrap())).unwrap();
        let mut command = Command::new("/bin/bash");
        command.arg("-e").arg(&script).current_dir(self.checkout.path()).env_clear();
        command.envs(&self.variables).stdin(Stdio::null());
        for of in [&self.workflow.text["env"], &step["env"]] {
            for (name, value) in of.as_object().into_iter().flatten() {
                command.env(name, self.filled(value.as_str().unwrap()));
            }
        }
        Process::start(command, self.checkout.clone())
    }

    /// Takes in how a step ended. Returns whether the job goes on.
    fn ended(&mut self, step: &Value, process: Process) -> Result<(), String> {
        let said = process.end();
        let written = std::fs::read_to_string(self.path("output.txt")).unwrap_or_default();
        for line in written.lines() {
            let (name, value) = line.split_once('=').unwrap();
            let name = format!("steps.{}.outputs.{name}", step["id"].as_str().unwrap());
            self.values.insert(name, value.to_owned());
        }
        let _ = std::fs::remove_file(self.path("output.txt"));
        let may_fail = step["continue-on-error"] == true;
        match said.code == 0 || may_fail {
            true => Ok(()),
            false => Err(format!("{}: exit {}\n{}\n{}", step["id"], said.code, said.out, said.err)),
        }
    }

    /// Plays all steps. Returns the outputs of the step that is called like the job.
    fn play(self) -> BTreeMap<String, String> {
        let name = self.name;
        self.play_but(|_| {}).unwrap_or_else(|why| panic!("{name}: {why}"))
    }

    /// The same; something happens to the process of the first step.
    fn play_but(
        mut self,
        happens: impl FnOnce(&mut Process),
    ) -> Result<BTreeMap<String, String>, String> {
        let mut happens = Some(happens);
        for step in self.steps() {
            let mut process = self.start(&step);
            if let Some(happens) = happens.take() {
                happens(&mut process);
            }
            self.ended(&step, process)?;
        }
        let own = format!("steps.{}.outputs.", self.name);
        let outputs = self
            .values
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(&own)?.to_owned(), value.clone())));
        Ok(outputs.collect())
    }
}

/// The report of the same plan, run by one process on one machine.
fn expected() -> String {
    let world = World::of(&slow(), Shelf::usual());
    let machine = world.machine("desk");
    let mut run = machine.start(RUN);
    run.until("waits for");
    machine.does(&["approve", "moving.yaml"]);
    let said = run.end();
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    // The plan is in another folder there.
    machine.report().replace("./backup/", "plans/backup/")
}

#[test]
fn the_example_of_a_workflow_ends_as_one_run_on_one_machine_does() {
    let direct = Shelf::s3("workflow");
    let (reader, approver) = (direct.proxy(), direct.proxy());
    let denied = || Fate::Refuse(403, "AccessDenied", "Access Denied");
    reader.rule(move |asked| if asked.is_write() { denied() } else { Fate::Pass });
    approver.rule(move |asked| {
        let may = asked.is_write() && asked.key.contains("/hot/inbox/");
        if may { Fate::Pass } else { denied() }
    });
    let world = World::of(&slow(), direct.clone());
    let workflow = Workflow::of(&world);

    // The pull request. Nothing is changed by it.
    let comments = workflow.programs.path().join("comments");
    std::fs::write(comments.join("40"), "Looks good, but <!-- vecshift:plan is missing\n").unwrap();
    for push in ["the first push", "another one"] {
        drop(workflow.job("review", "pull_request", &direct.through(&reader)).play_and_keep());
        let names = std::fs::read_dir(&comments).unwrap().map(|entry| entry.unwrap().file_name());
        let names: std::collections::BTreeSet<_> = names.collect();
        assert_eq!(names.len(), 2, "{push}: {names:?}");
        let text = std::fs::read_to_string(comments.join("41")).unwrap();
        assert!(text.starts_with("<!-- vecshift:plan name=moving digest="), "{push}: {text}");
        assert!(text.contains("**Plan: 1 to create"), "{push}: {text}");
        assert!(
            text.contains("> **Cannot be undone:** `decommission` deletes old"),
            "{push}: {text}"
        );
    }
    assert!(direct.all().is_empty());
    assert!(reader.asked().iter().all(|asked| !Asked::is_write(asked)));

    // The merge: its job is killed in the middle of the copy.
    let killed = workflow.job("run", "push", &direct).play_but(|process| {
        world.until_in_the_middle();
        process.signal("-KILL");
    });
    assert!(killed.is_err_and(|why| why.contains("\"verdict\": exit 1")), "a killed job fails");
    let copied = world.records("new").unwrap();
    assert!(copied < 240, "the copy was over: nothing was killed");

    // Scheduled: one that is frozen until another has gone on, and then comes back.
    let job = || workflow.job("run", "schedule", &direct);
    let frozen = std::thread::scope(|scope| {
        let frozen = until("a job that goes on", || {
            let (job, mut process) = job().started();
            let more = || world.records("new").filter(|count| *count > copied);
            until("more records, or its end", || more().or(process.has_ended().then_some(0)));
            (!process.has_ended()).then_some((job, process))
        });
        frozen.1.signal("-STOP");
        let gone_on = scope.spawn(|| {
            until("another that goes on", || {
                let outputs = job().play();
                (outputs["exit-code"] != "9").then_some(outputs)
            })
        });
        let outputs = gone_on.join().unwrap();
        assert_eq!(outputs["exit-code"], "5", "{outputs:?}");
        frozen.1.signal("-CONT");
        frozen
    });
    let (mut frozen, process) = frozen;
    let step = frozen.steps()[0].clone();
    frozen.ended(&step, process).unwrap();
    assert_eq!(frozen.values["steps.run.outputs.exit-code"], "9");

    // On and on, with what people do when it is waited for.
    let (mut approved, mut confirmed) = (0, 0);
    until("the end of the run", || {
        let outputs = job().play();
        let waiting = &outputs["waiting-for"];
        if outputs["exit-code"] == "5" && outputs["next-at"].is_empty() {
            if waiting.contains("approv") {
                let job = workflow.job("approve", "workflow_dispatch", &direct.through(&approver));
                job.with("inputs.stage", "canary").with("inputs.step", "1").play();
                approved += 1;
            } else {
                let job = workflow.job("confirm", "workflow_dispatch", &direct);
                job.with("inputs.confirm", "old").play();
                confirmed += 1;
            }
        }
        (outputs["exit-code"] == "0").then_some(())
    });
    assert_eq!((approved, confirmed), (1, 1));
    world.assert_moved(240);
    assert_reads_like(&world.machine("desk").report(), &expected());
}

impl<'a> Job<'a> {
    /// Plays all steps, and keeps the folder.
    fn play_and_keep(mut self) -> Self {
        for step in self.steps() {
            let process = self.start(&step);
            self.ended(&step, process).unwrap_or_else(|why| panic!("{}: {why}", self.name));
        }
        self
    }

    /// Starts the first step.
    fn started(self) -> (Self, Process) {
        let process = self.start(&self.steps()[0]);
        (self, process)
    }
}
