//! Formats a line for each change of state, for people who watch a run.

use std::collections::BTreeMap;

use crate::journal::{Aftermath, Entry, Event, Hold, Judged, RunState};
use crate::model::{Severity, Verdict};
use crate::report::{Waiting, asker, count, duration, plural, time};
use crate::text::{REMARK, named, named_in};

/// The indentation of log lines that have no time.
pub const INDENT: &str = "                ";

/// The level of detail of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    Normal,
    /// Includes single namespaces and every judgement: `-v`.
    Fine,
}

/// Formats the line of an event; `None` if it is not worth one. `plan` names the plan in suggested commands.
pub fn line(entry: &Entry, state: &RunState, plan: &str, detail: Detail) -> Option<String> {
    let claims = entry.answers.as_ref().map(|answers| &answers.claims);
    let nothing = BTreeMap::new();
    let who = |by: &str| asker(by, claims.unwrap_or(&nothing));
    let text = run_line(&entry.event, &who, state.rehearsal)
        .or_else(|| stage_line(entry, state, plan))
        .or_else(|| traffic_line(entry))
        .or_else(|| undo_line(&entry.event))
        .or_else(|| (detail == Detail::Fine).then(|| fine_line(&entry.event)).flatten())?;
    Some(format!("{}  {text}", entry.at.strftime("%m-%d %H:%M:%S")))
}

fn run_line(event: &Event, who: &dyn Fn(&str) -> String, is_rehearsal: bool) -> Option<String> {
    Some(match event {
        Event::RunStarted { run, plan, source, target, rehearsal, .. } => {
            let kind = if *rehearsal { "rehearsal" } else { "run" };
            format!("{kind} {run} of {plan}: {source} -> {target}")
        }
        Event::RunContinued { holder } => {
            format!("taken up by {}", named_in(holder, 2 * REMARK))
        }
        Event::PlanAdopted { changes, .. } if changes.is_empty() => {
            "the changed plan was adopted".to_owned()
        }
        Event::PlanAdopted { changes, .. } => {
            format!("the changed plan was adopted: {}", changes.join("; "))
        }
        Event::Approved { gate, by } => format!("{gate}: approved by {}", who(by)),
        Event::Paused { by } => format!("paused by {}", who(by)),
        Event::Resumed { by } => format!("resumed by {}", who(by)),
        Event::RequestRefused { what, reason } => format!("refused to {what}: {reason}"),
        Event::AbortRequested { by } => format!("{} asked to abort", who(by)),
        Event::HookStarted { hook } if !is_rehearsal => format!("hook {hook}: started"),
        Event::HookFinished { hook, error: None } if is_rehearsal => {
            format!("hook {hook}: not run in a rehearsal")
        }
        Event::HookFinished { hook, error: None } => format!("hook {hook}: ✓ done"),
        Event::HookFinished { hook, error: Some(error) } => {
            format!("hook {hook}: ✗ failed: {error}")
        }
        Event::EraseIntended { side, what, by, namespaces } => {
            let records = plural(namespaces.values().sum(), "record");
            let (by, what) = (named(by), named_in(what, REMARK));
            format!("{by} deletes {records} from the {}: {what}", side.name())
        }
        Event::Erased { side, what } => {
            format!("deleted from the {}: {}", side.name(), named_in(what, REMARK))
        }
        Event::RunFinished => "✓ Done".to_owned(),
        _ => return None,
    })
}

fn stage_line(entry: &Entry, state: &RunState, plan: &str) -> Option<String> {
    Some(match &entry.event {
        Event::StageStarted { stage, attempt: 1 } => format!("{stage}: started"),
        Event::StageStarted { stage, .. } => format!("{stage}: goes on"),
        Event::StagePassed { stage } => format!("{stage}: ✓ passed"),
        Event::StageFailed { stage, reason, .. } => format!("{stage}: ✗ failed: {reason}"),
        Event::StageErred { stage, reason, trouble } => {
            let hint = trouble.hint.as_ref().map(|hint| beneath(&format!("what to do: {hint}")));
            let hint = hint.unwrap_or_default();
            match &trouble.hook {
                // The reason has just been printed.
                Some(hook) => format!("! error: stopped by hook {hook}{hint}"),
                None => format!("{stage}: ! error: {reason}{hint}"),
            }
        }
        Event::StageHeld { stage, hold } => {
            held(entry, &Waiting::new(stage.clone(), hold.clone()), state.rehearsal, plan)
        }
        Event::IndexCreateIntended { stage, index } => format!("{stage}: + creating {index}"),
        Event::IndexCreated { stage, index, .. } => format!("{stage}: + {index} was created"),
        Event::IndexFound { stage, index, .. } => {
            format!("{stage}: {index} is there already, as asked")
        }
        Event::Judged(judged) if judged.judgement.verdict != Verdict::Pass => judged_line(judged),
        Event::ArtifactWritten { stage, artifact } => {
            format!("{stage}: {}", crate::report::artifact(artifact, &state.run))
        }
        Event::Noted { stage, text } => format!("{stage}: {text}"),
        Event::SourceDeleteIntended { stage, index } => {
            format!("{stage}: - deleting {index}: this is the point of no return")
        }
        Event::DeletionConfirmed { stage, index, host, records, by, .. } => {
            let records = plural(*records, "record");
            let by = named(by);
            format!("{stage}: {by} confirmed that {index} may be deleted: {records} at {host}")
        }
        Event::SourceKept { stage, index, reason } => {
            format!("{stage}: {index} was not deleted: {reason}")
        }
        Event::ProtectionIntended { stage, side, was } => {
            let word = if *was { "unprotecting" } else { "protecting" };
            format!("{stage}: {word} the {}", side.name())
        }
        Event::SourceDeleted { stage, index } => format!("{stage}: - {index} was deleted"),
        _ => return None,
    })
}

