//! Conversion of the journal's events to the report's model.

use super::words::{duration, time};
use super::{
    Approval, AssertionReport, Ending, ErasureReport, ErrorReport, HookReport, LatencyReport,
    NamespaceReport, Next, REPORT_FORMAT, Report, Rollback, Shortened, StageReport, StepReport,
    TrafficReport, Unreached, Waiting,
};
use crate::clock::until;
use crate::error::Result;
use crate::journal::{Entry, Event, Hold, HookState, RunState, StageStatus};
use crate::plan::Plan;

impl Report {
    /// Builds the report of the run whose whole journal is `entries`.
    ///
    /// # Errors
    /// `Conflict` if the journal holds what cannot have happened.
    pub fn from_entries(entries: &[Entry]) -> Result<Self> {
        let state = RunState::fold(entries)?;
        let steps = super::steps::steps(entries);
        let waiting = state.is_open().then(|| Waiting::of(entries)).flatten();
        let ending = Ending::of(&state, waiting.is_some());
        let traffic = TrafficReport::of(&state, waiting.as_ref());
        let assertions = assertions(&state, &steps);
        let mut report = Self {
            format: REPORT_FORMAT,
            plan: state.plan.clone(),
            file: None,
            run: state.run.clone(),
            digest: state.digest.clone(),
            program: state.program.clone(),
            source: state.source.clone(),
            target: state.target.clone(),
            rehearsal: state.rehearsal,
            shortened: if state.rehearsal { shortened(entries) } else { Vec::new() },
            ending,
            reason: reason(&state, waiting.as_ref()),
            error: state.stopped.as_ref().map(ErrorReport::of),
            started: state.started,
            last: state.last,
            holders: holders(entries),
            stages: state.stages.iter().map(|stage| StageReport::of(stage, entries)).collect(),
            unreached: Vec::new(),
            timeline: super::stretch::stretches(entries),
            records: super::course::records(entries),
            weights: super::course::weights(entries),
            latencies: LatencyReport::all(entries, &steps, &assertions),
            costs: super::cost::costs(entries),
            identities: state.identities.clone(),
            namespaces: NamespaceReport::all(&state),
            assertions,
            steps,
            weight: traffic.as_ref().and_then(TrafficReport::weight),
            traffic,
            approvals: approvals(entries),
            refused: refused(entries),
            erasures: ErasureReport::all(entries),
            hooks: hooks(&state),
            rollback: Rollback::of(&state, ending, waiting.as_ref()),
            waiting,
            next: None,
        };
        report.file = state
            .path
            .clone()
            .or_else(|| report.assertions.first().map(|one| one.judgement.place.file.clone()));
        let plan = report.file.clone().unwrap_or_else(|| report.plan.clone());
        report.next = next(&report, &plan);
        Ok(report)
    }

    /// Returns the report with the assertions of its plan that were not judged.
    pub fn with_plan(mut self, plan: &Plan) -> Self {
        let is_judged = |one: &Unreached| self.assertions.iter().any(|judged| one.is(judged));
        self.unreached =
            Unreached::of_plan(plan).into_iter().filter(|one| !is_judged(one)).collect();
        self
    }

    /// Returns the report of a command that only looked: it cannot undo what the run it looked at did.
    pub fn of_a_look(mut self) -> Self {
        self.rollback = Rollback::of_a_look();
        self
    }

    /// Returns the report with `plan` standing for the plan in the commands it names.
    pub fn addressed(mut self, plan: &str) -> Self {
        self.next = next(&self, plan);
        self
    }
}

fn reason(state: &RunState, waiting: Option<&Waiting>) -> Option<String> {
    if !state.left_behind.is_empty() {
        return Some(format!("the rollback could not undo {}", state.left_behind.join("; ")));
    }
    if let Some(cause) = state.cause.as_ref().or(state.must_roll_back.as_ref()) {
        return Some(cause.to_string());
    }
    if let Some(waiting) = waiting {
        return Some(format!("for {}", waiting.what));
    }
    if let Some(stopped) = &state.stopped {
        let stage = stopped.stage.as_ref().map(|stage| format!("{stage}: ")).unwrap_or_default();
        return Some(format!("{stage}{}", stopped.reason));
    }
    state.stages.iter().find_map(|stage| match &stage.status {
        StageStatus::Failed(reason) => Some(format!("{}: {reason}", stage.id)),
        _ => None,
    })
}

fn holders(entries: &[Entry]) -> Vec<String> {
    let mut holders: Vec<String> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::RunStarted { holder, .. } | Event::RunContinued { holder } => {
                Some(holder.clone())
            }
            _ => None,
        })
        .collect();
    holders.dedup();
    holders
}

fn assertions(state: &RunState, steps: &[StepReport]) -> Vec<AssertionReport> {
    let weight = |stage: &crate::model::StageId, step: Option<usize>| {
        let step = step? + 1;
        steps
            .iter()
            .find(|known| &known.stage == stage && known.step == step)
            .map(|known| known.requested)
    };
    state
        .stages
        .iter()
        .flat_map(|stage| &stage.judgements)
        .map(|judged| AssertionReport::new(judged, weight(&judged.stage, judged.step)))
        .collect()
}

