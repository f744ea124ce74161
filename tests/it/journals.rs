//! Journals of runs that never happened, written through the real journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use vecshift::clock::{Clock, after};
use vecshift::journal::{
    Artifact, Cause, Entry, Event, Gate, Hold, Holder, Judged, Letter, Request,
};
use vecshift::model::{
    Checkpoint, Cursor, Enumeration, Judgement, Meanwhile, Namespace, Observed, Place, Range,
    Severity, Shard, ShardId, Share, Span, StageId, Tally, Verdict,
};
use vecshift::state::{Backend, Folder, Home, Journal};

/// A journal writer that moves the time.
pub struct Writer {
    pub journal: Journal,
    pub clock: Clock,
}

impl Writer {
    pub fn begin(state: &Path, rehearsal: bool) -> Self {
        let clock = Clock::test("2026-11-02T09:00:00Z".parse().unwrap());
        let home = home(&state_of(state, rehearsal), "twins");
        let holder = Holder::new("ada", "desk", 7);
        let journal = wait(Journal::open(&*home, &holder, clock.clone())).unwrap();
        let mut writer = Self { journal, clock };
        writer.write(Event::RunStarted {
            run: "01J9ZZZZZZZZZZZZZZZZZZZZZZ".into(),
            path: None,
            plan: "twins".into(),
            digest: "sha256:9c1f4a7f03bd11aa55ee77cc99e07a".into(),
            program: "0.1.0".into(),
            holder: "ada@desk (process 7)".into(),
            rehearsal,
            source: "pinecone twins-pod".into(),
            target: "pinecone twins-serverless".into(),
            stages: ["audit", "copy", "canary", "decommission"].map(StageId::new).to_vec(),
            gates: Some(
                [1, 2].map(|step| Gate { stage: "canary".into(), step: Some(step) }).to_vec(),
            ),
            reviewed: None,
        });
        writer
    }

    pub fn write(&mut self, event: Event) -> Timestamp {
        wait(self.journal.append(event)).unwrap().at
    }

    pub fn pass(&mut self, seconds: u64) {
        self.clock.skip(Duration::from_secs(seconds));
    }

    pub fn start(&mut self, stage: &str) {
        self.write(Event::StageStarted { stage: stage.into(), attempt: 1 });
    }

    pub fn judge(&mut self, stage: &str, step: Option<usize>, judgement: Judgement) {
        self.write(Event::Judged(Judged { stage: stage.into(), step, attempt: 1, judgement }));
    }

    /// Writes an audit and a copy of two namespaces, both passed.
    pub fn audit_and_copy(&mut self) {
        self.start("audit");
        self.pass(4);
        self.judge(
            "audit",
            None,
            judgement("source.dimension == 3072", "== 3,072", Observed::count(3072), 18),
        );
        self.write(Event::ArtifactWritten {
            stage: "audit".into(),
            artifact: Artifact {
                name: "sample".into(),
                path: "audit/samples.parquet".into(),
                records: 500,
                kept: None,
                written: None,
            },
        });
        self.write(Event::StagePassed { stage: "audit".into() });
        self.start("copy");
        self.write(Event::CopyingStarted { stage: "copy".into() });
        for (name, records) in [("twin_001", 1500), ("twin_002", 500)] {
            self.copy_shard(name, records);
        }
        self.judge("copy", None, judgement("copy.failed == 0", "== 0", Observed::count(0), 32));
        self.write(Event::StagePassed { stage: "copy".into() });
    }

    pub fn copy_shard(&mut self, name: &str, records: u64) {
        let source = Namespace::from(name);
        let shard = Shard {
            source: source.clone(),
            cell: 0,
            target: Namespace::from("creator_1"),
            enumeration: Enumeration::Scan(Range::new(&"sweep")),
            expected: records,
        };
        self.write(Event::ShardPlanned { stage: "copy".into(), shard });
        self.pass(2);
        let tally = Tally {
            enumerated: records,
            copied: records,
            failed: 0,
            missing: 0,
            bytes: records * 12_400,
            ..Tally::default()
        };
        let checkpoint = Checkpoint { cursor: Cursor::End, tally, token: None, contents: None };
        self.write(Event::Checkpointed {
            stage: "copy".into(),
            shard: ShardId { source: source.clone(), cell: 0 },
            checkpoint,
        });
        let shard = ShardId { source, cell: 0 };
        self.write(Event::ShardCompleted { stage: "copy".into(), shard });
    }

    pub fn set_weight(&mut self, step: usize, weight: f64, bake: u64) {
        let stage = StageId::new("canary");
        let weight = Share(weight);
        self.write(Event::WeightIntended { stage: stage.clone(), step, weight });
        self.write(Event::WeightSet {
            stage: stage.clone(),
            step,
            weight,
            actual: Some(weight),
            print: None,
            despite: None,
        });
        let ends = after(self.clock.now(), Duration::from_secs(bake));
        self.write(Event::BakeStarted { stage, step, ends });
        self.pass(bake);
    }

    pub fn hold(&mut self, stage: &str, hold: Hold) {
        self.write(Event::StageHeld { stage: stage.into(), hold });
    }
}

/// Makes a judgement that passes.
pub fn judgement(text: &str, threshold: &str, observed: Observed, line: u32) -> Judgement {
    Judgement {
        assertion: text.into(),
        text: text.into(),
        severity: Severity::Block,
        verdict: Verdict::Pass,
        observed: Some(observed),
        threshold: threshold.into(),
        samples: 1,
        window: None,
        tolerated: None,
        reason: None,
        source: None,
        place: Place { file: "plans/twins.yaml".into(), line, column: 9 },
    }
}