/// Formats what a run waits for, with the command that ends the wait. Waiting for time needs none, and a rehearsal
/// approves by itself.
fn held(entry: &Entry, waiting: &Waiting, is_rehearsal: bool, plan: &str) -> String {
    let stage = &waiting.stage;
    if let Hold::Time { until } = &waiting.hold {
        let left = duration(crate::clock::until(entry.at, *until));
        return format!("{stage}: … waits until {}, {left} from now", time(*until));
    }
    if waiting.hold == Hold::Until {
        let next = beneath(&format!("continue with: {}", waiting.release(plan)));
        return format!("{stage}: … not begun: the run stops before it (--until){next}");
    }
    let text = format!("{stage}: … waits for {}", waiting.what);
    match is_rehearsal {
        true => text,
        false => text + &beneath(&format!("release it with: {}", waiting.release(plan))),
    }
}

/// Formats a second line below an event's text.
fn beneath(text: &str) -> String {
    format!("\n{INDENT}{text}")
}

fn traffic_line(entry: &Entry) -> Option<String> {
    Some(match &entry.event {
        Event::WeightSet { stage, weight, actual: Some(actual), despite, .. } => {
            let despite = despite.as_ref();
            let despite = despite.map(|said| format!(", although: {said}")).unwrap_or_default();
            format!(
                "{stage}: % {weight} of the traffic goes to the target, read back {actual}{despite}"
            )
        }
        Event::WeightNotSet { stage, weight, after, .. } => {
            let known = match after {
                Aftermath::Read { weight, .. } => format!("{weight} is read back"),
                Aftermath::Unchanged => "nothing was changed".to_owned(),
                Aftermath::Unknown => "nobody knows what is set now".to_owned(),
            };
            format!("{stage}: ! {weight} of the traffic was asked for, and {known}")
        }
        Event::WeightAcceptAsked { by, weight } => {
            format!("{} asked to go on from {weight} of the traffic", named(by))
        }
        Event::WeightAccepted { stage, weight, by, .. } => {
            let by = named(by);
            format!("{stage}: % goes on from {weight} of the traffic, accepted by {by}")
        }
        Event::WeightSet { stage, weight, actual: None, .. } => {
            format!(
                "{stage}: % {weight} of the traffic was requested for the target (it cannot be read back)"
            )
        }
        Event::BakeStarted { stage, step, ends } => {
            let bake = crate::clock::until(entry.at, *ends);
            format!(
                "{stage}: step {} bakes for {}, until {}",
                step + 1,
                duration(bake),
                time(*ends)
            )
        }
        Event::StepPassed { stage, step } => format!("{stage}: step {} ✓ passed", step + 1),
        _ => return None,
    })
}

fn undo_line(event: &Event) -> Option<String> {
    Some(match event {
        Event::RollbackStarted { cause } => format!("rolling back: {cause}"),
        Event::StageUndone { stage, what } => format!("{stage}: < undone: {what}"),
        Event::UndoFailed { stage, reason } => format!("{stage}: ✗ undo failed: {reason}"),
        Event::RollbackFinished { left_behind } if left_behind.is_empty() => {
            "rolled back".to_owned()
        }
        Event::RollbackFinished { left_behind } => {
            format!("✗ Stuck; left behind: {}", left_behind.join(", "))
        }
        _ => return None,
    })
}

fn fine_line(event: &Event) -> Option<String> {
    Some(match event {
        Event::ShardPlanned { stage, shard } => {
            let (from, to) = (&shard.source, &shard.target);
            format!(
                "{stage}: {from} -> {to}, {}, by {}",
                plural(shard.expected, "record"),
                shard.enumeration.name()
            )
        }
        Event::ShardCompleted { stage, shard } => format!("{stage}: {shard} is complete"),
        Event::Judged(judged) => judged_line(judged),
        _ => return None,
    })
}

fn judged_line(judged: &Judged) -> String {
    let judgement = &judged.judgement;
    let step = judged.step.map(|step| format!(" step {}", step + 1)).unwrap_or_default();
    let symbol = match (judgement.verdict, judgement.severity) {
        (Verdict::Pass, _) => "✓ pass",
        (_, Severity::Warn) => "~ warn",
        (Verdict::Fail, _) => "✗ fail",
        (Verdict::Error, _) => "! error",
        (Verdict::Inconclusive, _) => "? inconclusive",
    };
    let observed =
        judgement.observed.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let n = count(judgement.samples);
    let reason = judgement.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!(
        "{}{step}: {symbol}  {}: observed {observed}, n {n}{reason}",
        judged.stage, judgement.text
    )
}