fn refused(entries: &[Entry]) -> Vec<String> {
    let sentence = |entry: &Entry| match &entry.event {
        Event::RequestRefused { what, reason } => {
            Some(format!("not done at {}: {what}: {reason}", time(entry.at)))
        }
        _ => None,
    };
    entries.iter().filter_map(sentence).collect()
}

fn approvals(entries: &[Entry]) -> Vec<Approval> {
    let approval = |entry: &Entry| match &entry.event {
        Event::Approved { gate, by } => {
            let claims = entry.answers.as_ref().map(|answers| answers.claims.clone());
            let (gate, by) = (gate.to_string(), by.clone());
            Some(Approval { gate, by, claims: claims.unwrap_or_default(), at: entry.at })
        }
        _ => None,
    };
    entries.iter().filter_map(approval).collect()
}

fn hooks(state: &RunState) -> Vec<HookReport> {
    let hook = |(name, state): (&String, &HookState)| {
        let (error, finished) = match state {
            HookState::Started => (None, false),
            HookState::Done => (None, true),
            HookState::Failed(error) => (Some(error.clone()), true),
        };
        HookReport { hook: name.clone(), error, finished }
    };
    state.hooks.iter().map(hook).collect()
}

/// Returns the bakes and retentions of a rehearsal, each as long as the plan asks for.
fn shortened(entries: &[Entry]) -> Vec<Shortened> {
    let mut waits: Vec<Shortened> = Vec::new();
    for entry in entries {
        let (stage, what, until_then) = match &entry.event {
            Event::BakeStarted { stage, step, ends } => {
                (stage, format!("bake {}", step + 1), *ends)
            }
            Event::StageHeld { stage, hold: Hold::Time { until } } => {
                (stage, "wait".to_owned(), *until)
            }
            _ => continue,
        };
        let seconds = until(entry.at, until_then).as_secs_f64().round();
        let is_known = waits.iter().any(|known| &known.stage == stage && known.what == what);
        if !is_known && seconds >= 1.0 {
            waits.push(Shortened { stage: stage.clone(), what, seconds });
        }
    }
    waits
}

fn next(report: &Report, plan: &str) -> Option<Next> {
    let say = |why: &str, command: String| Some(Next { why: why.to_owned(), command });
    if report.rehearsal {
        return match report.ending {
            Ending::Done => say("see what a real run would do", format!("vecshift plan {plan}")),
            _ => say("change the plan and rehearse it again", format!("vecshift rehearse {plan}")),
        };
    }
    match report.ending {
        Ending::Done => None,
        Ending::NotStarted => say("begin", format!("vecshift run {plan}")),
        Ending::Waiting => {
            let waiting = report.waiting.as_ref()?;
            say(&waiting.why(plan), waiting.release(plan))
        }
        Ending::Running => say("go on where it stopped", format!("vecshift run {plan}")),
        Ending::Failed => {
            say("once the cause is gone, judge it again", format!("vecshift run {plan}"))
        }
        Ending::Erred => {
            let hint = report.error.as_ref().and_then(|error| error.hint.as_deref());
            let why = hint.unwrap_or("try what could not be done again");
            say(why, format!("vecshift run {plan}"))
        }
        Ending::RollingBack => say("go on rolling back", format!("vecshift rollback {plan}")),
        Ending::RolledBack => {
            say("once the cause is gone, begin a new run", format!("vecshift run {plan}"))
        }
        Ending::Stuck => {
            say("try again to undo what was left behind", format!("vecshift rollback {plan}"))
        }
    }
}

impl AssertionReport {
    /// Returns the observed value with its details: `213 ms, n 12,000, over the last 10 min, 1 of 2 tolerated`.
    pub(super) fn actual(&self) -> String {
        let judgement = &self.judgement;
        let mut text = format!("{}, n {}", self.observed(), super::words::count(judgement.samples));
        if let Some(window) = judgement.window {
            text.push_str(&format!(", over the last {}", duration(window.0)));
        }
        if let Some(tolerated) = &judgement.tolerated {
            text.push_str(&format!(", {tolerated} tolerated"));
        }
        text
    }

    /// Returns what the source did at the same time, for a target that was too slow:
    /// `the source's p95(query) in the same window was 180 ms, n 400`.
    pub(super) fn meanwhile(&self) -> Option<String> {
        let source = self.judgement.source.as_ref().filter(|_| self.is_failure())?;
        let text = &self.judgement.text;
        let metric = text.split(['=', '!', '<', '>']).next().unwrap_or(text).trim();
        let window =
            if self.judgement.window.is_some() { "in the same window" } else { "at the same time" };
        Some(format!(
            "the source's {metric} {window} was {}, n {}",
            source.observed,
            super::words::count(source.samples)
        ))
    }
}
