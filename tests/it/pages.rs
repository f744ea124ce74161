//! Reports of runs that never happened, to be drawn as pages.

use std::time::Duration;

use jiff::Timestamp;
use vecshift::clock::after;
use vecshift::error::Error;
use vecshift::journal::{Aftermath, Cause, Entry, Event, FORMAT};
use vecshift::model::{
    Checkpoint, Cursor, Enumeration, Namespace, Range, Samples, Shard, ShardId, Share, StageId,
    Tally,
};
use vecshift::report::{Early, Problem, Report};

use crate::journals::{Writer, entries, rolled_back, waiting};

/// Everything that would be more than text if a page let it.
pub const HOSTILE: &str = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'>&amp;{{ 7 * 7 }}{% raw %}]]>--><svg/onload=alert(1)> \u{202e}gpj\u{2066}\u{0}\u{1b}[8m";

/// Makes the reports by the names of their files.
pub fn reports() -> Vec<(&'static str, Report)> {
    let report = |entries: &[Entry]| Report::from_entries(entries).unwrap();
    let dir = || tempfile::tempdir().unwrap();
    let (gone, held, left) = (dir(), dir(), dir());
    let rolled_back = rolled_back(gone.path(), false);
    vec![
        ("rolled-back", report(&rolled_back)),
        ("waiting", report(&waiting(held.path()))),
        ("stuck", report(&stuck(left.path()))),
        ("not-begun", report(&[])),
        ("begun", report(&rolled_back[..1])),
        ("hostile", report(&hostile(&rolled_back))),
        ("measured", report(&watched())),
        ("twelve", report(&copied(12))),
    ]
}

/// A command that has no report.
pub fn early() -> Early {
    let error = Error::invalid(format!("no: {HOSTILE}")).with_hint(HOSTILE);
    let mut early = Early::unfinished(HOSTILE);
    early.plan = Some(HOSTILE.to_owned());
    early.problems.push(Problem::of_error(&error));
    early
}

/// Writes a run whose rollback could not take the traffic back, so that nobody knows where it goes.
fn stuck(state: &std::path::Path) -> Vec<Entry> {
    let mut run = Writer::begin(state, false);
    run.audit_and_copy();
    run.start("canary");
    run.set_weight(0, 0.05, 3600);
    let (stage, weight) = (StageId::new("canary"), Share(0.0));
    run.write(Event::RollbackStarted { cause: Cause::Asked { by: "ada".into(), purge: false } });
    run.write(Event::WeightIntended { stage: stage.clone(), step: 0, weight });
    let (error, after) = ("the webhook answered 503".to_owned(), Aftermath::Unknown);
    run.write(Event::WeightNotSet { stage: stage.clone(), step: 0, weight, error, after });
    let reason = "the weight cannot be set: the webhook answered 503".to_owned();
    run.write(Event::UndoFailed { stage, reason: reason.clone() });
    run.write(Event::RollbackFinished { left_behind: vec![format!("canary: {reason}")] });
    entries(state, false)
}

/// Puts what is hostile into every name and text that somebody else gives.
fn hostile(entries: &[Entry]) -> Vec<Entry> {
    let quoted = serde_json::to_string(HOSTILE).unwrap();
    let inner = &quoted[1..quoted.len() - 1];
    let spoilt = |entry: &Entry| {
        let mut line = serde_json::to_string(entry).unwrap();
        for name in [
            "twins-pod",
            "twins-serverless",
            "plans/twins.yaml",
            "\"twins\"",
            "\"canary\"",
            "\"audit\"",
            "twin_001",
            "creator_1",
            "ada@desk",
            "grace",
            "samples.parquet",
            "p95(query) <= 1.2x source",
            "error_rate < 1%",
            "no probe answered",
            "read back",
            "sha256:9c1f",
            "\"0.1.0\"",
        ] {
            let bare = name.trim_matches('"');
            let end = if bare.len() < name.len() { "\"" } else { "" };
            line = line.replace(name, &format!("{end}{bare}{inner}{end}"));
        }
        serde_json::from_str(&line).unwrap()
    };
    entries.iter().map(spoilt).collect()
}

/// A journal in memory.
struct Lines {
    at: Timestamp,
    all: Vec<Entry>,
}

impl Lines {
    fn begin() -> Self {
        let mut this = Self { at: "2026-11-02T09:00:00Z".parse().unwrap(), all: Vec::new() };
        this.write(Event::RunStarted {
            run: "01J9ZZZZZZZZZZZZZZZZZZZZZZ".into(),
            path: Some("plans/twins.yaml".into()),
            plan: "twins".into(),
            digest: "sha256:9c1f4a7f03bd11aa55ee77cc99e07a".into(),
            program: "0.1.0".into(),
            holder: "ada@desk (process 7)".into(),
            rehearsal: false,
            source: "pinecone twins-pod".into(),
            target: "pinecone twins-serverless".into(),
            stages: ["copy", "canary"].map(StageId::new).to_vec(),
            gates: None,
            reviewed: None,
        });
        this
    }