fn latency(seconds: f64, verdict: Verdict) -> Judgement {
    let observed = Observed::Seconds(seconds);
    Judgement {
        verdict,
        samples: 12_000,
        source: Some(Meanwhile { observed: Observed::Seconds(0.18), samples: 11_998 }),
        window: Some(Span(Duration::from_secs(600))),
        ..judgement("p95(query) < 100ms over 10m", "< 100 ms", observed, 41)
    }
}

fn slower_than_source() -> Judgement {
    Judgement {
        severity: Severity::Warn,
        verdict: Verdict::Fail,
        samples: 12_000,
        ..judgement(
            "p95(query) <= 1.2x source",
            "<= 1.2x source (96 ms)",
            Observed::Seconds(0.213),
            45,
        )
    }
}

fn unmeasured() -> Judgement {
    Judgement {
        verdict: Verdict::Error,
        observed: None,
        samples: 0,
        reason: Some("no probe answered".into()),
        ..judgement("error_rate < 1%", "< 1 %", Observed::Share(0.0), 44)
    }
}

/// Writes a run whose canary failed at its second step and that was rolled back.
pub fn rolled_back(state: &Path, rehearsal: bool) -> Vec<Entry> {
    let mut run = Writer::begin(state, rehearsal);
    run.audit_and_copy();
    run.start("canary");
    run.set_weight(0, 0.05, 3600);
    run.judge("canary", Some(0), latency(0.0872, Verdict::Pass));
    run.write(Event::StepPassed { stage: "canary".into(), step: 0 });
    let gate = Gate { stage: "canary".into(), step: Some(1) };
    run.write(Event::ApprovalRequested { gate: gate.clone() });
    run.hold("canary", Hold::Approval { gate: gate.clone() });
    run.pass(600);
    run.write(Event::Approved { gate, by: "grace".into() });
    run.set_weight(1, 0.25, 86_400);
    run.judge("canary", Some(1), latency(0.213, Verdict::Fail));
    run.judge("canary", Some(1), unmeasured());
    run.judge("canary", Some(1), slower_than_source());
    let reason = "p95(query) < 100ms over 10m at 25%".to_owned();
    run.write(Event::StageFailed {
        stage: "canary".into(),
        reason: reason.clone(),
        rolls_back: true,
    });
    run.write(Event::RollbackStarted { cause: Cause::Failed { stage: "canary".into(), reason } });
    run.write(Event::WeightIntended { stage: "canary".into(), step: 0, weight: Share(0.0) });
    run.write(Event::WeightSet {
        stage: "canary".into(),
        step: 0,
        weight: Share(0.0),
        actual: Some(Share(0.0)),
        print: None,
        despite: None,
    });
    run.write(Event::StageUndone { stage: "canary".into(), what: "weight 0%, read back".into() });
    run.write(Event::StageUndone {
        stage: "copy".into(),
        what: "2,000 records kept in the target".into(),
    });
    run.write(Event::StageUndone { stage: "audit".into(), what: "nothing to undo".into() });
    run.write(Event::RollbackFinished { left_behind: vec![] });
    entries(state, rehearsal)
}

/// Writes a run whose canary waits for an approval of its second step; the process is gone.
pub fn waiting(state: &Path) -> Vec<Entry> {
    let mut run = Writer::begin(state, false);
    run.audit_and_copy();
    run.start("canary");
    run.set_weight(0, 0.05, 3600);
    run.judge("canary", Some(0), latency(0.0872, Verdict::Pass));
    run.write(Event::StepPassed { stage: "canary".into(), step: 0 });
    let gate = Gate { stage: "canary".into(), step: Some(1) };
    run.write(Event::ApprovalRequested { gate: gate.clone() });
    run.hold("canary", Hold::Approval { gate });
    drop(run);
    entries(state, false)
}

pub fn entries(state: &Path, rehearsal: bool) -> Vec<Entry> {
    wait(home(&state_of(state, rehearsal), "twins").entries()).unwrap()
}

fn state_of(state: &Path, rehearsal: bool) -> PathBuf {
    if rehearsal { state.join("rehearsals") } else { state.to_owned() }
}

/// Returns what is kept of a plan's runs in a state folder.
pub fn home(state: &Path, plan: &str) -> Arc<dyn Home> {
    folder(state).home(plan)
}

pub fn folder(state: &Path) -> Folder {
    Folder::new(state, "desk", Clock::system())
}

/// Holds a plan, as a run does.
pub fn held(state: &Path, plan: &str, holder: &Holder) -> Journal {
    wait(Journal::open(&*home(state, plan), holder, Clock::system())).unwrap()
}

/// Returns the requests in a plan's inbox.
pub fn requests(state: &Path, plan: &str) -> Vec<Request> {
    let letters = wait(home(state, plan).letters()).unwrap();
    letters.into_iter().map(|waiting| waiting.letter.request).collect()
}

/// Leaves a request in a plan's inbox.
pub fn ask(state: &Path, plan: &str, request: Request) {
    wait(home(state, plan).ask(&Letter::new(request))).unwrap();
}

/// Waits for something that needs no runtime of its caller.
pub fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(future)).join().unwrap())
}