    fn write(&mut self, event: Event) {
        let seq = self.all.len() as u64;
        self.all.push(Entry { v: FORMAT, seq, at: self.at, answers: None, event });
    }

    fn pass(&mut self, seconds: f64) {
        self.at = after(self.at, Duration::from_secs_f64(seconds));
    }

    fn start(&mut self, stage: &str) {
        self.write(Event::StageStarted { stage: stage.into(), attempt: 1 });
    }
}

/// Writes a run that copies so many namespaces of 100 records each, all but the last.
pub fn copied(namespaces: u32) -> Vec<Entry> {
    let mut lines = Lines::begin();
    let stage = StageId::new("copy");
    lines.start("copy");
    lines.write(Event::CopyingStarted { stage: stage.clone() });
    let name = |index: u32| Namespace::new(format!("creator_{index:06}_and_more_of_its_name"));
    for index in 0..namespaces {
        let (source, target) = (name(index), Namespace::new(format!("tenant-{index}")));
        let enumeration = Enumeration::Scan(Range::new(&"sweep"));
        let shard = Shard { source, cell: 0, target, enumeration, expected: 100 };
        lines.write(Event::ShardPlanned { stage: stage.clone(), shard });
    }
    for index in 0..namespaces.saturating_sub(1) {
        lines.pass(0.7);
        let shard = ShardId { source: name(index), cell: 0 };
        let tally = Tally { enumerated: 100, copied: 100, bytes: 1_240_000, ..Tally::default() };
        let checkpoint = Checkpoint { cursor: Cursor::End, tally, token: None, contents: None };
        lines.write(Event::Checkpointed { stage: stage.clone(), shard: shard.clone(), checkpoint });
        lines.write(Event::ShardCompleted { stage: stage.clone(), shard });
    }
    lines.all
}

/// Writes a canary of two steps: the first watched twice over, the second measured of the target alone and not to its end.
pub fn watched() -> Vec<Entry> {
    let mut lines = Lines::begin();
    let stage = StageId::new("canary");
    lines.start("canary");
    lines.pass(10.0);
    for (step, weight) in [(0, 0.05), (1, 0.25)] {
        let weight = Share(weight);
        lines.write(Event::WeightIntended { stage: stage.clone(), step, weight });
        lines.write(Event::WeightSet {
            stage: stage.clone(),
            step,
            weight,
            actual: (step == 0).then_some(weight),
            print: None,
            despite: None,
        });
        let ends = after(lines.at, Duration::from_secs(3_600));
        lines.write(Event::BakeStarted { stage: stage.clone(), step, ends });
        if step == 0 {
            // An attempt that was begun anew: what it measured is void.
            lines.pass(60.0);
            let void = lines.at;
            watch(&mut lines, step, void, &[(9_000_000, 500)], &[(9_000_000, 500)]);
            lines.pass(60.0);
            let started = lines.at;
            lines.pass(1_800.0);
            for _ in 0..2 {
                watch(&mut lines, step, started, &[(20_000, 100)], &[(30_000, 95), (80_000, 5)]);
            }
            lines.pass(1_680.0);
            lines.write(Event::StepPassed { stage: stage.clone(), step });
        } else {
            let started = lines.at;
            watch(&mut lines, step, started, &[], &[(40_000, 10)]);
            lines.pass(600.0);
            lines.write(Event::RunContinued { holder: "grace@hut (process 9)".into() });
        }
    }
    lines.all
}

/// Writes what was watched of a step: latencies in microseconds, and how often there was each.
fn watch(
    lines: &mut Lines,
    step: usize,
    started: Timestamp,
    source: &[(u64, u32)],
    target: &[(u64, u32)],
) {
    let side = |latencies: &[(u64, u32)]| {
        let slowest = latencies.iter().map(|(micros, _)| *micros).max().unwrap_or_default();
        let answered: u32 = latencies.iter().map(|(_, count)| count).sum();
        let query = serde_json::json!({
            "answered": answered, "failed": 0, "slowest": Duration::from_micros(slowest),
            "histogram": latencies,
        });
        if latencies.is_empty() {
            serde_json::json!({})
        } else {
            serde_json::json!({ "query": query })
        }
    };
    let samples = serde_json::json!({ "source": side(source), "target": side(target) });
    let samples: Samples = serde_json::from_value(samples).unwrap();
    lines.write(Event::Watched {
        stage: "canary".into(),
        step,
        started,
        parts: vec![(started, samples)],
        forget_before: None,
        readings: serde_json::Value::Null,
        is_blind: false,
    });
}
